"""Which tiles of a slide are its hotspots, and which slides are looked at (F68).

A head that weighs all tiles alike has no attention to speak of: its hotspots are the tiles of the highest value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.study.run import Study
from cartopath.study.stages.cohort import SlideRecord
from cartopath.study.stages.mapping import held_out_patients
from cartopath.study.stages.scores import scored_records


@dataclass(frozen=True, eq=False)
class Hotspots:
    """The hotspots of a slide.

    Attributes:
        rows: Of the table of its tiles, the one that counts most first.
        by: `attention`, or `prediction` where all tiles weigh the same.
    """

    rows: NDArray[np.int64]
    by: str


def hotspots_of(weight: NDArray[np.floating], value: NDArray[np.floating], *, share: float) -> Hotspots:
    """Return the tiles of the highest weight; of equal ones those of the highest value first.

    Args:
        weight: (n_tiles,) summing to 1.
        value: (n_tiles,) predictions.
        share: Of the tiles; at least one tile.

    >>> hotspots_of(np.array([0.1, 0.6, 0.3]), np.array([9.0, 0.0, 1.0]), share=0.5)
    Hotspots(rows=array([1, 2]), by='attention')
    >>> hotspots_of(np.full(4, 0.25), np.array([1.0, 5.0, 2.0, 3.0]), share=0.25)
    Hotspots(rows=array([1]), by='prediction')
    """
    n = max(1, round(share * len(weight)))
    is_even = bool(np.ptp(weight) <= 1e-6 * weight.max(initial=0.0))
    order = np.lexsort((-value, np.zeros_like(value) if is_even else -weight))
    return Hotspots(order[:n].astype(np.int64), "prediction" if is_even else "attention")


def judged_records(study: Study, trait: str) -> list[SlideRecord]:
    """Return the slides whose attention is looked at: of patients who trained no head of the trait."""
    held_out = held_out_patients(study, [trait])
    return [record for record in scored_records(study, [trait]) if record.patient_id in held_out]
