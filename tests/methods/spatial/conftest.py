"""Sections of tissue with two kinds of ground and genes that follow them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from cartopath.methods.spatial import Section, read_sections
from cartopath.methods.spatial.features import SpotFeatures, spot_features

PITCH_PX, SIDE, DEPTH = 50, 14, 3000
FOLLOWING, AGAINST, CONSTANT = ("UP1", "UP2"), ("DOWN1", "DOWN2"), tuple(f"FLAT{i}" for i in range(6))


@pytest.fixture(scope="session")
def planted_folder(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A folder with three sections, whose pitch is to be read as 100 um."""
    return made_once("planted_spatial", lambda folder: [_make(folder, f"S{i}", np.random.default_rng(i)) for i in range(3)])


@pytest.fixture(scope="session")
def planted(planted_folder: Path) -> list[Section]:
    """The sections of that folder."""
    return read_sections([planted_folder], pitch_um=100.0)


@pytest.fixture(scope="session")
def planted_features(planted: list[Section]) -> list[SpotFeatures]:
    """What their pictures show."""
    return [spot_features(section) for section in planted]


def _make(folder: Path, name: str, rng: np.random.Generator) -> None:
    size = (SIDE + 1) * PITCH_PX
    crowded = _ground(rng, size)
    for part in ("counts", "spots", "images"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    Image.fromarray(_picture(rng, crowded)).save(folder / "images" / f"{name}.png")
    places = [(x, y) for y in range(1, SIDE + 1) for x in range(1, SIDE + 1)]
    half = PITCH_PX // 2
    share = np.array(
        [crowded[y * PITCH_PX - half : y * PITCH_PX + half, x * PITCH_PX - half : x * PITCH_PX + half].mean() for x, y in places]
    )
    genes = [*FOLLOWING, *AGAINST, *CONSTANT]
    rates = np.ones((len(places), len(genes)))
    rates[:, : len(FOLLOWING)] += 3 * share[:, None]
    rates[:, len(FOLLOWING) : len(FOLLOWING) + len(AGAINST)] += 3 * (1 - share[:, None])
    rates /= rates.sum(axis=1, keepdims=True)
    yields = DEPTH * np.exp(rng.normal(0, 0.1, len(places)))
    ids = [f"{x}x{y}" for x, y in places]
    counts = pd.DataFrame(rng.poisson(rates * yields[:, None]), index=ids, columns=genes)
    counts.to_csv(folder / "counts" / f"{name}.tsv.gz", sep="\t")
    spots = pd.DataFrame([(x, y, x * PITCH_PX, y * PITCH_PX) for x, y in places], columns=["x", "y", "pixel_x", "pixel_y"])
    spots.to_csv(folder / "spots" / f"{name}_selection.tsv", sep="\t", index=False)


def _ground(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return where the ground is crowded: about half of a picture, in patches a few spots wide."""
    small = Image.fromarray((rng.random((size // 10, size // 10)) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(9))
    smooth = np.asarray(small.resize((size, size), Image.Resampling.BICUBIC), dtype=float)
    return smooth > np.median(smooth)


def _picture(rng: np.random.Generator, crowded: np.ndarray) -> np.ndarray:
    """Return pink ground with violet nuclei, ten times as many where it is crowded."""
    size = len(crowded)
    pixels = np.full((size, size, 3), (232, 190, 214), np.uint8)
    pixels[~crowded] = (238, 200, 210)
    tries = rng.integers(2, size - 3, (size * size // 60, 2))
    keep = rng.random(len(tries)) < np.where(crowded[tries[:, 0], tries[:, 1]], 0.9, 0.09)
    for row, column in tries[keep]:
        pixels[row - 1 : row + 2, column - 1 : column + 2] = (90, 60, 140)
    return np.clip(pixels + rng.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)
