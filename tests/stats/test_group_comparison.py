import numpy as np
import pytest
from matplotlib.cbook import boxplot_stats
from scipy import stats as scipy_stats

from cartopath.core.errors import StatisticsError
from cartopath.stats import box_statistics, grouped, kruskal_wallis


@pytest.fixture
def groups():
    rng = np.random.default_rng(2)
    return {"LumA": rng.normal(0, 1, 12).round(1), "LumB": rng.normal(0.5, 1, 9).round(1), "Basal": rng.normal(1, 1, 15).round(1)}


def test_the_test_agrees_with_its_formula_ties_included(groups):
    found = kruskal_wallis(groups)
    values = np.concatenate(list(groups.values()))
    ranks, n = scipy_stats.rankdata(values), values.size
    sums = [part.sum() ** 2 / part.size for part in np.split(ranks, np.cumsum([12, 9]))]
    _, ties = np.unique(values, return_counts=True)
    statistic = (12 / (n * (n + 1)) * sum(sums) - 3 * (n + 1)) / (1 - (ties**3 - ties).sum() / (n**3 - n))
    assert found.statistic == pytest.approx(statistic, rel=1e-7)
    assert found.p_value == pytest.approx(scipy_stats.chi2.sf(statistic, 2), rel=1e-7)


def test_sizes_and_medians_come_with_the_test(groups):
    found = kruskal_wallis(groups)
    assert found.n == {"LumA": 12, "LumB": 9, "Basal": 15}
    assert found.medians["LumA"] == np.median(groups["LumA"])


def test_missing_values_do_not_count():
    assert kruskal_wallis({"a": [1.0, None, 2.0], "b": [3.0, np.nan]}).n == {"a": 2, "b": 1}


def test_an_empty_group_is_counted_and_left_out(groups):
    with_empty = kruskal_wallis({**groups, "Normal": []})
    assert with_empty.n["Normal"] == 0
    assert with_empty.p_value == kruskal_wallis(groups).p_value


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ({}, "fewer than two groups"),
        ({"a": [1, 2]}, "fewer than two groups"),
        ({"a": [3, 3], "b": [3]}, "every value is the same"),
    ],
)
def test_an_undefined_test_says_why(groups, reason):
    found = kruskal_wallis(groups)
    assert found.p_value is None
    assert reason in found.reason


def test_rows_are_sorted_into_groups_and_unknown_ones_left_out():
    parts = grouped([1, 2, 3, np.nan, 5], ["b", "a", None, "a", "b"])
    assert {name: part.tolist() for name, part in parts.items()} == {"a": [2.0], "b": [1.0, 5.0]}


def test_values_and_groups_must_have_one_length():
    with pytest.raises(StatisticsError, match="values 2, groups 1"):
        grouped([1, 2], ["a"])


def test_box_numbers_agree_with_matplotlib(groups):
    table = box_statistics({**groups, "outlier": [1.0, 2.0, 3.0, 4.0, 50.0]})
    for (_, row), values in zip(table.iterrows(), [*groups.values(), [1.0, 2.0, 3.0, 4.0, 50.0]], strict=True):
        (expected,) = boxplot_stats(values)
        found = row[["whisker_low", "q1", "median", "q3", "whisker_high"]].tolist()
        assert found == pytest.approx([expected[name] for name in ("whislo", "q1", "med", "q3", "whishi")], rel=1e-7)


def test_an_empty_group_keeps_its_row():
    table = box_statistics({"a": [1.0, 2.0], "b": []})
    assert table["n"].tolist() == [2, 0]
    assert table["median"].isna().tolist() == [False, True]


def test_a_box_plot_of_nothing_is_refused():
    with pytest.raises(StatisticsError, match="no groups"):
        box_statistics({})


def test_infinite_values_are_refused():
    with pytest.raises(StatisticsError, match="group 'a'"):
        kruskal_wallis({"a": [np.inf], "b": [1.0]})
