"""The second image of a pair, when it is made and not taken from another section: the same tile in another stain."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError, StatisticsError
from cartopath.core.rng import stream
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.slides import open_slide
from cartopath.store.hashing import value_key
from cartopath.style import METHODS, StainJitter, Style, fit_style, read_style, restyle
from cartopath.training.cyclegan import read_cyclegan_card
from cartopath.training.fingerprint import Piece
from cartopath.training.fingerprint.reading import Style as Restyling

if TYPE_CHECKING:
    from cartopath.training.cyclegan import Restyler

STRONG = StainJitter(gain=0.2, shift=0.2)
"""The strong setting of Tellez et al. 2018."""
_MOST_TARGETS = 24

Tile = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """How pairs are made.

    Attributes:
        kind: `none`, `sections` or `style`, as `FingerprintTraining.pairing`.
        name: Name of the style, part of the training's key; "" for the first two.
        style: Makes the second image.
    """

    kind: str
    name: str = ""
    style: Restyling | None = None


def make_pairing(
    wanted: str,
    pieces: Sequence[Piece],
    network: FingerprintSpec,
    *,
    targets: Sequence[Path] = (),
    direction: str = "a_to_b",
    device: str = "cpu",
    seed: int = 0,
) -> Pairing:
    """Return how pairs are made.

    Args:
        wanted: `none`, `sections`, `jitter`, a method of `cartopath.style`, or the folder of a trained CycleGAN.
        pieces: To take target styles from, where `targets` has none.
        network: Resolution of the tiles.
        targets: Files of styles.
        direction: Of the CycleGAN.
        device: On which the CycleGAN computes.
        seed: Of the choice of pieces.

    Raises:
        ConfigError: There is no such pairing, or an option does not go with it.
        ArtifactError: A style or the CycleGAN cannot be read.
        StatisticsError: No style can be fitted to the pieces.
    """
    if targets and wanted not in METHODS:
        raise ConfigError(f"--to goes with --pairing {', '.join(METHODS)}. Got --pairing {wanted} instead.")
    if wanted in ("none", "sections"):
        return Pairing(kind=wanted)
    if wanted == "jitter":
        return Pairing(kind="style", name=f"jitter {STRONG.gain:g} {STRONG.shift:g}", style=STRONG)
    if wanted in METHODS:
        styles = [read_style(path) for path in targets] if targets else piece_styles(wanted, pieces, network, seed=seed)
        other = next((style for style in styles if style.method != wanted), None)
        if other is not None:
            raise ConfigError(f"--to names a {other.method} style, --pairing says {wanted}; fit it by the same method")
        toward = TowardStyles(wanted, tuple(styles))
        return Pairing(kind="style", name=f"{wanted} {toward.key()[:16]}", style=toward)
    if not Path(wanted).is_dir():
        raise ConfigError(
            f"--pairing must be none, sections, jitter, {', '.join(METHODS)}, or the folder of a trained CycleGAN. Got "
            f"{wanted!r} instead."
        )
    card = read_cyclegan_card(wanted)
    if direction not in card.sha256:
        raise ConfigError(f"--direction must be one of {', '.join(card.sha256)}. Got {direction!r} instead.")
    network_style = TowardNetwork(Path(wanted), direction, device)
    return Pairing(kind="style", name=f"cyclegan {card.sha256[direction][:16]}", style=network_style)


def piece_styles(method: str, pieces: Sequence[Piece], network: FingerprintSpec, *, seed: int = 0) -> list[Style]:
    """Return the styles of some pictures of pieces, at most two dozen: what tiles of others are restyled to.

    Raises:
        StatisticsError: None of them can be fitted.
    """
    pictures = [picture for piece in pieces for picture in piece.pictures]
    chosen = stream(seed, "fingerprint target styles").permutation(len(pictures))[:_MOST_TARGETS]
    styles, reasons = [], []
    for number in np.sort(chosen).tolist():
        picture = pictures[number]
        window, scale = picture.window_px0, max(1.0, network.mpp / picture.mpp)
        size = (max(1, round(window.width / scale)), max(1, round(window.height / scale)))
        with open_slide(picture.path, mpp=picture.mpp) as slide:
            pixels = slide.read_scaled(window.x, window.y, (window.width, window.height), size)
        try:
            styles.append(fit_style(pixels, method))
        except StatisticsError as error:
            reasons.append(str(error))
    if not styles:
        raise StatisticsError(f"no {method} style can be fitted to any of {len(reasons)} pieces: {reasons[0]}")
    return styles


@dataclass(frozen=True)
class TowardStyles:
    """Restyles a tile to one of several styles, drawn at random; can be sent to other processes.

    A tile whose own style cannot be fitted, such as one with little tissue, stays as it is.

    Attributes:
        method: Of `cartopath.style`.
        targets: At least one.
    """

    method: str
    targets: tuple[Style, ...]

    def __call__(self, tile: Tile, rng: np.random.Generator) -> Tile:
        """Return the tile in another style."""
        target = self.targets[int(rng.integers(len(self.targets)))]
        try:
            return restyle(tile, fit_style(tile, self.method), target)
        except StatisticsError:
            return tile.copy()

    def key(self) -> str:
        """Return the key of the targets."""
        return value_key([self.method, *(dataclasses.asdict(style) for style in self.targets)])


class TowardNetwork:
    """Restyles a tile by a trained CycleGAN, which is read where and when it is first needed.

    Args:
        folder: Of the bundle.
        direction: `a_to_b` or `b_to_a`.
        device: Where it computes.
    """

    def __init__(self, folder: Path, direction: str, device: str) -> None:
        self._named = (folder, direction, device)
        self._restyler: Restyler | None = None

    def __call__(self, tile: Tile, rng: np.random.Generator) -> Tile:
        """Return the tile in the other style; nothing is drawn."""
        if self._restyler is None:
            from cartopath.training.cyclegan import load_generator

            folder, direction, device = self._named
            self._restyler = load_generator(folder, direction, device=device)
        return self._restyler(tile)

    def __getstate__(self) -> dict[str, object]:
        return {"_named": self._named, "_restyler": None}
