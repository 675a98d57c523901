import numpy as np
import pandas as pd
import pytest

from cartopath.core.errors import ConfigError
from cartopath.core.geometry import RegionPx0, SizePx0, window_px0
from cartopath.simulate import plan_specimen, planted_hti, render_region, tile_truth
from cartopath.simulate.cells import cells_within
from cartopath.simulate.nuclei import KINDS, LYMPHOCYTE
from cartopath.simulate.truth import combination_entropy


def _specimen(fractions, *, size=1600, mpp=0.5, seed=0, **more):
    return plan_specimen(seed, "slide", size_px0=SizePx0(size, size), mpp=mpp, fractions=fractions, **more)


def _tissue_share(truth, name):
    return float((truth[name].fillna(0) * truth["tissue"]).sum() / truth["tissue"].sum())


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_positive_share_of_the_tissue_is_the_wanted_one(fraction):
    truth = tile_truth(_specimen((fraction, 0.3)), 64, ["A", "B"])

    assert _tissue_share(truth, "A") == pytest.approx(fraction, abs=0.03)
    assert _tissue_share(truth, "B") == pytest.approx(0.3, abs=0.03)


def test_correlated_traits_coincide_and_anticorrelated_ones_exclude_each_other():
    def overlap(correlation):
        truth = tile_truth(_specimen((0.5, 0.5), correlations=(correlation,)), 64, ["A", "B"]).dropna()
        return float(((truth["A"] > 0.5) & (truth["B"] > 0.5)).mean())

    assert overlap(1.0) == pytest.approx(0.5, abs=0.05)
    assert overlap(-1.0) < 0.02
    assert overlap(0.5) < overlap(1.0)


@pytest.mark.parametrize("mpp", [0.25, 0.4942, 0.5])
def test_tiles_follow_the_lattice_of_the_geometry(mpp):
    size = round(500 / mpp)
    window = window_px0(64, 1.0, mpp)

    truth = tile_truth(_specimen((0.5,), size=size, mpp=mpp), window, ["A"])

    assert truth["col"].max() + 1 == truth["row"].max() + 1 == size // window
    assert truth[["row", "col"]].values.tolist() == sorted(truth[["row", "col"]].values.tolist())
    assert not truth.duplicated(["col", "row"]).any()


def test_the_share_of_a_tile_is_that_of_its_pixels():
    specimen = _specimen((0.5,))
    truth = tile_truth(specimen, 128, ["A"]).set_index(["col", "row"])
    col, row = 5, 7

    axis = (np.arange(128) + 0.5) * 0.5
    x, y = col * 64.0 + axis, row * 64.0 + axis
    solid = specimen.tissue.solid(x, y)

    assert truth.loc[(col, row), "tissue"] == pytest.approx(solid.mean(), abs=0.05)
    assert truth.loc[(col, row), "A"] == pytest.approx(specimen.traits[0].on_grid(x, y)[solid].mean(), abs=0.05)


def test_tiles_called_tissue_look_like_tissue_and_the_others_do_not():
    specimen = _specimen(())
    picture = render_region(specimen, RegionPx0(0, 0, 1600, 1600))

    truth = tile_truth(specimen, 100, [])

    bright = np.array(
        [(picture[r * 100 : r * 100 + 100, c * 100 : c * 100 + 100] > 220).mean() for c, r in truth[["col", "row"]].values]
    )
    assert bright[truth["tissue"] > 0.95].mean() < 0.25
    assert bright[truth["tissue"] == 0].mean() > 0.5
    assert np.corrcoef(bright, truth["tissue"])[0, 1] < -0.8


def test_tiles_without_tissue_have_no_share():
    truth = tile_truth(_specimen((0.5,)), 64, ["A"])

    assert truth.loc[truth["tissue"] == 0, "A"].isna().all()
    assert truth.loc[truth["tissue"] > 0, "A"].between(0, 1).all()


def test_a_slide_smaller_than_a_tile_is_refused():
    with pytest.raises(ConfigError, match="100 x 100 px hold no tile of 128 px"):
        tile_truth(_specimen((), size=100), 128, [])


