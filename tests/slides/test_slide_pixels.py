"""Regions, scaled windows and thumbnails show the right pixels."""

from __future__ import annotations

import numpy as np
import pytest

from cartopath.core.errors import SlideError
from cartopath.slides import open_slide


def smooth_picture(height, width):
    """Slow waves: whatever antialiased way of shrinking gives nearly the same."""
    y, x = np.mgrid[0:height, 0:width] / 512
    waves = [np.sin(2 * np.pi * (x + 0.3 * y)), np.cos(2 * np.pi * (y - 0.2 * x)), np.sin(2 * np.pi * (x * 0.7 + y))]
    return (128 + 90 * np.stack(waves, axis=-1)).round().astype(np.uint8)


@pytest.fixture(scope="module")
def picture():
    return smooth_picture(1500, 2100)


@pytest.fixture(scope="module")
def wavy_path(tmp_path_factory, write_slide, picture):
    return write_slide(tmp_path_factory.mktemp("wavy") / "wavy.tif", picture)


@pytest.fixture
def wavy_slide(wavy_path):
    with open_slide(wavy_path) as slide:
        yield slide


def difference(a, b):
    return float(np.abs(a.astype(int) - b.astype(int)).max())


def test_a_region_of_level_0_is_the_very_pixels(wavy_slide, picture):
    region = wavy_slide.read_region(1001, 503, 0, 300, 200)
    assert region.dtype == np.uint8
    assert np.array_equal(region, picture[503:703, 1001:1301])


def test_a_region_of_a_level_starts_at_level_0_coordinates(wavy_slide, picture):
    region = wavy_slide.read_region(400, 200, 1, 50, 40)
    expected = picture[200:280, 400:500].reshape(40, 2, 50, 2, 3).mean(axis=(1, 3))
    assert difference(region, expected) <= 1


def test_what_lies_outside_the_slide_is_white(wavy_slide, picture):
    region = wavy_slide.read_region(-10, -20, 0, 40, 50)
    assert (region[:20] == 255).all()
    assert (region[:, :10] == 255).all()
    assert np.array_equal(region[20:, 10:], picture[:30, :30])
    beyond = wavy_slide.read_region(2090, 1490, 0, 20, 20)
    assert np.array_equal(beyond[:10, :10], picture[1490:, 2090:])
    assert (beyond[10:] == 255).all()
    assert (wavy_slide.read_region(10**6, 10**6, 0, 5, 5) == 255).all()


def test_a_region_can_be_written_to(wavy_slide):
    wavy_slide.read_region(0, 0, 0, 4, 4)[:] = 0
    wavy_slide.read_region(-2, 0, 0, 4, 4)[:] = 0


@pytest.mark.parametrize("level", [-1, 3])
def test_a_level_that_is_not_there_is_an_error(wavy_slide, level):
    with pytest.raises(SlideError, match=f"no level {level}; it has levels 0 to 2"):
        wavy_slide.read_region(0, 0, level, 8, 8)


@pytest.mark.parametrize(("width", "height"), [(0, 8), (8, -1), (100_000, 100_000)])
def test_impossible_sizes_are_an_error_before_memory_is_asked_for(wavy_slide, width, height):
    with pytest.raises(SlideError, match="cannot read"):
        wavy_slide.read_region(0, 0, 0, width, height)


@pytest.mark.parametrize(
    ("downsample", "level"), [(0.5, 0), (1.0, 0), (1.9, 0), (1.985, 1), (2.0, 1), (3.8, 1), (3.82, 2), (4.0, 2), (100.0, 2)]
)
def test_the_coarsest_level_that_is_fine_enough_is_used(wavy_slide, downsample, level):
    assert wavy_slide.best_rendition(downsample).level == level


def test_a_window_at_native_resolution_is_not_resampled(wavy_slide, picture):
    assert np.array_equal(wavy_slide.read_scaled(101, 57, (256, 256), (256, 256)), picture[57:313, 101:357])


@pytest.mark.parametrize("window", [512, 513, 700, 1013])
def test_a_scaled_window_shows_what_it_covers(wavy_slide, picture, window):
    found = wavy_slide.read_scaled(123, 77, (window, window), (256, 256))
    centres = 123 + (np.arange(256) + 0.5) * window / 256 - 0.5, 77 + (np.arange(256) + 0.5) * window / 256 - 0.5
    nearest = picture[np.rint(centres[1]).astype(int)][:, np.rint(centres[0]).astype(int)]
    assert difference(found, nearest) <= 5


def test_a_fine_pattern_is_averaged_not_sampled(tmp_path, write_slide):
    checks = np.where(np.indices((512, 512)).sum(axis=0)[..., None] % 2, 255, 0).astype(np.uint8).repeat(3, axis=2)
    with open_slide(write_slide(tmp_path / "checks.tif", checks, levels=1)) as slide:
        shrunk = slide.read_scaled(0, 0, (512, 512), (100, 100))
    assert np.abs(shrunk.astype(int) - 128).max() <= 20


def test_the_thumbnail_has_the_slides_proportions(wavy_slide):
    assert wavy_slide.thumbnail(300).shape == (214, 300, 3)


def test_a_thumbnail_is_never_larger_than_the_slide(wavy_slide, picture):
    assert np.array_equal(wavy_slide.thumbnail(10_000), picture)


@pytest.mark.parametrize("max_px", [1, 100, 525, 1000])
def test_the_thumbnail_shows_the_whole_slide(wavy_slide, picture, max_px):
    thumbnail = wavy_slide.thumbnail(max_px)
    height, width = thumbnail.shape[:2]
    rows = np.rint((np.arange(height) + 0.5) * 1500 / height - 0.5).astype(int)
    cols = np.rint((np.arange(width) + 0.5) * 2100 / width - 0.5).astype(int)
    if max_px > 1:
        assert difference(thumbnail, picture[rows][:, cols]) <= 12


def test_the_thumbnail_of_a_single_level_is_read_in_small_pieces(tmp_path, write_slide, picture, monkeypatch):
    monkeypatch.setattr("cartopath.slides.thumbnail.BLOCK_PX", (300, 300))
    path = write_slide(tmp_path / "single.tif", picture, levels=1)
    with open_slide(path) as slide:
        read, sizes = slide.read_rendition, []
        monkeypatch.setattr(slide, "read_rendition", lambda x, y, which, w, h: sizes.append((w, h)) or read(x, y, which, w, h))
        in_pieces = slide.thumbnail(350)
    assert max(max(size) for size in sizes) <= 310
    with open_slide(path) as slide:
        monkeypatch.setattr("cartopath.slides.thumbnail.BLOCK_PX", (10_000, 10_000))
        at_once = slide.thumbnail(350)
    assert difference(in_pieces, at_once) <= 3


def test_a_broken_tile_is_an_error_that_says_where(tmp_path, write_slide, picture):
    import tifffile

    path = write_slide(tmp_path / "damaged.tif", picture, compression="jpeg", levels=1)
    with tifffile.TiffFile(path) as tiff:
        start, size = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[start : start + size] = bytes(size)
    path.write_bytes(content)
    with open_slide(path) as slide, pytest.raises(SlideError, match=r"damaged\.tif: cannot decode 64 x 64 px of level 0"):
        slide.read_region(0, 0, 0, 64, 64)
