"""Bags of a study: the features of all tiles of a patient, from however many slides (F61)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cartopath.methods.encoding.embedding import SlideEmbedding
from cartopath.methods.encoding.kept import training_features
from cartopath.methods.encoding.sample import Sample
from cartopath.training.mil import Bag


@dataclass(frozen=True)
class BagPart:
    """What a slide gives to its patient's bag.

    Attributes:
        slide_id: The slide.
        path: Its embeddings.
        rows: Rows of its tile table that train.
        tiles: Its tile table.
        key: Of the task that wrote the embeddings.
    """

    slide_id: str
    path: Path
    rows: list[int]
    tiles: Path
    key: str


Parts = dict[str, list[BagPart]]
"""By patient, slides in order of their names."""


def bag_parts(there: dict[tuple[int, str], SlideEmbedding], index: int, sample: Sample, tables: dict[str, Path]) -> Parts:
    """Return what bags are made of.

    Args:
        there: Embeddings by encoder and slide.
        index: Which encoder.
        sample: Rows that train, by slide.
        tables: Tile tables by slide.
    """
    parts: Parts = defaultdict(list)
    for (encoder, slide_id), one in sorted(there.items()):
        if encoder == index and slide_id in sample:
            part = BagPart(slide_id, one.path, sample[slide_id], tables[slide_id], one.key)
            parts[one.record.patient_id].append(part)
    return dict(sorted(parts.items()))


def read_bags(parts: Parts) -> list[Bag]:
    """Return a bag per patient, in order of their names.

    Raises:
        ArtifactError: Embeddings are missing, damaged or of other tiles.
    """
    return [Bag(patient, _joined([training_features(one.path, one.rows) for one in own])) for patient, own in parts.items()]


def _joined(features: Sequence[np.ndarray]) -> np.ndarray:
    return features[0] if len(features) == 1 else np.concatenate(features)
