"""How patients are divided for survival: by HTI [A7, A9], and by bulk expression [A5] for comparison.

A group is a word; "" means that a patient is in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Values, names_of, one_dimensional

if TYPE_CHECKING:
    import pandas as pd

BULK_BASELINES = ("first", "second", "both", "opposite")


def survival_groups(hti: Values, cuts: float | Sequence[float] = 0.5) -> NDArray[np.str_]:
    """Return the survival group of each patient by one or two cuts [A9].

    One cut: "high" strictly above it, "low" at or below it. Two cuts: "high" above the upper, "low" at or below the lower,
    "middle" between them. An HTI of 0 is low; only a missing one is in no group.

    Args:
        hti: (n,) heterogeneity indices, NaN or None where unknown.
        cuts: One cut, or a lower and an upper one.

    Raises:
        StatisticsError: There are more cuts, or they do not rise.

    >>> survival_groups([0.0, 0.5, 0.51, float("nan")], 0.5).tolist()
    ['low', 'low', 'high', '']
    >>> survival_groups([0.3, 0.5, 0.7, 0.71], (0.3, 0.7)).tolist()
    ['low', 'middle', 'middle', 'high']
    """
    values = one_dimensional(hti, "survival_groups: hti")
    levels = np.atleast_1d(np.asarray(cuts, dtype=np.float64))
    if levels.ndim != 1 or levels.size not in (1, 2) or not np.isfinite(levels).all() or (np.diff(levels) <= 0).any():
        raise StatisticsError(f"The 'cuts' parameter must be one number or two rising ones. Got {cuts!r} instead.")
    with np.errstate(invalid="ignore"):
        middle_or_high = np.where(values > levels[-1], "high", "middle")
        groups = np.where(values <= levels[0], "low", middle_or_high)
    return np.where(np.isnan(values), "", groups).astype(np.str_)


def median_groups(values: Values) -> NDArray[np.str_]:
    """Return "high" for values strictly above the median of the known ones, "low" for the others [A5].

    Args:
        values: (n,) measurements, NaN or None where unknown (in no group).

    >>> median_groups([1, 2, 3, None]).tolist()
    ['low', 'low', 'high', '']
    """
    array = one_dimensional(values, "median_groups: values")
    known = ~np.isnan(array)
    if not known.any():
        return np.full(array.shape, "", dtype=np.str_)
    groups = np.where(array > np.median(array[known]), "high", "low")
    return np.where(known, groups, "").astype(np.str_)


def bulk_baselines(labels: pd.DataFrame, patients: Sequence[str]) -> pd.DataFrame:
    """Divide exactly these patients by bulk expression instead of by HTI (paper, figure 5).

    The baselines answer whether the map adds anything to the two numbers it was learnt from, so they must run on the same
    patients as the HTI groups they are compared with; a patient without both labels is an error, not a silent loss.

    Args:
        labels: Median label ("hi" or "lo", also "high" and "low") of two traits, one column each, indexed by patient id.
        patients: The patients of the HTI groups.

    Returns:
        Indexed by `patients` in their order, columns first and second ("high" or "low" by one trait alone), both ("high" where
        both traits are, "low" where neither is, "" otherwise) and opposite ("opposite" sides of the medians, or "same").

    Raises:
        StatisticsError: There are not two columns, a patient occurs twice, or one has no label for a trait.

    >>> import pandas as pd
    >>> labels = pd.DataFrame({"MKI67": ["hi", "lo"], "ESR1": ["lo", "lo"]}, index=["p1", "p2"])
    >>> bulk_baselines(labels, ["p2", "p1"]).loc["p1"].tolist()
    ['high', 'low', '', 'opposite']
    """
    import pandas as pd

    if labels.shape[1] != 2:
        raise StatisticsError(f"bulk_baselines: expected the labels of two traits, found {labels.shape[1]} columns")
    wanted = pd.Index(list(patients), name="patient_id")
    if wanted.has_duplicates or labels.index.has_duplicates:
        raise StatisticsError("bulk_baselines: a patient occurs twice; use one row per patient")
    chosen = labels.reindex(wanted)
    sides = [names_of(chosen.iloc[:, column].to_numpy(), "bulk_baselines: labels") for column in (0, 1)]
    known = np.isin(sides, ("hi", "lo", "high", "low")).all(axis=0)
    if not known.all():
        lost = ", ".join(wanted[~known][:3])
        raise StatisticsError(
            f"bulk_baselines: {(~known).sum()} of {len(wanted)} patients lack a median label ({lost}); leave them out of both"
        )
    first, second = (np.isin(side, ("hi", "high")) for side in sides)
    both = np.where(first & second, "high", np.where(first | second, "", "low"))
    columns = (_high_low(first), _high_low(second), both, np.where(first != second, "opposite", "same"))
    return pd.DataFrame(dict(zip(BULK_BASELINES, columns, strict=True)), index=wanted, dtype=object)


def _high_low(is_high: NDArray[np.bool_]) -> NDArray[np.str_]:
    return np.where(is_high, "high", "low")
