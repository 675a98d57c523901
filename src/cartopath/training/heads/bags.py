"""Bags: the features of a patient's tiles with the patient's label, and what must hold before a head learns from them."""

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
        features: (n_tiles, n_features) of any floating-point type, from all slides of the patient.
        label: 1 positive, 0 negative.
    """

    patient_id: str
    features: NDArray[Any]
    label: int


def check_bags(train: Sequence[Bag], validation: Sequence[Bag]) -> None:
    """Check the bags of a training.

    Raises:
        TrainingError: A bag is empty, misshapen or holds values that are no finite numbers, a label is neither 0 nor 1, a patient
            occurs twice, or a set lacks a class.
    """
    bags = [*train, *validation]
    for bag in bags:
        _check_bag(bag, n_features=bags[0].features.shape[-1])
    for name, members in (("training", train), ("validation", validation)):
        counts = Counter(bag.label for bag in members)
        if len(counts) < 2:
            raise TrainingError(
                f"the {name} patients are {counts[0]} negative and {counts[1]} positive; a head needs both classes in training, "
                f"and in validation, where AUROC decides when it ends; use fewer folds or another trait"
            )
    patient_id, times = Counter(bag.patient_id for bag in bags).most_common(1)[0]
    if times > 1:
        raise TrainingError(
            f"patient {patient_id} has {times} bags in training and validation together; put all tiles of a patient in one bag, "
            f"and split by patient"
        )


def _check_bag(bag: Bag, *, n_features: int) -> None:
    features, who = bag.features, f"the bag of patient {bag.patient_id}"
    if features.ndim != 2 or not np.issubdtype(features.dtype, np.floating):
        raise TrainingError(f"{who} must be (n_tiles, n_features) of floating point. Got {features.dtype} {features.shape}.")
    if len(features) == 0:
        raise TrainingError(f"{who} is empty: no tile of the patient has features; leave the patient out")
    if features.shape[1] != n_features:
        raise TrainingError(f"{who} has {features.shape[1]} features per tile, others have {n_features}; use one encoder for all")
    if bag.label not in (0, 1):
        raise TrainingError(f"{who} has the label {bag.label!r}; labels are 0 (negative) and 1 (positive)")
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise TrainingError(
            f"{who}: the features of {np.count_nonzero(~finite)} of {len(features)} tiles are not finite numbers (first: tile "
            f"{first}); embed its slides again"
        )