def test_traits_need_names():
    with pytest.raises(ConfigError, match="1 traits are planted but 0 names"):
        tile_truth(_specimen((0.5,)), 64, [])


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((1, 1, 1), 1.0),
        ((1, 0, 0), 0.0),
        ((1, 1, 0), 0.63093),
        ((8, 1, 1), 0.58167),
        ((18, 1, 1), 0.35900),
        ((2, 1, 1), 0.946395),
        ((0, 0, 0), 0.0),
    ],
)
def test_the_index_of_two_traits_has_the_values_of_the_paper(shares, expected):
    rows = [[True, False]] * shares[0] + [[False, True]] * shares[1] + [[True, True]] * shares[2] + [[False, False]] * 5

    assert combination_entropy(np.array(rows)) == pytest.approx(expected, abs=5e-6)


def test_the_index_of_three_traits_has_seven_combinations():
    every = np.array([[bool(code >> i & 1) for i in range(3)] for code in range(1, 8)])

    assert combination_entropy(every) == pytest.approx(1.0)
    assert combination_entropy(every[:2]) == pytest.approx(0.35621, abs=5e-6)


def test_the_planted_index_counts_tiles_that_are_mostly_tissue_and_mostly_positive():
    truth = pd.DataFrame({"tissue": [1.0, 0.5, 0.49, 1.0], "A": [0.51, 0.2, 0.9, 0.5], "B": [0.0, 0.9, 0.9, 0.5]})

    assert planted_hti(truth, ["A", "B"]) == pytest.approx(0.63093, abs=5e-6)


def _cells(specimen):
    return cells_within(specimen, (100.0, 700.0), (100.0, 700.0))


def _picture(fractions):
    return render_region(_specimen(fractions), RegionPx0(400, 400, 800, 800)).astype(float)


def test_trait_0_doubles_the_nuclei_and_darkens_the_tissue():
    without, with_trait = len(_cells(_specimen((0.0,))).x_um), len(_cells(_specimen((1.0,))).x_um)

    assert 1.8 < with_trait / without < 2.8
    assert _picture((1.0,)).mean() < _picture((0.0,)).mean() - 20


def test_trait_1_enlarges_and_pales_nuclei():
    def mean_radius(fractions):
        return np.mean([np.mean(KINDS[kind].radius_um) for kind in _cells(_specimen(fractions)).kind])

    assert mean_radius((0.0, 1.0)) > 1.3 * mean_radius((0.0, 0.0))
    # The darkest pixels, those of chromatin, get brighter; green, what eosin absorbs, gets darker beside red.
    plain, pale = _picture((0.0, 0.0)), _picture((0.0, 1.0))
    assert np.percentile(pale[..., 0], 5) > np.percentile(plain[..., 0], 5) + 15


def test_trait_2_adds_lymphocytes():
    def lymphocytes(fractions):
        return int((_cells(_specimen(fractions)).kind == KINDS.index(LYMPHOCYTE)).sum())

    assert lymphocytes((0.0, 0.0, 1.0)) > 20 * lymphocytes((0.0, 0.0, 0.0))


def test_trait_3_makes_nuclei_long():
    def mean_elongation(fractions):
        return np.mean([np.mean(KINDS[kind].elongation) for kind in _cells(_specimen(fractions)).kind])

    assert mean_elongation((0.0, 0.0, 0.0, 1.0)) > 1.8 * mean_elongation((0.0, 0.0, 0.0, 0.0))


def test_a_trait_changes_nothing_outside_its_region():
    region, axis = RegionPx0(400, 400, 800, 800), (np.arange(800) + 400.5) * 0.5
    specimen = _specimen((0.4,))
    far = specimen.traits[0].field.on_grid(axis, axis) < specimen.traits[0].level - 0.25

    changed = np.abs(render_region(specimen, region).astype(int) - render_region(_specimen((0.0,)), region)).max(axis=2) > 0

    assert far.mean() > 0.2
    assert changed[far].mean() < 0.002
    assert changed[~far].mean() > 0.2
