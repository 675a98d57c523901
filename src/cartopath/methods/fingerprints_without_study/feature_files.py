"""Features that another program has computed, one file per slide, with the patients they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.barcodes import parse_barcode
from cartopath.cohort.delimited import read_words
from cartopath.cohort.findings import examples
from cartopath.cohort.slide_lists.slide_columns import SlideColumns
from cartopath.core.errors import ArtifactError, TableError
from cartopath.methods.feature_reading import FeatureSet, read_feature_set
from cartopath.stats.matching import Side
from cartopath.training.feature_files import TileFeatures, find_feature_files
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


@dataclass(frozen=True, eq=False)
class FeatureFolders:
    """What two folders, or one, hold.

    Attributes:
        left: Slides of the first.
        right: Slides of the second; None where there is none.
        unreadable: Files that cannot be used: slide and reason.
        notes: What makes a comparison doubtful, as sentences.
    """

    left: list[SlideFeatures]
    right: list[SlideFeatures] | None
    unreadable: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def read_feature_folders(left: Path, right: Path | None, *, table: Path | None = None) -> FeatureFolders:
    """Read the feature files of both sides; those that cannot be used are left out.

    Args:
        left: A folder of feature files as `cartopath.training.feature_files` reads them, or one file.
        right: Another one.
        table: Slide table that says patients; without it TCGA barcodes do.

    Raises:
        ArtifactError: A side has no file that can be used, or files are of different encoders (`read_feature_set`).
        TableError: The table cannot be read.
    """
    patients = _patients(table) if table is not None else {}
    folders = [find_feature_files(given) for given in (left, right) if given is not None]
    files = {path: slide for folder in folders for slide, path in folder.items()}
    read = read_feature_set(files, needs_places=True, by_name=False)
    sides = []
    for folder in folders:
        sides.append([_slide(read.tiles[path], patients) for path in folder.values() if path in read.tiles])
        if not sides[-1]:
            raise ArtifactError(read.failed[next(iter(folder.values()))])
    unreadable = tuple((files[path], reason) for path, reason in read.failed.items())
    return FeatureFolders(sides[0], sides[1] if right is not None else None, unreadable, _notes(read))


def _notes(read: FeatureSet) -> tuple[str, ...]:
    names = sorted({tiles.encoder for tiles in read.tiles.values()} - {""})
    if len(names) < 2:
        return ()
    return (f"files name {len(names)} encoders {examples(names)}: their features can only be compared if these are the same one",)


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


def _slide(found: TileFeatures, patients: dict[str, str]) -> SlideFeatures:
    coords, window = (found.xy_px0, found.window_px0) if found.xy_px0 is not None else (found.xy_um, found.tile_um)
    assert coords is not None
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
    """Return the tiles of several sides as one."""
    return Side(
        np.concatenate([np.asarray(side.features) for side in sides]),
        np.concatenate([np.asarray(side.pieces) for side in sides]),
        np.concatenate([np.asarray(side.patients) for side in sides]),
    )
