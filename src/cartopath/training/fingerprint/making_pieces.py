"""Making pieces of tissue from what people have: array slides, core files, whole slides. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cartopath.core.errors import TrainingError
from cartopath.core.geometry import RegionPx0
from cartopath.core.rng import stream
from cartopath.slides import open_slide, slide_tissue
from cartopath.training.fingerprint.cores import ArrayGrid, find_cores
from cartopath.training.fingerprint.pieces import Picture, Piece


@dataclass(frozen=True, kw_only=True)
class PieceFile:
    """A picture of one piece that is a file of its own.

    Attributes:
        piece_id: Which piece.
        patient_id: Whose.
        path: The file.
        style: Name of the section, stain or scanner.
        mpp: Micrometres per pixel from a table, which wins over the file's own.
    """

    piece_id: str
    patient_id: str
    path: Path
    style: str = "only"
    mpp: float | None = None


@dataclass(frozen=True, kw_only=True)
class SlideOfPatient:
    """A whole slide of a patient.

    Attributes:
        slide_id: Unique.
        patient_id: Whose.
        path: The file.
        mpp: Micrometres per level-0 pixel from a table, which wins over the file's own.
    """

    slide_id: str
    patient_id: str
    path: Path
    mpp: float | None = None


def array_pieces(
    sections: Mapping[str, Path | str],
    layout: Mapping[tuple[int, int], tuple[str, str]],
    *,
    core_um: float,
    window_um: float | None = None,
    mpp: Mapping[str, float] | None = None,
) -> list[Piece]:
    """Make a piece of every core that is in at least one section of an array.

    Args:
        sections: Path of the array slide of each style, by the style's name.
        layout: Name of piece and patient at each place (row, col), counted from the uppermost and leftmost core.
        core_um: Diameter of a core.
        window_um: Side of the square around its middle; the diameter if not given.
        mpp: Stated micrometres per pixel of styles.

    Raises:
        TrainingError: A core lies where the layout names none, or rows or columns were lost as a whole.
        SlideError: A slide cannot be read, or its cores cannot be told.
    """
    pictures: dict[tuple[int, int], list[Picture]] = {}
    for style, path in sections.items():
        with open_slide(path, mpp=(mpp or {}).get(style)) as slide:
            grid = find_cores(slide, core_um=core_um, window_um=window_um)
            _check_layout(grid, layout, Path(path))
            for core in grid.cores:
                picture = Picture(style=style, path=slide.path, window_px0=core.window_px0, mpp=slide.mpp)
                pictures.setdefault((core.row, core.col), []).append(picture)
    return [
        Piece(piece_id=layout[place][0], patient_id=layout[place][1], pictures=tuple(pictures[place]))
        for place in sorted(pictures)
    ]


def _check_layout(grid: ArrayGrid, layout: Mapping[tuple[int, int], tuple[str, str]], path: Path) -> None:
    rows, cols = (1 + max(place[axis] for place in layout) for axis in (0, 1))
    if (grid.n_rows, grid.n_cols) != (rows, cols):
        raise TrainingError(
            f"{path}: cores found on a grid of {grid.n_rows} x {grid.n_cols}, the layout has {rows} x {cols} rows and columns; "
            f"if an outer row or column is lost as a whole, leave it out of the layout"
        )
    strange = [(core.row, core.col) for core in grid.cores if (core.row, core.col) not in layout]
    if strange:
        raise TrainingError(f"{path}: a core lies at row, column {strange[0]}, where the layout names none")


def file_pieces(files: Iterable[PieceFile]) -> list[Piece]:
    """Make pieces of files that show one piece each, whole.

    Raises:
        TrainingError: A piece has two patients, or two files of one style.
        SlideError: A file cannot be opened.
    """
    pictures: dict[str, list[Picture]] = {}
    patients: dict[str, str] = {}
    for file in files:
        if patients.setdefault(file.piece_id, file.patient_id) != file.patient_id:
            raise TrainingError(f"piece {file.piece_id!r} belongs to {patients[file.piece_id]!r} and to {file.patient_id!r}")
        with open_slide(file.path, mpp=file.mpp) as slide:
            size = slide.dimensions_px0
            window = RegionPx0(0, 0, size.width, size.height)
            picture = Picture(style=file.style, path=slide.path, window_px0=window, mpp=slide.mpp)
        pictures.setdefault(file.piece_id, []).append(picture)
    return [Piece(piece_id=name, patient_id=patients[name], pictures=tuple(own)) for name, own in pictures.items()]


def region_pieces(
    slides: Sequence[SlideOfPatient],
    *,
    region_um: float = 800.0,
    regions_per_slide: int = 2,
    min_tissue: float = 0.8,
    seed: int = 0,
) -> list[Piece]:
    """Make pieces of regions of whole slides: squares side by side, drawn among those full of tissue.

    A slide without such a square gives none.

    Args:
        slides: Whose.
        region_um: Side of the squares: 800 um, as large as a core in Rawat et al. 2020.
        regions_per_slide: At most so many of a slide.
        min_tissue: Share of a square that must be tissue.
        seed: Seed of the study.

    Raises:
        SlideError: A slide cannot be read.
    """
    pieces = []
    for wanted in slides:
        with open_slide(wanted.path, mpp=wanted.mpp) as slide:
            side = max(2, round(region_um / slide.mpp))
            x, y = (np.arange(0, length - side + 1, side) for length in (slide.dimensions_px0.width, slide.dimensions_px0.height))
            corner = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
            if not len(corner):
                continue
            full = corner[slide_tissue(slide, side).fraction(corner[:, 0], corner[:, 1], side) >= min_tissue]
            chosen = stream(seed, "fingerprint regions", wanted.slide_id).permutation(len(full))[:regions_per_slide]
            for left, top in full[np.sort(chosen)].tolist():
                picture = Picture(style="only", path=slide.path, window_px0=RegionPx0(left, top, side, side), mpp=slide.mpp)
                name = f"{wanted.slide_id}@{left},{top}"
                pieces.append(Piece(piece_id=name, patient_id=wanted.patient_id, pictures=(picture,)))
    return pieces
