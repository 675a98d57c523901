"""Copies among slides, by what their halves say about chance."""

import numpy as np
import pytest

from cartopath.core.errors import StatisticsError
from cartopath.stats.copied_slides import copied_slides

N_SLIDES, N_FEATURES = 120, 64
NAMES = [f"slide-{number:03d}" for number in range(N_SLIDES)]


def rotation(seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(N_FEATURES, N_FEATURES)))[0]


def halves(rng, n_kinds=N_SLIDES):
    """Halves of slides of some kinds; features differ in how much of them is chance, as those of networks do."""
    kind = rng.normal(size=(n_kinds, N_FEATURES))[np.arange(N_SLIDES) % n_kinds] * np.geomspace(1, 0.05, N_FEATURES)
    return [(kind + 0.3 * rng.normal(size=kind.shape)) @ rotation(9) + 5.0 for _ in range(2)]


def copy(sides, source, target, rng):
    """A copy shows the same tissue, cut and compressed a little differently."""
    for side in sides:
        side[target] = side[source] + 0.1 * rng.normal(size=N_FEATURES)


def test_copies_are_found_and_nothing_else():
    rng = np.random.default_rng(0)
    sides = halves(rng)
    for source, target in ((3, 70), (20, 5), (111, 90)):
        copy(sides, source, target, rng)
    found = copied_slides(*sides, NAMES)
    assert {(pair.first[-3:], pair.second[-3:]) for pair in found} == {("003", "070"), ("005", "020"), ("090", "111")}
    assert [pair.distance for pair in found] == sorted(pair.distance for pair in found)


def test_slides_of_one_kind_with_tissue_of_their_own_are_about_one_apart_and_no_copies():
    sides = halves(np.random.default_rng(1), n_kinds=30)
    pairs = copied_slides(*sides, NAMES, below=np.inf)
    alike = [pair.distance for pair in pairs if (int(pair.first[-3:]) - int(pair.second[-3:])) % 30 == 0]
    assert np.sqrt(np.mean(np.square(alike))) == pytest.approx(1.0, abs=0.25)
    assert len(copied_slides(*sides, NAMES)) < 0.05 * len(alike)


def test_scale_shift_and_rotation_of_the_features_change_nothing():
    rng = np.random.default_rng(2)
    sides = halves(rng)
    copy(sides, 3, 70, rng)
    turned = [-7.0 * side @ rotation(3) + 2.0 for side in sides]
    before, after = (copied_slides(*one, NAMES, below=2.0) for one in (sides, turned))
    assert [(pair.first, pair.second) for pair in before] == [(pair.first, pair.second) for pair in after]
    assert [pair.distance for pair in before] == pytest.approx([pair.distance for pair in after])


@pytest.mark.parametrize(
    ("left", "right", "names", "message"),
    [
        (np.ones((9, 2)), np.ones((8, 2)), NAMES[:9], "left and right must be"),
        (np.full((9, 2), np.nan), np.ones((9, 2)), NAMES[:9], "finite"),
        (np.ones((7, 2)), np.ones((7, 2)), NAMES[:7], "at least 8 slides"),
        (np.ones((9, 2)), np.ones((9, 2)), [*NAMES[:8], NAMES[0]], "under its own name"),
    ],
)
def test_what_cannot_be_judged_is_refused(left, right, names, message):
    with pytest.raises(StatisticsError, match=message):
        copied_slides(left, right, names)
