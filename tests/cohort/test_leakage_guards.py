"""Who may be used for what [A12, F20, F27]."""

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cartopath.cohort import (
    binary_labels,
    class_counts,
    draw_folds,
    draw_rounds,
    survival_patients,
    trait_labels,
    trait_sets,
)

PATIENTS = [f"P{number:04}" for number in range(101)]
SPLITS = draw_rounds(PATIENTS, seed=0)
VALUES = pd.Series(np.random.default_rng(0).permutation(101).astype(float), index=PATIENTS)
LABELS = trait_labels(VALUES)
SETS = trait_sets(SPLITS, LABELS)


def in_sets(*names):
    return set(SETS["patient_id"][SETS["set"].isin(names)])


def test_patients_out_of_distribution_are_in_no_other_set():
    assert not in_sets("ood-near", "ood-far") & in_sets("train", "validation", "test")


def test_only_labelled_patients_are_trained_validated_and_tested_on():
    assert in_sets("train", "validation", "test") == set(LABELS.table["patient_id"][LABELS.table["label"] != ""])


def test_near_and_far_are_those_of_the_labels():
    assert len(in_sets("ood-near")) == LABELS.counts["near"] and len(in_sets("ood-far")) == LABELS.counts["far"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1000), st.booleans())
def test_two_traits_share_their_split(seed, folds):
    splits = draw_folds(PATIENTS, seed=seed) if folds else draw_rounds(PATIENTS, seed=seed)
    first = trait_sets(splits, LABELS)
    second = trait_sets(splits, trait_labels(pd.Series(np.random.default_rng(seed).random(101), index=PATIENTS)))
    both = first.merge(second, on=["patient_id", "round"])
    learned = both[~both["set_x"].str.startswith("ood") & ~both["set_y"].str.startswith("ood")]
    assert (learned["set_x"] == learned["set_y"]).all()


def test_patients_without_a_value_take_no_part():
    values = VALUES.copy()
    values["P0007"] = np.nan
    assert "P0007" not in set(trait_sets(SPLITS, trait_labels(values))["patient_id"])


def test_classes_are_counted_by_round_and_set():
    counts = class_counts(SETS)
    assert list(counts.columns) == ["round", "set", "hi", "lo"] and len(counts) == 15
    assert counts.groupby("round")[["hi", "lo"]].sum().eq(21).all().all()


def test_survival_takes_test_patients_and_those_between_the_extremes_of_every_trait():
    other = trait_labels(pd.Series(np.random.default_rng(1).permutation(101).astype(float), index=PATIENTS))
    chosen = set(survival_patients(SPLITS, {"A": LABELS, "B": other}))
    test = set(SPLITS["patient_id"][SPLITS["set"] == "test"])
    out = [set(labels.table["patient_id"][labels.table["ood"] != ""]) for labels in (LABELS, other)]
    assert chosen == test | (out[0] & out[1])


def test_unmeasured_patients_count_for_survival_only_when_the_papers_code_is_followed():
    values = VALUES.copy()
    training = SPLITS["patient_id"][(SPLITS["round"] == 0) & (SPLITS["set"] == "train")]
    unmeasured, absent = training.iloc[0], training.iloc[1]
    values[unmeasured] = np.nan
    labels = {"A": trait_labels(values.drop(absent))}
    assert not {unmeasured, absent} & set(survival_patients(SPLITS, labels))
    assert {unmeasured, absent} <= set(survival_patients(SPLITS, labels, unmeasured=True))


def test_with_a_binary_trait_only_test_patients_are_left():
    labels = binary_labels(pd.Series(["hi", "lo"] * 50 + ["hi"], index=PATIENTS))
    assert survival_patients(SPLITS, {"ER": labels}) == sorted(set(SPLITS["patient_id"][SPLITS["set"] == "test"]))
