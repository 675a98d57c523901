"""The scores of patients who trained no network, and what they are worth (F54, F59)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cartopath.maps.receptor_map import receptor_scores
from cartopath.methods.fingerprints.looking.outcome_tables import outcome_tables
from cartopath.store.artifacts import write_csv
from cartopath.study.run import Study
from cartopath.study.stages.divide import evaluation_labels, master_sets, read_labels, read_splits
from cartopath.study.stages.mapping import held_out_patients
from cartopath.study.stages.scores import (
    read_scores,
    round_columns,
    scored_records,
)
from cartopath.study.tasks import Result

_COLUMNS = ["trait", "patient_id", "set", "test_round", "role", "label", "n_slides", "n_tiles", "score"]


def write_tables(*, study: Study, traits: list[str]) -> Result:
    """Write the scores of held-out patients and what they are worth."""
    parts = [patient_table(study, trait) for trait in traits]
    table = pd.concat(parts, ignore_index=True)
    rounds = sorted({name for part in parts for name in round_columns(part)})
    write_csv(table.reindex(columns=[*_COLUMNS, *rounds]), study.layout.table("receptor_scores"))
    judged = table[(table["set"] == "test") & (table["label"] != "")]
    for name, content in outcome_tables(judged, seed=study.config.seed).items():
        write_csv(content, study.layout.table(name))
    return {"patients": int(judged["patient_id"].nunique())}


def patient_table(study: Study, trait: str) -> pd.DataFrame:
    """Return one row per held-out patient: class, tiles, and the mean score over all tiles, -1 to +1."""
    splits = read_splits(study)
    sets, labels = master_sets(splits), evaluation_labels(read_labels(study, trait), splits)
    is_folds = study.config.splits.scheme == "folds"
    test_rounds = splits[splits["set"] == "test"].groupby("patient_id")["round"].min() if is_folds else pd.Series(dtype=float)
    held_out = held_out_patients(study, [trait])
    rows = []
    by_patient: dict[str, list[str]] = {}
    for record in scored_records(study, [trait]):
        if record.patient_id in held_out:
            by_patient.setdefault(record.patient_id, []).append(record.slide_id)
    for patient, slides in sorted(by_patient.items()):
        tiles = pd.concat([read_scores(study, trait, slide) for slide in slides], ignore_index=True)
        label = str(labels.loc[patient, "label"]) if patient in labels.index else ""
        role = "labelled" if label else "ood" if patient in labels.index else "unmeasured"
        row: dict[str, Any] = {"trait": trait, "patient_id": patient, "set": sets.get(patient, "none"), "role": role}
        row |= {"test_round": test_rounds.get(patient), "label": label, "n_slides": len(slides), "n_tiles": len(tiles)}
        for name in ["score", *([] if is_folds else round_columns(tiles))]:
            row[name] = float(receptor_scores(tiles[name].to_numpy(dtype=np.float64)).mean())
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else _COLUMNS)
