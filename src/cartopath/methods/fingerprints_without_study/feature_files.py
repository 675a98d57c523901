"""Features that another program has computed: HDF5 files as TRIDENT and CLAM write them, one per slide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.barcodes import parse_barcode
from cartopath.cohort.delimited import read_words
from cartopath.cohort.slide_lists.slide_columns import SlideColumns
from cartopath.cohort.slide_lists.slide_files import slide_stem
from cartopath.core.errors import ArtifactError, TableError
from cartopath.stats.matching import Side

_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError)


@dataclass(frozen=True, eq=False)
class SlideFeatures:
    """Features of the tiles of a slide.

    Attributes:
        slide_id: Name of the file.
        patient_id: Whose, "" where nothing says it.
        features: (n, d).
        xy_px0: (n, 2) upper left corners of the tiles.
        window_px0: Side of a tile, 0 where the file does not say.
    """

    slide_id: str
    patient_id: str
    features: NDArray[np.floating]
    xy_px0: NDArray[np.int64]
    window_px0: int


def read_feature_files(inputs: Sequence[Path], *, table: Path | None = None) -> list[SlideFeatures]:
    """Read feature files.

    Args:
        inputs: `.h5` files, and folders of them.
        table: Slide table that says patients; without it TCGA barcodes do.

    Raises:
        ArtifactError: There is no file, or one is damaged, or holds no `features` and `coords`.
        TableError: The table cannot be read.
    """
    paths = [path for given in inputs for path in (sorted(given.glob("*.h5")) if given.is_dir() else [given])]
    if not paths:
        raise ArtifactError(f"no .h5 file in {', '.join(map(str, inputs))}")
    patients = _patients(table) if table is not None else {}
    return [_read(path, patients) for path in paths]


def _patients(table: Path) -> dict[str, str]:
    head, rows = read_words(table)
    columns = SlideColumns.of(head)
    found = {}
    for row in rows:
        cells = columns.cells(row)
        name = slide_stem(Path(cells["slide_id"] or cells["path"]).name)
        if cells["patient_id"]:
            found[name] = cells["patient_id"]
    if not found:
        raise TableError(f"{table}: names no patients; give a column patient_id")
    return found


def _read(path: Path, patients: dict[str, str]) -> SlideFeatures:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            features, coords, window = _arrays(file, path)
    except ArtifactError:
        raise
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        raise ArtifactError(f"{path}: not readable features ({reason}); they need data sets features and coords") from error
    name = slide_stem(path.name)
    barcode = parse_barcode(name)
    patient = patients.get(name, barcode.patient_id if barcode else "")
    return SlideFeatures(name, patient, features, coords, window)


def _arrays(file: Any, path: Path) -> tuple[NDArray[np.floating], NDArray[np.int64], int]:
    import h5py

    for name in ("features", "coords"):
        link = file.get(name, getlink=True)
        node = file[name] if isinstance(link, h5py.HardLink) else None
        if not isinstance(node, h5py.Dataset) or node.external or node.is_virtual:
            raise ArtifactError(f"{path}: its data set {name} is missing, or lies in another file")
    features = np.asarray(file["features"][()], np.float32)
    features = features[0] if features.ndim == 3 and len(features) == 1 else features  # Some write a batch of one.
    coords = np.asarray(file["coords"][()])
    coords = coords[0] if coords.ndim == 3 and len(coords) == 1 else coords
    if features.ndim != 2 or coords.shape != (len(features), 2) or not len(features):
        raise ArtifactError(f"{path}: features {features.shape} and coords {coords.shape} are not (n, d) and (n, 2)")
    window = file["coords"].attrs.get("patch_size_level0", 0)
    return features, coords.astype(np.int64), int(window)


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
