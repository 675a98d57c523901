"""Fingerprints of halves: a dense grid inside the half, any encoder, by piece and patient."""

import numpy as np
import pytest

from cartopath.core.errors import TrainingError
from cartopath.core.rng import stream
from cartopath.stats.matching import matching_game
from cartopath.training.fingerprint import half_fingerprints


def column_means(batches):
    """An encoder without a network: how rows and columns vary."""
    return np.concatenate(
        [np.stack([tile.std(axis=axis).mean(axis=-1).mean(axis=-1) for axis in (1, 2)], axis=1) for tile in batches]
    )


def test_a_dense_grid_covers_each_half(striped, network):
    side = half_fingerprints(column_means, striped, network, half="left", style="pink", overlap=0.5)
    per_axis = [int((length - 2 * (8 + 1)) / 8) + 1 for length in (48, 64)]
    assert len(side.features) == len(side.pieces) == len(side.patients) == 6 * per_axis[0] * per_axis[1]
    assert np.unique(side.pieces, return_counts=True)[1].tolist() == [per_axis[0] * per_axis[1]] * 6
    dense = half_fingerprints(column_means, striped, network, half="left", style="pink", overlap=0.8)
    assert len(dense.features) > 4 * len(side.features)


def test_any_encoder_can_play_across_styles(striped, network):
    sides = [
        half_fingerprints(column_means, striped, network, half=half, style=style)
        for half, style in (("left", "pink"), ("right", "blue"))
    ]
    game = matching_game(*sides, rng=stream(0, "game"))
    assert game.core.accuracy.value > game.core.chance
    assert game.patient.accuracy.n == 3


def test_a_style_that_nothing_shows_is_told(striped, network):
    with pytest.raises(TrainingError, match="of style 'green'"):
        half_fingerprints(column_means, striped, network, half="left", style="green")
    with pytest.raises(TrainingError, match="overlap"):
        half_fingerprints(column_means, striped, network, half="left", style="pink", overlap=1.0)
