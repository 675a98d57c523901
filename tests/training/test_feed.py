"""Batches read block by block: the right tiles, each decoded once, in bounded memory, whatever reads them."""

import dataclasses
import threading
import time
import tracemalloc

import numpy as np
import pytest
import tifffile

from cartopath.core.errors import SlideError
from cartopath.training import SlideTiles, TileSource, write_tile_cache
from cartopath.training.feed import feed
from cartopath.training.order import TrainingOrder

SIZE = 16


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    """Three slides of 12 x 8 tiles off the frame grid, compressed without loss."""
    folder = tmp_path_factory.mktemp("slides")
    return [_slide(folder / f"slide-{number}.tif", number) for number in range(3)]


def _slide(path, number):
    pixels = np.random.default_rng(number).integers(0, 256, (9 * SIZE, 13 * SIZE, 3), dtype=np.uint8)
    tifffile.imwrite(path, pixels, tile=(16, 16), photometric="rgb", compression="zlib")
    xy = np.array([(5 + x * SIZE, 7 + y * SIZE) for y in range(8) for x in range(12)])
    return SlideTiles(
        slide_id=path.stem, patient_id=path.stem, path=path, xy_px0=xy, window_px0=SIZE, size_px=SIZE, stated_mpp=0.5
    )


def order_of(source, **options):
    defaults = {"seed": 0, "names": (), "batch_size": 7, "chunks_per_pass": 4, "shuffle_tiles": 60}
    return TrainingOrder(source.slide_of_tile, source.places, **{**defaults, **options})


def expected(slides, draw):
    where = [(slide, row) for slide in slides for row in range(slide.n_tiles)]
    images = {slide.slide_id: tifffile.imread(slide.path) for slide in slides}
    tiles = []
    for number, (across, down) in zip(draw.index, draw.flips, strict=True):
        slide, row = where[number]
        x, y = slide.xy_px0[row]
        tile = images[slide.slide_id][y : y + SIZE, x : x + SIZE]
        tile = tile[:, ::-1] if across else tile
        tiles.append(tile[::-1] if down else tile)
    return np.stack(tiles)


@pytest.mark.parametrize("threads", [1, 4])
def test_every_batch_holds_its_tiles_flipped_as_drawn(slides, threads):
    source = TileSource(slides)
    draws = order_of(source).rest_of_pass(0, end=4)
    assert len({tuple(flip) for draw in draws for flip in draw.flips.tolist()}) == 4
    for drawn, (draw, tiles) in zip(draws, feed(source, [draws], threads=threads), strict=True):
        assert draw is drawn
        assert np.array_equal(tiles, expected(slides, draw))
    source.close()


def test_caches_and_slides_feed_the_same_bytes(slides, tmp_path):
    for slide in slides[::2]:
        write_tile_cache(slide, tmp_path / f"{slide.slide_id}.npy")
    sources = TileSource(slides), TileSource([dataclasses.replace(s, cache_path=tmp_path / f"{s.slide_id}.npy") for s in slides])
    draws = order_of(sources[0]).rest_of_pass(0, end=4)
    for (_, one), (_, other) in zip(*(feed(source, [draws], threads=2) for source in sources), strict=True):
        assert one.tobytes() == other.tobytes()
    for source in sources:
        source.close()


class Reads(TileSource):
    """A source that notes what is read together, and how many tiles are alive."""

    def read_together(self, index):
        self.noted.append(index)
        return super().read_together(index)


def test_what_is_needed_of_a_block_is_read_once_and_in_one_go(slides):
    source = Reads(slides)
    source.noted = []
    order = order_of(source)
    draws = order.rest_of_pass(1, end=4)  # from the middle of a pass, as after a kill
    for _ in feed(source, [draws], threads=2):
        pass
    source.close()
    block = order.pass_blocks(0)
    assert sorted(np.concatenate(source.noted)) == sorted(np.concatenate([draw.index for draw in draws]))
    blocks = [np.unique(block[index]) for index in source.noted]
    assert all(len(numbers) == 1 for numbers in blocks)
    assert len(np.unique(np.concatenate(blocks))) == len(source.noted)


def test_reading_goes_on_over_the_end_of_a_pass(slides):
    source = Reads(slides)
    source.noted = []
    order = order_of(source)
    batches = feed(source, [order.rest_of_pass(0, end=8), order.rest_of_pass(4, end=8)], threads=3)
    for _ in range(4 * order.n_batches):
        next(batches)
    until = time.monotonic() + 20  # A busy machine lets threads wait.
    while (n_read := sum(map(len, source.noted))) <= source.n_tiles and time.monotonic() < until:
        time.sleep(0.01)
    batches.close()
    source.close()
    assert n_read > source.n_tiles


def test_memory_holds_the_buffer_and_a_block_per_thread(slides):
    big = [dataclasses.replace(slide, size_px=64) for slide in slides]
    source = TileSource(big)
    order = order_of(source, shuffle_tiles=40)
    next(feed(source, [order.rest_of_pass(0, end=4)], threads=1))  # Imports are not what is measured.
    tracemalloc.start()
    for _ in feed(source, [order.rest_of_pass(0, end=4)], threads=2):
        pass
    peak = tracemalloc.get_traced_memory()[1] / (64 * 64 * 3)
    tracemalloc.stop()
    source.close()
    # The buffer, the block whose tiles are entering it, two blocks ahead, two being decoded, and a batch or two.
    assert peak < 40 + 5 * 16 + 2 * 7 + 20
    assert source.n_tiles > 2 * peak


def test_a_slide_that_cannot_be_read_is_told_and_no_thread_stays(slides, tmp_path):
    (tmp_path / "broken.svs").write_bytes(b"no slide")
    source = TileSource([slides[0], dataclasses.replace(slides[1], path=tmp_path / "broken.svs")])
    with pytest.raises(SlideError, match=r"broken\.svs"):
        list(feed(source, [order_of(source).rest_of_pass(0, end=4)], threads=2))
    source.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cartopath-read")]


def test_batches_go_where_they_are_wanted(slides):
    source = TileSource(slides)
    arrays = []

    def allocate(shape):
        arrays.append(np.empty(shape, np.uint8))
        return arrays[-1]

    draws = order_of(source).draws(0)
    fed = [tiles for _, tiles in feed(source, [draws], threads=1, allocate=allocate)]
    source.close()
    assert all(one is other for one, other in zip(fed, arrays, strict=True))
