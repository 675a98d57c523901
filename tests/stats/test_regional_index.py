from decimal import Decimal

import numpy as np
import pytest
from scipy.stats import kstest

from cartopath.core.errors import StatisticsError
from cartopath.stats import hti, regional_hti


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def halves(size=20):
    traits = np.zeros((size, size, 2), dtype=bool)
    traits[:, : size // 2, 0] = traits[:, size // 2 :, 1] = True
    return traits


def test_traits_side_by_side_are_heterogeneous_as_a_whole_and_not_by_region(rng):
    found = regional_hti(halves(), None, 5, rng=rng)
    assert found.hta == 0.0
    assert hti(halves()) > 0.6


def test_a_clustered_pattern_has_a_small_p_value(rng):
    found = regional_hti(halves(), None, 5, rng=rng)
    assert found.p_value < 1e-10
    assert found.p_permutation == pytest.approx(1 / 1001)
    assert found.hta < found.expected


def test_a_chessboard_is_not_taken_for_clusters(rng):
    traits = np.zeros((20, 20, 2), dtype=bool)
    even = np.add.outer(np.arange(20), np.arange(20)) % 2 == 0
    traits[even, 0] = traits[~even, 1] = True
    assert regional_hti(traits, None, 5, rng=rng).p_value > 0.99


@pytest.mark.parametrize("which", ["p_value", "p_permutation"])
def test_p_values_of_shuffled_maps_are_uniform(rng, which):
    values = []
    for _ in range(150):
        traits = rng.random((30, 30, 2)) < (0.4, 0.5)
        values.append(getattr(regional_hti(traits, None, 6, n_permutations=99, rng=rng), which))
    assert kstest(values, "uniform").pvalue > 0.01


def test_one_region_over_everything_gives_the_index_of_the_slide(rng):
    traits = rng.random((12, 15, 3)) < 0.4
    assert regional_hti(traits, None, 20, n_permutations=0, rng=rng).hta == pytest.approx(hti(traits), rel=1e-12)


def test_weights_are_shares_of_positive_tiles_and_sum_to_one(rng):
    traits = rng.random((17, 13, 2)) < 0.4
    regions = regional_hti(traits, None, 5, n_permutations=0, rng=rng).regions
    assert regions["weight"].sum() == pytest.approx(1.0, rel=1e-12)
    assert regions["n_positive"].sum() == traits.any(axis=2).sum()
    assert regions["n_tiles"].sum() == 17 * 13


def test_the_index_is_the_weighted_mean_of_the_regions(rng):
    traits = rng.random((17, 13, 2)) < 0.4
    found = regional_hti(traits, None, (5, 4), n_permutations=0, rng=rng)
    by_hand = sum(
        hti(part) * part.any(axis=2).sum()
        for row in range(0, 17, 5)
        for col in range(0, 13, 4)
        for part in [traits[row : row + 5, col : col + 4]]
    )
    assert found.hta == pytest.approx(by_hand / traits.any(axis=2).sum(), rel=1e-7)


def test_regions_name_their_corner_and_their_combinations_most_frequent_first(rng):
    traits = np.zeros((4, 4, 2), dtype=bool)
    traits[2, 2], traits[2, 3], traits[3, 3] = [1, 1], [1, 1], [0, 1]
    regions = regional_hti(traits, None, 2, n_permutations=0, rng=rng, names=["MKI67", "ESR1"]).regions
    last = regions.iloc[-1]
    assert (last["row"], last["col"]) == (2, 2)
    assert last["combinations"] == "MKI67 + ESR1 0.667; ESR1 0.333"


def test_regions_without_tissue_are_left_out(rng):
    mask = np.zeros((20, 20), dtype=bool)
    mask[:10, :10] = True
    assert len(regional_hti(halves(), mask, 5, n_permutations=0, rng=rng).regions) == 4


def test_nan_and_a_mask_say_the_same(rng):
    traits = (rng.random((12, 12, 2)) < 0.5).astype(float)
    mask = rng.random((12, 12)) < 0.7
    with_nan = traits.copy()
    with_nan[~mask] = np.nan
    first = regional_hti(traits, mask, 4, rng=np.random.default_rng(1))
    second = regional_hti(with_nan, None, 4, rng=np.random.default_rng(1))
    assert (first.hta, first.p_value) == (second.hta, second.p_value)


def test_the_same_stream_gives_the_same_p_value():
    traits = np.random.default_rng(0).random((15, 15, 2)) < 0.5
    found = {regional_hti(traits, None, 5, rng=np.random.default_rng(3)).p_value for _ in range(2)}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("traits", "reason"),
    [
        (np.zeros((5, 5, 2), dtype=bool), "no tile is positive"),
        (np.ones((5, 5, 2), dtype=bool), "every positive tile has the same combination"),
        (np.full((5, 5, 2), np.nan), "no tiles"),
    ],
)
def test_an_undefined_p_value_says_why(traits, reason, rng):
    found = regional_hti(traits, None, 2, rng=rng)
    assert found.p_value is None
    assert reason in found.reason


