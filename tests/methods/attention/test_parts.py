"""The parts of attention that need no study."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cartopath.methods.attention.hotspots import agreement_row
from cartopath.methods.attention.regression import regression_table
from cartopath.methods.attention.single import outputs_of
from cartopath.methods.attention.spots import hotspots_of
from cartopath.models.mil import MilSpec, parameter_shapes
from cartopath.training.mil import FeatureScaling, MilHead, predict_bag


@pytest.mark.parametrize("head", ["attention", "gated_attention", "mean", "max", "linear", "exponential", "top_k", "transformer"])
def test_a_head_of_one_output_says_what_the_head_of_many_says_of_it(head):
    rng = np.random.default_rng(0)
    spec = MilSpec(head=head, n_features=6, n_outputs=3, n_hidden=16, n_attention=16, n_supertiles=4)
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in parameter_shapes(spec).items()}
    scaling = FeatureScaling(np.zeros(6, np.float32), np.ones(6, np.float32), None)
    many = MilHead(
        spec=spec, weights=weights, scaling=scaling, target_mean=np.array([1.0, 2, 3]), target_sd=np.array([1.0, 0.5, 2])
    )
    bag = rng.normal(size=(20, 6)).astype(np.float32)
    together = predict_bag(many, bag)
    for i, one in enumerate(outputs_of(many)):
        alone = predict_bag(one, bag)
        assert alone.value[0] == pytest.approx(together.value[i], rel=1e-5)
        assert alone.weights[:, 0] == pytest.approx(together.weights[:, i], abs=1e-6)


def test_regression_figures_are_those_of_scipy():
    rng = np.random.default_rng(1)
    measured = rng.normal(size=40)
    predicted = 0.6 * measured + rng.normal(scale=0.5, size=40)
    patients = pd.DataFrame({"trait": "A", "patient_id": [f"p{i:02d}" for i in range(40)], "unit": "TPM"})
    patients = patients.assign(measured=measured, predicted=predicted, round_0=-predicted)
    table = regression_table(patients, seed=0).set_index("model")
    expected = stats.pearsonr(measured, predicted)
    line = stats.linregress(predicted, measured)
    row = table.loc["ensemble"]
    assert row["pearson"] == pytest.approx(expected.statistic, rel=1e-7)
    assert row["pearson_p"] == pytest.approx(expected.pvalue, rel=1e-6)
    assert (row["slope"], row["intercept"]) == pytest.approx((line.slope, line.intercept), rel=1e-7)
    assert table.loc["round_0", "pearson"] == pytest.approx(-expected.statistic, rel=1e-7)


def test_correction_is_over_the_traits_of_a_model():
    rng = np.random.default_rng(2)
    rows = [
        {"trait": trait, "patient_id": f"p{i}", "unit": "", "measured": rng.normal(), "predicted": rng.normal()}
        for trait in "ABCD"
        for i in range(12)
    ]
    table = regression_table(pd.DataFrame(rows), seed=0)
    assert table["pearson_q"].to_numpy() == pytest.approx(stats.false_discovery_control(table["pearson_p"]))


def test_two_test_patients_have_no_correlation_but_a_reason():
    rows = [{"trait": "A", "patient_id": f"p{i}", "unit": "", "measured": i, "predicted": i} for i in range(2)]
    (row,) = regression_table(pd.DataFrame(rows), seed=0).to_dict("records")
    assert np.isnan(row["pearson"])
    assert row["reason"] == "2 test patients; a correlation needs at least 3"


def test_attention_that_looks_where_values_are_high_agrees():
    value = np.linspace(-2, 2, 100)
    weight = np.exp(value) / np.exp(value).sum()
    row = agreement_row(weight, value, hotspots_of(weight, value, share=0.05), share=0.05)
    assert (row["spearman"], row["overlap"], row["n_hotspots"], row["by"]) == (pytest.approx(1), 1, 5, "attention")
    assert row["weight_in_hotspots"] == pytest.approx(weight[-5:].sum())


def test_attention_that_looks_where_values_are_low_does_not():
    value = np.linspace(-2, 2, 100)
    weight = np.exp(-value) / np.exp(-value).sum()
    row = agreement_row(weight, value, hotspots_of(weight, value, share=0.05), share=0.05)
    assert (row["spearman"], row["overlap"]) == (pytest.approx(-1), 0)


def test_a_head_without_attention_has_no_agreement_but_all_its_tiles_count():
    value = np.linspace(-2, 2, 100)
    weight = np.full(100, 0.01)
    row = agreement_row(weight, value, hotspots_of(weight, value, share=0.05), share=0.05)
    assert (row["spearman"], row["by"], row["reason"]) == (None, "prediction", "all tiles weigh the same")
    assert row["effective_tiles"] == pytest.approx(100)
