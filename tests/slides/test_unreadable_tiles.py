"""A damaged frame costs its tiles and nothing else; a slide that is damaged all over is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cartopath.core.errors import SlideError, TileError
from cartopath.slides import TileSpec, iter_tiles, open_slide, plan_tiles, read_tile_plan, read_tiles, write_tile_plan
from cartopath.slides.backends.opening import open_backend
from cartopath.slides.backends.openslide_backend import OpenSlideBackend

SPEC = TileSpec(size_px=128, mpp=0.5)
TILE = 128


def spoil(path: Path, frames: list[int], *, page: int = 0) -> Path:
    """Overwrite frames of a level with zeros: (col, row) is frame row * n_cols + col."""
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        offsets, sizes = tiff.pages[page].dataoffsets, tiff.pages[page].databytecounts
    for frame in frames:
        content[offsets[frame] : offsets[frame] + sizes[frame]] = bytes(sizes[frame])
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def tissue(make_tissue):
    return make_tissue(1024)


def openslide_if_it_can(path):
    try:
        return OpenSlideBackend(path)
    except SlideError:
        return open_backend(path)


@pytest.fixture(params=["openslide", "jpeg", "webp"])
def write_damaged(request, tmp_path, write_slide, tissue, monkeypatch):
    """Write a slide of 8 x 8 frames, some of them spoilt, that is opened by OpenSlide, or directly."""
    if request.param == "openslide":
        monkeypatch.setattr("cartopath.slides.slide.open_backend", openslide_if_it_can)

    def write(frames, *, levels=1, page=0):
        if request.param != "webp":
            path = write_slide(tmp_path / "damaged.tif", tissue, levels=levels, tile=TILE, compression="jpeg")
        else:
            path = tmp_path / "damaged.tif"
            with tifffile.TiffWriter(path) as writer:
                for level in range(levels):
                    image = tissue[:: 2**level, :: 2**level]
                    writer.write(image, tile=(TILE, TILE), compression="webp", photometric="rgb", subfiletype=1 if level else 0,
                                 resolution=(20_000 / 2**level,) * 2, resolutionunit="CENTIMETER", metadata=None)  # fmt: skip
        spoil(path, frames, page=page)
        with open_slide(path) as slide:
            assert slide.backend == ("openslide" if request.param == "openslide" else "direct")
        return path

    return write


def frame(col, row):
    return 8 * row + col


def test_a_damaged_region_is_a_tile_error_and_its_neighbours_are_read(write_damaged, tissue):
    with open_slide(write_damaged([frame(3, 4)])) as slide:
        for _ in range(3):
            with pytest.raises(TileError, match=r"damaged\.tif: cannot decode 64 x 64 px of level 0 at level-0 \(400, 520\)"):
                slide.read_region(400, 520, 0, 64, 64)
            found = slide.read_region(256, 512, 0, 128, 128)
            assert np.abs(found.astype(int) - tissue[512:640, 256:384]).mean() < 10


def test_threads_that_read_sound_regions_never_see_the_error_of_another(write_damaged):
    path = write_damaged([frame(3, 4), frame(4, 4)])
    cells = [(col, row) for _ in range(6) for row in range(8) for col in range(8)]

    def read(slide, cell):
        try:
            return slide.read_region(cell[0] * TILE, cell[1] * TILE, 0, TILE, TILE).tobytes()
        except TileError:
            return None

    with open_slide(path) as slide, ThreadPoolExecutor(6) as pool:
        alone = [read(slide, cell) for cell in cells]
        together = list(pool.map(lambda cell: read(slide, cell), cells))
    assert [cell for cell, pixels in zip(cells, alone, strict=True) if pixels is None] == [(3, 4), (4, 4)] * 6
    assert together == alone


def test_errors_leak_no_descriptors(write_damaged):
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no /proc here")
    path = write_damaged([frame(3, 4)])
    before = len(list(folder.iterdir()))
    with open_slide(path) as slide:
        for _ in range(20):
            with pytest.raises(TileError):
                slide.read_region(3 * TILE, 4 * TILE, 0, 8, 8)
        assert len(list(folder.iterdir())) <= before + 2
    assert len(list(folder.iterdir())) == before


def test_a_slide_that_cannot_be_opened_again_is_a_slide_error_and_no_tile_error(tmp_path, write_slide, tissue):
    path = spoil(write_slide(tmp_path / "damaged.tif", tissue, levels=1, tile=TILE, compression="jpeg"), [0])
    slide = OpenSlideBackend(path)
    path.write_bytes(b"gone")
    with pytest.raises(SlideError, match="not a slide that OpenSlide can open") as caught:
        slide.read_region(0, 0, 0, 8, 8)
    slide.close()
    assert not isinstance(caught.value, TileError)


def test_the_thumbnail_is_white_where_a_frame_is_damaged_and_only_there(write_damaged, tissue):
    with open_slide(write_damaged([frame(3, 4)])) as slide:
        thumbnail = slide.thumbnail(1024)
        assert slide.lost_px0 == ((384, 512, 512, 640),)
    assert (thumbnail[512:640, 384:512] == 255).all()
    thumbnail[512:640, 384:512] = tissue[512:640, 384:512]
    assert np.abs(thumbnail.astype(int) - tissue).mean() < 10


def test_a_small_thumbnail_loses_little_more_than_the_damaged_frame(write_damaged):
    with open_slide(write_damaged([frame(3, 4)])) as slide:
        thumbnail = slide.thumbnail(128)
        lost = sum((right - left) * (bottom - top) for left, top, right, bottom in slide.lost_px0)
    assert (thumbnail[65:79, 49:63] == 255).all()
    assert lost <= 4 * TILE**2


def test_a_slide_none_of_which_can_be_decoded_has_no_thumbnail(write_damaged):
    with (
        open_slide(write_damaged(list(range(64)))) as slide,
        pytest.raises(SlideError, match=r"damaged\.tif: none of its pixels can be decoded \("),
    ):
        slide.thumbnail(256)


def test_a_thumbnail_of_a_large_damaged_slide_is_given_up_early(write_damaged, monkeypatch):
    monkeypatch.setattr("cartopath.slides.thumbnail.MAX_FAILURES", 10)
    with open_slide(write_damaged(list(range(60)))) as slide, pytest.raises(SlideError, match="too damaged"):
        slide.thumbnail(1024)


def test_damaged_tiles_are_counted_and_named_and_the_others_are_kept(write_damaged):
    sound, damaged = write_damaged([]), [(3, 4), (2, 3)]
    with open_slide(sound) as slide:
        whole = plan_tiles(slide, SPEC)
    with open_slide(write_damaged([frame(*cell) for cell in damaged])) as slide:
        plan = plan_tiles(slide, SPEC)
    assert plan.unreadable == ((2, 3), (3, 4))
    assert plan.counts["unreadable"] == 2
    assert plan.counts["kept"] == whole.counts["kept"] - 2
    assert plan.counts["grid"] == sum(count for fate, count in plan.counts.items() if fate != "grid")
    kept = whole.table[~whole.table[["col", "row"]].apply(tuple, axis=1).isin(damaged)]
    assert plan.table[["col", "row"]].to_numpy().tolist() == kept[["col", "row"]].to_numpy().tolist()


def test_a_tile_that_only_level_0_has_lost_is_unreadable_too(write_damaged):
    with open_slide(write_damaged([frame(3, 4)], levels=2)) as slide:
        slide.thumbnail(512)
        assert slide.lost_px0 == ()
        assert plan_tiles(slide, SPEC).unreadable == ((3, 4),)


def test_a_tile_whose_thumbnail_is_lost_is_looked_at_and_kept(write_damaged):
    with open_slide(write_damaged([5], levels=2, page=1)) as slide:  # col 1, row 1 of the 4 x 4 frames of level 1
        plan = plan_tiles(slide, TileSpec(size_px=64, mpp=1.0))
        fine = plan_tiles(slide, SPEC)
    assert set(plan.unreadable) == {(2, 2), (3, 2), (2, 3), (3, 3)}
    assert fine.unreadable == ()
    assert {(2, 2), (3, 2), (2, 3), (3, 3)} <= set(fine.table[["col", "row"]].apply(tuple, axis=1))


def test_the_number_of_threads_does_not_change_what_is_unreadable(write_damaged):
    path = write_damaged([frame(3, 4), frame(2, 3), frame(4, 5)])
    plans = []
    for threads in (1, 4):
        with open_slide(path) as slide:
            plans.append(plan_tiles(slide, SPEC, threads=threads))
    assert plans[0].table.equals(plans[1].table)
    assert plans[0].meta() == plans[1].meta()


def test_a_slide_with_most_of_its_tissue_damaged_is_refused(write_damaged):
    with (
        open_slide(write_damaged([n for n in range(64) if n % 8 < 5], levels=2)) as slide,
        pytest.raises(SlideError, match=r"too damaged: \d+ of \d+ tiles that may hold tissue cannot be decoded"),
    ):
        plan_tiles(slide, SPEC)


def test_what_is_unreadable_is_written_beside_the_tile_table(write_damaged, tmp_path):
    with open_slide(write_damaged([frame(3, 4)])) as slide:
        write_tile_plan(plan_tiles(slide, SPEC), tmp_path / "a.parquet", slide_id="a", sha256="", key="k")
    meta = read_tile_plan(tmp_path / "a.parquet")[1]
    assert meta["unreadable"] == [[3, 4]]
    assert meta["counts"]["unreadable"] == 1


def test_planned_tiles_are_read_strictly(write_damaged):
    with open_slide(write_damaged([frame(3, 4)])) as slide:
        corners = np.array([(0, 0), (3, 4)]) * TILE
        with pytest.raises(TileError):
            read_tiles(slide, corners, window_px0=TILE, size_px=TILE)
        batches = list(iter_tiles(slide, corners, window_px0=TILE, size_px=TILE, batch_size=1))
        assert [batch.is_readable.tolist() for batch in batches] == [[True], [False]]
        assert read_tiles(slide, corners[:1], window_px0=TILE, size_px=TILE).shape == (1, TILE, TILE, 3)


def test_what_lies_beyond_the_end_of_a_cut_file_is_unreadable_and_the_rest_is_read(write_damaged):
    path = write_damaged([])
    with tifffile.TiffFile(path) as tiff:
        offsets = tiff.pages[0].dataoffsets
    path.write_bytes(path.read_bytes()[: offsets[frame(0, 6)] + 3])
    with open_slide(path) as slide:
        plan = plan_tiles(slide, SPEC)
    assert {row for _, row in plan.unreadable} == {6, 7}
    assert plan.counts["unreadable"] == 16
    assert plan.table.row.max() == 5
