"""Rounds and folds [A1, F16-F18], over a thousand random cohorts."""

from collections import Counter

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cartopath.cohort import audit_splits, draw_folds, draw_rounds, read_splits, write_splits
from cartopath.core.errors import ArtifactError, SplitError

cohorts = st.integers(8, 120).map(lambda n: [f"P{number:04}" for number in range(n)])
seeds = st.integers(0, 2**31)


def sizes(splits, number=0):
    return splits[splits["round"] == number].groupby("set").size().to_dict()


def members(splits, name):
    """Return the patients of a set, round by round."""
    columns = zip(splits["patient_id"], splits["round"], splits["set"], strict=True)
    found = {}
    for patient, number, word in columns:
        found.setdefault(number, set())
        if word == name:
            found[number].add(patient)
    return [frozenset(found[number]) for number in sorted(found)]


def turns(splits, name):
    """Return how often each patient is in a set."""
    return Counter(patient for patients in members(splits, name) for patient in patients)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cohorts, seeds, st.sampled_from(["paper", "pathomch-code"]), st.sampled_from([0.1, 0.15, 0.2]), st.integers(1, 5))
def test_in_rounds_a_patient_is_in_one_set_and_the_test_never_changes(patients, seed, mode, share, rounds):
    splits = draw_rounds(patients, test=share, validation=share, rounds=rounds, seed=seed, mode=mode)
    assert not splits.duplicated(["patient_id", "round"]).any()
    assert len(splits) == rounds * len(patients)
    assert len(set(members(splits, "test"))) == 1
    assert len(set(members(splits, "validation"))) == rounds
    assert set(splits["set"]) == {"train", "validation", "test"}
    assert audit_splits(splits) == []


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cohorts, seeds, st.integers(3, 8))
def test_in_folds_every_patient_tests_once_and_stops_early_once(patients, seed, k):
    splits = draw_folds(patients, k=k, seed=seed)
    assert not splits.duplicated(["patient_id", "round"]).any()
    for name, n in (("test", 1), ("validation", 1), ("train", k - 2)):
        assert turns(splits, name) == dict.fromkeys(patients, n)
    group_sizes = [len(group) for group in members(splits, "test")]
    assert max(group_sizes) - min(group_sizes) <= 1
    assert audit_splits(splits) == []


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cohorts, seeds, st.randoms())
def test_splits_depend_on_the_seed_and_the_set_of_patients_only(patients, seed, random):
    shuffled = patients * 2
    random.shuffle(shuffled)
    assert draw_rounds(patients, seed=seed).equals(draw_rounds(shuffled, seed=seed))
    assert draw_folds(patients, seed=seed).equals(draw_folds(shuffled, seed=seed))


def names(n):
    return [f"P{number:04}" for number in range(n)]


@pytest.mark.parametrize("mode", ["paper", "pathomch-code"])
def test_ten_patients_have_a_test_patient(mode):
    assert sizes(draw_rounds(names(10), seed=0, mode=mode))["test"] >= 1


def test_a_hundred_patients_are_divided_80_10_10_and_72_18_10():
    assert sizes(draw_rounds(names(100), seed=0)) == {"train": 80, "validation": 10, "test": 10}
    assert sizes(draw_rounds(names(100), seed=0, mode="pathomch-code")) == {"train": 72, "validation": 18, "test": 10}


def test_the_breast_cohort_is_divided_as_by_the_papers_code():
    assert sizes(draw_rounds(names(703), seed=0, mode="pathomch-code")) == {"train": 506, "validation": 127, "test": 70}
    assert sizes(draw_rounds(names(703), seed=0)) == {"train": 563, "validation": 70, "test": 70}


def test_halves_are_rounded_up():
    assert sizes(draw_rounds(names(15), seed=0))["test"] == 2


def test_another_seed_draws_another_test():
    assert members(draw_rounds(names(100), seed=0), "test")[0] != members(draw_rounds(names(100), seed=1), "test")[0]


