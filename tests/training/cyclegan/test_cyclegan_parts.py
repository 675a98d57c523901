"""The parts of the training: schedule, pairs, pool, losses."""

import numpy as np
import pytest
import torch

from cartopath.core.errors import ConfigError, TrainingError
from cartopath.core.rng import stream
from cartopath.models.cyclegan import DiscriminatorSpec, GeneratorSpec
from cartopath.training.cyclegan import CycleGanSpec
from cartopath.training.cyclegan.pairs import Draw, PairLoader, crop
from cartopath.training.cyclegan.pool import ImagePool


def test_the_defaults_are_those_of_the_authors():
    spec = CycleGanSpec()
    assert (spec.load_px, spec.crop_px, spec.batch_size, spec.flips) == (286, 256, 1, True)
    assert (spec.generator, spec.discriminator) == (GeneratorSpec(), DiscriminatorSpec())
    assert (spec.lr, spec.beta1, spec.epochs, spec.decay_epochs) == (2e-4, 0.5, 100, 100)
    assert (spec.pool_size, spec.cycle_weight, spec.identity_weight) == (50, 10.0, 0.5)


def test_the_learning_rate_is_constant_then_falls_by_equal_steps():
    spec = CycleGanSpec(epochs=3, decay_epochs=4, lr=1.0)
    assert [spec.lr_of(epoch) for epoch in range(7)] == pytest.approx([1, 1, 1, 4 / 5, 3 / 5, 2 / 5, 1 / 5])


def test_where_it_runs_is_no_part_of_the_recipe():
    assert CycleGanSpec(threads=4, accelerator="cpu").recipe() == CycleGanSpec().recipe()
    assert CycleGanSpec(lr=1e-3).recipe() != CycleGanSpec().recipe()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"crop_px": 254}, "multiple of 4"),
        ({"load_px": 200}, "at least 256"),
        ({"crop_px": 20, "load_px": None}, "at least 24 for this discriminator"),
        ({"epochs": 0, "decay_epochs": 0}, "together with 'decay_epochs'"),
        ({"lr": 0.0}, "positive"),
        ({"batch_size": 0}, "at least 1"),
        ({"pool_size": -1}, "at least 0"),
    ],
)
def test_impossible_settings_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        CycleGanSpec(**wrong)


def numbered(n_tiles, size=40):
    return [np.full((size, size, 3), number, np.uint8) for number in range(n_tiles)]


def loader(spec, n_first, n_second, epoch=0):
    return PairLoader(numbered(n_first), numbered(n_second), spec, epoch=lambda: epoch)


def test_an_epoch_shows_every_tile_of_the_larger_set_once():
    spec = CycleGanSpec(load_px=None, crop_px=32)
    shown = [int(first[0, 0, 0, 0]) for first, _ in loader(spec, 9, 4)]
    assert sorted(shown) == list(range(9))


def test_a_smaller_first_set_is_shown_in_turn():
    spec = CycleGanSpec(load_px=None, crop_px=32)
    shown = [int(first[0, 0, 0, 0]) for first, _ in loader(spec, 3, 9)]
    assert sorted(shown) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_an_epoch_draws_the_same_again_and_another_epoch_does_not():
    spec = CycleGanSpec(load_px=None, crop_px=32)
    first, again = (list(loader(spec, 9, 4, epoch=5).draws(5)) for _ in range(2))
    assert first == again
    assert first != list(loader(spec, 9, 4).draws(6))


def test_batches_are_channels_first():
    spec = CycleGanSpec(load_px=36, crop_px=32, batch_size=3)
    batches = list(loader(spec, 7, 4))
    assert len(batches) == 3
    assert all(side.shape == (3, 3, 32, 32) and side.dtype == torch.uint8 for batch in batches for side in batch)


def test_crops_reach_every_corner_and_are_mirrored():
    tile = np.arange(40 * 40 * 3, dtype=np.uint32).astype(np.uint8).reshape(40, 40, 3)
    spec = CycleGanSpec(load_px=None, crop_px=32)
    assert (crop(tile, Draw(0, 0.0, 0.0, mirrored=False), spec) == tile[:32, :32]).all()
    assert (crop(tile, Draw(0, 0.9999, 0.9999, mirrored=False), spec) == tile[8:, 8:]).all()
    assert (crop(tile, Draw(0, 0.0, 0.9999, mirrored=True), spec) == tile[8:, :32][:, ::-1]).all()


def test_tiles_that_are_too_small_are_refused():
    with pytest.raises(TrainingError, match="tile 3 is 20 x 20 px, smaller than crops of 32 px"):
        crop(np.zeros((20, 20, 3), np.uint8), Draw(3, 0, 0, mirrored=False), CycleGanSpec(load_px=None, crop_px=32))


def picture(value):
    return torch.full((1, 3, 2, 2), float(value))


def test_a_pool_gives_back_what_comes_until_it_is_full():
    pool, rng = ImagePool(3), stream(0, "pool")
    assert [float(pool.exchange(picture(i), rng)[0, 0, 0, 0]) for i in range(3)] == [0, 1, 2]
    assert len(pool.pictures) == 3


def test_a_full_pool_gives_an_older_picture_half_of_the_time():
    pool, rng = ImagePool(3), stream(0, "pool")
    given = [float(pool.exchange(picture(i), rng)[0, 0, 0, 0]) for i in range(603)]
    older = [value < i for i, value in enumerate(given)][3:]
    assert 0.42 < np.mean(older) < 0.58
    assert len(pool.pictures) == 3


def test_a_new_picture_takes_the_place_of_the_older_one_that_is_given():
    pool, rng = ImagePool(1), stream(1, "pool")
    held = 0.0
    pool.exchange(picture(0), rng)
    for i in range(1, 40):
        given = float(pool.exchange(picture(i), rng)[0, 0, 0, 0])
        assert given in (held, i)
        held = float(i) if given == held else held
        assert float(pool.pictures[0][0, 0, 0]) == held


def test_a_pool_of_none_changes_nothing():
    pool = ImagePool(0)
    assert float(pool.exchange(picture(7), stream(0, "pool")).max()) == 7
    assert not pool.pictures
