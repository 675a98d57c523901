"""Mean fingerprints of slides and of their halves, which matching games and the search for look-alikes compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.methods.encoding.embedding import SlideEmbedding
from cartopath.stats.matching import Side, unit_length
from cartopath.store.embeddings import read_embeddings


@dataclass(frozen=True, eq=False)
class SlideMeans:
    """Mean fingerprints of a slide, each tile's scaled to length 1.

    Attributes:
        slide_id: Which.
        patient_id: Whose.
        left: Of the tiles in its left half; those across the middle belong to neither.
        right: Of its right half.
        whole: Of all tiles.
    """

    slide_id: str
    patient_id: str
    left: NDArray[np.float64] | None
    right: NDArray[np.float64] | None
    whole: NDArray[np.float64]


def slide_means(one: SlideEmbedding) -> SlideMeans:
    """Read the fingerprints of a slide and average them."""
    found, _ = read_embeddings(one.path)
    features = unit_length(found.features)
    x = found.xy_px0[:, 0]
    middle = (x.min() + x.max() + found.window_px0) / 2
    halves = [features[chosen].mean(axis=0) if chosen.any() else None for chosen in (x + found.window_px0 <= middle, x >= middle)]
    return SlideMeans(one.record.slide_id, one.record.patient_id, halves[0], halves[1], features.mean(axis=0))


def side_of(rows: Sequence[tuple[str, str, NDArray[np.float64]]]) -> Side | None:
    """Return one side of a game from names, patients and vectors; None where nobody is on it."""
    if len(rows) == 0:
        return None
    names, patients, vectors = zip(*rows, strict=True)
    return Side(np.stack(vectors), list(names), list(patients))
