"""How often a model of tissue types is right about tiles that trained nothing, type by type."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.rng import stream
from cartopath.methods.tissue_types.examples import Examples

N_RESAMPLES = 1000


def accuracy_table(examples: Examples, probabilities: NDArray[np.floating], *, seed: int, min_share: float = 0.5) -> pd.DataFrame:
    """Return how many tiles of each type are called right, and what the others are called.

    A tile counts for the type that at least `min_share` of it is, and is called the most probable type. Intervals (95 %) resample
    whole patients.

    Args:
        examples: Tiles whose types are known.
        probabilities: (n, n_types) of them.
        seed: Of the resampling.
        min_share: Tiles without a type of this share are left out.

    Returns:
        One row per type and one called `all`: `type`, `n_tiles`, `n_patients`, `accuracy`, `low`, `high`, `mean_error` (mean
        absolute difference between the probability and the share of the type over all tiles), and one column `as_<type>` for each
        type: the share of these tiles that are called so.
    """
    truth, called = examples.shares.argmax(axis=1), probabilities.argmax(axis=1)
    counts = examples.shares.max(axis=1) >= min_share
    error = np.abs(probabilities - examples.shares).mean(axis=0)
    rows = []
    for number, name in enumerate((*examples.types, "all")):
        own = counts & ((truth == number) | (name == "all"))
        row = {"type": name, "n_tiles": int(own.sum()), "n_patients": len(np.unique(examples.patients[own]))}
        right = (called == truth)[own]
        low, high = _interval(right, examples.patients[own], stream(seed, "tissue accuracy", name))
        row |= {"accuracy": float(right.mean()) if own.any() else np.nan, "low": low, "high": high}
        row["mean_error"] = float(error.mean() if name == "all" else error[number])
        row |= {
            f"as_{other}": float((called[own] == i).mean()) if own.any() else np.nan for i, other in enumerate(examples.types)
        }
        rows.append(row)
    return pd.DataFrame(rows)


def _interval(right: NDArray[np.bool_], patients: NDArray[np.str_], rng: np.random.Generator) -> tuple[float, float]:
    """The percentile interval over resampled patients; undefined for a single patient."""
    unique, owner = np.unique(patients, return_inverse=True)
    if len(unique) < 2:
        return np.nan, np.nan
    n, n_right = np.bincount(owner), np.bincount(owner, weights=right)
    drawn = rng.integers(len(unique), size=(N_RESAMPLES, len(unique)))
    low, high = np.percentile(n_right[drawn].sum(axis=1) / n[drawn].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)
