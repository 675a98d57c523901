"""What the numbers of a molecular table are: their unit, the transform on top of it, and who says so.

A format or a file beside the table may state it; otherwise it is deduced from the first values, and called deduced.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

UNKNOWN_UNIT = "unknown unit"

_LARGEST_LOG = 30.0
"""Above it a value is no logarithm: two to that power is a billion."""

_TOIL_FLOOR = math.log2(0.001)
"""What log2(x + 0.001) makes of zero."""


@dataclass(frozen=True)
class Measure:
    """What the values of a table are.

    Attributes:
        unit: Of the values before the transform: `counts`, `TPM`, `RSEM`, `reads per million`, `linear` (numbers that are no
            counts), or `unknown unit`.
        transform: `none`, `log2(x+1)`, `log2`, `log` (base and offset unknown), `centred log`, `z-score`, or `unknown`.
        is_deduced: Whether unit or transform were told from the values, and not by the format.
    """

    unit: str
    transform: str = "none"
    is_deduced: bool = False


def deduce_measure(genes: Sequence[Sequence[float]]) -> Measure:
    """Return what values look like.

    Args:
        genes: The values of a few genes, one sequence over samples for each; NaN where there is none.

    >>> deduce_measure([[0, 12, 310], [5, 44, 7]])
    Measure(unit='counts', transform='none', is_deduced=True)
    >>> deduce_measure([[0.0, 3.2, 11.5]])
    Measure(unit='unknown unit', transform='log', is_deduced=True)
    """
    known = [values[np.isfinite(values)] for values in (np.asarray(gene, dtype=np.float64) for gene in genes)]
    finite = np.concatenate(known) if known else np.empty(0)
    if not len(finite):
        return Measure(UNKNOWN_UNIT, "unknown", is_deduced=True)
    if finite.min() < 0:
        return Measure(UNKNOWN_UNIT, _signed_transform(known, float(finite.min())), is_deduced=True)
    if finite.max() > _LARGEST_LOG:
        is_whole = bool(np.all(finite == np.floor(finite)))
        return Measure("counts" if is_whole else "linear", "none", is_deduced=True)
    return Measure(UNKNOWN_UNIT, "log" if finite.max() > 1 else "unknown", is_deduced=True)


def _signed_transform(genes: Sequence[np.ndarray], lowest: float) -> str:
    if math.isclose(lowest, _TOIL_FLOOR, abs_tol=2e-3):
        return "log2(x+0.001)"
    spread = [(float(gene.mean()), float(gene.std())) for gene in genes if len(gene) >= 10]
    is_standard = spread and all(abs(mean) < 0.5 and 0.6 < sd < 1.6 for mean, sd in spread)
    return "z-score" if is_standard else "centred log"
