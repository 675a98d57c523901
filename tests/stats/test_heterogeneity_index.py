import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import entropy as scipy_entropy

from cartopath.core.errors import StatisticsError
from cartopath.stats import combination_codes, heterogeneity, hti

A, B, BOTH, NONE = [1, 0], [0, 1], [1, 1], [0, 0]
tiles = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(2, 4)))


def of_counts(a=0, b=0, both=0, none=0):
    return [A] * a + [B] * b + [BOTH] * both + [NONE] * none


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((1, 1, 1), 1.0),
        ((7, 0, 0), 0.0),
        ((1, 1, 0), 0.6309297535714574),
        ((8, 1, 1), 0.58167),
        ((18, 1, 1), 0.35900),
        ((2, 1, 1), 0.94640),
    ],
)
def test_two_traits_give_the_published_values(counts, expected):
    # To one unit of the fifth digit, not half of one: 2:1:1 is printed as 0.94640, which is 1.5 times the rounded 0.63093.
    assert hti(of_counts(*counts)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((1, 1, 0), np.log(2) / np.log(3)),
        ((2, 1, 1), 1.5 * np.log(2) / np.log(3)),
        ((8, 1, 1), 0.58167186571788675525770244759747682),
        ((18, 1, 1), 0.35899624964653034800652023345567734),
    ],
)
def test_two_traits_give_the_exact_values(counts, expected):
    assert hti(of_counts(*counts)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n_combinations", "expected"), [(7, 1.0), (2, 0.35621), (3, 0.56458)])
def test_three_traits_give_the_published_values(n_combinations, expected):
    rows = [[code >> trait & 1 for trait in range(3)] for code in range(1, n_combinations + 1)]
    assert hti(rows) == pytest.approx(expected, abs=5e-6)


def test_negative_tiles_do_not_count():
    assert hti(of_counts(2, 1, 1, none=50)) == hti(of_counts(2, 1, 1))


def test_the_observed_base_reaches_one_with_the_combinations_there_are():
    assert hti(of_counts(5, 5), base="observed") == pytest.approx(1.0, rel=1e-12)


def test_bases_agree_when_every_combination_occurs():
    rows = of_counts(5, 2, 1)
    assert hti(rows) == hti(rows, base="observed")


@pytest.mark.parametrize("base", ["all", "observed"])
def test_no_positive_tile_is_homogeneous(base):
    assert hti([NONE, NONE], base=base) == 0.0


def test_no_positive_tile_is_flagged():
    found = heterogeneity([NONE, NONE])
    assert (found.hti, found.n_tiles, found.n_positive) == (0.0, 2, 0)
    assert found.reason == "no tile is positive for any trait"


@given(tiles)
def test_the_index_is_the_entropy_of_the_positive_combinations(traits):
    codes = combination_codes(traits)
    counts = np.bincount(codes[codes > 0])
    expected = scipy_entropy(counts[counts > 0], base=2 ** traits.shape[1] - 1) if counts.sum() else 0.0
    assert hti(traits) == pytest.approx(expected, rel=1e-7, abs=1e-12)


@given(tiles, st.randoms(use_true_random=False))
def test_the_order_of_tiles_and_traits_does_not_matter(traits, random):
    rows, columns = list(range(traits.shape[0])), list(range(traits.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    assert hti(traits[rows][:, columns]) == hti(traits)


@given(tiles)
def test_the_index_lies_between_zero_and_one(traits):
    assert 0.0 <= hti(traits) <= 1.0
    assert 0.0 <= hti(traits, base="observed") <= 1.0


@given(tiles, st.integers(2, 5))
def test_repeating_every_tile_changes_nothing(traits, times):
    assert hti(np.tile(traits, (times, 1))) == pytest.approx(hti(traits), rel=1e-12, abs=1e-12)


def test_a_map_with_nan_gives_the_index_of_its_tissue():
    tensor = np.full((4, 4, 2), np.nan)
    tensor[0, 0], tensor[2, 1], tensor[3, 3] = A, B, BOTH
    assert hti(tensor) == 1.0


def test_shares_are_of_the_positive_tiles_and_add_up():
    found = heterogeneity(of_counts(3, 0, 1, none=6), names=["MKI67", "ESR1"])
    assert found.shares == {"MKI67": 0.75, "ESR1": 0.0, "MKI67 + ESR1": 0.25}
    assert (found.n_tiles, found.n_positive) == (10, 4)


def test_a_slide_without_tiles_has_no_index_but_a_reason():
    found = heterogeneity(np.empty((0, 2), dtype=bool))
    assert found.hti is None
    assert found.reason == "no tiles"


def test_asking_for_the_index_of_no_tiles_is_an_error():
    with pytest.raises(StatisticsError, match="no tiles"):
        hti(np.full((3, 2), np.nan))


def test_one_trait_has_no_heterogeneity():
    with pytest.raises(StatisticsError, match="at least two traits"):
        hti([[1], [0]])


def test_another_base_is_refused():
    with pytest.raises(StatisticsError, match="'base' parameter must be one of 'all', 'observed'"):
        hti([A], base="e")


def test_another_number_of_names_is_refused():
    with pytest.raises(StatisticsError, match="1 given"):
        heterogeneity([A], names=["MKI67"])


@pytest.mark.realdata
@pytest.mark.parametrize("base", ["all", "observed"])
def test_the_visium_section_has_the_index_that_the_hta_package_computes(real_data, base):
    tensor = np.load(real_data / "reference" / "t_visium.npy")
    mask = np.load(real_data / "reference" / "t_visium_tissue_mask.npy").astype(bool)
    assert hti(tensor[mask], base=base) == pytest.approx(0.6975002072, abs=1e-10)


@pytest.mark.realdata
def test_the_visium_section_has_the_published_counts(real_data):
    tensor = np.load(real_data / "reference" / "t_visium.npy")
    mask = np.load(real_data / "reference" / "t_visium_tissue_mask.npy").astype(bool)
    assert np.bincount(combination_codes(tensor[mask])).tolist() == [1635, 237, 348, 1578]
