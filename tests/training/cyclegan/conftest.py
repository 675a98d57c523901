"""Two planted styles: simulated tissue of two sites whose stains are known to differ."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.core.rng import stream
from cartopath.models.cyclegan import DiscriminatorSpec, GeneratorSpec
from cartopath.simulate import plan_specimen, render_region, site_stain
from cartopath.training.cyclegan import CycleGanSpec

SIDE_PX, TILE_PX, N_SLIDES = 384, 48, 4


@functools.lru_cache(maxsize=16)
def _all_tiles(site: str, slides: str) -> np.ndarray:
    stain = site_stain(0, site, variation=1.5)
    size, n = SizePx0(SIDE_PX, SIDE_PX), SIDE_PX // TILE_PX
    tiles = []
    for number in range(N_SLIDES):
        specimen = plan_specimen(0, f"{slides} {number}", size_px0=size, mpp=1.0, fractions=(0.5,), stain=stain)
        picture = render_region(specimen, RegionPx0(0, 0, SIDE_PX, SIDE_PX))
        tiles.append(picture.reshape(n, TILE_PX, n, TILE_PX, 3).swapaxes(1, 2).reshape(-1, TILE_PX, TILE_PX, 3))
    return np.concatenate(tiles)


def site_tiles(site: str, slides: str, n_tiles: int) -> np.ndarray:
    """Return tiles with tissue of four slides, stained at a site, uint8 (n_tiles, 48, 48, 3) at 1 um/px.

    The same slides stained at another site give the same tissue in the other stain: what a perfect transfer would return.
    """
    has_tissue = (_all_tiles("A", slides).min(axis=-1) <= 220).mean(axis=(1, 2)) > 0.8
    chosen = stream(0, "tiles", slides).permutation(np.flatnonzero(has_tissue))[:n_tiles]
    assert len(chosen) == n_tiles
    return _all_tiles(site, slides)[chosen]


@pytest.fixture(scope="session")
def tiles_of():
    """`site_tiles`."""
    return site_tiles


@pytest.fixture
def tiny() -> CycleGanSpec:
    """A training of a second or two: three epochs of three steps."""
    return CycleGanSpec(
        generator=GeneratorSpec(channels=2, blocks=1, halvings=1),
        discriminator=DiscriminatorSpec(channels=2, layers=1),
        load_px=40,
        crop_px=32,
        epochs=2,
        decay_epochs=1,
        steps_per_epoch=3,
        pool_size=2,
        accelerator="cpu",
    )
