"""Whether splits are sound [F16-F18]."""

from __future__ import annotations

from collections import Counter
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
    by_round: dict[object, dict[str, list[str]]] = {}
    for patient, number, name in splits[["patient_id", "round", "set"]].itertuples(index=False, name=None):
        by_round.setdefault(number, {}).setdefault(patient, []).append(name)
    twice = {patient for of_round in by_round.values() for patient, names in of_round.items() if len(names) > 1}
    if twice:
        problems.append(f"{_people(twice)} in two sets of a round {patient_examples(twice)}")
    everyone = set(splits["patient_id"])
    for number, of_round in sorted(by_round.items(), key=str):
        absent = everyone - set(of_round)
        if absent:
            problems.append(f"round {number}: {_people(absent)} in no set {patient_examples(absent)}")
        present = {name for names in of_round.values() for name in names}
        empty = [name for name in SETS if name not in present]
        if empty:
            problems.append(f"round {number}: nobody in {', '.join(empty)}")
    return problems + _audit_tests(list(by_round.values()), everyone)


def _audit_tests(rounds: list[dict[str, list[str]]], everyone: set[str]) -> list[str]:
    tests = {frozenset(patient for patient, names in of_round.items() if "test" in names) for of_round in rounds}
    if len(tests) <= 1:
        return []
    problems = []
    for name, does in (("test", "tested"), ("validation", "used for early stopping")):
        turns = Counter(patient for of_round in rounds for patient, names in of_round.items() if name in names)
        wrong = [patient for patient in everyone if turns[patient] != 1]
        if wrong:
            who = f"{_people(wrong)} not {does} exactly once {patient_examples(wrong)}"
            problems.append(f"test sets differ between rounds, and {who}")
    return problems


def _people(patients: Iterable[str]) -> str:
    return f"{len(set(patients))} patients are"


def patient_examples(patients: Iterable[str]) -> str:
    """Return up to five patients in brackets."""
    return f"({', '.join(sorted(set(patients))[:5])})"
