"""How well a training's order mixes, held against what a uniform permutation is expected to give."""

import time

import numpy as np
import pytest

from cartopath.training.blocks import block_numbers
from cartopath.training.mixing import expected_same_block, mixing, uniform_mixing
from cartopath.training.order import TrainingOrder
from cartopath.training.shuffle import local_shuffle

BATCH = 32


@pytest.fixture(scope="module")
def cohort():
    """Slide and place of the tiles of 60 slides of 20 x 20 to 30 x 30 tiles."""
    sides = np.random.default_rng(0).integers(20, 31, 60)
    places = np.concatenate([np.argwhere(np.ones((side, side))) for side in sides]).astype(float)
    return np.repeat(np.arange(60), sides**2), places


def order_of(cohort, **options):
    return TrainingOrder(*cohort, **{"seed": 0, "names": (), "batch_size": BATCH, "chunks_per_pass": 1, **options})


def mixing_of(cohort, order):
    slide, places = cohort
    blocks = block_numbers(slide, places, side=4)
    return mixing([d.index for d in order.draws(0)], slide_of_tile=slide, block_of_tile=blocks, labels=slide % 2)


def uniform(cohort):
    slide, places = cohort
    return uniform_mixing(slide, block_numbers(slide, places, side=4), BATCH)


def test_a_permutation_has_what_is_expected_of_one(cohort):
    slide, places = cohort
    blocks = block_numbers(slide, places, side=4)
    batches = np.array_split(np.random.default_rng(1).permutation(len(slide)), len(slide) // BATCH)
    found = mixing(batches, slide_of_tile=slide, block_of_tile=blocks, labels=slide % 2)
    assert found.slides_per_batch == pytest.approx(uniform(cohort).slides_per_batch, rel=0.005)
    assert found.same_block == pytest.approx(uniform(cohort).same_block, rel=0.1)
    assert found.label_variance == pytest.approx(1, abs=0.15)
    assert found.autocorrelation == pytest.approx(0, abs=0.02)


def test_slide_after_slide_is_no_mixing_at_all(cohort):
    slide, places = cohort
    batches = np.array_split(np.arange(len(slide)), len(slide) // BATCH)
    found = mixing(batches, slide_of_tile=slide, block_of_tile=block_numbers(slide, places, side=4), labels=slide % 2)
    assert found.slides_per_batch < 1.2
    assert found.label_variance > 25
    assert found.autocorrelation > 0.99


def test_an_order_mixes_nearly_as_well_as_a_permutation(cohort):
    found, expected = mixing_of(cohort, order_of(cohort, shuffle_tiles=1024)), uniform(cohort)
    assert found.slides_per_batch > 0.95 * expected.slides_per_batch
    assert found.label_variance < 1.4
    assert abs(found.autocorrelation) < 0.03


def test_tiles_of_a_block_meet_as_rarely_as_the_buffer_allows(cohort):
    order = order_of(cohort, shuffle_tiles=1024)
    block = order.pass_blocks(0)
    found = mixing([draw.index for draw in order.draws(0)], slide_of_tile=cohort[0], block_of_tile=block, labels=cohort[0] % 2)
    assert found.same_block == pytest.approx(expected_same_block(block, 1024), rel=0.15)


def test_a_small_buffer_mixes_worse(cohort):
    small, large = (mixing_of(cohort, order_of(cohort, shuffle_tiles=buffer)) for buffer in (64, 4096))
    assert small.same_block > 10 * large.same_block
    assert small.slides_per_batch < large.slides_per_batch - 5


def test_a_buffer_that_holds_everything_draws_every_order_equally_often():
    rng = np.random.default_rng(0)
    drawn = [tuple(local_shuffle(np.arange(4), 4, rng).tolist()) for _ in range(24 * 500)]
    counts = np.unique(drawn, axis=0, return_counts=True)[1]
    assert len(counts) == 24
    assert ((counts - 500) ** 2 / 500).sum() < 50  # chi-squared of 23 degrees of freedom: 0.1 % above 49.7


@pytest.mark.parametrize(("n_items", "buffer"), [(50, 7), (5, 5), (5, 9), (100, 1), (20, 19), (1, 1)])
def test_drawing_all_at_once_is_drawing_one_by_one(n_items, buffer):
    flow = np.arange(n_items) * 3
    rng = np.random.default_rng(4)
    lying, drawn = flow[:buffer].copy(), []
    slots = rng.integers(len(lying), size=n_items - len(lying))
    for slot, item in zip(slots, flow[buffer:], strict=True):
        drawn.append(lying[slot])
        lying[slot] = item
    drawn += rng.permutation(lying).tolist()
    assert local_shuffle(flow, buffer, np.random.default_rng(4)).tolist() == drawn


def test_an_item_is_drawn_once_it_is_in_the_buffer_and_not_before():
    drawn = local_shuffle(np.arange(5000), 100, np.random.default_rng(0))
    assert (drawn <= np.arange(5000) + 99).all()


def test_the_blocks_of_a_slide_are_spread_over_the_whole_pass(cohort):
    order = order_of(cohort, shuffle_tiles=64)
    slides = cohort[0][order.pass_tiles(0)]
    for part in np.array_split(slides, 5):
        counts = np.bincount(part, minlength=60) / np.bincount(cohort[0])
        assert counts.min() > 0.05
        assert counts.max() < 0.4


def test_block_borders_lie_elsewhere_in_each_pass(cohort):
    order = order_of(cohort, shuffle_tiles=64)
    neighbours = [order.pass_blocks(number)[:-1] == order.pass_blocks(number)[1:] for number in range(2)]
    assert not np.array_equal(*neighbours)


def test_no_block_is_wider_than_four_tiles(cohort):
    slide, places = cohort
    block = order_of(cohort, shuffle_tiles=64).pass_blocks(0)
    by_block = np.argsort(block, kind="stable")
    starts = np.flatnonzero(np.diff(block[by_block], prepend=-1))
    extent = np.maximum.reduceat(places[by_block], starts) - np.minimum.reduceat(places[by_block], starts)
    assert extent.max() == 3
    assert (np.maximum.reduceat(slide[by_block], starts) == np.minimum.reduceat(slide[by_block], starts)).all()


def test_a_capped_pass_takes_whole_blocks(cohort):
    order = order_of(cohort, shuffle_tiles=64, tiles_per_slide=48)
    block = order.pass_blocks(0)
    shown = np.bincount(block[order.pass_tiles(0)], minlength=block.max() + 1)
    sizes = np.bincount(block)
    partly = (shown > 0) & (shown < sizes)
    assert partly.sum() <= 60  # at most the last of each slide
    assert (shown > 0).sum() < 60 * 8


def test_a_cap_shows_every_tile_equally_often(cohort):
    few = tuple(values[cohort[0] < 2] for values in cohort)
    order = order_of(few, shuffle_tiles=64, tiles_per_slide=100)
    shown = np.zeros(len(few[0]))
    for number in range(400):
        shown[order.pass_tiles(number)] += 1
    for slide in range(2):
        share = shown[few[0] == slide] / 400
        expected = 100 / len(share)
        assert np.abs(share - expected).max() < 5 * np.sqrt(expected * (1 - expected) / 400) + 0.03


def test_a_million_tiles_are_ordered_in_seconds():
    places = np.tile(np.argwhere(np.ones((40, 50))), (500, 1)).astype(float)
    order = TrainingOrder(
        np.repeat(np.arange(500), 2000), places, seed=0, names=(), batch_size=32, chunks_per_pass=16, shuffle_tiles=1024
    )
    began = time.process_time()
    order.pass_tiles(0)
    assert time.process_time() - began < 4
