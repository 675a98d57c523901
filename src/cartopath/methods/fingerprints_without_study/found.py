"""How files become pieces of tissue, and what is known of the pieces and of the arrays that they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cartopath.core.errors import ConfigError
from cartopath.core.geometry import RegionPx0
from cartopath.methods.fingerprints_without_study.core_map import Place
from cartopath.training.fingerprint import Piece

Kind = Literal["auto", "array", "cores", "slides"]
KINDS = ("auto", "array", "cores", "slides")


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
