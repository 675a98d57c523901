import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartopath.core.errors import StatisticsError
from cartopath.stats import age_groups, bulk_baselines, median_groups, strata, survival_groups, survival_set


def labels(**rows):
    return pd.DataFrame([(name, value, label) for name, (value, label) in rows.items()], columns=["patient_id", "value", "label"])


def test_the_cut_itself_is_low():
    assert survival_groups([0.49, 0.5, np.nextafter(0.5, 1)], 0.5).tolist() == ["low", "low", "high"]


def test_an_index_of_zero_is_kept_as_low():
    assert survival_groups([0.0], 0.5).tolist() == ["low"]


def test_only_a_missing_index_is_in_no_group():
    assert survival_groups([None, np.nan, 0.0], (0.3, 0.7)).tolist() == ["", "", "low"]


@given(st.lists(st.floats(0, 1), max_size=50))
def test_two_cuts_divide_into_three_groups_that_can_be_counted(hti):
    groups = survival_groups(hti, (0.3, 0.7)).tolist()
    assert groups.count("low") == sum(value <= 0.3 for value in hti)
    assert groups.count("high") == sum(value > 0.7 for value in hti)
    assert groups.count("middle") == sum(0.3 < value <= 0.7 for value in hti)


@pytest.mark.parametrize("cuts", [(0.7, 0.3), (0.5, 0.5), (0.1, 0.2, 0.3), (), float("nan")])
def test_cuts_must_rise_and_be_one_or_two(cuts):
    with pytest.raises(StatisticsError, match="'cuts' parameter"):
        survival_groups([0.2], cuts)


def test_the_median_itself_is_low():
    assert median_groups([1, 2, 3]).tolist() == ["low", "low", "high"]


def test_a_monotone_transformation_keeps_median_groups():
    values = np.random.default_rng(0).lognormal(size=31)
    assert median_groups(values).tolist() == median_groups(np.log(values)).tolist()


def test_unmeasured_patients_do_not_move_the_median():
    assert median_groups([1, None, 2, 3, None]).tolist() == ["low", "", "low", "high", ""]


def test_nothing_measured_gives_no_groups():
    assert median_groups([None, np.nan]).tolist() == ["", ""]


def test_bulk_baselines_divide_the_same_patients_in_four_ways():
    table = pd.DataFrame({"A": ["hi", "hi", "lo", "lo"], "B": ["hi", "lo", "hi", "lo"]}, index=list("wxyz"))
    found = bulk_baselines(table, list("zyxw"))
    assert found.index.tolist() == list("zyxw")
    assert found["first"].tolist() == ["low", "low", "high", "high"]
    assert found["second"].tolist() == ["low", "high", "low", "high"]
    assert found["both"].tolist() == ["low", "", "", "high"]
    assert found["opposite"].tolist() == ["same", "opposite", "opposite", "same"]


def test_a_patient_without_a_bulk_label_is_not_lost_silently():
    table = pd.DataFrame({"A": ["hi", "lo"], "B": ["hi", None]}, index=["p1", "p2"])
    with pytest.raises(StatisticsError, match=r"2 of 3 patients lack a median label \(p2, p3\)"):
        bulk_baselines(table, ["p1", "p2", "p3"])


def test_a_patient_twice_is_refused():
    table = pd.DataFrame({"A": ["hi"], "B": ["hi"]}, index=["p1"])
    with pytest.raises(StatisticsError, match="occurs twice"):
        bulk_baselines(table, ["p1", "p1"])


def test_baselines_need_two_traits():
    with pytest.raises(StatisticsError, match="two traits, found 1"):
        bulk_baselines(pd.DataFrame({"A": ["hi"]}, index=["p1"]), ["p1"])


def test_the_survival_set_holds_test_patients_and_those_no_model_was_trained_on():
    first = labels(test=(9.0, "hi"), trained=(9.0, "hi"), between=(5.0, ""), half=(5.0, ""))
    second = labels(test=(5.0, ""), trained=(5.0, ""), between=(5.0, ""), half=(9.0, "hi"))
    found = survival_set(["test"], {"A": first, "B": second})
    assert found.patients == ("between", "test")
    assert (found.n_test, found.n_ood, found.n_unknown) == (1, 1, 0)


def test_a_patient_without_a_measurement_is_left_out_and_counted():
    table = labels(known=(5.0, ""), unknown=(None, ""))
    found = survival_set([], {"A": table})
    assert (found.patients, found.n_unknown) == (("known",), 1)


def test_the_authors_code_takes_unmeasured_patients_for_unlabelled_ones():
    table = labels(known=(5.0, ""), unknown=(None, ""))
    found = survival_set(["elsewhere"], {"A": table}, mode="pathomch-code")
    assert (found.patients, found.n_unknown) == (("elsewhere", "known", "unknown"), 0)


def test_a_survival_set_needs_traits_and_one_row_per_patient():
    with pytest.raises(StatisticsError, match="no traits"):
        survival_set(["p1"], {})
    with pytest.raises(StatisticsError, match="list a patient twice"):
        survival_set([], {"A": pd.concat([labels(p1=(1.0, "")), labels(p1=(2.0, ""))])})


def test_an_age_at_the_edge_is_in_the_older_stratum():
    assert age_groups([49.9, 50, 64.9, 65, None]).tolist() == ["<50", "50-65", "50-65", ">=65", ""]


@pytest.mark.parametrize("edges", [(), (65, 50), (50, 50)])
def test_edges_of_ages_must_rise(edges):
    with pytest.raises(StatisticsError, match="'edges' parameter"):
        age_groups([50], edges)


def test_a_missing_part_makes_a_missing_stratum():
    assert strata(["F", "M", ""], age_groups([40, None, 40])).tolist() == ["F | <50", "", ""]


def test_strata_need_columns_of_one_length():
    with pytest.raises(StatisticsError, match="no columns"):
        strata()
    with pytest.raises(StatisticsError, match="column 1 2, column 2 1"):
        strata(["F", "M"], ["<50"])
