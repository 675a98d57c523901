"""Patients divided into folds, several times over: who trains, who stops a training early, who is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.cohort import draw_folds
from cartopath.core.errors import SplitError
from cartopath.core.rng import seed_for

_FEWEST = 4
"""Patients in a fold: correlations and early stopping need some."""


@dataclass(frozen=True, eq=False)
class Part:
    """One fold of one repeat. Patients are places in the list of all.

    Attributes:
        repeat: From 0.
        fold: From 0.
        train: Who is learned from.
        validation: Who decides when a training ends.
        test: Who is predicted.
    """

    repeat: int
    fold: int
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    @property
    def known(self) -> NDArray[np.int64]:
        """Everybody who has a part in what is learned: who trains, and who decides when a training ends."""
        return np.concatenate([self.train, self.validation])


def divide(patients: Sequence[str], *, folds: int, repeats: int, seed: int) -> tuple[list[Part], pd.DataFrame]:
    """Return the parts in their order, and a table of who is where: `repeat, fold, patient_id, set`.

    Raises:
        SplitError: There are too few patients.
    """
    if len(patients) < _FEWEST * folds:
        raise SplitError(
            f"{len(patients)} patients with features and measurements cannot be divided into {folds} folds of at least "
            f"{_FEWEST}; use fewer folds, or more patients"
        )
    place = {patient: i for i, patient in enumerate(patients)}
    parts, tables = [], []
    for repeat in range(repeats):
        splits = draw_folds(patients, k=folds, seed=seed_for(seed, "regression", "repeat", repeat))
        tables.append(splits.rename(columns={"round": "fold"}).assign(repeat=repeat))
        for fold, rows in splits.groupby("round", sort=True):
            of_set = {name: np.sort([place[patient] for patient in own]) for name, own in rows.groupby("set")["patient_id"]}
            parts.append(Part(repeat, int(str(fold)), of_set["train"], of_set["validation"], of_set["test"]))
    return parts, pd.concat(tables, ignore_index=True)[["repeat", "fold", "patient_id", "set"]]
