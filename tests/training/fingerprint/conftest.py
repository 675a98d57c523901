"""Pieces of tissue that exist as small pictures with a planted texture, and one simulated array of every test session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cartopath.core.geometry import RegionPx0
from cartopath.core.rng import stream
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.training.fingerprint import AugmentationSpec, FingerprintTraining, Picture, Piece

SIZE_PX = 16
SIDE_PX = (96, 64)
NETWORK = FingerprintSpec(backbone="test_resnet", size_px=SIZE_PX, mpp=1.0)
QUICK = FingerprintTraining(
    batch_size=8,
    tiles_per_piece=4,
    validation_tiles_per_piece=2,
    max_chunks=4,
    lr=1e-2,
    accelerator="cpu",
    augmentation=AugmentationSpec(rotation="right_angles"),
)


def write_picture(path: Path, pixels: np.ndarray, mpp: float = 1.0) -> None:
    """Write a small slide."""
    tifffile.imwrite(
        path, pixels, tile=(32, 32), photometric="rgb", resolution=(1e4 / mpp, 1e4 / mpp), resolutionunit="CENTIMETER"
    )


@pytest.fixture(scope="session")
def striped(made_once: Callable[..., Path]) -> list[Piece]:
    """Six pieces in two styles, told apart by the direction and width of their stripes; the second style is bluer."""

    def fill(folder: Path) -> None:
        folder.mkdir(parents=True)
        for number in range(6):
            for style, tint in (("pink", (0, 40, 10)), ("blue", (60, 40, 0))):
                rng = stream(0, "stripes", number, style)
                y, x = np.mgrid[: SIDE_PX[1], : SIDE_PX[0]]
                wave = np.sin((x if number % 2 else y) * 2 * np.pi / (3 + 2 * (number // 2)))
                pixels = 150 + 45 * wave[..., None] - np.array(tint) + rng.normal(0, 6, (*SIDE_PX[::-1], 3))
                write_picture(folder / f"{number}-{style}.tif", pixels.clip(0, 255).astype(np.uint8))

    folder = made_once("striped_pieces", fill)
    window = RegionPx0(0, 0, *SIDE_PX)
    return [
        Piece(
            piece_id=f"core-{number}",
            patient_id=f"patient-{number // 2}",
            pictures=tuple(
                Picture(style=style, path=folder / f"{number}-{style}.tif", window_px0=window, mpp=1.0)
                for style in ("pink", "blue")
            ),
        )
        for number in range(6)
    ]


@pytest.fixture
def network() -> FingerprintSpec:
    """A tiny residual network for 16 px tiles at 1 um per pixel."""
    return NETWORK


@pytest.fixture
def quick() -> FingerprintTraining:
    """A recipe of seconds."""
    return QUICK
