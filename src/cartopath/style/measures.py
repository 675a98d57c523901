"""How good a style transfer is: whether the structure is still there, and whether the colours are those of the target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cartopath.core.errors import StatisticsError
from cartopath.style.colour import Floats, Vector, as_vector, rgb_to_lab
from cartopath.style.tissue import check_tile, tissue_pixels

Tiles = Iterable[NDArray[np.uint8]] | NDArray[np.uint8]

# ITU-R BT.601: how bright R, G and B are to the eye.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_N_QUANTILES = 200


@dataclass(frozen=True, slots=True)
class ColourStatistics:
    """The colour of tissue in CIELAB.

    Attributes:
        mean: L*, a*, b*.
        sd: Standard deviations of the same.
    """

    mean: Vector
    sd: Vector


@dataclass(frozen=True, slots=True)
class ColourDistance:
    """How far the colours of two sets of tiles are apart; 2.3 is a difference of colour that can just be seen.

    Attributes:
        mean: Between the mean colours (the colour difference of CIE 1976).
        sd: Between the three standard deviations, as the length of their difference.
        distribution: Of the distributions along L*, a* and b*: the mean of the three Wasserstein distances.
    """

    mean: float
    sd: float
    distribution: float


@dataclass(frozen=True, slots=True)
class TransferQuality:
    """A transfer in four numbers.

    Attributes:
        gradient_correlation: Mean over tiles of that between each tile and its restyled self: 1 if all edges are kept.
        before: Distance of the tiles from the target before.
        after: Distance of the restyled tiles from the target.
        n_tiles: How many were restyled.
    """

    gradient_correlation: float
    before: ColourDistance
    after: ColourDistance
    n_tiles: int


def gradient_correlation(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the correlation (Pearson) of the strength of edges in two pictures of the same place.

    Args:
        first: uint8 (height, width, 3) RGB.
        second: The same shape.

    Returns:
        1 where edges are at the same places with strengths in the same proportions; 0 where they have nothing in common.

    Raises:
        ValueError: The shapes differ, or are those of no tile.
        StatisticsError: A picture has no edges, or only a constant slope.

    >>> tile = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    >>> round(gradient_correlation(tile, 255 - tile), 6)
    1.0
    """
    check_tile(first)
    if first.shape != second.shape or first.ndim != 3:
        raise ValueError(f"two tiles of one shape (height, width, 3) are needed. Got {first.shape} and {second.shape} instead.")
    one, other = (_edges(tile).astype(np.float64) for tile in (first, second))
    one, other = one - one.mean(), other - other.mean()
    scale = np.linalg.norm(one) * np.linalg.norm(other)
    if scale == 0:
        raise StatisticsError("the gradient correlation is undefined: one of the pictures has no edges; leave such tiles out")
    return float((one * other).sum() / scale)


def _edges(tile: NDArray[np.uint8]) -> Floats:
    """The magnitude of the gradient of brightness (Sobel), float32 (height - 2, width - 2): the border has no neighbours."""
    brightness = tile.astype(np.float32) @ _LUMA
    down, across = (ndimage.sobel(brightness, axis=axis) for axis in (0, 1))
    strength: Floats = np.hypot(down, across)[1:-1, 1:-1]
    return strength


def colour_statistics(tiles: Tiles) -> ColourStatistics:
    """Return mean and spread of the colour of tissue.

    Raises:
        StatisticsError: There is too little tissue.
    """
    return _statistics(_lab(tiles))


def colour_distance(first: Tiles, second: Tiles) -> ColourDistance:
    """Return how far the colours of tissue in two sets of tiles are apart. What the tiles show need not be the same.

    Args:
        first: Tiles, each uint8 (height, width, 3), or an array of them.
        second: The same.

    Raises:
        StatisticsError: One set has too little tissue.
    """
    return _distance(_lab(first), _lab(second))


def transfer_quality(sources: Tiles, restyled: Tiles, targets: Tiles) -> TransferQuality:
    """Return how good a transfer is.

    Args:
        sources: Tiles before, each uint8 (height, width, 3).
        restyled: The same tiles after, in the same order.
        targets: Any tiles of the style that was aimed at.

    Raises:
        StatisticsError: There is too little tissue, or a tile has no edges.
        ValueError: There are not as many tiles before as after.
    """
    before, after = list(sources), list(restyled)
    kept = [gradient_correlation(one, other) for one, other in zip(before, after, strict=True)]
    target = _lab(targets)
    return TransferQuality(float(np.mean(kept)), _distance(_lab(before), target), _distance(_lab(after), target), len(kept))


def _lab(tiles: Tiles) -> Floats:
    return rgb_to_lab(tissue_pixels(tiles))


def _statistics(lab: Floats) -> ColourStatistics:
    exact = lab.astype(np.float64)
    return ColourStatistics(as_vector(exact.mean(axis=0)), as_vector(exact.std(axis=0)))


def _distance(first: Floats, second: Floats) -> ColourDistance:
    one, other = _statistics(first), _statistics(second)
    shares = (np.arange(_N_QUANTILES) + 0.5) / _N_QUANTILES
    apart = np.abs(np.quantile(first, shares, axis=0) - np.quantile(second, shares, axis=0))  # (quantile, axis)
    return ColourDistance(
        mean=float(np.linalg.norm(np.subtract(one.mean, other.mean))),
        sd=float(np.linalg.norm(np.subtract(one.sd, other.sd))),
        distribution=float(apart.mean()),
    )
