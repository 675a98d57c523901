import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartopath.core.errors import TrainingError
from cartopath.training.order import TrainingOrder, validation_draws, validation_tiles

SLIDES = st.lists(st.integers(1, 40), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) > 1)


def order_of(sizes, *, width=10, **options):
    """The order of slides of so many tiles each, `width` in a row."""
    defaults = {"seed": 0, "names": ("training",), "batch_size": 8, "chunks_per_pass": 16, "shuffle_tiles": 64}
    within = np.concatenate([np.arange(size) for size in sizes])
    places = np.stack([within % width, within // width], axis=1).astype(float)
    return TrainingOrder(np.repeat(np.arange(len(sizes)), sizes), places, **{**defaults, **options})


@settings(max_examples=50, deadline=None)
@given(sizes=SLIDES, batch_size=st.integers(2, 50), first_pass=st.integers(0, 3))
def test_one_pass_shows_every_tile_once_in_batches_of_nearly_equal_size(sizes, batch_size, first_pass):
    order = order_of(sizes, batch_size=batch_size)
    chunks = [order.draws(first_pass * order.chunks_per_pass + part) for part in range(order.chunks_per_pass)]
    shown = np.concatenate([draw.index for draws in chunks for draw in draws])
    assert sorted(shown.tolist()) == list(range(sum(sizes)))
    for draws in chunks:
        lengths = [len(draw.index) for draw in draws]
        assert len(draws) == order.n_batches
        assert max(lengths) <= batch_size
        assert max(lengths) - min(lengths) <= 1
        assert min(lengths) >= order.smallest_batch >= 1


def test_a_pass_has_sixteen_chunks():
    assert order_of([100, 220]).chunks_per_pass == 16


def test_a_pass_over_few_tiles_has_fewer_chunks_so_that_none_is_empty():
    assert order_of([5, 6]).chunks_per_pass == 5


def test_a_chunk_does_not_depend_on_the_chunks_before_it():
    walked, fresh = order_of([30, 30]), order_of([30, 30])
    for chunk in range(20):
        walked.draws(chunk)
    for one, other in zip(walked.draws(20), fresh.draws(20), strict=True):
        assert np.array_equal(one.index, other.index)
        assert np.array_equal(one.flips, other.flips)


@pytest.mark.parametrize("change", [{"seed": 1}, {"names": ("training", "MKI67", 2)}])
def test_another_stream_gives_another_order(change):
    assert not np.array_equal(order_of([50]).pass_tiles(0), order_of([50], **change).pass_tiles(0))


def test_another_pass_has_another_order():
    order = order_of([50])
    assert not np.array_equal(order.pass_tiles(0), order.pass_tiles(1))


def test_flips_are_independent_and_fair():
    order = order_of([20_000])
    flips = np.concatenate([draw.flips for chunk in range(16) for draw in order.draws(chunk)])
    shares = np.bincount(flips[:, 0] * 2 + flips[:, 1], minlength=4) / len(flips)
    assert np.allclose(shares, 0.25, atol=0.015)  # four standard deviations


def test_flips_can_be_switched_off():
    assert not any(draw.flips.any() for draw in order_of([50], flips=False).draws(0))


def test_a_capped_pass_shows_at_most_so_many_tiles_of_a_slide_and_draws_them_anew():
    order = order_of([50, 3, 20], tiles_per_slide=10)
    passes = [set(order.pass_tiles(number).tolist()) for number in range(2)]
    for shown in passes:
        assert [sum(start <= tile < stop for tile in shown) for start, stop in ((0, 50), (50, 53), (53, 73))] == [10, 3, 10]
    assert order.n_tiles == 23
    assert passes[0] != passes[1]


@settings(max_examples=50, deadline=None)
@given(sizes=SLIDES, batch_size=st.integers(2, 50), world_size=st.integers(1, 5))
def test_devices_share_a_batch_without_overlap_and_evenly(sizes, batch_size, world_size):
    for draw in order_of(sizes, batch_size=batch_size).draws(0):
        shares = [draw.share(rank, world_size) for rank in range(world_size)]
        lengths = [len(share.index) for share in shares]
        assert sorted(np.concatenate([share.index for share in shares]).tolist()) == sorted(draw.index.tolist())
        assert max(lengths) - min(lengths) <= 1
        of_tile = dict(zip(draw.index.tolist(), zip(draw.flips.tolist(), draw.block.tolist(), strict=True), strict=True))
        for share in shares:
            rows = zip(share.index.tolist(), share.flips.tolist(), share.block.tolist(), strict=True)
            assert all(of_tile[index] == (flips, block) for index, flips, block in rows)


def test_most_blocks_are_decoded_by_one_device_only():
    order = order_of([1000] * 20, width=40, batch_size=32, shuffle_tiles=1024)
    shares = [draw.share(rank, 2) for draw in order.rest_of_pass(0, end=16) for rank in range(2)]
    by_device = [np.concatenate([share.block for share in shares[rank::2]]) for rank in range(2)]
    at_home = [np.mean(blocks % 2 == rank) for rank, blocks in enumerate(by_device)]
    assert min(at_home) > 0.9  # by chance it would be half


def test_one_tile_is_not_enough():
    with pytest.raises(TrainingError, match="at least 2 tiles; there are 1"):
        order_of([1])


def test_a_validation_covers_all_tiles_in_order():
    slides = np.repeat([0, 1], [5, 7])
    assert validation_tiles(slides, seed=0, names=(), tiles_per_slide=None).tolist() == list(range(12))


def test_a_validation_goes_block_by_block():
    block = np.array([0, 1, 0, 2, 1, 0, 2, 2, 3])
    devices = validation_draws(np.array([0, 1, 2, 4, 5, 6, 7, 8]), block, batch_size=4, world_size=2)
    assert [draw.index.tolist() for draws in devices for draw in draws] == [[0, 2], [5, 1], [4, 6], [7, 8]]
    assert [draw.block.tolist() for draws in devices for draw in draws] == [[0, 0], [0, 1], [1, 2], [2, 3]]


def test_a_capped_validation_is_always_the_same_draw():
    slides = np.repeat([0, 1, 2], [50, 3, 20])
    tiles = validation_tiles(slides, seed=0, names=("x",), tiles_per_slide=10)
    assert np.bincount(slides[tiles]).tolist() == [10, 3, 10]
    assert np.array_equal(tiles, validation_tiles(slides, seed=0, names=("x",), tiles_per_slide=10))
    assert np.all(np.diff(tiles) > 0)


@settings(max_examples=50, deadline=None)
@given(n_tiles=st.integers(1, 100), batch_size=st.integers(1, 40), world_size=st.integers(1, 4))
def test_devices_validate_every_tile_once_in_equally_many_batches(n_tiles, batch_size, world_size):
    if n_tiles < world_size:
        with pytest.raises(TrainingError, match="cannot be shared"):
            validation_draws(np.arange(n_tiles), np.zeros(n_tiles, int), batch_size=batch_size, world_size=world_size)
        return
    devices = validation_draws(np.arange(n_tiles), np.arange(n_tiles) // 7, batch_size=batch_size, world_size=world_size)
    assert len({len(batches) for batches in devices}) == 1
    shown = [tile for batches in devices for draw in batches for tile in draw.index.tolist()]
    assert sorted(shown) == list(range(n_tiles))
    assert all(len(draw.index) > 0 for batches in devices for draw in batches)
