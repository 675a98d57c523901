"""Slides that the tests make: pyramidal tiled TIFFs with whatever resolution tags are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import tifffile
from fsspec.asyn import AsyncFileSystem

GLASS = (244, 243, 245)
HAEMATOXYLIN = np.array((0.650, 0.704, 0.286))
EOSIN = np.array((0.072, 0.990, 0.105))


def halved(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    blocks = image[:height, :width].reshape(height // 2, 2, width // 2, 2, 3)
    return blocks.mean(axis=(1, 3)).round().astype(np.uint8)


def tissue_picture(size: int, *, strength: float = 1.0, glass: tuple[int, int, int] = GLASS, seed: int = 0) -> np.ndarray:
    """An ellipse of H&E-like texture on glass: uint8 (size, size, 3). `strength` scales the amount of stain."""
    rng = np.random.default_rng(seed)
    inside = ellipse(size)
    coarse = np.kron(rng.random((size // 8 + 1, size // 8 + 1)), np.ones((8, 8)))[:size, :size]
    nuclei = np.kron(rng.random((size // 4 + 1, size // 4 + 1)) > 0.8, np.ones((4, 4)))[:size, :size]
    amount = inside * strength
    density = (amount * (0.15 + 0.5 * nuclei))[..., None] * HAEMATOXYLIN + (amount * (0.15 + 0.2 * coarse))[..., None] * EOSIN
    return np.clip(np.array(glass) * 10.0**-density + rng.normal(0, 1.0, (size, size, 1)), 0, 255).round().astype(np.uint8)


def ellipse(size: int) -> np.ndarray:
    y, x = np.mgrid[0:size, 0:size] / size
    return (((x - 0.45) / 0.3) ** 2 + ((y - 0.5) / 0.4) ** 2) < 1


def _write_slide(
    path: Path,
    image: np.ndarray,
    mpp: float | None = 0.5,
    *,
    mpp_y: float | None = None,
    levels: int = 3,
    tile: int = 256,
    compression: str | None = "deflate",
    bigtiff: bool = False,
    description: str | None = None,
) -> Path:
    with tifffile.TiffWriter(path, bigtiff=bigtiff) as writer:
        for level in range(levels):
            per_cm = None if mpp is None else (1e4 / (mpp * 2**level), 1e4 / ((mpp_y or mpp) * 2**level))
            writer.write(
                image,
                tile=(tile, tile),
                compression=compression,
                photometric="rgb",
                subfiletype=1 if level else 0,
                resolution=per_cm,
                resolutionunit="CENTIMETER" if mpp is not None else None,
                description=description if level == 0 else None,
                metadata=None,
            )
            image = halved(image)
    return path


@pytest.fixture(scope="session")
def write_slide() -> Callable[..., Path]:
    """`write_slide(path, image, mpp=0.5, ...)` writes a pyramid that OpenSlide opens and returns its path."""
    return _write_slide


@pytest.fixture(scope="session")
def tissue_image() -> np.ndarray:
    """2048 x 2048 px with an ellipse of tissue."""
    return tissue_picture(2048)


@pytest.fixture(scope="session")
def tissue_slide(tissue_image: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tissue_image` at 0.5 um/px as a lossless pyramid of three levels."""
    return _write_slide(tmp_path_factory.mktemp("slides") / "tissue.tif", tissue_image)


@pytest.fixture(scope="session")
def make_tissue() -> Callable[..., np.ndarray]:
    """`make_tissue(size, strength=..., glass=..., seed=...)` draws an ellipse of H&E-like texture."""
    return tissue_picture


@pytest.fixture(scope="session")
def tissue_truth() -> Callable[[int], np.ndarray]:
    """`tissue_truth(size)` is where `make_tissue(size)` put tissue."""
    return ellipse


@dataclass
class Store:
    """Files at `slow://` URLs: what was asked of them and how many requests were under way at once."""

    files: dict[str, bytes] = field(default_factory=dict)
    latency_s: float = 0.0
    failures: list[Exception] = field(default_factory=list)
    broken_from: int | None = None
    asked: list[tuple[str, int, int]] = field(default_factory=list)
    n_stats: int = 0
    under_way: int = 0
    most_at_once: int = 0

    @property
    def n_bytes(self) -> int:
        """Bytes that were asked for."""
        return sum(end - start for _, start, end in self.asked)


STORE = Store()


class SlowFileSystem(AsyncFileSystem):
    """A file system with latency, which counts."""

    protocol = "slow"
    cachable = False

    async def _info(self, path: str, **_: Any) -> dict[str, Any]:
        STORE.n_stats += 1
        if path not in STORE.files:
            raise FileNotFoundError(path)
        return {"name": path, "size": len(STORE.files[path]), "type": "file", "ETag": f"etag of {path}"}

    async def _cat_file(self, path: str, start: int = 0, end: int | None = None, **_: Any) -> bytes:
        end = len(STORE.files[path]) if end is None else end
        STORE.asked.append((path, start, end))
        STORE.under_way += 1
        STORE.most_at_once = max(STORE.most_at_once, STORE.under_way)
        await asyncio.sleep(STORE.latency_s)
        STORE.under_way -= 1
        if STORE.failures:
            raise STORE.failures.pop()
        if STORE.broken_from is not None and end > STORE.broken_from:
            raise OSError("it is broken here")
        return STORE.files[path][start:end]


@pytest.fixture
def slow_store() -> Iterator[Store]:
    """An empty store behind `slow://` URLs."""
    fsspec.register_implementation("slow", SlowFileSystem, clobber=True)
    STORE.__init__()  # type: ignore[misc]
    yield STORE
    STORE.__init__()  # type: ignore[misc]