def test_regions_of_one_tile_cannot_be_tested(rng):
    found = regional_hti(halves(6), None, 1, n_permutations=50, rng=rng)
    assert found.p_value is None
    assert "too small" in found.reason


def test_no_permutations_means_no_test(rng):
    assert regional_hti(halves(), None, 5, n_permutations=0, rng=rng).reason == "no permutations asked for"


def test_a_mask_of_another_shape_is_refused(rng):
    with pytest.raises(StatisticsError, match="mask has shape"):
        regional_hti(halves(), np.ones((3, 3)), 5, rng=rng)


def test_missing_values_inside_the_mask_are_refused(rng):
    traits = halves().astype(float)
    traits[0, 0] = np.nan
    with pytest.raises(StatisticsError, match="1 cells inside the mask"):
        regional_hti(traits, np.ones((20, 20)), 5, rng=rng)


def test_a_list_of_tiles_is_not_a_map(rng):
    with pytest.raises(StatisticsError, match="rows, cols, n_traits"):
        regional_hti([[1, 0]], None, 5, rng=rng)


def test_a_region_needs_a_size(rng):
    with pytest.raises(StatisticsError, match="at least 1"):
        regional_hti(halves(), None, 0, rng=rng)


@pytest.mark.realdata
@pytest.mark.parametrize("base", ["all", "observed"])
@pytest.mark.parametrize(("size", "expected"), [(15, 0.5663756), (10, 0.5281160), (20, 0.5906481)])
def test_the_visium_section_has_the_regional_index_of_the_hta_package(real_data, rng, size, expected, base):
    tensor = np.load(real_data / "reference" / "t_visium.npy")
    mask = np.load(real_data / "reference" / "t_visium_tissue_mask.npy")
    found = regional_hti(tensor, mask, size, base=base, n_permutations=200, rng=rng)
    # To one unit of the last printed digit: for regions of 20 the printed 0.5906481 is 9.4e-8 above what its definition gives
    # (see the next test); the cause is not known. The other two agree in every digit.
    assert found.hta == pytest.approx(expected, abs=1e-7)
    assert 0 < found.p_value < 1e-10


@pytest.mark.realdata
@pytest.mark.parametrize("size", [15, 10, 20])
def test_the_visium_section_has_the_regional_index_of_its_definition(real_data, rng, size):
    tensor = np.load(real_data / "reference" / "t_visium.npy") > 0
    mask = np.load(real_data / "reference" / "t_visium_tissue_mask.npy") > 0
    codes = np.where(mask, tensor @ [1, 2], 0)
    total, positive = Decimal(0), int((codes > 0).sum())
    for row in range(0, 120, size):
        for col in range(0, 120, size):
            counts = [int((codes[row : row + size, col : col + size] == code).sum()) for code in (1, 2, 3)]
            total += sum(counts) * exact_entropy(counts)
    expected = float(total / positive / Decimal(3).ln())
    assert regional_hti(tensor, mask, size, n_permutations=0, rng=rng).hta == pytest.approx(expected, rel=1e-12)


def exact_entropy(counts):
    shares = [Decimal(count) / sum(counts) for count in counts if count]
    return -sum((share * share.ln() for share in shares), Decimal(0))
