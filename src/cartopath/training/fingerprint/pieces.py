"""Pieces of tissue whose identity a fingerprint network learns: cores of arrays, files, regions of slides. Imports no torch.

The left half of a piece trains, the right half watches (F42): `Picture.left_px0` and `right_px0` share no pixel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from cartopath.core.errors import TrainingError
from cartopath.core.geometry import RegionPx0
from cartopath.core.locations import as_path

Half = Literal["left", "right"]
HALVES: tuple[Half, ...] = ("left", "right")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A piece as one slide shows it: one of its sections, in one stain, from one scanner.

    Attributes:
        style: Name of the section, stain or scanner; unique within a piece.
        path: The slide file.
        window_px0: Where on the slide.
        mpp: Micrometres per level-0 pixel of the slide.
    """

    style: str
    path: Path
    window_px0: RegionPx0
    mpp: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", as_path(self.path))
        window = self.window_px0
        if window.width < 2 or window.height < 1 or not self.mpp > 0:
            raise TrainingError(f"{self.path}: no piece of tissue fits {window} at {self.mpp} um per pixel")

    @property
    def left_px0(self) -> RegionPx0:
        """The left half; of an odd number of columns the middle one belongs to neither half."""
        window = self.window_px0
        return RegionPx0(window.x, window.y, window.width // 2, window.height)

    @property
    def right_px0(self) -> RegionPx0:
        """The right half."""
        window = self.window_px0
        return RegionPx0(window.right - window.width // 2, window.y, window.width // 2, window.height)

    def half_px0(self, half: Half) -> RegionPx0:
        """Return one half."""
        return self.left_px0 if half == "left" else self.right_px0

    def to_um(self, x_px0: float, y_px0: float) -> tuple[float, float]:
        """Return a point of the slide as its distance from the middle of the piece, um."""
        window = self.window_px0
        return (x_px0 - window.x - window.width / 2) * self.mpp, (y_px0 - window.y - window.height / 2) * self.mpp

    def from_um(self, x_um: float, y_um: float) -> tuple[float, float]:
        """Return the point of the slide at this distance from the middle of the piece, level-0 pixels."""
        window = self.window_px0
        return window.x + window.width / 2 + x_um / self.mpp, window.y + window.height / 2 + y_um / self.mpp


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of tissue: one class of the classifier. Serial sections of it share the class [A26].

    Attributes:
        piece_id: Unique.
        patient_id: Whose tissue.
        pictures: At least one.
    """

    piece_id: str
    patient_id: str
    pictures: tuple[Picture, ...]

    def __post_init__(self) -> None:
        styles = [picture.style for picture in self.pictures]
        if not styles or len(set(styles)) < len(styles):
            raise TrainingError(f"piece {self.piece_id!r} needs pictures of different styles. Got {styles or 'none'}.")

    def only(self, styles: Sequence[str]) -> Piece:
        """Return the piece with the pictures of these styles.

        Raises:
            TrainingError: It has none of them.
        """
        kept = tuple(picture for picture in self.pictures if picture.style in styles)
        return Piece(piece_id=self.piece_id, patient_id=self.patient_id, pictures=kept)

    def identity(self) -> dict[str, Any]:
        """Return what tells this piece from others, as JSON types: file names, not where the files lie."""
        pictures = [
            {"style": p.style, "file": p.path.name, "window_px0": asdict(p.window_px0), "mpp": p.mpp} for p in self.pictures
        ]
        return {"piece_id": self.piece_id, "patient_id": self.patient_id, "pictures": pictures}


def check_pieces(pieces: Sequence[Piece]) -> None:
    """Check that pieces can be told apart.

    Raises:
        TrainingError: There are fewer than two, or a name occurs twice.
    """
    if len(pieces) < 2:
        raise TrainingError(f"a fingerprint network tells pieces of tissue apart; it needs at least 2. Got {len(pieces)}.")
    name, times = Counter(piece.piece_id for piece in pieces).most_common(1)[0]
    if times > 1:
        raise TrainingError(f"{times} pieces are called {name!r}; sections of one piece belong into one `Piece`")
