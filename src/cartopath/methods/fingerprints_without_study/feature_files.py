"""Features that another program has computed, one file per slide, with the patients they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.barcodes import parse_barcode
from cartopath.cohort.delimited import read_words
from cartopath.cohort.slide_lists.slide_columns import SlideColumns
from cartopath.core.errors import ArtifactError, TableError
from cartopath.stats.matching import Side
from cartopath.training.feature_files import fatal_feature_files, find_feature_files, read_features
from cartopath.training.feature_files.finding import slide_name


@dataclass(frozen=True, eq=False)
class SlideFeatures:
    """Features of the tiles of a slide.

    Attributes:
        slide_id: Name of the file.
        patient_id: Whose, "" where nothing says it.
        features: (n, d).
        xy_px0: (n, 2) upper left corners of the tiles, in level-0 pixels or, where the file counts in them, in micrometres.
        window_px0: Side of a tile in the same unit, 0 where it is not known.
    """

    slide_id: str
    patient_id: str
    features: NDArray[np.floating]
    xy_px0: NDArray[np.int64]
    window_px0: int


def read_feature_files(inputs: Sequence[Path], *, table: Path | None = None) -> list[SlideFeatures]:
    """Read feature files.

    Args:
        inputs: Feature files as `cartopath.training.feature_files` reads them, and folders of them.
        table: Slide table that says patients; without it TCGA barcodes do.

    Raises:
        ArtifactError: There is no file, or one is damaged, or holds no features with the places of their tiles.
        TableError: The table cannot be read.
    """
    patients = _patients(table) if table is not None else {}
    paths = [path for given in inputs for path in find_feature_files(given).values()]
    for reason in fatal_feature_files(paths).values():
        raise ArtifactError(reason)
    return [_read(path, patients) for path in paths]


def _patients(table: Path) -> dict[str, str]:
    head, rows = read_words(table)
    columns = SlideColumns.of(head)
    found = {}
    for row in rows:
        cells = columns.cells(row)
        name = slide_name(Path(cells["slide_id"] or cells["path"]))
        if cells["patient_id"]:
            found[name] = cells["patient_id"]
    if not found:
        raise TableError(f"{table}: names no patients; give a column patient_id")
    return found


def _read(path: Path, patients: dict[str, str]) -> SlideFeatures:
    found = read_features(path)
    coords, window = (found.xy_px0, found.window_px0) if found.xy_px0 is not None else (found.xy_um, found.tile_um)
    if coords is None:
        raise ArtifactError(f"{path}: does not say where its tiles lie; give the files with coordinates")
    barcode = parse_barcode(found.slide_id)
    patient = patients.get(found.slide_id, barcode.patient_id if barcode else "")
    features = found.features.astype(np.float32, copy=False)
    return SlideFeatures(found.slide_id, patient, features, coords.astype(np.int64), round(window or 0))


def halves(slides: Sequence[SlideFeatures]) -> tuple[Side, Side]:
    """Return the tiles of the left and of the right half of every slide; tiles across the middle belong to neither.

    Slides without a tile in each half are left out.
    """
    parts: tuple[list[Side], list[Side]] = ([], [])
    for slide in slides:
        left, right = slide.xy_px0[:, 0].min(), slide.xy_px0[:, 0].max() + slide.window_px0
        middle = (left + right) / 2
        is_left = slide.xy_px0[:, 0] + max(slide.window_px0, 1) <= middle
        is_right = slide.xy_px0[:, 0] >= middle
        if is_left.any() and is_right.any():
            for part, chosen in zip(parts, (is_left, is_right), strict=True):
                part.append(_side(slide, slide.features[chosen]))
    if not parts[0]:
        raise ArtifactError("no slide has tiles in both halves, so there is nothing to match")
    return joined(parts[0]), joined(parts[1])


def whole(slides: Sequence[SlideFeatures]) -> Side:
    """Return all tiles of all slides."""
    return joined([_side(slide, slide.features) for slide in slides])


def _side(slide: SlideFeatures, features: NDArray[np.floating]) -> Side:
    names = np.full(len(features), slide.slide_id)
    return Side(features, names, np.full(len(features), slide.patient_id or slide.slide_id))


def joined(sides: Sequence[Side]) -> Side:
    """Return the tiles of several sides as one.

    Raises:
        ArtifactError: They have different numbers of features.
    """
    widths = {np.asarray(side.features).shape[1] for side in sides}
    if len(widths) > 1:
        raise ArtifactError(f"features of different encoders: {' and '.join(map(str, sorted(widths)))} numbers per tile")
    return Side(
        np.concatenate([np.asarray(side.features) for side in sides]),
        np.concatenate([np.asarray(side.pieces) for side in sides]),
        np.concatenate([np.asarray(side.patients) for side in sides]),
    )
