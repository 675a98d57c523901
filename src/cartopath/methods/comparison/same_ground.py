"""What must be the same before methods can be compared: traits, splits, classes, measured values, and the patients judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cartopath.core.errors import ConfigError, SplitError
from cartopath.methods.comparison.arm import Arm
from cartopath.study.stages.divide import read_labels


def shared_traits(arms: Sequence[Arm]) -> list[str]:
    """Return the traits that every arm has scores of, in the order of the first.

    Raises:
        ConfigError: There is none.
    """
    shared = [trait for trait in arms[0].traits if all(trait in arm.traits for arm in arms)]
    if not shared:
        listed = "; ".join(f"{arm.name} has {', '.join(arm.traits)}" for arm in arms)
        raise ConfigError(f"no trait that all studies have: {listed}")
    return shared


def require_same_ground(arms: Sequence[Arm], traits: Sequence[str]) -> None:
    """Make sure that all arms divide, label and judge the same patients alike.

    Raises:
        SplitError: Two of them do not; the message names the first difference.
    """
    first = arms[0]
    for other in arms[1:]:
        where = f"{first.study.root} and {other.study.root}"
        _same_patients(first, other, where)
        _same_sets(first, other, where)
        for trait in traits:
            _same_classes(first, other, trait, where)
            _same_judged(first, other, trait, where)


def _same_patients(first: Arm, other: Arm, where: str) -> None:
    mine, theirs = (sorted(set(arm.splits["patient_id"])) for arm in (first, other))
    if mine != theirs:
        only = sorted(set(mine) ^ set(theirs))
        holder = first if only[0] in mine else other
        raise SplitError(
            f"{where} have different patients: {len(mine)} and {len(theirs)}; {only[0]} is in {holder.name} alone "
            f"({len(only)} such patients). Give both the same slides, and run again"
        )


def _same_sets(first: Arm, other: Arm, where: str) -> None:
    mine, theirs = (arm.splits.set_index(["round", "patient_id"])["set"].sort_index() for arm in (first, other))
    rounds = [sorted(set(series.index.get_level_values("round"))) for series in (mine, theirs)]
    if rounds[0] != rounds[1]:
        raise SplitError(
            f"{where} have different splits: {len(rounds[0])} and {len(rounds[1])} rounds or folds; "
            "give both the same seed and the same splits:, and run again"
        )
    differ = mine.index[mine.to_numpy() != theirs.to_numpy()]
    if len(differ):
        round_, patient = differ[0]
        raise SplitError(
            f"{where} have different splits: in round {round_}, {patient} is in {mine[differ[0]]} and {theirs[differ[0]]} "
            f"({len(differ)} such differences); give both the same seed and the same splits:, and run again"
        )


def _same_classes(first: Arm, other: Arm, trait: str, where: str) -> None:
    tables = [read_labels(arm.study, trait).set_index(["round", "patient_id"]).sort_index() for arm in (first, other)]
    if not tables[0].index.equals(tables[1].index):
        (round_, patient) = tables[0].index.symmetric_difference(tables[1].index)[0]
        raise SplitError(f"{where} have different labels of {trait}: {patient} has a value in one of them alone (round {round_})")
    for column, what in (("label", "class"), ("value", "measured value"), ("median_label", "side of the median")):
        mine, theirs = (table[column] for table in tables)
        differ = mine.index[(mine != theirs).to_numpy() & ~(mine.isna() & theirs.isna()).to_numpy()]
        if len(differ):
            round_, patient = differ[0]
            found = " and ".join(_shown(series[differ[0]]) for series in (mine, theirs))
            raise SplitError(
                f"{where} have different labels of {trait}: the {what} of {patient} in round {round_} is {found} "
                f"({len(differ)} such differences); give both the same tables and the same labels:, and run again"
            )


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def _same_judged(first: Arm, other: Arm, trait: str, where: str) -> None:
    mine, theirs = (set(arm.scores.loc[arm.scores["trait"] == trait, "patient_id"]) for arm in (first, other))
    only = sorted(mine ^ theirs)
    if only:
        without = other if only[0] in mine else first
        raise SplitError(
            f"{where} judge different patients for {trait}: {only[0]} has no score in {without.name} "
            f"({len(only)} such patients); "
            f"see what failed there in {Path(without.study.root, 'ledger.jsonl')}, and run it again"
        )


def slide_differences(arms: Sequence[Arm], traits: Sequence[str]) -> list[str]:
    """Return in words which slides some arm could not use: patients are then judged by fewer slides there."""
    words = []
    for trait in traits:
        slides = [set(arm.scores.loc[arm.scores["trait"] == trait, "slide_id"]) for arm in arms]
        for arm, own in zip(arms, slides, strict=True):
            lacking = sorted(set.union(*slides) - own)
            if lacking:
                examples = ", ".join(lacking[:3]) + (" ..." if len(lacking) > 3 else "")
                words.append(f"{arm.name} judges {trait} without {len(lacking)} slides that another study has ({examples})")
    return list(dict.fromkeys(words))
