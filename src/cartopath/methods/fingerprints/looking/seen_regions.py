"""A region of a slide through the eyes of an encoder: its tiles, their fingerprints, and whom they look like (F49, F50)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.geometry import RegionPx0
from cartopath.maps.dense_map import DenseGrid, dense_grid
from cartopath.maps.identity_map import patient_probabilities
from cartopath.maps.similarity_map import similarity
from cartopath.slides import Slide, read_tiles
from cartopath.training.fingerprint import FingerprintBundle, FingerprintCard, Picture, fingerprint_tiles
from cartopath.training.fingerprint.draws import window_side
from cartopath.training.fingerprint.pieces import Half
from cartopath.training.fingerprint.places import piece_tissue

MIN_TISSUE = 0.5
_MOST_TILES = 1200
"""Tiles of a half at most: on a very large region they overlap less."""


@dataclass(frozen=True)
class Region:
    """A region that the encoder was trained on.

    Attributes:
        piece_id: Its name: the slide, and where on it.
        patient_id: Whose.
        picture: Where it lies.
    """

    piece_id: str
    patient_id: str
    picture: Picture


@dataclass(frozen=True, eq=False)
class SeenHalf:
    """A half of a region through the eyes of an encoder.

    Attributes:
        grid: Its tiles.
        tissue: (n_grid,) which of them have tissue.
        features: (n_tiles, n_features) fingerprints of those.
        probabilities: (n_tiles, n_pieces).
    """

    grid: DenseGrid
    tissue: NDArray[np.bool_]
    features: NDArray[np.float32]
    probabilities: NDArray[np.float64]


def picture_of(piece_id: str, slide: Slide, card: FingerprintCard) -> Picture:
    """Return where a region of the encoder's training lies, by its name."""
    left, top = (int(part) for part in piece_id.rpartition("@")[2].split(","))
    side = max(2, round(float(card.card["pretraining"]["region_um"]) / slide.mpp))
    return Picture(style="only", path=slide.path, window_px0=RegionPx0(left, top, side, side), mpp=slide.mpp)


def seen_half(
    slide: Slide, region: Region, half: Half, bundle: FingerprintBundle, *, batch_size: int, device: str, threads: int
) -> SeenHalf:
    """Return the tiles of a half that have tissue, their fingerprints, and which region they look like.

    Raises:
        SlideError: The slide cannot be read.
    """
    spec, picture = bundle.card.spec, region.picture
    side = window_side(spec, spec.size_px, picture.mpp)
    grid = _bounded_grid(picture.half_px0(half), side)
    corners = grid.corners_px0
    inside = corners - (picture.window_px0.x, picture.window_px0.y)
    tissue = piece_tissue(slide, picture, spec).fraction(inside[:, 0], inside[:, 1], side) >= MIN_TISSUE
    if not tissue.any():
        tissue = np.ones(len(corners), dtype=bool)
    wanted = corners[tissue]

    def batches() -> Iterator[NDArray[np.uint8]]:
        for at in range(0, len(wanted), batch_size):
            yield read_tiles(slide, wanted[at : at + batch_size], window_px0=side, size_px=spec.size_px)

    features = fingerprint_tiles(bundle.network, batches(), device=device, precision="32-true", threads=threads)
    return SeenHalf(grid, tissue, features, _probabilities(bundle, features))


def _bounded_grid(region: RegionPx0, side: int) -> DenseGrid:
    overlap = 0.8
    grid = dense_grid(region, window_px0=side, overlap=overlap)
    while grid.n_rows * grid.n_cols > _MOST_TILES:
        overlap -= 0.1
        grid = dense_grid(region, window_px0=side, overlap=max(0.0, overlap))
    return grid


def _probabilities(bundle: FingerprintBundle, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Softmax over the pieces that the network knows, from fingerprints: the last layer is all that is missing."""
    import torch

    with torch.inference_mode():
        logits = bundle.network.identify(torch.from_numpy(features)).double()
        found: NDArray[np.float64] = logits.softmax(dim=1).numpy()
    return found


def own_probability(card: FingerprintCard, seen: SeenHalf, patient: str) -> NDArray[np.float64]:
    """Return the probability of the right patient for each tile with tissue."""
    names, summed = patient_probabilities(seen.probabilities, card.patients)
    values: NDArray[np.float64] = np.clip(summed[:, names.index(patient)], 0.0, 1.0)
    return values


def likeness_of(halves: dict[Half, SeenHalf]) -> dict[Half, NDArray[np.float64]]:
    """Return how similar each tile of a half is to the mean of the other half."""
    return {
        half: similarity(seen.features, halves["left" if half == "right" else "right"].features) for half, seen in halves.items()
    }
