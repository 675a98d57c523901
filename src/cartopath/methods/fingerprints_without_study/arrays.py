"""The cores of array slides as pieces of tissue, called as a map says or after their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cartopath.core.errors import ConfigError
from cartopath.methods.fingerprints_without_study.core_map import CoreMap, Layout, nameless_layout, read_core_map
from cartopath.methods.fingerprints_without_study.found import FoundArray, FoundCore, Gathered, Gathering
from cartopath.methods.fingerprints_without_study.listing import Listed
from cartopath.slides import open_slide
from cartopath.training.fingerprint import Piece, array_pieces, find_cores


def gather_arrays(files: Sequence[Listed], how: Gathering) -> Gathered:
    """Return the cores of array slides.

    Raises:
        ConfigError: The diameter of the cores is not stated.
        SlideError: Cores cannot be found.
        TableError: The map cannot be read.
        TrainingError: The map does not fit what was found.
    """
    if how.core_um is None:
        raise ConfigError("an array needs the diameter of its cores: --core-um")
    core_map = read_core_map(how.core_map) if how.core_map is not None else None
    groups = [list(files)] if how.sections else [[file] for file in files]
    pieces: list[Piece] = []
    arrays: list[FoundArray] = []
    for group in groups:
        layout = _layout(group[0], core_map, how)
        style = {file.slide_id: file.slide_id if how.sections else "only" for file in group}
        own = array_pieces(
            {style[file.slide_id]: file.path for file in group},
            layout,
            core_um=how.core_um,
            window_um=how.window_um,
            mpp={style[file.slide_id]: file.mpp for file in group},
        )
        if core_map is None and len(groups) > 1:  # Places are called alike on every array.
            own = [_renamed(piece, f"{group[0].slide_id}/{piece.piece_id}") for piece in own]
            layout = {place: (f"{group[0].slide_id}/{core}", patient) for place, (core, patient) in layout.items()}
        arrays += [_found(file, style[file.slide_id], own, layout) for file in group]
        pieces += [piece for piece in own if piece.patient_id]
    notes = () if core_map else ("no core map: every core counts as a patient of its own",)
    return Gathered(
        kind="array",
        pieces=tuple(pieces),
        slide_of={piece.piece_id: piece.piece_id for piece in pieces},
        arrays=tuple(arrays),
        has_patients=core_map is not None,
        notes=notes,
    )


def _layout(file: Listed, core_map: CoreMap | None, how: Gathering) -> Layout:
    if core_map is not None:
        return core_map.of(file.slide_id)
    assert how.core_um is not None
    with open_slide(file.path, mpp=file.mpp) as slide:
        grid = find_cores(slide, core_um=how.core_um)
    return nameless_layout(grid.n_rows, grid.n_cols)


def _renamed(piece: Piece, name: str) -> Piece:
    return replace(piece, piece_id=name, patient_id=name)


def _found(file: Listed, style: str, pieces: Sequence[Piece], layout: Layout) -> FoundArray:
    place_of = {core: place for place, (core, _) in layout.items()}
    cores = tuple(
        FoundCore(piece.piece_id, piece.patient_id, place_of[piece.piece_id], picture.window_px0)
        for piece in pieces
        for picture in piece.pictures
        if picture.style == style
    )
    taken = {core.place for core in cores}
    missing = tuple(sorted(place for place in layout if place not in taken))
    return FoundArray(path=file.path, mpp=file.mpp, style=style, cores=cores, missing=missing)
