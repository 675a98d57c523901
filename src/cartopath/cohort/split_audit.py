"""Whether splits are sound [F16-F18]."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

SETS = ("train", "validation", "test")


def audit_splits(splits: pd.DataFrame) -> list[str]:
    """Return what is wrong with splits, nothing for sound ones.

    Sound: every patient is in exactly one set of every round, every round has all three sets, and the tests are either the same
    in all rounds or each patient's turn comes exactly once, as does early stopping then.

    >>> audit_splits(pd.DataFrame({"patient_id": ["A", "A"], "round": [0, 0], "set": ["train", "test"]}))[0]
    '1 patients are in two sets of a round (A)'
    """
    missing = [name for name in ("patient_id", "round", "set") if name not in splits]
    if missing:
        return [f"no column {', '.join(missing)}"]
    problems = []
    unknown = sorted(set(splits["set"]) - set(SETS))
    if unknown:
        problems.append(f"unknown sets {', '.join(map(repr, unknown))}")
    twice = splits[splits.duplicated(["patient_id", "round"])]
    if len(twice):
        problems.append(f"{_people(twice['patient_id'])} in two sets of a round {patient_examples(twice['patient_id'])}")
    everyone = set(splits["patient_id"])
    for number, group in splits.groupby("round"):
        absent = everyone - set(group["patient_id"])
        if absent:
            problems.append(f"round {number}: {_people(absent)} in no set {patient_examples(absent)}")
        empty = [name for name in SETS if not (group["set"] == name).any()]
        if empty:
            problems.append(f"round {number}: nobody in {', '.join(empty)}")
    return problems + _audit_tests(splits)


def _audit_tests(splits: pd.DataFrame) -> list[str]:
    tests = {number: frozenset(group["patient_id"][group["set"] == "test"]) for number, group in splits.groupby("round")}
    if len(set(tests.values())) <= 1:
        return []
    problems = []
    for name, does in (("test", "tested"), ("validation", "used for early stopping")):
        turns = (
            splits[splits["set"] == name].groupby("patient_id").size().reindex(sorted(set(splits["patient_id"])), fill_value=0)
        )
        wrong = turns[turns != 1].index
        if len(wrong):
            who = f"{_people(wrong)} not {does} exactly once {patient_examples(wrong)}"
            problems.append(f"test sets differ between rounds, and {who}")
    return problems


def _people(patients: Iterable[str]) -> str:
    return f"{len(set(patients))} patients are"


def patient_examples(patients: Iterable[str]) -> str:
    """Return up to five patients in brackets."""
    return f"({', '.join(sorted(set(patients))[:5])})"
