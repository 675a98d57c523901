"""What heads learn of each patient: measured values, logged where the table holds none, or classes; by trait and round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import TrainingError
from cartopath.methods.attention.settings import attention
from cartopath.study.run import Study
from cartopath.study.stages.divide import labels_meta, learns_values, read_labels

LOG = "log2(x+1)"


@dataclass(frozen=True, eq=False)
class TraitTarget:
    """What is to be learned of one trait.

    Attributes:
        trait: Its name.
        kind: `regression` or `classification`.
        transform: What is done to measured values before they are standardised: `none` or `log2(x+1)`.
        unit: Of the values before and after that, in words.
        values: By round: a value, or class 1 (high) and 0 (low), by patient; patients without one are not in it.
        classes: By round: class 1 and 0 by patient, whatever is learned.
        meta: See `labels_meta`.
    """

    trait: str
    kind: str
    transform: str
    unit: str
    values: Mapping[int, pd.Series]
    classes: Mapping[int, pd.Series]
    meta: dict[str, Any]


def trait_target(study: Study, trait: str) -> TraitTarget:
    """Return what is to be learned of a trait.

    Raises:
        TrainingError: Values below -1 are to be logged.
    """
    labels, meta = read_labels(study, trait), labels_meta(study, trait)
    kind = "regression" if learns_values(study, trait) else "classification"
    transform = transform_of(attention(study.config).transform, meta["source"]) if kind == "regression" else "none"
    classes = {int(r): _classes(own) for r, own in labels.groupby("round")}
    values = classes
    if kind == "regression":
        values = {int(r): _values(own, transform, trait) for r, own in labels.groupby("round")}
    return TraitTarget(trait, kind, transform, _unit(meta["source"], transform), values, classes, meta)


def transform_of(asked: str, source: Mapping[str, Any]) -> str:
    """Return what is done to measured values: by default those of a molecular table that holds no logarithms are logged.

    >>> transform_of("auto", {"transform": "none"}), transform_of("auto", {"transform": "log2(x+1)"}), transform_of("auto", {})
    ('log2(x+1)', 'none', 'none')
    """
    if asked == "auto":
        return LOG if source.get("transform") == "none" else "none"
    return LOG if asked == "log" else "none"


def transformed(values: ArrayLike, transform: str) -> NDArray[np.float64]:
    """Return measured values as heads learn them, before they are standardised.

    >>> transformed([0.0, 3.0], "log2(x+1)").tolist()
    [0.0, 2.0]
    """
    numbers = np.asarray(values, dtype=np.float64)
    return np.log2(1.0 + numbers) if transform == LOG else numbers


def _values(labels: pd.DataFrame, transform: str, trait: str) -> pd.Series:
    known = labels.dropna(subset=["value"]).set_index("patient_id")["value"]
    if transform == LOG and (known < 0).any():
        worst = known.idxmin()
        raise TrainingError(f"{trait}: {known[worst]:g} of {worst} cannot be logged; set method.transform: none")
    return pd.Series(transformed(known, transform), index=known.index)


def _classes(labels: pd.DataFrame) -> pd.Series:
    known = labels[labels["label"] != ""].set_index("patient_id")["label"]
    return (known == "hi").astype(float)


def _unit(source: Mapping[str, Any], transform: str) -> str:
    before = source.get("transform", "none")
    parts = [str(source.get("unit", "")), *(name for name in (before, transform) if name != "none")]
    return ", ".join(part for part in parts if part)
