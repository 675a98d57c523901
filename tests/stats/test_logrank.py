import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.datasets import load_leukemia, load_lung
from lifelines.statistics import logrank_test, multivariate_logrank_test
from scipy import stats as scipy_stats

from cartopath.core.errors import StatisticsError
from cartopath.stats import logrank, pairwise_logrank, survival_groups
from cartopath.stats.logrank import _chi_squared, _excess_over_strata


@pytest.fixture(scope="module")
def lung():
    data = load_lung().dropna(subset=["ph.ecog", "inst"])
    return {
        "time": data["time"].to_numpy(float),
        "event": data["status"].to_numpy(),
        "group": data["ph.ecog"].astype(int).astype(str).to_numpy(),
        "stratum": data["sex"].astype(str).to_numpy(),
    }


def stratified_by_hand(time, event, group, strata):
    """Add up one death time after the other, one stratum after the other."""
    names = sorted(set(group))
    excess, covariance = np.zeros(len(names)), np.zeros((len(names), len(names)))
    for stratum in set(strata):
        inside = [i for i in range(len(time)) if strata[i] == stratum]
        for moment in {time[i] for i in inside if event[i]}:
            at_risk = [i for i in inside if time[i] >= moment]
            dying = [i for i in at_risk if time[i] == moment and event[i]]
            n, d = len(at_risk), len(dying)
            share = np.array([sum(group[i] == name for i in at_risk) / n for name in names])
            excess += [sum(group[i] == name for i in dying) for name in names] - d * share
            if n > 1:
                covariance += d * (n - d) / (n - 1) * (np.diag(share) - np.outer(share, share))
    return float(excess[:-1] @ np.linalg.solve(covariance[:-1, :-1], excess[:-1]))


def test_the_textbook_example_has_its_printed_statistic():
    data = load_leukemia()
    found = logrank(data["t"], data["status"], data["Rx"])
    assert found.statistic == pytest.approx(16.79, abs=0.005)
    assert found.p_value == pytest.approx(4.17e-5, rel=1e-3)
    assert (found.n, found.events) == ({"0": 21, "1": 21}, {"0": 9, "1": 21})


def test_two_groups_agree_with_lifelines_and_scipy():
    data = load_leukemia()
    found = logrank(data["t"], data["status"], data["Rx"])
    treated, control = data[data["Rx"] == 0], data[data["Rx"] == 1]
    theirs = logrank_test(treated["t"], control["t"], treated["status"], control["status"])
    assert (found.statistic, found.p_value) == pytest.approx((theirs.test_statistic, theirs.p_value), rel=1e-6)
    samples = [scipy_stats.CensoredData.right_censored(part["t"], part["status"] == 0) for part in (treated, control)]
    assert found.p_value == pytest.approx(scipy_stats.logrank(*samples).pvalue, rel=1e-6)


def test_several_groups_agree_with_lifelines(lung):
    found = logrank(lung["time"], lung["event"], lung["group"])
    theirs = multivariate_logrank_test(lung["time"], lung["group"], lung["event"])
    assert (found.statistic, found.p_value) == pytest.approx((theirs.test_statistic, theirs.p_value), rel=1e-6)
    assert found.degrees_of_freedom == len(found.n) - 1


def test_strata_agree_with_the_sum_taken_by_hand(lung):
    found = logrank(lung["time"], lung["event"], lung["group"], strata=lung["stratum"])
    expected = stratified_by_hand(lung["time"], lung["event"], lung["group"], lung["stratum"])
    assert found.statistic == pytest.approx(expected, rel=1e-7)
    assert found.p_value == pytest.approx(scipy_stats.chi2.sf(expected, found.degrees_of_freedom), rel=1e-7)
    assert found.n_strata == 2


def test_our_sum_over_one_stratum_agrees_with_lifelines(lung):
    names = lung["group"].astype(str)
    excess, covariance = _excess_over_strata(lung["time"], lung["event"] == 1, names, np.full(names.shape, "all"))
    theirs = multivariate_logrank_test(lung["time"], names, lung["event"])
    assert _chi_squared(excess, covariance, 3) == pytest.approx((theirs.test_statistic, theirs.p_value), rel=1e-6)


def test_a_single_stratum_is_the_plain_test(lung):
    plain = logrank(lung["time"], lung["event"], lung["group"])
    assert logrank(lung["time"], lung["event"], lung["group"], strata=["all"] * len(lung["time"])) == plain


def test_strata_remove_an_effect_that_is_only_theirs():
    rng = np.random.default_rng(0)
    old = rng.random(600) < 0.5
    group = np.where(rng.random(600) < np.where(old, 0.8, 0.2), "high", "low")
    time = rng.exponential(np.where(old, 200, 2000))
    assert logrank(time, np.ones(600), group).p_value < 1e-6
    assert logrank(time, np.ones(600), group, strata=np.where(old, "old", "young")).p_value > 0.01


