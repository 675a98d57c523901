"""Pieces of tissue from what a command was given: array slides, core files, or whole slides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from cartopath.core.errors import ConfigError, TrainingError
from cartopath.core.geometry import RegionPx0
from cartopath.methods.fingerprints_alone.core_map import CoreMap, Layout, Place, nameless_layout, read_core_map
from cartopath.methods.fingerprints_alone.listing import Listed, list_files
from cartopath.slides import open_slide
from cartopath.training.fingerprint import (
    Piece,
    PieceFile,
    SlideOfPatient,
    array_pieces,
    file_pieces,
    find_cores,
    region_pieces,
)

Kind = Literal["auto", "array", "cores", "slides"]
KINDS = ("auto", "array", "cores", "slides")
LARGEST_CORE_UM = 3000.0
"""A file whose longer side is at most this long shows one piece of tissue; a longer one is a slide."""


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """How files become pieces.

    Attributes:
        kind: What the files are: `array` slides, `cores` (one piece each), whole `slides`; or `auto`: arrays where a diameter or
            a map of cores is given, otherwise by their size.
        core_um: Diameter of the cores of an array.
        core_map: Table of the cores of an array.
        window_um: Side of the square around a core's middle; the diameter if not given.
        region_um: Side of the regions of whole slides.
        regions_per_slide: At most so many of each.
        min_tissue: Share of a region that must be tissue.
        sections: Inputs are sections of the same tissue: pieces meet by name, in as many styles.
        table: Slide table: patients, resolutions.
        mpp: Micrometres per pixel of all files.
        assume_mpp: Of files that do not say theirs.
        seed: Of the choice of regions.
    """

    kind: Kind = "auto"
    core_um: float | None = None
    core_map: Path | None = None
    window_um: float | None = None
    region_um: float = 800.0
    regions_per_slide: int = 2
    min_tissue: float = 0.8
    sections: bool = False
    table: Path | None = None
    mpp: float | None = None
    assume_mpp: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"--as must be one of {', '.join(KINDS)}. Got {self.kind!r} instead.")


@dataclass(frozen=True)
class FoundCore:
    """A core on an array slide.

    Attributes:
        piece_id: Its name.
        patient_id: Whose it is; "" for a control.
        place: Row and column, from 0.
        window_px0: The square around it.
    """

    piece_id: str
    patient_id: str
    place: Place
    window_px0: RegionPx0


@dataclass(frozen=True, kw_only=True)
class FoundArray:
    """An array slide and its cores.

    Attributes:
        path: The slide.
        mpp: Its resolution.
        style: Name of its pictures.
        cores: As they were found.
        missing: Places of the map without a core.
    """

    path: Path
    mpp: float
    style: str
    cores: tuple[FoundCore, ...]
    missing: tuple[Place, ...]

    @property
    def summary(self) -> str:
        """How many cores there are and how many are not, in words."""
        n = len(self.missing)
        return f"{len(self.cores)} cores" + (f", {n} place{'s' if n > 1 else ''} without one" if n else "")


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Pieces of tissue and where they come from.

    Attributes:
        kind: `array`, `cores` or `slides`.
        pieces: Sorted as found.
        slide_of: Name of the slide or core that each piece belongs to: what a duplicate is a duplicate of.
        arrays: The array slides.
        has_patients: Whether patients are known; otherwise every slide or core counts as one.
        notes: What the user should know, as sentences.
    """

    kind: str
    pieces: tuple[Piece, ...]
    slide_of: dict[str, str]
    arrays: tuple[FoundArray, ...] = ()
    has_patients: bool = True
    notes: tuple[str, ...] = field(default=())


def gather(inputs: Sequence[Path], how: Gathering) -> Gathered:
    """Return the pieces of tissue of inputs.

    Raises:
        SlideError: A file cannot be opened, or cores cannot be found.
        TableError: A table cannot be read.
        TrainingError: Names do not fit together, or there is no piece.
        ConfigError: An option is missing, or files are of different sizes.
    """
    files = list_files(inputs, table=how.table, mpp=how.mpp, assume_mpp=how.assume_mpp)
    kind = _kind(files, how)
    found = {"array": _arrays, "cores": _cores, "slides": _regions}[kind](files, how)
    _check_names(found)
    return found


