"""Simulated thumbnails and tiles without flaws."""

import numpy as np
import pytest

from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.simulate import plan_specimen, render_region

SEEDS = (0, 1, 2)
THUMBNAIL_MPP = 8.0


def drawn(seed, width, height, mpp):
    specimen = plan_specimen(seed, f"slide {seed}", size_px0=SizePx0(width, height), mpp=mpp, fractions=(0.4,))
    return render_region(specimen, RegionPx0(0, 0, width, height))


@pytest.fixture(scope="session")
def thumbnails():
    """Tissue of 2.4 x 2 mm in the middle of 4 x 3.8 mm of glass, at 8 um per pixel, one for each seed."""
    pictures = []
    for seed in SEEDS:
        tissue = drawn(seed, 300, 250, THUMBNAIL_MPP)
        glass = np.percentile(tissue.reshape(-1, 3), 99, axis=0)
        noise = np.random.default_rng(seed).normal(scale=0.7, size=(480, 500, 3))
        picture = np.clip(np.round(glass + noise), 0, 255).astype(np.uint8)
        picture[115:365, 100:400] = tissue
        pictures.append(picture)
    return pictures


@pytest.fixture(scope="session")
def tiles():
    """Twelve tiles of 128 um at 0.5 um per pixel, of three slides: uint8 (12, 256, 256, 3)."""
    pictures = [drawn(seed, 512, 512, 0.5) for seed in SEEDS]
    return np.stack([picture[y : y + 256, x : x + 256] for picture in pictures for y in (0, 256) for x in (0, 256)])
