"""Slides that exist only as tile caches, with a planted signal: positive slides are redder in most of their tiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cartopath.core.rng import stream
from cartopath.models import NetworkSpec
from cartopath.training import Example, SlideTiles

SIZE_PX = 16
NETWORK = NetworkSpec(backbone="test_resnet", size_px=SIZE_PX)


def planted_examples(
    folder: Path, *, n_slides: int, n_tiles: int = 20, prefix: str = "train", signal: float = 40.0
) -> list[Example]:
    """Write the caches of `n_slides` slides, every other one positive, and return them labelled."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_example(folder, f"{prefix}-{number}", number % 2, n_tiles, signal) for number in range(n_slides)]


def _example(folder: Path, name: str, label: int, n_tiles: int, signal: float) -> Example:
    rng = stream(0, name)
    tiles = rng.normal(128.0, 40.0, (n_tiles, SIZE_PX, SIZE_PX, 3))
    carries = rng.random(n_tiles) < (0.8 if label else 0.2)
    tiles[carries, :, :, 0] += signal
    path = folder / f"{name}.npy"
    np.save(path, tiles.clip(0, 255).astype(np.uint8))
    xy = np.stack([np.arange(n_tiles) * SIZE_PX, np.zeros(n_tiles)], axis=1).astype(np.int64)
    slide = SlideTiles(
        slide_id=name,
        patient_id=f"patient-{name}",
        path=folder / f"{name}.tif",
        xy_px0=xy,
        window_px0=SIZE_PX,
        size_px=SIZE_PX,
        cache_path=path,
    )
    return Example(slide, label)


@pytest.fixture
def planted(tmp_path: Path) -> Callable[..., list[Example]]:
    """`planted_examples` in a folder of this test."""
    return lambda **options: planted_examples(tmp_path / "caches", **options)


@pytest.fixture
def network() -> NetworkSpec:
    """A tiny residual network for 16 px tiles."""
    return NETWORK
