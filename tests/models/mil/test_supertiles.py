"""Super-tiles: groups of similar tiles (F65)."""

from __future__ import annotations

import numpy as np

from cartopath.models.mil import supertiles


def clusters(n_each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(5), n_each)
    return rng.normal(size=(len(truth), 8)) + 20 * rng.normal(size=(5, 8))[truth], truth


def test_clusters_far_apart_are_found():
    features, truth = clusters()
    group = supertiles(features, 5).group
    assert len(np.unique(group)) == 5
    assert len(np.unique(group * 5 + truth)) == 5


def test_the_features_of_a_group_are_the_mean_of_its_tiles():
    features, _ = clusters()
    found = supertiles(features, 12)
    for number, mean in enumerate(found.means):
        np.testing.assert_allclose(mean, features[found.group == number].mean(0), rtol=1e-4, atol=1e-4)


def test_fewer_tiles_than_groups_are_a_group_each():
    features, _ = clusters(1)
    found = supertiles(features, 100)
    np.testing.assert_allclose(found.means[found.group], features, rtol=1e-6)


def test_equal_tiles_are_one_group():
    assert supertiles(np.ones((30, 4)), 10).means.shape == (1, 4)


def test_the_same_tiles_make_the_same_groups():
    features, _ = clusters()
    assert supertiles(features, 9).group.tobytes() == supertiles(features, 9).group.tobytes()


def test_a_large_bag_learns_its_centres_from_some_of_its_tiles():
    features, truth = clusters(1500)
    group = supertiles(features, 5).group
    assert len(np.unique(group * 5 + truth)) == 5
