"""The tiles of a slide on their way to the networks."""

import dataclasses

import numpy as np
import pytest
import tifffile
import torch

from cartopath.core.errors import SlideError
from cartopath.methods.scoring import tile_batches
from cartopath.training import SlideTiles, write_tile_cache

SIZE = 32


@pytest.fixture
def slide(tmp_path):
    """A slide of 10 x 6 tiles off the frame grid, compressed without loss."""
    pixels = np.random.default_rng(0).integers(0, 256, (7 * SIZE, 11 * SIZE, 3), dtype=np.uint8)
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, pixels, tile=(64, 64), photometric="rgb", compression="zlib")
    xy = np.array([(9 + x * SIZE, 3 + y * SIZE) for y in range(6) for x in range(10)])
    return SlideTiles(slide_id="s", patient_id="p", path=path, xy_px0=xy, window_px0=SIZE, size_px=SIZE, stated_mpp=0.5)


def expected(slide):
    pixels = tifffile.imread(slide.path)
    return np.stack([pixels[y : y + SIZE, x : x + SIZE] for x, y in slide.xy_px0])


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_tiles_come_in_order_in_batches_of_the_size_asked_for(slide, threads):
    batches = list(tile_batches(slide, 7, threads=threads))
    assert [len(batch) for batch in batches] == [7] * 8 + [4]
    assert np.array_equal(np.concatenate(batches), expected(slide))


def test_a_cache_gives_the_same_tiles_and_needs_no_slide(slide, tmp_path):
    write_tile_cache(slide, tmp_path / "cache.npy")
    cached = dataclasses.replace(slide, cache_path=tmp_path / "cache.npy", path=tmp_path / "gone.tif")
    assert np.array_equal(np.concatenate(list(tile_batches(cached, 7))), expected(slide))


@pytest.mark.parametrize("is_cached", [True, False])
def test_torch_takes_a_batch_without_copying(slide, tmp_path, is_cached):
    if is_cached:
        write_tile_cache(slide, tmp_path / "cache.npy")
        slide = dataclasses.replace(slide, cache_path=tmp_path / "cache.npy")
    for batch in tile_batches(slide, 16):
        assert batch.flags.c_contiguous
        assert batch.flags.writeable
        assert torch.from_numpy(batch).data_ptr() == batch.ctypes.data


def test_a_tile_that_can_no_longer_be_decoded_is_an_error_that_says_where(slide):
    with tifffile.TiffFile(slide.path) as tiff:
        page = tiff.pages[0]
        offset, length = page.dataoffsets[-1], page.databytecounts[-1]
    with slide.path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * length)
    with pytest.raises(SlideError, match=r"slide\.tif: .*the tile at \(\d+, \d+\).* can no longer be decoded; restore the file"):
        list(tile_batches(slide, 8))
