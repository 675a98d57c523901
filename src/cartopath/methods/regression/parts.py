"""Predictions of each part on disk, so that a regression that was stopped goes on where it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.methods.regression.division import Part
from cartopath.methods.regression.heads import HeadValues, safe_name
from cartopath.store.artifacts import Header, read_header, read_table, write_table

_VALUES, _TRAINING = "regression_values", "regression_training"


class KeptParts:
    """Predictions that were computed with the same key.

    Args:
        folder: Where they lie.
        key: Of everything that decides them, but for arm and part.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder, key

    def read(self, arm: str, part: Part, n_genes: int) -> HeadValues | None:
        """Return what was kept of an arm and part; None where it must be computed."""
        values, training = self._paths(arm, part)
        try:
            header = read_header(values, _VALUES)
            if header.key != self._key:
                return None
            flat = read_table(values, _VALUES)["value"].to_numpy(np.float64)
            seconds = float(header.meta.get("seconds", math.nan))
            return HeadValues(flat.reshape(len(part.test), n_genes), read_table(training, _TRAINING), seconds)
        except (ArtifactError, ValueError):
            return None

    def write(self, arm: str, part: Part, found: HeadValues) -> None:
        """Keep what was computed."""
        values, training = self._paths(arm, part)
        write_table(found.training, training, Header(kind=_TRAINING, key=self._key))
        header = Header(kind=_VALUES, key=self._key, meta={"seconds": found.seconds})
        write_table(pd.DataFrame({"value": found.values.ravel()}), values, header)

    def _paths(self, arm: str, part: Part) -> tuple[Path, Path]:
        name = f"{safe_name(arm)}_{part.repeat}_{part.fold}"
        return self._folder / f"{name}.parquet", self._folder / f"{name}_training.parquet"


def training_table(arms: Sequence[tuple[str, Part, HeadValues]]) -> pd.DataFrame:
    """Return how all trainings went: `arm, repeat, fold` and the columns of each."""
    tables = [
        found.training.assign(arm=arm, repeat=part.repeat, fold=part.fold) for arm, part, found in arms if len(found.training)
    ]
    if not tables:
        return pd.DataFrame(columns=["arm", "repeat", "fold"])
    joined = pd.concat(tables, ignore_index=True)
    first = ["arm", "repeat", "fold"]
    return joined[[*first, *(column for column in joined.columns if column not in first)]]


def averaged(parts: Sequence[Part], tables: Sequence[NDArray[np.float64]], n_patients: int) -> NDArray[np.float64]:
    """Return the mean over repeats of what test patients were given, (n_patients, n_genes); NaN for who never tested.

    Args:
        parts: Each fold of each repeat.
        tables: Of each part, (n_test, n_genes).
        n_patients: How many there are.
    """
    total, times = np.zeros((n_patients, tables[0].shape[1])), np.zeros((n_patients, 1))
    for part, table in zip(parts, tables, strict=True):
        total[part.test] += table
        times[part.test] += 1
    return np.where(times > 0, total / np.maximum(times, 1), np.nan)
