import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.datasets import load_leukemia, load_lung

from cartopath.core.errors import StatisticsError
from cartopath.stats import at_risk_table, kaplan_meier

# Remission of leukaemia under 6-mercaptopurine (Freireich et al. 1963), with the survival that textbooks print.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSE = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_the_textbook_example_has_its_printed_survival():
    curve = kaplan_meier(WEEKS, RELAPSE)
    expected = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    np.testing.assert_allclose(curve.survival_at([6, 7, 10, 13, 16, 22, 23]), expected, atol=5e-5)
    assert (curve.n, curve.events, curve.median_days) == (21, 9, 23.0)


@pytest.mark.parametrize("load", [load_lung, load_leukemia])
def test_the_curve_and_its_band_agree_with_lifelines(load):
    data = load()
    time, event = data[["time", "status"] if "time" in data else ["t", "status"]].to_numpy().T
    table = kaplan_meier(time, event).table
    fitter = KaplanMeierFitter().fit(time, event)
    np.testing.assert_allclose(table["survival"], fitter.survival_function_["KM_estimate"], rtol=1e-6)
    np.testing.assert_allclose(table[["low", "high"]], fitter.confidence_interval_, rtol=1e-6)


def test_the_band_is_that_of_the_log_log_transform():
    table = kaplan_meier(WEEKS, RELAPSE).table.set_index("time")
    variance = 3 / (21 * 18) + 1 / (17 * 16)
    survival = table.loc[7, "survival"]
    half = 1.959963984540054 * np.sqrt(variance) / abs(np.log(survival))
    expected = survival ** np.exp([half, -half])
    np.testing.assert_allclose(table.loc[7, ["low", "high"]].to_numpy(float), expected, rtol=1e-6)


def test_counts_at_each_time_add_up():
    table = kaplan_meier(WEEKS, RELAPSE).table
    left = table["events"] + table["censored"]
    assert table["at_risk"].iloc[0] == 21
    assert (table["at_risk"].iloc[2:].to_numpy() == (table["at_risk"] - left).iloc[1:-1].to_numpy()).all()


def test_no_death_leaves_the_curve_at_one_without_a_median():
    curve = kaplan_meier([5, 9], [0, 0])
    assert curve.table["survival"].tolist() == [1.0, 1.0, 1.0]
    assert not curve.table.isna().any().any()
    assert curve.median_days is None


def test_deaths_on_the_first_day_count():
    curve = kaplan_meier([0, 0, 10, 20], [1, 0, 1, 0])
    assert curve.events == 2
    assert curve.survival_at(0) == pytest.approx(0.75)


def test_one_patient_is_enough_for_a_curve():
    assert kaplan_meier([3.0], [1]).table["survival"].tolist() == [1.0, 0.0]


def test_no_band_is_ever_a_bare_nan():
    for time, event in (([3.0], [1]), ([1, 2, 3], [1, 1, 1]), ([4, 4, 4], [1, 1, 1])):
        assert not kaplan_meier(time, event).table[["survival", "low", "high"]].isna().any().any()


def test_nobody_has_no_curve():
    with pytest.raises(StatisticsError, match="no patients"):
        kaplan_meier([], [])


def test_patients_at_risk_are_those_followed_up_to_that_day():
    table = at_risk_table([100, 365, 900, 10], ["low", "high", "high", None], [0, 365, 366])
    assert table.to_numpy().tolist() == [["high", 2, 2, 1], ["low", 1, 0, 0]]
    assert table.columns.tolist() == ["group", 0, 365, 366]


def test_numbers_at_risk_agree_with_the_curve():
    table = at_risk_table(WEEKS, ["6-MP"] * 21, [6, 10, 23])
    curve = kaplan_meier(WEEKS, RELAPSE).table.set_index("time")
    assert table.iloc[0, 1:].tolist() == [curve.loc[week, "at_risk"] for week in (6, 10, 23)]