def test_more_rounds_leave_the_first_ones_alone():
    three, five = (draw_rounds(names(50), rounds=rounds, seed=3) for rounds in (3, 5))
    pd.testing.assert_frame_equal(three, five[five["round"] < 3])


def test_rounds_that_cannot_differ_are_refused():
    with pytest.raises(SplitError, match="3 patients outside the test set allow 3 different rounds, not 5"):
        draw_rounds(names(4), seed=0)
    assert draw_rounds(names(4), rounds=3, seed=0)["round"].nunique() == 3


@pytest.mark.parametrize(
    "arguments", [{"test": 0}, {"test": 0.6, "validation": 0.5}, {"validation": 1.2}, {"rounds": 0}, {"mode": "other"}]
)
def test_impossible_requests_are_refused(arguments):
    with pytest.raises(SplitError):
        draw_rounds(names(50), seed=0, **arguments)


def test_too_few_patients_are_refused():
    with pytest.raises(SplitError, match="2 patients cannot be divided"):
        draw_rounds(names(2), seed=0)
    with pytest.raises(SplitError, match="4 patients cannot be divided: at least 5"):
        draw_folds(names(4), seed=0)
    with pytest.raises(SplitError, match="k must be at least 3"):
        draw_folds(names(4), k=2, seed=0)


def test_a_patient_without_a_name_is_refused():
    with pytest.raises(SplitError, match="without a name"):
        draw_rounds([*names(20), ""], seed=0)


def test_stored_splits_come_back(tmp_path):
    splits = draw_rounds(names(20), seed=0)
    write_splits(splits, tmp_path / "splits.parquet", seed=0, meta={"mode": "paper"})
    pd.testing.assert_frame_equal(read_splits(tmp_path / "splits.parquet", patients=names(20)), splits)


def test_equal_splits_are_equal_files(tmp_path):
    for name in ("a", "b"):
        write_splits(draw_rounds(names(20), seed=0), tmp_path / f"{name}.parquet", seed=0)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_splits_of_another_cohort_are_refused_with_who_is_new_and_gone(tmp_path):
    write_splits(draw_rounds(names(20), seed=0), tmp_path / "splits.parquet", seed=0)
    with pytest.raises(SplitError, match=r"1 are new \(NEW\), 1 are gone \(P0000\)"):
        read_splits(tmp_path / "splits.parquet", patients=[*names(20)[1:], "NEW"])


def test_unsound_splits_are_not_stored(tmp_path):
    splits = draw_rounds(names(20), seed=0)
    splits.loc[0, "set"] = "exam"
    with pytest.raises(SplitError, match="unsound splits are not stored"):
        write_splits(splits, tmp_path / "splits.parquet", seed=0)
    assert not (tmp_path / "splits.parquet").exists()


def test_absent_splits_are_an_artifact_error(tmp_path):
    with pytest.raises(ArtifactError):
        read_splits(tmp_path / "none.parquet")


def test_the_audit_finds_a_patient_in_two_sets():
    splits = draw_rounds(names(20), seed=0)
    again = splits[(splits["round"] == 1) & (splits["set"] == "test")].head(1).assign(set="train")
    assert "1 patients are in two sets of a round" in audit_splits(pd.concat([splits, again]))[0]


def test_the_audit_finds_a_test_that_changes_between_rounds():
    splits = pd.concat([draw_rounds(names(20), rounds=1, seed=seed).assign(round=seed) for seed in (0, 1)])
    assert any("test sets differ between rounds" in problem for problem in audit_splits(splits))


def test_the_audit_finds_a_missing_patient_an_empty_set_and_a_missing_column():
    splits = draw_rounds(names(20), seed=0)
    lost = splits[~((splits["round"] == 2) & (splits["patient_id"] == "P0003"))]
    assert "round 2: 1 patients are in no set (P0003)" in audit_splits(lost)
    emptied = splits.assign(set=splits["set"].replace("validation", "train"))
    assert "round 0: nobody in validation" in audit_splits(emptied)
    assert audit_splits(splits.drop(columns="set")) == ["no column set"]
