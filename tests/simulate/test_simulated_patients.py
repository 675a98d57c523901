import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from cartopath.core.rng import stream
from cartopath.simulate import CohortSpec, draw_expression, draw_survival, patient_truth, plan_slides, relative_hazard
from cartopath.simulate.mixtures import draw_mixtures

pytestmark = pytest.mark.xdist_group("simulated patients")


@pytest.fixture(scope="module")
def spec():
    return CohortSpec(n_patients=120, irregular=False, seed=4)


@pytest.fixture(scope="module")
def patients(spec):
    return patient_truth(spec, plan_slides(spec))


def test_heterogeneity_spreads_over_its_whole_range(patients):
    counts, _ = np.histogram(patients["hti"], bins=[0, 0.2, 0.4, 0.6, 0.8, 1.0001])

    assert counts.sum() == len(patients)
    assert counts.min() >= 0.08 * len(patients)


@pytest.mark.parametrize("trait", ["MKI67", "hsa-miR-17-5p"])
def test_shares_of_a_trait_are_spread_wide(patients, trait):
    low, high = np.percentile(patients[f"fraction_{trait}"], [20, 80])

    assert low < 0.3
    assert high > 0.65


@pytest.mark.parametrize("trait", ["MKI67", "hsa-miR-17-5p"])
def test_heterogeneity_tells_little_about_how_much_of_a_trait_there_is(patients, trait):
    assert abs(spearmanr(patients["hti"], patients[f"fraction_{trait}"]).statistic) < 0.25


def test_heterogeneity_is_no_question_of_traits_being_on_the_same_side_of_the_median(patients):
    high = (
        patients[["fraction_MKI67", "fraction_hsa-miR-17-5p"]] > patients[["fraction_MKI67", "fraction_hsa-miR-17-5p"]].median()
    )
    same = high.iloc[:, 0] == high.iloc[:, 1]

    assert abs(patients.loc[same, "hti"].mean() - patients.loc[~same, "hti"].mean()) < 0.2


def test_mixtures_are_the_same_for_the_same_seed():
    assert draw_mixtures(9, 3, stream(1, "m")) == draw_mixtures(9, 3, stream(1, "m"))


def test_one_trait_has_no_heterogeneity():
    spec = CohortSpec(n_patients=3, traits=("MKI67",), irregular=False)

    assert (patient_truth(spec, plan_slides(spec))["hti"] == 0).all()


def test_the_hazard_doubles_where_it_should():
    np.testing.assert_allclose(relative_hazard(np.array([0.5, 0.5 + np.log(2) / 3]), 3.0), [1.0, 2.0])


def _cox(effect, *, n=3000):
    from lifelines import CoxPHFitter

    hti = stream(0, "hti").uniform(size=n)
    table = draw_survival(relative_hazard(hti, effect), stream(0, "survival"), median_months=48.0).assign(hti=hti)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CoxPHFitter().fit(table, "months", "event").summary.loc["hti"]


@pytest.mark.parametrize("effect", [-1.0, 1.0, 3.0])
def test_cox_regression_finds_the_planted_effect(effect):
    row = _cox(effect)

    assert row["coef lower 95%"] < effect < row["coef upper 95%"]
    assert row["coef"] == pytest.approx(effect, abs=0.25)


def test_cox_regression_finds_nothing_where_nothing_is_planted():
    row = _cox(0.0)

    assert abs(row["coef"]) < 0.2
    assert row["p"] > 0.05


def test_seven_in_ten_patients_die_within_follow_up(spec):
    hti = stream(0, "hti").uniform(size=20_000)

    survival = draw_survival(relative_hazard(hti, spec.effect), stream(0, "s"), median_months=spec.median_months)

    assert 0.70 < survival["event"].mean() < 0.76
    assert survival["months"].between(0.1, 150).all()


def test_median_survival_is_the_wanted_one():
    survival = draw_survival(np.ones(20_000), stream(0, "s"), median_months=20.0)

    # Nobody is censored before 24 months.
    assert survival["months"].median() == pytest.approx(20.0, rel=0.03)


def test_expression_follows_the_share_of_positive_tissue():
    fraction = np.linspace(0, 1, 4000)

    values = draw_expression(fraction, stream(0, "e"), base=100.0, effect=2.0, noise=0.3)

    slope, intercept = np.polyfit(fraction, np.log(values), 1)
    assert slope == pytest.approx(2.0, abs=0.06)
    assert intercept == pytest.approx(np.log(100.0), abs=0.04)
    assert np.std(np.log(values) - intercept - slope * fraction) == pytest.approx(0.3, abs=0.02)


def test_patients_do_not_depend_on_the_length_of_their_list(spec):
    one, two = (pd.DataFrame(plan_slides(CohortSpec(n_patients=30, seed=9))) for _ in range(2))

    pd.testing.assert_frame_equal(one, two)
