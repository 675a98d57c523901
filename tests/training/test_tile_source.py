"""Tiles read from real slide files, with and without caches."""

import copy
import dataclasses

import numpy as np
import pytest
import tifffile

from cartopath.core.errors import ArtifactError, ResolutionError
from cartopath.training import SlideTiles, TileSource, tile_cache_path, write_tile_cache, write_tile_caches
from cartopath.training import cache as cache_module

SIZE = 16


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    return [_slide(folder, number, n_tiles=3 + number) for number in range(4)]


def _slide(folder, number, n_tiles):
    """A slide of 64 x 64 px compressed without loss, on which the tile at (x, y) is known exactly."""
    pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = folder / f"slide-{number}.tif"
    tifffile.imwrite(path, pixels, tile=(16, 16), photometric="rgb", compression="zlib")
    xy = np.array([(x, y) for y in range(0, 64, SIZE) for x in range(0, 64, SIZE)])[: n_tiles * 2 : 2]
    return SlideTiles(
        slide_id=path.stem, patient_id=path.stem, path=path, xy_px0=xy, window_px0=SIZE, size_px=SIZE, stated_mpp=0.5
    )


def expected(slide, row):
    x, y = slide.xy_px0[row]
    return tifffile.imread(slide.path)[y : y + SIZE, x : x + SIZE]


def test_tiles_come_in_the_order_asked_for_from_any_slide(slides):
    source = TileSource(slides)
    asked = np.array([17, 0, 3, 2, 17, 9, 8])
    where = [(slide, row) for slide in slides for row in range(slide.n_tiles)]
    tiles = source.read(asked)
    assert tiles.shape == (7, SIZE, SIZE, 3)
    for tile, number in zip(tiles, asked, strict=True):
        assert np.array_equal(tile, expected(*where[number]))
    source.close()


def test_tiles_are_numbered_slide_by_slide(slides):
    source = TileSource(slides)
    assert source.n_tiles == 3 + 4 + 5 + 6
    assert source.slide_of_tile.tolist() == [0] * 3 + [1] * 4 + [2] * 5 + [3] * 6


def test_no_tile_is_asked_for_and_none_comes(slides):
    assert TileSource(slides).read(np.array([], int)).shape == (0, SIZE, SIZE, 3)


@pytest.mark.parametrize("limit", [1, 2])
def test_only_so_many_slides_stay_open_and_reading_goes_on(slides, limit, monkeypatch):
    import cartopath.slides

    opened, closed = [], []
    real = cartopath.slides.open_slide

    def counting(path, **options):
        slide = real(path, **options)
        opened.append(path)
        really_close = slide.close
        monkeypatch.setattr(slide, "close", lambda: (closed.append(path), really_close()))
        return slide

    monkeypatch.setattr(cartopath.slides, "open_slide", counting)
    source = TileSource(slides, open_slides=limit)
    tiles = source.read(np.arange(18))
    assert np.array_equal(tiles[17], expected(slides[3], 5))
    assert len(opened) - len(closed) == limit
    source.close()
    assert len(opened) == len(closed)


def test_a_slide_that_stays_open_is_not_opened_again(slides, monkeypatch):
    import cartopath.slides

    opened = []
    real = cartopath.slides.open_slide
    monkeypatch.setattr(cartopath.slides, "open_slide", lambda path, **options: opened.append(path) or real(path, **options))
    with_two = TileSource(slides, open_slides=2)
    for _ in range(3):
        with_two.read(np.array([0, 3]))
    assert len(opened) == 2
    with_two.close()


def test_a_copy_as_sent_to_a_worker_carries_no_open_slide_and_reads_the_same(slides):
    source = TileSource(slides)
    tiles = source.read(np.arange(5))
    sent = copy.deepcopy(source)  # goes the way of pickling, by the same two methods
    assert len(sent._open) == 0 < len(source._open)
    assert np.array_equal(sent.read(np.arange(5)), tiles)
    source.close()
    sent.close()


def test_the_stated_resolution_reaches_the_slide(slides):
    nameless = dataclasses.replace(slides[0], stated_mpp=None)
    with pytest.raises(ResolutionError, match="slide-0"):
        TileSource([nameless]).read(np.array([0]))
    assumed = TileSource([dataclasses.replace(nameless, assume_mpp=0.5)])
    assert np.array_equal(assumed.read(np.array([0]))[0], expected(slides[0], 0))
    assumed.close()


