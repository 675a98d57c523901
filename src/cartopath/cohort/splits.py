"""Patients divided into training, validation and test, once for all traits and methods [A1, F16-F18].

`draw_rounds` follows Levy-Jurgenson et al. 2020: one fixed test set and several draws of training and validation. `draw_folds`
follows Rawat et al. 2020: five groups, three to train, one to stop early, one to test. What is drawn depends on the seed and on
the set of patients only, not on their order.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from cartopath.cohort.split_audit import audit_splits
from cartopath.core.errors import SplitError
from cartopath.core.rng import stream
from cartopath.store.artifacts import Header, read_header, read_table, write_table
from cartopath.store.hashing import value_key

_KIND = "splits"


def draw_rounds(
    patients: Iterable[str],
    *,
    test: float = 0.1,
    validation: float = 0.1,
    rounds: int = 5,
    seed: int,
    mode: Literal["paper", "pathomch-code"] = "paper",
) -> pd.DataFrame:
    """Draw a fixed test set and `rounds` different divisions of the other patients.

    Args:
        patients: All patients of the study; repeats and order do not matter.
        test: Share of all patients, at least one patient.
        validation: Share of all patients, at least one patient.
        rounds: How many.
        seed: Of the study.
        mode: `paper`: shares of all patients, rounded half up. `pathomch-code`: the shares of the paper's code, where validation
            and training divide what the test leaves (0.1 and 0.1 give 72/18/10).

    Returns:
        `patient_id, round` (from 0) and `set` (`train`, `validation` or `test`), sorted by round and patient: every patient once
        in each round.

    Raises:
        SplitError: The shares are impossible, or there are too few patients for that many different rounds.

    >>> draw_rounds(["A", "B", "C", "D"], rounds=1, seed=0).groupby("set").size().to_dict()
    {'test': 1, 'train': 2, 'validation': 1}
    """
    everyone = _sorted_patients(patients, at_least=3)
    n_test, n_validation = _sizes(len(everyone), test, validation, mode)
    if rounds < 1:
        raise SplitError(f"rounds must be at least 1; got {rounds}")
    n_left = len(everyone) - n_test
    if math.comb(n_left, n_validation) < rounds:
        raise SplitError(
            f"{n_left} patients outside the test set allow {math.comb(n_left, n_validation)} different rounds, not {rounds}; "
            "ask for fewer"
        )
    order = stream(seed, "splits", "test").permutation(len(everyone))
    held_out = {everyone[place] for place in order[:n_test]}
    others = [patient for patient in everyone if patient not in held_out]
    drawn: set[frozenset[str]] = set()
    sets: list[list[str]] = []
    for number in range(rounds):
        stopping = _new_draw(others, n_validation, drawn, seed, number)
        drawn.add(stopping)
        sets.append([_set_of(patient, held_out, stopping) for patient in everyone])
    return _splits(everyone, sets)


def _set_of(patient: str, test: Collection[str], validation: Collection[str]) -> str:
    return "test" if patient in test else "validation" if patient in validation else "train"


def _splits(everyone: list[str], sets: list[list[str]]) -> pd.DataFrame:
    """Return the table of splits from the sets of all patients in each round."""
    n_rounds = len(sets)
    return pd.DataFrame(
        {
            "patient_id": np.tile(np.array(everyone, dtype=object), n_rounds),
            "round": np.repeat(np.arange(n_rounds), len(everyone)),
            "set": np.concatenate([np.array(of_round, dtype=object) for of_round in sets]),
        }
    )


def _new_draw(others: list[str], n: int, drawn: set[frozenset[str]], seed: int, number: int) -> frozenset[str]:
    """Draw the validation patients of a round, again where another round drew the same."""
    generator = stream(seed, "splits", "round", number)
    while True:
        chosen = frozenset(others[place] for place in generator.permutation(len(others))[:n])
        if chosen not in drawn:
            return chosen


def _sorted_patients(patients: Iterable[str], *, at_least: int) -> list[str]:
    everyone = sorted({str(patient) for patient in patients})
    if "" in everyone:
        raise SplitError("a patient without a name cannot be put into a set; leave out slides without patient first")
    if len(everyone) < at_least:
        raise SplitError(f"{len(everyone)} patients cannot be divided: at least {at_least} are needed")
    return everyone


def _sizes(n: int, test: float, validation: float, mode: str) -> tuple[int, int]:
    if not (0 < test < 1 and 0 < validation < 1 and test + validation < 1):
        raise SplitError(
            f"the shares of test and validation must be above 0 and leave patients to train on; got {test!r} and {validation!r}"
        )
    # Exact: int(100 * (1 - 0.8 - 0.1)) is 9 in floating point.
    test_share, validation_share = Fraction(str(test)), Fraction(str(validation))
    if mode == "paper":
        n_test = max(1, math.floor(n * test_share + Fraction(1, 2)))
        n_validation = max(1, math.floor(n * validation_share + Fraction(1, 2)))
    elif mode == "pathomch-code":
        n_test = max(1, math.floor(n * test_share))
        n_validation = max(1, n - n_test - math.floor((n - n_test) * (1 - test_share - validation_share)))
    else:
        raise SplitError(f"no mode {mode!r} of drawing rounds (there are: paper, pathomch-code)")
    n_validation = min(n_validation, n - n_test - 1)
    if n_validation < 1:
        raise SplitError(f"{n} patients with shares {test!r} and {validation!r} leave nobody to train on; lower the shares")
    return n_test, n_validation


def draw_folds(patients: Iterable[str], *, k: int = 5, seed: int) -> pd.DataFrame:
    """Divide patients into `k` groups of nearly equal size; in fold f, group f tests, the next stops early, the rest train.

    Returns:
        As `draw_rounds`, `round` being the fold: every patient tests in exactly one fold and stops early in exactly one.

    Raises:
        SplitError: Fewer than three folds, or fewer patients than folds.

    >>> draw_folds("ABCDE", seed=0).query("round == 0").groupby("set").size().to_dict()
    {'test': 1, 'train': 3, 'validation': 1}
    """
    if k < 3:
        raise SplitError(f"k must be at least 3 (train, stop early, test); got {k}")
    everyone = _sorted_patients(patients, at_least=k)
    group = np.empty(len(everyone), dtype=int)
    group[stream(seed, "splits", "folds").permutation(len(everyone))] = np.arange(len(everyone)) % k
    words = np.array(["test", "validation", *["train"] * (k - 2)], dtype=object)
    return _splits(everyone, [list(words[(group - fold) % k]) for fold in range(k)])


def write_splits(splits: pd.DataFrame, path: Path | str, *, seed: int, key: str = "", meta: dict[str, Any] | None = None) -> None:
    """Store splits, so that they are never drawn again by accident.

    Raises:
        SplitError: They are not sound (`audit_splits`).
    """
    problems = audit_splits(splits)
    if problems:
        raise SplitError(f"{path}: unsound splits are not stored: {'; '.join(problems[:3])}")
    patients = sorted(set(splits["patient_id"]))
    header = Header(
        kind=_KIND, key=key, meta={"seed": seed, "n_patients": len(patients), "patients": value_key(patients), **(meta or {})}
    )
    write_table(splits[["patient_id", "round", "set"]], path, header)


def read_splits(path: Path | str, *, patients: Iterable[str] | None = None) -> pd.DataFrame:
    """Read stored splits.

    Args:
        path: Written by `write_splits`.
        patients: The patients of the study today; the splits must be of exactly these.

    Raises:
        ArtifactError: The file is missing or damaged.
        SplitError: It is of other patients, or was changed since it was written.
    """
    splits = read_table(path, _KIND)
    stored = sorted(set(splits["patient_id"]))
    if read_header(path, _KIND).meta.get("patients") != value_key(stored):
        raise SplitError(f"{path}: its patients are not those it was written with; restore it or draw anew")
    if patients is not None:
        today = set(patients)
        new, lost = sorted(today - set(stored)), sorted(set(stored) - today)
        if new or lost:
            raise SplitError(
                f"{path}: drawn for other patients: {len(new)} are new ({', '.join(new[:5])}), {len(lost)} are gone "
                f"({', '.join(lost[:5])}); "
                "restore the cohort, or delete the splits and everything trained on them"
            )
    return splits
