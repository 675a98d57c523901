"""Strata within which survival is compared, such as sex and age. "" means that a patient is in none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Names, Values, names_of, one_dimensional, same_length


def age_groups(ages: Values, edges: Sequence[float] = (50.0, 65.0)) -> NDArray[np.str_]:
    """Return the age stratum of each patient; an age equal to an edge is in the older stratum.

    Args:
        ages: (n,) ages in years, NaN where unknown (in no stratum).
        edges: Rising ages between the strata.

    Raises:
        StatisticsError: There are no edges, or they do not rise.

    >>> age_groups([30, 50, 70, None]).tolist()
    ['<50', '50-65', '>=65', '']
    """
    values = one_dimensional(ages, "age_groups: ages")
    if len(edges) == 0 or (np.diff(edges) <= 0).any():
        raise StatisticsError(f"The 'edges' parameter must be rising ages. Got {edges!r} instead.")
    texts = [f"{edge:g}" for edge in edges]
    names = [f"<{texts[0]}", *(f"{low}-{high}" for low, high in pairwise(texts)), f">={texts[-1]}"]
    stratum = np.asarray(names, dtype=np.str_)[np.digitize(np.nan_to_num(values), edges)]
    return np.where(np.isnan(values), "", stratum).astype(np.str_)


def strata(*columns: Names) -> NDArray[np.str_]:
    """Return one stratum per row from several columns, such as sex and age group; "" where any of them is missing.

    >>> strata(["F", "M", None], ["<50", "<50", "<50"]).tolist()
    ['F | <50', 'M | <50', '']
    """
    if not columns:
        raise StatisticsError("strata: no columns")
    arrays = [names_of(column, "strata") for column in columns]
    same_length(**{f"column {number}": array for number, array in enumerate(arrays, start=1)})
    return np.asarray([" | ".join(row) if all(row) else "" for row in zip(*arrays, strict=True)], dtype=np.str_)