def _kind(files: Sequence[Listed], how: Gathering) -> str:
    if how.kind != "auto":
        return how.kind
    if how.core_um is not None or how.core_map is not None:
        return "array"
    small = [file for file in files if file.side_um <= LARGEST_CORE_UM]
    if small and len(small) < len(files):
        large = next(file for file in files if file.side_um > LARGEST_CORE_UM)
        raise ConfigError(
            f"{small[0].slide_id} is {small[0].side_um:.0f} um wide as a core is, {large.slide_id} {large.side_um:.0f} um as a "
            f"slide is; say what they are: --as cores or --as slides, or --core-um for an array"
        )
    return "cores" if small else "slides"


def _check_names(found: Gathered) -> None:
    if not found.pieces:
        raise TrainingError("no piece of tissue in the inputs; whole slides need regions full of tissue: lower --region-um")
    name, times = Counter(piece.piece_id for piece in found.pieces).most_common(1)[0]
    if times > 1:
        raise TrainingError(
            f"{times} inputs hold a piece called {name!r}: if they are sections of the same tissue, say --sections; else give "
            f"them different names (arrays: a column slide_id in the core map)"
        )


def _arrays(files: Sequence[Listed], how: Gathering) -> Gathered:
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


def _cores(files: Sequence[Listed], how: Gathering) -> Gathered:
    has_patients = all(file.patient_id for file in files)
    cores = [file.core_id or file.slide_id for file in files]
    if how.sections:
        styles = [file.style or file.source for file in files]
    else:
        styles = [file.style or "only" for file in files]
        _check_alone(cores, styles)
    patients: dict[str, str] = {}
    for core, file in zip(cores, files, strict=True):
        patients.setdefault(core, file.patient_id or core)
    pieces = file_pieces(
        PieceFile(piece_id=core, patient_id=file.patient_id or patients[core], path=file.path, style=style, mpp=file.mpp)
        for core, style, file in zip(cores, styles, files, strict=True)
    )
    notes = () if has_patients else ("patients are not known for all files: a core without one counts as a patient of its own",)
    slide_of = {piece.piece_id: piece.piece_id for piece in pieces}
    return Gathered(kind="cores", pieces=tuple(pieces), slide_of=slide_of, has_patients=has_patients, notes=notes)


def _check_alone(cores: Sequence[str], styles: Sequence[str]) -> None:
    pair, times = Counter(zip(cores, styles, strict=True)).most_common(1)[0]
    if times > 1:
        raise TrainingError(
            f"{times} files are called {pair[0]!r}: if they are sections of the same tissue, say --sections; else give them "
            f"different names"
        )


def _regions(files: Sequence[Listed], how: Gathering) -> Gathered:
    if how.sections:
        raise ConfigError("--sections is for arrays and core files: regions of whole slides do not lie alike in two sections")
    has_patients = all(file.patient_id for file in files)
    slides = [
        SlideOfPatient(slide_id=file.slide_id, patient_id=file.patient_id or file.slide_id, path=file.path, mpp=file.mpp)
        for file in files
    ]
    pieces = region_pieces(
        slides,
        region_um=how.region_um,
        regions_per_slide=how.regions_per_slide,
        min_tissue=how.min_tissue,
        seed=how.seed,
    )
    slide_of = {piece.piece_id: piece.piece_id.rpartition("@")[0] for piece in pieces}
    without = [slide.slide_id for slide in slides if slide.slide_id not in slide_of.values()]
    notes = [] if has_patients else ["patients are not known for all slides: a slide without one counts as a patient of its own"]
    if without:
        notes.append(
            f"{len(without)} of {len(slides)} slides have no region of {how.region_um:g} um with {how.min_tissue:.0%} tissue: "
            f"{', '.join(without[:5])}"
        )
    return Gathered(kind="slides", pieces=tuple(pieces), slide_of=slide_of, has_patients=has_patients, notes=tuple(notes))
