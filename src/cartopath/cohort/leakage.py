"""Guards against leakage: who may be used for what when a trait is learned [F20, F27]."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cartopath.cohort.labels import TraitLabels
from cartopath.cohort.split_audit import SETS

TRAIT_SETS = (*SETS, "ood-near", "ood-far")


def trait_sets(splits: pd.DataFrame, labels: TraitLabels) -> pd.DataFrame:
    """Say what each patient is used for when one trait is learned.

    Only patients with a label are trained, validated and tested on. A patient with a value between the extremes is out of
    distribution in every round, whatever set the splits put it in, so its tiles are never trained on. A patient without a value
    takes no part [A12].

    Returns:
        `patient_id, round, set` (one of `TRAIT_SETS`), `label` and `median_label`, in the order of the splits.
    """
    table = splits.merge(labels.table[["patient_id", "label", "median_label", "ood"]], on="patient_id", how="inner")
    out = table["ood"] != ""
    table["set"] = table["set"].where(~out, "ood-" + table["ood"])
    kept = table[(table["label"] != "") | out]
    return kept[["patient_id", "round", "set", "label", "median_label"]].reset_index(drop=True)


def class_counts(sets: pd.DataFrame) -> pd.DataFrame:
    """Count the classes of one trait: `round, set, hi, lo` for train, validation and test, from `trait_sets`."""
    rows = []
    for number, group in sets.groupby("round"):
        for name in SETS:
            labels = group["label"][group["set"] == name]
            rows.append((int(number), name, int((labels == "hi").sum()), int((labels == "lo").sum())))
    return pd.DataFrame(rows, columns=["round", "set", "hi", "lo"])


def survival_patients(splits: pd.DataFrame, labels: Mapping[str, TraitLabels], *, unmeasured: bool = False) -> list[str]:
    """Return the patients whose maps no network has learned from: those tested, and those out of distribution [A12].

    Out of distribution means for every one of the traits.

    Args:
        splits: Of the study.
        labels: Of the traits that the maps show.
        unmeasured: Take patients without a measured value for out of distribution, as the paper's code did.
    """
    chosen = set(splits["patient_id"][splits["set"] == "test"])
    everyone = set(splits["patient_id"])
    outside = []
    for trait in labels.values():
        out = trait.table["ood"] != ""
        out |= (trait.table["label"] == "") & unmeasured
        absent = everyone - set(trait.table["patient_id"]) if unmeasured else set()
        outside.append(set(trait.table["patient_id"][out]) | absent)
    if outside:
        chosen |= set.intersection(*outside) & everyone
    return sorted(chosen)
