"""How a slide is stained, in a few numbers that can be compared with the slides a network was trained on.

Optical densities are separated into haematoxylin and eosin with the vectors of Ruifrok and Johnston 2001 (Anal Quant Cytol
Histol 23:291), fixed and not fitted, so that the numbers of two slides mean the same thing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

BACKGROUND_VALUE = 220
"""A pixel is background, as in the paper's rule, when all its channels are brighter than this."""

MARGINS = {"red": 20.0, "green": 25.0, "blue": 20.0, "haematoxylin": 0.08, "eosin": 0.08, "saturation": 0.08}
"""How far outside the range of the training slides a value may lie before it is worth a warning."""

_HAEMATOXYLIN = (0.650, 0.704, 0.286)
_EOSIN = (0.072, 0.990, 0.105)
_N_SUMS = 7


def _unmixing() -> NDArray[np.float64]:
    """Return the (3, 2) matrix from optical densities (R, G, B) to amounts of haematoxylin and eosin."""
    first, second = (np.asarray(vector) / np.linalg.norm(vector) for vector in (_HAEMATOXYLIN, _EOSIN))
    residual = np.cross(first, second)
    stains = np.stack([first, second, residual / np.linalg.norm(residual)])  # (stain, channel)
    return np.linalg.inv(stains)[:, :2]


_UNMIXING = _unmixing()
_OPTICAL_DENSITY = -np.log10((np.arange(256) + 1.0) / 256.0)


@dataclass(frozen=True, slots=True)
class StainStatistics:
    """Means over the tissue pixels of a slide; NaN where there are none.

    Attributes:
        n_pixels: Tissue pixels that were looked at.
        red: Mean red value, 0 to 255.
        green: Mean green value.
        blue: Mean blue value.
        haematoxylin: Mean amount of haematoxylin, in optical density (base 10).
        eosin: Mean amount of eosin.
        saturation: Mean of (max - min) / max over the channels, 0 to 1.
    """

    n_pixels: int
    red: float
    green: float
    blue: float
    haematoxylin: float
    eosin: float
    saturation: float

    @classmethod
    def from_sums(cls, sums: NDArray[np.float64]) -> Self:
        """Return the means from what `stain_sums` gives, added up over tiles."""
        n_pixels = int(sums[0])
        means = [float(value) / n_pixels if n_pixels else math.nan for value in sums[1:]]
        return cls(n_pixels, *means)

    def to_dict(self) -> dict[str, float | int | None]:
        """Return JSON values: None instead of NaN."""
        return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what `to_dict` was called on."""
        means = (values[field.name] for field in fields(cls)[1:])
        return cls(int(values["n_pixels"]), *(math.nan if mean is None else float(mean) for mean in means))


def stain_statistics(tiles: NDArray[np.uint8], *, stride: int = 1) -> StainStatistics:
    """Return how tiles are stained.

    Args:
        tiles: uint8 (n, h, w, 3) RGB.
        stride: Look at every `stride`-th pixel along both axes.
    """
    return StainStatistics.from_sums(stain_sums(tiles[:, ::stride, ::stride]))


def stain_sums(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the sums behind `StainStatistics`, which add up over tiles.

    Args:
        pixels: uint8 (..., 3) RGB.

    Returns:
        float64 (7,): count of tissue pixels, then sums of red, green, blue, haematoxylin, eosin, saturation over them.
    """
    flat = pixels.reshape(-1, 3)  # (n, 3)
    tissue = flat[flat.min(axis=1) <= BACKGROUND_VALUE]
    if not len(tissue):
        return np.zeros(_N_SUMS)
    stains = _OPTICAL_DENSITY[tissue].sum(axis=0) @ _UNMIXING  # linear, so the sum can be unmixed at once
    low, high = tissue.min(axis=1).astype(np.float64), tissue.max(axis=1).astype(np.float64)
    saturation = ((high - low) / np.maximum(high, 1)).sum()
    return np.array([len(tissue), *tissue.sum(axis=0, dtype=np.int64), *stains, saturation], np.float64)


def compare_stain(value: StainStatistics, reference: Sequence[StainStatistics]) -> list[str]:
    """Return one warning for each number that lies outside the range of the training slides.

    Args:
        value: Of the slide in question.
        reference: Of the slides that a network was trained on; those without tissue are left out.

    Returns:
        Sentences; empty if nothing is unusual. The range is widened on both sides by `MARGINS` and by half its width.
    """
    known = [one for one in reference if one.n_pixels]
    if not known:
        return []
    if not value.n_pixels:
        return ["no stained tissue was found, so its stain cannot be compared with the training slides"]
    warnings = []
    for name, margin in MARGINS.items():
        seen = [float(getattr(one, name)) for one in known]
        low, high, found = min(seen), max(seen), float(getattr(value, name))
        allowed = margin + 0.5 * (high - low)
        if not low - allowed <= found <= high + allowed:
            side = "below" if found < low else "above"
            warnings.append(
                f"{name} {found:.3g} is {side} the training slides' {low:.3g} to {high:.3g} (margin {allowed:.2g}): "
                "the stain differs from what the network has seen; treat its predictions with caution"
            )
    return warnings
