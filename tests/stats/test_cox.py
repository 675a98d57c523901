import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from lifelines.datasets import load_leukemia, load_rossi
from lifelines.utils import concordance_index

from cartopath.core.errors import StatisticsError
from cartopath.stats import cox

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


@pytest.fixture(scope="module")
def rossi():
    return load_rossi().rename(columns={"week": "time_days", "arrest": "event"})


def planted(n=400, seed=0):
    rng = np.random.default_rng(seed)
    hti, sex = rng.random(n), rng.choice(["F", "M"], n, p=[0.6, 0.4])
    time = rng.exponential(1000 / np.exp(1.5 * hti + 0.5 * (sex == "M")))
    return pd.DataFrame({"time_days": np.minimum(time, 2000), "event": (time < 2000).astype(int), "hti": hti, "sex": sex})


def test_hazard_ratios_agree_with_lifelines(rossi):
    found = cox(rossi, ROSSI)
    summary = CoxPHFitter().fit(rossi, "time_days", "event").summary.loc[ROSSI]
    np.testing.assert_allclose(found.table["hazard_ratio"], summary["exp(coef)"], rtol=1e-6)
    np.testing.assert_allclose(found.table[["low", "high"]], summary[["exp(coef) lower 95%", "exp(coef) upper 95%"]], rtol=1e-6)
    np.testing.assert_allclose(found.table["p_value"], summary["p"], rtol=1e-6)


def test_recidivism_has_its_printed_coefficients(rossi):
    # Fox and Weisberg, "Cox proportional-hazards regression for survival data": R's coxph on the same data.
    found = cox(rossi, ROSSI)
    np.testing.assert_allclose(found.table["coefficient"], [-0.379, -0.057, 0.314, -0.150, -0.434, -0.085, 0.091], atol=6e-4)
    assert (found.n, found.events) == (432, 114)
    assert found.c_index == pytest.approx(0.64, abs=0.005)


def test_ties_are_handled_as_efron_does():
    data = load_leukemia().rename(columns={"t": "time_days", "status": "event"})
    assert cox(data, ["Rx"]).table.loc[0, "coefficient"] == pytest.approx(1.5721, abs=5e-5)


def test_the_c_index_is_the_concordance_of_the_prognosis(rossi):
    found = cox(rossi, ROSSI)
    risk = rossi[ROSSI].to_numpy(float) @ found.table["coefficient"].to_numpy()
    assert found.c_index == pytest.approx(concordance_index(rossi["time_days"], -risk, rossi["event"]), rel=1e-6)


def test_a_planted_effect_is_inside_its_interval():
    found = cox(planted(), ["hti", "sex"]).table.set_index("covariate")
    assert found.loc["hti", "low"] < np.exp(1.5) < found.loc["hti", "high"]
    assert found.loc["hti", "p_value"] < 1e-3


def test_words_are_compared_with_the_most_frequent_level():
    assert cox(planted(), ["sex"]).table["covariate"].tolist() == ["sex: M vs F"]


def test_the_unit_of_a_covariate_is_kept():
    table = planted()
    percent = cox(table.assign(hti=100 * table["hti"]), ["hti"]).table.loc[0, "coefficient"]
    assert 100 * percent == pytest.approx(cox(table, ["hti"]).table.loc[0, "coefficient"], rel=1e-5)


def test_strata_have_baselines_of_their_own(rossi):
    found = cox(rossi, ["fin", "age"], strata=["race"])
    theirs = CoxPHFitter().fit(rossi[["fin", "age", "race", "time_days", "event"]], "time_days", "event", strata=["race"])
    np.testing.assert_allclose(found.table["coefficient"], theirs.summary["coef"], rtol=1e-6)


def test_incomplete_patients_are_left_out_counted_and_said():
    table = planted()
    table.loc[:9, "hti"] = np.nan
    table.loc[10:14, "sex"] = ""
    found = cox(table, ["hti", "sex"])
    assert (found.n, found.n_missing) == (385, 15)
    assert any("15 patients left out" in warning for warning in found.warnings)


def test_few_events_per_variable_are_said():
    found = cox(planted(n=16), ["hti", "sex"])
    assert any("fewer than 10 events per variable" in warning for warning in found.warnings)
    assert not any("fewer than 10 events" in warning for warning in cox(planted(), ["hti", "sex"]).warnings)


def test_hazards_that_are_not_proportional_are_said(rossi):
    found = cox(rossi, ROSSI)
    assert any(warning.startswith("the hazards of age are not proportional") for warning in found.warnings)
    assert not any("hazards of fin" in warning for warning in found.warnings)


def test_a_covariate_of_one_value_is_left_out_and_said():
    found = cox(planted().assign(site="A"), ["hti", "site"])
    assert found.table["covariate"].tolist() == ["hti"]
    assert "site has one value only and was left out" in found.warnings


def test_a_separating_covariate_becomes_a_warning_of_the_result():
    table = pd.DataFrame({"time_days": range(1, 41), "event": [1] * 20 + [0] * 20, "x": [1.0] * 20 + [0.0] * 20})
    found = cox(table, ["x"])
    assert found.warnings or found.reason
    assert any(
        "convergence" in text.casefold() or "separation" in text.casefold() or "variance" in text.casefold()
        for text in found.warnings
    )


def test_collinear_covariates_give_a_reason_or_a_warning():
    table = planted().assign(copy=lambda frame: 2 * frame["hti"])
    found = cox(table, ["hti", "copy"])
    assert found.reason or found.warnings


@pytest.mark.parametrize(
    ("table", "covariates", "reason"),
    [
        (planted().assign(event=0), ["hti"], "nobody died"),
        (planted().assign(hti=1.0), ["hti"], "no covariate varies"),
        (planted().assign(hti=np.nan), ["hti"], "nobody died"),
    ],
)
def test_a_model_that_cannot_be_fitted_says_why(table, covariates, reason):
    found = cox(table, covariates)
    assert (found.c_index, found.p_value, len(found.table)) == (None, None, 0)
    assert found.reason == reason


def test_a_missing_column_is_named_with_the_closest():
    with pytest.raises(StatisticsError, match="no column 'HTI' in the table \\(closest: hti\\)"):
        cox(planted(), ["HTI"])


def test_a_model_needs_a_covariate():
    with pytest.raises(StatisticsError, match="no covariates"):
        cox(planted(), [])


def test_the_table_given_is_not_changed():
    table = planted()
    before = table.copy()
    cox(table, ["hti", "sex"])
    pd.testing.assert_frame_equal(table, before)
