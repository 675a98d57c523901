"""Bags: the features of all tiles of a patient, from however many slides, and what must hold of them (F61)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cartopath.core.errors import TrainingError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Bag:
    """One patient.

    Attributes:
        patient_id: Whose tiles they are.
        features: (n_tiles, n_features) of any floating-point type, from all slides of the patient; may be mapped from a file.
    """

    patient_id: str
    features: NDArray[Any]


def check_bags(bags: Sequence[Bag], n_features: int) -> None:
    """Check the bags of a training by their shapes; values are looked at when they are used.

    Raises:
        TrainingError: There is none, one is empty or misshapen, or a patient occurs twice.
    """
    if not bags:
        raise TrainingError("no bag to learn from: give the features of at least one patient")
    for bag in bags:
        check_features(bag.features, n_features, f"the bag of patient {bag.patient_id}")
    patient_id, times = Counter(bag.patient_id for bag in bags).most_common(1)[0]
    if times > 1:
        raise TrainingError(f"patient {patient_id} has {times} bags; put all tiles of a patient, from all slides, in one")


def check_features(features: NDArray[Any], n_features: int, whose: str) -> None:
    """Check the features of one bag.

    Raises:
        TrainingError: They are none, or of another shape or type.
    """
    if features.ndim != 2 or not np.issubdtype(features.dtype, np.floating):
        raise TrainingError(f"{whose} must be (n_tiles, n_features) of floating point. Got {features.dtype} {features.shape}.")
    if len(features) == 0:
        raise TrainingError(f"{whose} is empty: no tile has features; leave it out")
    if features.shape[1] != n_features:
        raise TrainingError(f"{whose} has {features.shape[1]} features per tile, the head takes {n_features}; use its encoder")


def check_finite(features: NDArray[np.float32], whose: str) -> None:
    """Check that features are numbers.

    Raises:
        TrainingError: Some are not.
    """
    if not np.isfinite(features).all():
        wrong = np.flatnonzero(~np.isfinite(features).all(axis=1))
        raise TrainingError(
            f"{whose}: the features of {len(wrong)} of {len(features)} tiles looked at are not finite numbers (first: tile "
            f"{wrong[0]}); embed its slides again"
        )
