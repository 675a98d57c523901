"""Labels of traits [A2-A5, F13, F14]."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cartopath.cohort import binary_labels, trait_labels
from cartopath.core.errors import LabelError


def by_patient(values, name="TRAIT"):
    return pd.Series(
        values,
        index=[f"P{number:04}" for number in range(len(values))],
        name=name,
        dtype=object if isinstance(values[0], str) else float,
    )


HUNDRED = trait_labels(by_patient(range(101)))


def test_zero_to_a_hundred_gives_21_low_21_high_and_59_out_of_distribution():
    counts = HUNDRED.counts
    assert (counts["lo"], counts["hi"], counts["near"] + counts["far"]) == (21, 21, 59)


def test_near_is_21_to_30_and_71_to_79():
    near = HUNDRED.table["value"][HUNDRED.table["ood"] == "near"]
    assert near.tolist() == [*range(21, 31), *range(71, 80)]


def test_the_table_has_the_promised_columns():
    assert list(HUNDRED.table.columns) == ["patient_id", "value", "label", "median_label", "decile", "ood"]


def test_deciles_run_from_a_tenth_to_one():
    deciles = HUNDRED.table.set_index("value")["decile"]
    assert [deciles[value] for value in (0, 10, 11, 30, 31, 90, 91, 100)] == [0.1, 0.1, 0.2, 0.3, 0.4, 0.9, 1.0, 1.0]


def test_the_median_itself_is_low():
    assert HUNDRED.table.set_index("value")["median_label"][[49, 50, 51]].tolist() == ["lo", "lo", "hi"]


def test_both_extremes_include_their_percentile():
    labels = HUNDRED.table.set_index("value")["label"]
    assert labels[[20, 21, 79, 80]].tolist() == ["lo", "", "", "hi"]


@pytest.mark.parametrize(("low", "high"), [(20, 80), (25, 75), (10, 90), (33.3, 66.7)])
@pytest.mark.parametrize("n", [7, 50, 101, 703])
def test_fitting_patients_are_labelled_as_by_numpy_percentiles(n, low, high):
    values = by_patient(np.random.default_rng(n).gamma(2, 100, n))
    p_low, p_high = np.percentile(values, [low, high])
    expected = np.where(values <= p_low, "lo", np.where(values >= p_high, "hi", ""))
    assert trait_labels(values, low=low, high=high).table["label"].tolist() == expected.tolist()


distinct = st.lists(st.integers(1, 10**6), min_size=6, max_size=60, unique=True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(distinct, st.sampled_from([np.log, np.sqrt, lambda x: x**3, lambda x: 5 * x - 7]), st.data())
def test_labels_do_not_change_under_monotone_transforms_even_of_held_out_patients(values, transform, data):
    plain = by_patient(values)
    fit = data.draw(st.lists(st.sampled_from(list(plain.index)), min_size=4, unique=True))
    first = trait_labels(plain, fit_patients=fit)
    second = trait_labels(by_patient(transform(np.array(values, dtype=float))), fit_patients=fit)
    columns = ["patient_id", "label", "median_label", "decile", "ood"]
    pd.testing.assert_frame_equal(first.table[columns], second.table[columns])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(distinct, st.randoms())
def test_labels_do_not_depend_on_the_order_of_patients(values, random):
    series = by_patient(values)
    order = list(series.index)
    random.shuffle(order)
    pd.testing.assert_frame_equal(trait_labels(series).table, trait_labels(series[order]).table)


def test_thresholds_come_from_the_fitting_patients_only():
    values = by_patient([*range(101), *([10**6] * 50)])
    fitted = trait_labels(values, fit_patients=[f"P{number:04}" for number in range(101)])
    assert (fitted.thresholds["lo"], fitted.thresholds["hi"], fitted.thresholds["n_fit"]) == (20, 80, 101)
    assert fitted.table["label"].iloc[101:].eq("hi").all()
    assert trait_labels(values).thresholds["hi"] == 10**6


def test_patients_without_a_value_are_neither_labelled_nor_out_of_distribution():
    labels = trait_labels(by_patient([*range(101), np.nan]))
    assert labels.table.iloc[-1][["label", "median_label", "ood"]].tolist() == ["", "", ""]
    assert np.isnan(labels.table["decile"].iloc[-1]) and labels.counts["missing"] == 1


def test_a_value_above_all_fitting_patients_is_in_the_last_decile():
    labels = trait_labels(by_patient([*range(101), 500]), fit_patients=[f"P{number:04}" for number in range(101)])
    assert labels.table["decile"].iloc[-1] == 1.0


def test_a_gene_that_is_mostly_zero_is_refused_with_the_share():
    with pytest.raises(LabelError, match=r"TRAIT: percentiles 20 and 80 of 100 patients are both 0 \(90% have that value\)"):
        trait_labels(by_patient([0.0] * 90 + list(range(1, 11))))


def test_ties_at_a_percentile_are_all_labelled():
    labels = trait_labels(by_patient([0.0] * 40 + list(range(1, 61))))
    assert labels.counts["lo"] == 40 and labels.counts["hi"] == 20


def test_fitting_patients_without_values_are_refused():
    with pytest.raises(LabelError, match="none of the patients that define the percentiles"):
        trait_labels(by_patient([1.0, 2.0]), fit_patients=["other"])


def test_words_among_the_values_are_refused():
    with pytest.raises(LabelError, match="'Positive' is no number"):
        trait_labels(by_patient(["Positive", "Negative"]))


def test_several_values_of_a_patient_are_refused():
    with pytest.raises(LabelError, match=r"1 patients have several values \(A\)"):
        trait_labels(pd.Series([1.0, 2.0, 3.0], index=["A", "A", "B"]))
    with pytest.raises(LabelError, match="have several values"):
        binary_labels(pd.Series(["hi", "lo"], index=["A", "A"]))


@pytest.mark.parametrize(("low", "high"), [(80, 20), (-1, 50), (50, 101), (50, 50)])
def test_impossible_percentiles_are_refused(low, high):
    with pytest.raises(LabelError, match="0 <= low < high <= 100"):
        trait_labels(by_patient(range(101)), low=low, high=high)


@pytest.mark.parametrize("words", [("hi", "lo"), ("Positive", "Negative"), ("YES", "no"), ("1", "0"), ("true", "False")])
def test_pairs_of_words_have_a_meaning(words):
    assert binary_labels(by_patient([*words, "", "NA"])).table["label"].tolist() == ["hi", "lo", "", ""]


def test_numbers_one_and_zero_are_binary():
    labels = binary_labels(by_patient([1.0, 0.0, np.nan]))
    assert labels.table["label"].tolist() == ["hi", "lo", ""] and labels.counts["missing"] == 1


def test_words_without_a_meaning_ask_which_is_positive():
    values = by_patient(["Basal-like", "Luminal A", "Luminal A", ""])
    with pytest.raises(LabelError, match=r"cannot tell which is high of 'basal-like' \(1\), 'luminal a' \(2\)"):
        binary_labels(values)
    assert binary_labels(values, positive="basal-like").table["label"].tolist() == ["hi", "lo", "lo", ""]


def test_a_positive_word_that_is_not_there_is_refused_with_what_is():
    with pytest.raises(LabelError, match=r"\['basal'\] is among the values \('basal-like', 'luminal a'\)"):
        binary_labels(by_patient(["Basal-like", "Luminal A"]), positive="Basal")


def test_whole_numbers_may_be_stated_as_positive():
    assert binary_labels(by_patient([1.0, 2.0]), positive="2").table["label"].tolist() == ["lo", "hi"]


def test_a_single_class_is_refused():
    with pytest.raises(LabelError, match="2 patients with a status, all of one class"):
        binary_labels(by_patient(["Positive", "Positive", ""]))


def test_binary_labels_have_no_distribution():
    table = binary_labels(by_patient(["hi", "lo"])).table
    assert table["decile"].isna().all() and table["ood"].tolist() == ["", ""]
    assert table["median_label"].tolist() == table["label"].tolist()