def test_a_row_without_group_or_stratum_is_left_out_and_counted():
    found = logrank([1, 2, 3, 4, 5], [1] * 5, ["a", "b", "", "a", "b"], strata=["s", "s", "s", None, "s"])
    assert (found.n_left_out, found.n) == (2, {"a": 1, "b": 2})


def test_the_middle_group_can_be_dropped():
    groups = survival_groups([0.1, 0.5, 0.9, 0.2, 0.8], (0.3, 0.7))
    found = logrank([5, 4, 1, 6, 2], [1] * 5, groups, only=("low", "high"))
    assert (found.n, found.n_left_out) == ({"high": 2, "low": 2}, 1)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.sampled_from("ab")), min_size=4, max_size=40),
    st.randoms(use_true_random=False),
)
def test_neither_the_order_of_rows_nor_the_names_of_groups_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    first = logrank(*(list(column) for column in zip(*rows, strict=True)))
    renamed = [(time, event, {"a": "z", "b": "y"}[group]) for time, event, group in shuffled]
    second = logrank(*(list(column) for column in zip(*renamed, strict=True)))
    assert bool(first.reason) == bool(second.reason)
    assert (first.p_value is None) == (second.p_value is None)
    if first.p_value is not None:
        assert 0.0 <= first.p_value <= 1.0
        assert second.p_value == pytest.approx(first.p_value, rel=1e-7, abs=1e-12)


@pytest.mark.parametrize(
    ("time", "event", "group", "reason"),
    [
        ([1, 2], [0, 0], ["a", "b"], "nobody died"),
        ([1, 2], [1, 1], ["a", "a"], "only one group has patients (a)"),
        ([1, 2], [1, 1], ["", ""], "no group has patients"),
        ([], [], [], "no group has patients"),
        ([1, 2, 8, 9], [0, 0, 1, 1], ["a", "a", "b", "b"], "no death happened while two groups were under observation"),
        ([3, 3], [1, 1], ["a", "b"], "no death happened while two groups were under observation"),
    ],
)
def test_an_undefined_test_says_why(time, event, group, reason):
    found = logrank(time, event, group)
    assert (found.statistic, found.p_value, found.reason) == (None, None, reason)


def test_a_group_that_was_never_at_risk_costs_no_degree_of_freedom():
    time, event, group = [5, 6, 7, 8, 1], [1, 1, 1, 1, 0], ["a", "a", "b", "b", "early"]
    found, without = logrank(time, event, group), logrank(time[:4], event[:4], group[:4])
    assert found.degrees_of_freedom == 1
    assert found.p_value == pytest.approx(without.p_value, rel=1e-7)


def test_three_groups_are_compared_pair_by_pair(lung):
    kept = np.isin(lung["group"], ["0", "1", "2"])
    time, event, group = (lung[name][kept] for name in ("time", "event", "group"))
    table = pairwise_logrank(time, event, group)
    assert table[["first", "second"]].to_numpy().tolist() == [["0", "1"], ["0", "2"], ["1", "2"]]
    for row in table.itertuples():
        first, second = group == row.first, group == row.second
        theirs = logrank_test(time[first], time[second], event[first], event[second])
        assert row.p_value == pytest.approx(theirs.p_value, rel=1e-6)
    np.testing.assert_allclose(table["q_value"], scipy_stats.false_discovery_control(table["p_value"]), rtol=1e-7)


def test_pairs_can_be_compared_within_strata(lung):
    table = pairwise_logrank(lung["time"], lung["event"], lung["group"], strata=lung["stratum"])
    alone = logrank(lung["time"], lung["event"], lung["group"], only=("0", "2"), strata=lung["stratum"])
    assert table.set_index(["first", "second"]).loc[("0", "2"), "p_value"] == alone.p_value


def test_a_pair_that_cannot_be_tested_says_why_and_spoils_no_other():
    table = pairwise_logrank([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 0, 0], ["a", "b", "a", "b", "c", "c"])
    late = pairwise_logrank([8, 9, 5, 6], [0, 0, 0, 0], ["a", "a", "b", "b"])
    assert table["reason"].tolist() == ["", "", ""]
    assert late["reason"].tolist() == ["nobody died"]
    assert late["q_value"].isna().all()


def test_one_group_has_no_pairs():
    assert len(pairwise_logrank([1, 2], [1, 1], ["a", "a"])) == 0


def test_lengths_must_agree():
    with pytest.raises(StatisticsError, match="strata 1"):
        logrank([1, 2], [1, 1], ["a", "b"], strata=["s"])
