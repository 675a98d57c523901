"""Slides whose fingerprints contradict their labels: their tables, and a picture of the strongest pairs (F48)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cartopath.maps.similarity_map import similarity
from cartopath.maps.slide_pairs import PairedSlide, SlidePair
from cartopath.maps.thumbnail import Thumbnail
from cartopath.methods.encoding.embedding import SlideEmbedding
from cartopath.methods.fingerprints.looking.slide_means import SlideMeans, side_of
from cartopath.methods.fingerprints.looking.tables import BORDER_COLUMNS, PAIR_COLUMNS
from cartopath.methods.fingerprints_without_study.diagnosis import WORDS, Diagnosis, diagnose
from cartopath.methods.fingerprints_without_study.matching import Sides
from cartopath.slides import open_slide
from cartopath.store.embeddings import read_embeddings

_THUMBNAIL_PX = 420


def contradictions(encoder: str, slides: Sequence[SlideMeans], sets: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of `look_alikes.csv`, strongest first, and the row of `look_alike_borders.csv`.

    Args:
        encoder: Its name.
        slides: Mean fingerprints.
        sets: Set of each patient, so that pairs across test and training are seen.
    """
    halved = [slide for slide in slides if slide.left is not None and slide.right is not None]
    left, right = (side_of([(s.slide_id, s.patient_id, getattr(s, half)) for s in halved]) for half in ("left", "right"))
    common = {"encoder": encoder, "n_slides": len(halved)}
    if left is None or right is None or len(halved) < 3:
        border = {**common, "reason": f"{len(halved)} slides have tissue in both halves; 3 are needed"}
        return pd.DataFrame(columns=PAIR_COLUMNS), pd.DataFrame([border], columns=BORDER_COLUMNS)
    names = {slide.slide_id: slide.slide_id for slide in halved}
    sides = Sides(left=left, right=right, slide_of=names, is_one_set=True, by_patient=False, what="halves of slides")
    found = diagnose(sides)
    owner = {slide.slide_id: slide.patient_id for slide in halved}
    rows = [{"encoder": encoder, **row} for row in _pair_rows(found, owner, sets)]
    looked = found.found
    border = {
        **common,
        "border_from": found.border_from,
        "n_same": looked.n_same,
        "n_other": looked.n_other,
        "border": looked.border,
        "duplicate_below": looked.duplicate_below,
        "n_pairs": len(found.pairs),
        "n_misplaced": len(looked.misplaced),
        "reason": looked.reason,
        "n_copied": len(found.copy_distances),
        "copies_reason": found.copies_reason,
        "n_doubted": len(found.doubted),
        "doubted_reason": found.doubted_reason,
    }
    return pd.DataFrame(rows, columns=PAIR_COLUMNS), pd.DataFrame([border], columns=BORDER_COLUMNS)


def _pair_rows(found: Diagnosis, owner: dict[str, str], sets: dict[str, str]) -> Iterator[dict[str, Any]]:
    for slide in found.found.misplaced:
        patient = owner[slide]
        alone = {"kind": "misplaced", "first": slide, "first_patient": patient, "first_set": sets.get(patient, "none")}
        yield {**alone, "second": "", "second_patient": "", "second_set": ""}
    for pair in found.pairs:
        row: dict[str, Any] = {"kind": pair.kind, "first": pair.first, "second": pair.second, "same_patient": pair.same_patient}
        for end, slide in (("first", pair.first), ("second", pair.second)):
            row |= {f"{end}_patient": owner[slide], f"{end}_set": sets.get(owner[slide], "none")}
        copied = found.copy_distances.get((pair.first, pair.second))
        yield {**row, "distance": pair.distance, "copy_distance": copied, "strength": pair.strength}


def slide_pair(row: dict[Any, Any], by_slide: dict[str, SlideEmbedding], assume_mpp: float | None) -> SlidePair:
    """Return a pair of slides, each with its map of similarity to the mean of the other.

    Args:
        row: Of `look_alikes.csv`.
        by_slide: Fingerprints of all slides.
        assume_mpp: Um per pixel of slides that do not say theirs.

    Raises:
        SlideError: A slide cannot be read.
    """
    chosen = [by_slide[row["first"]], by_slide[row["second"]]]
    found = [read_embeddings(one.path)[0] for one in chosen]
    slides = []
    for one, own, other in zip(chosen, found, found[::-1], strict=True):
        with open_slide(one.record.path, mpp=one.record.stated_mpp, assume_mpp=assume_mpp) as slide:
            picture = Thumbnail(slide.thumbnail(_THUMBNAIL_PX), width_um=slide.dimensions_px0.to_um(slide.mpp).width)
        values = similarity(own.features, other.features)
        note = f"{one.record.slide_id}   {one.record.patient_id}"
        xy_um = np.asarray(own.xy_px0 * own.mpp, dtype=np.float64)
        slides.append(PairedSlide(note, picture, xy_um, own.window_px0 * own.mpp, values))
    return SlidePair(f"{WORDS[row['kind']]}, distance {row['distance']:.3f}", slides[0], slides[1])
