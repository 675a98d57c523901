"""Frames decoded 2, 4 and 8 times smaller: their sizes, their places, and how little they differ from averages of all pixels."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from frame_writers import cut, jpeg2000, picture, rgb_jpeg, tables_apart, write_frames, ycbcr_jpeg

from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.simulate import render_region
from cartopath.simulate.specimen import plan_specimen

SHRINKS = (2, 4, 8)
STEPS = {"444": (1, 1), "422": (2, 1), "420": (2, 2)}
MIN_PSNR_DB = {"444": 48.0, "422": 36.0, "420": 45.0}


def averaged(image: np.ndarray, shrink: int) -> np.ndarray:
    """The reference: exact averages of blocks of pixels, not rounded."""
    height, width = (side // shrink * shrink for side in image.shape[:2])
    return image[:height, :width].reshape(height // shrink, shrink, width // shrink, shrink, 3).mean(axis=(1, 3))


def psnr_db(found: np.ndarray, reference: np.ndarray) -> float:
    height, width = reference.shape[:2]
    return float(10 * np.log10(255**2 / np.mean((found[:height, :width] - reference) ** 2)))


def write_image(path, image, colours, *, side=256, quality=85):
    frames = [(rgb_jpeg if colours == "rgb" else ycbcr_jpeg(colours, quality))(frame) for frame in cut(image, side)]
    size = (image.shape[1], image.shape[0])
    photometric = "rgb" if colours == "rgb" else "ycbcr"
    return write_frames(path, frames, size, side=side, photometric=photometric, subsampling=STEPS.get(colours, (1, 1)))


@pytest.fixture(scope="module")
def tissue():
    """Simulated tissue at 0.25 um per pixel: uint8 (512, 768, 3)."""
    specimen = plan_specimen(0, "scaled", size_px0=SizePx0(3000, 3000), mpp=0.25, fractions=(0.4, 0.4))
    return render_region(specimen, RegionPx0(1100, 1200, 768, 512))


@pytest.mark.parametrize("colours", ["rgb", "444", "422", "420"])
@pytest.mark.parametrize("side", [240, 256])
def test_a_shrunken_frame_has_exactly_its_share_of_the_level(direct, tmp_path, colours, side):
    backend = direct(write_image(tmp_path / "a.tif", picture(701, 503), colours, side=side))
    layout = backend.frames.layout(0)
    assert layout.shrinks == (1, 2, 4, 8)
    cells = [(col, row) for row in range(layout.n_rows) for col in range(layout.n_cols)]
    for shrink in layout.shrinks:
        found = np.zeros((-(-503 // shrink), -(-701 // shrink)), int)
        for (col, row), data in zip(cells, backend.frames.fetch(0, cells), strict=True):
            pixels = backend.frames.decode(0, (col, row), data, shrink=shrink)
            top, left = row * side // shrink, col * side // shrink
            found[top : top + pixels.shape[0], left : left + pixels.shape[1]] += 1
            assert pixels.dtype == np.uint8
        assert (found == 1).all()


@pytest.mark.parametrize("shrink", [1, *SHRINKS])
@pytest.mark.parametrize("colours", ["rgb", "444", "420"])
def test_memory_that_is_offered_changes_no_pixel(direct, tmp_path, colours, shrink):
    backend = direct(write_image(tmp_path / "a.tif", picture(701, 503), colours))
    layout = backend.frames.layout(0)
    memory = np.empty((layout.frame_height // shrink, layout.frame_width // shrink, 3), np.uint8)
    cells = [(col, row) for row in range(layout.n_rows) for col in range(layout.n_cols)]
    used = []
    for cell, data in zip(cells, backend.frames.fetch(0, cells), strict=True):
        expected = backend.frames.decode(0, cell, data, shrink=shrink)
        memory[...] = 7
        found = backend.frames.decode(0, cell, data, shrink=shrink, out=memory)
        assert (found == expected).all()
        used.append(found is memory)
    assert sum(used) >= len(cells) // 3


@pytest.mark.parametrize("shrink", SHRINKS)
def test_a_shrunken_region_is_cut_out_of_the_shrunken_level(direct, tmp_path, shrink):
    backend = direct(write_image(tmp_path / "a.tif", picture(701, 503), "420"))
    width, height = -(-701 // shrink), -(-503 // shrink)
    whole = backend.read_region(0, 0, 0, width, height, shrink=shrink)
    for x, y, right, bottom in [(3, 5, 40, 30), (-4, -6, 9, 9), (width - 6, height - 5, width + 4, height + 7)]:
        part = backend.read_region(x * shrink, y * shrink, 0, right - x, bottom - y, shrink=shrink)
        padded = np.pad(whole, ((8, 8), (8, 8), (0, 0)), constant_values=255)
        assert np.array_equal(part, padded[8 + y : 8 + bottom, 8 + x : 8 + right])


def test_a_shrunken_region_does_not_come_out_of_the_cache_of_another_size(direct, tmp_path):
    image = picture(512, 512)
    backend = direct(write_image(tmp_path / "a.tif", image, "444"))
    first = {shrink: backend.read_region(0, 0, 0, 64, 64, shrink=shrink) for shrink in (1, *SHRINKS)}
    again = {shrink: backend.read_region(0, 0, 0, 64, 64, shrink=shrink) for shrink in (8, 4, 2, 1)}
    assert all(np.array_equal(first[shrink], again[shrink]) for shrink in first)
    assert all(psnr_db(first[shrink], averaged(image, shrink)[:64, :64]) > 30 for shrink in SHRINKS)


def test_shared_tables_serve_shrunken_frames_too(direct, tmp_path):
    image = picture(512, 512)
    tables, frames = tables_apart([rgb_jpeg(frame) for frame in cut(image, 256)])
    with_shared = direct(write_frames(tmp_path / "a.tif", frames, (512, 512), side=256, photometric="rgb", tables=tables))
    with_own = direct(write_image(tmp_path / "b.tif", image, "rgb"))
    for shrink in SHRINKS:
        regions = [
            backend.read_region(0, 0, 0, 512 // shrink, 512 // shrink, shrink=shrink) for backend in (with_shared, with_own)
        ]
        assert np.array_equal(*regions)


def test_greyscale_frames_are_shrunk_like_the_luma_of_colours(direct, tmp_path):
    path = tmp_path / "a.tif"
    grey = picture(512, 512)[..., 0]
    tifffile.imwrite(path, grey, tile=(256, 256), compression="jpeg", photometric="minisblack", metadata=None)
    backend = direct(path)
    assert backend.frames.layout(0).shrinks == (1, 2, 4, 8)
    found = backend.read_region(0, 0, 0, 128, 128, shrink=4)
    assert psnr_db(found, averaged(np.repeat(grey[..., None], 3, axis=2), 4)) > 40


@pytest.mark.parametrize("side", [(16, 16), (112, 144), (208, 176)])
def test_only_factors_that_divide_both_sides_of_a_frame_are_offered(direct, tmp_path, side):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(300, 300), tile=side, compression="jpeg", photometric="rgb", metadata=None)
    layout = direct(path).frames.layout(0)
    assert layout.shrinks == tuple(n for n in (1, 2, 4, 8) if side[0] % n == side[1] % n == 0)


def test_strips_of_a_width_that_no_factor_divides_are_decoded_whole(direct, tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(301, 300), rowsperstrip=16, compression="jpeg", photometric="rgb", metadata=None)
    assert direct(path).frames.layout(0).shrinks == (1,)


@pytest.mark.parametrize("compression", [None, "deflate", "lzw"])
def test_frames_without_a_cosine_transform_are_decoded_whole(direct, tmp_path, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(256, 256), tile=(256, 256), compression=compression, photometric="rgb", metadata=None)
    assert direct(path).frames.layout(0).shrinks == (1,)


def test_jpeg2000_frames_are_decoded_whole(direct, tmp_path):
    path = write_frames(
        tmp_path / "a.tif", [jpeg2000(picture(256, 256))], (256, 256), side=256, compression=33005, photometric="rgb"
    )
    assert direct(path).frames.layout(0).shrinks == (1,)


@pytest.mark.parametrize("shrink", [1, *SHRINKS])
def test_threads_that_decode_at_once_get_what_one_gets_alone(direct, tmp_path, shrink):
    backend = direct(write_image(tmp_path / "a.tif", picture(1024, 1024), "420"))
    cells = [(col, row) for row in range(4) for col in range(4)]
    jobs = list(zip(cells, backend.frames.fetch(0, cells), strict=True)) * 4

    def decode(job):
        return backend.frames.decode(0, *job, shrink=shrink).tobytes()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(decode, jobs)) == [decode(job) for job in jobs]


@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000", "deflate", "lzw"])
def test_other_threads_run_while_a_frame_is_decoded(direct, tmp_path, compression):
    path = tmp_path / "a.tif"
    image = picture(2048, 2048)
    tifffile.imwrite(path, image, tile=(2048, 2048), compression=compression, photometric="rgb", metadata=None)
    backend = direct(path)
    (data,) = backend.frames.fetch(0, [(0, 0)])
    is_over, ticks = threading.Event(), []

    def tick():
        while not is_over.wait(0.0005):
            ticks.append(time.perf_counter())

    other = threading.Thread(target=tick)
    other.start()
    start = time.perf_counter()
    for _ in range(3):
        backend.frames.decode(0, (0, 0), data)
    end = time.perf_counter()
    is_over.set()
    other.join()
    assert max(np.diff([start, *(tick for tick in ticks if start < tick < end), end])) < (end - start) / 3


def test_what_is_kept_of_a_frame_at_the_border_is_its_part_on_the_level(direct, tmp_path):
    backend = direct(write_image(tmp_path / "a.tif", picture(260, 260), "444"))
    for cell, data in zip([(1, 0), (0, 1)], backend.frames.fetch(0, [(1, 0), (0, 1)]), strict=True):
        pixels = backend.frames.decode(0, cell, data)
        assert pixels.size == 4 * 256 * 3
        assert pixels.flags.owndata


@pytest.mark.parametrize("colours", MIN_PSNR_DB)
@pytest.mark.parametrize("shrink", SHRINKS)
def test_simulated_tissue_decoded_smaller_is_close_to_the_average_of_all_pixels(direct, tmp_path, tissue, colours, shrink):
    backend = direct(write_image(tmp_path / "a.tif", tissue, colours))
    full = backend.read_region(0, 0, 0, 768, 512)
    small = backend.read_region(0, 0, 0, 768 // shrink, 512 // shrink, shrink=shrink)
    assert psnr_db(small, averaged(full, shrink)) > MIN_PSNR_DB[colours]


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "level", "corner", "colours"),
    [
        ("TCGA-C8-A1HN-01Z-00-DX1.tif", 0, (9216, 9216), "444"),
        ("TCGA-C8-A1HN-01Z-00-DX1.tif", 1, (8192, 8192), "420"),
        ("CMU-1-Small-Region.svs", 0, (480, 960), "444"),
    ],
)
@pytest.mark.parametrize("shrink", SHRINKS)
def test_real_tissue_decoded_smaller_is_close_to_the_average_of_all_pixels(
    direct, real_data, name, level, corner, colours, shrink
):
    backend = direct(real_data / "slides" / name)
    full = backend.read_region(*corner, level, 1024, 1024)
    small = backend.read_region(*corner, level, 1024 // shrink, 1024 // shrink, shrink=shrink)
    assert psnr_db(small, averaged(full, shrink)) > MIN_PSNR_DB[colours]