def test_a_cache_holds_what_the_slide_gives(slides, tmp_path):
    path = tmp_path / "cache.npy"
    write_tile_cache(slides[2], path)
    cached = dataclasses.replace(slides[2], cache_path=path, path=tmp_path / "gone.tif")
    assert np.array_equal(TileSource([cached]).read(np.array([4, 1])), TileSource([slides[2]]).read(np.array([4, 1])))


def test_a_cache_that_does_not_exist_yet_is_not_missed(slides, tmp_path):
    planned = dataclasses.replace(slides[0], cache_path=tmp_path / "later.npy")
    assert np.array_equal(TileSource([planned]).read(np.array([1]))[0], expected(slides[0], 1))


def test_caches_stop_at_the_limit(slides, tmp_path):
    per_tile = SIZE * SIZE * 3
    told = []
    kept = write_tile_caches(slides, tmp_path, max_bytes=8 * per_tile, progress=lambda done, total: told.append((done, total)))
    assert [slide.cache_path is not None for slide in kept] == [True, True, False, False]  # 3 + 4 tiles, then 5 and 6 too many
    assert len(list(tmp_path.glob("*.npy"))) == 2
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [slide.slide_id for slide in kept] == [slide.slide_id for slide in slides]


def test_a_cache_is_written_once(slides, tmp_path, monkeypatch):
    write_tile_caches(slides, tmp_path, max_bytes=10**9)
    monkeypatch.setattr(cache_module, "write_tile_cache", lambda *_, **__: pytest.fail("written again"))
    kept = write_tile_caches(slides, tmp_path, max_bytes=10**9)
    assert all(slide.cache_path.is_file() for slide in kept)


@pytest.mark.parametrize("change", [{"size_px": 8}, {"window_px0": 32}, {"xy_px0": np.array([[0, 0], [16, 0], [32, 16]])}])
def test_other_tiles_have_another_cache(slides, tmp_path, change):
    assert tile_cache_path(dataclasses.replace(slides[0], **change), tmp_path) != tile_cache_path(slides[0], tmp_path)


def test_a_changed_slide_has_another_cache(slides, tmp_path):
    path = tmp_path / "slide-0.tif"
    path.write_bytes(slides[0].path.read_bytes())
    moved = dataclasses.replace(slides[0], path=path)
    before = tile_cache_path(moved, tmp_path)
    assert before == tile_cache_path(slides[0], tmp_path)  # moving a slide changes nothing
    path.write_bytes(path.read_bytes() + b"x")
    assert tile_cache_path(moved, tmp_path) != before


def test_a_slide_without_tiles_has_an_empty_cache(slides, tmp_path):
    empty = dataclasses.replace(slides[0], xy_px0=np.empty((0, 2)), cache_path=tmp_path / "empty.npy")
    write_tile_cache(empty, empty.cache_path)
    assert cache_module.open_tile_cache(empty).shape == (0, SIZE, SIZE, 3)


def test_no_cache_is_opened_by_parsing_python(slides, tmp_path, monkeypatch):
    """Python 3.11 fails now and then when several threads do that at once, as those that feed a training would."""
    cached = dataclasses.replace(slides[0], cache_path=tmp_path / "cache.npy")
    write_tile_cache(cached, cached.cache_path)
    monkeypatch.setattr("ast.literal_eval", None)
    assert cache_module.open_tile_cache(cached).shape == (slides[0].n_tiles, SIZE, SIZE, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "damaged tile cache"), (b"\x93NUMPY\x01", "damaged tile cache"), (b"hello", "damaged tile cache")],
)
def test_a_damaged_cache_is_an_error_that_names_the_file(slides, tmp_path, content, message):
    path = tmp_path / "cache.npy"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=rf"cache\.npy: {message}"):
        TileSource([dataclasses.replace(slides[0], cache_path=path)]).read(np.array([0]))


def test_a_cache_of_other_tiles_is_refused(slides, tmp_path):
    path = tmp_path / "cache.npy"
    write_tile_cache(slides[1], path)
    with pytest.raises(ArtifactError, match=r"holds uint8 \(4, 16, 16, 3\) where slide slide-0 has uint8 \(3, 16, 16, 3\)"):
        TileSource([dataclasses.replace(slides[0], cache_path=path)]).read(np.array([0]))
