"""What follows from the planted truth: the hazard of death, survival, bulk expression."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_FOLLOW_UP_MONTHS = (24.0, 150.0)


def relative_hazard(hti: NDArray[np.float64], effect: float) -> NDArray[np.float64]:
    """Return exp(effect * (hti - 0.5)): the hazard relative to that at heterogeneity 0.5."""
    hazard: NDArray[np.float64] = np.exp(effect * (np.asarray(hti, dtype=np.float64) - 0.5))
    return hazard


def draw_survival(hazard: NDArray[np.float64], rng: np.random.Generator, *, median_months: float) -> pd.DataFrame:
    """Draw survival with exponential deaths and administrative censoring at a uniform time between 24 and 150 months.

    Args:
        hazard: Relative hazard of each patient, float64 (n,).
        rng: Where the times come from.
        median_months: Median survival at relative hazard 1.

    Returns:
        One row per patient: `months` of follow-up and `event` (True: died), in the same order.
    """
    death = rng.exponential(size=len(hazard)) * median_months / np.log(2) / hazard
    censored = rng.uniform(*_FOLLOW_UP_MONTHS, size=len(hazard))
    months = np.maximum(np.minimum(death, censored), 0.1)
    return pd.DataFrame({"months": months, "event": death <= censored})


def draw_expression(
    fraction: NDArray[np.float64], rng: np.random.Generator, *, base: float, effect: float, noise: float
) -> NDArray[np.float64]:
    """Draw bulk expression: exp(log(base) + effect * fraction) with lognormal noise, as counts that a sequencer would give."""
    values: NDArray[np.float64] = base * np.exp(effect * np.asarray(fraction) + noise * rng.standard_normal(len(fraction)))
    return values
