"""Hotspots as tables: where they lie, whether attention agrees with prediction, and which are shown in galleries (F68, F69)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.attention.gallery import gallery_tiles
from cartopath.methods.attention.settings import attention
from cartopath.methods.attention.spots import Hotspots, hotspots_of, judged_records
from cartopath.stats import correlation
from cartopath.store.artifacts import write_csv
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.scores import as_value, read_scores, scores_key
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
TABLES = ("hotspots", "attention_agreement", "gallery")
HOTSPOT_COLUMNS = ["trait", "slide_id", "patient_id", "rank", "col", "row", "x_px0", "y_px0", "weight", "value", "score"]
AGREEMENT_COLUMNS = [
    *("trait", "slide_id", "patient_id", "n_tiles", "n_hotspots", "by", "effective_tiles", "weight_in_hotspots"),
    *("spearman", "overlap", "overlap_by_chance", "value_in_hotspots", "value_of_slide", "reason"),
]


def plan_hotspots(study: Study) -> list[Task]:
    """Return the task that writes hotspots, attention_agreement and gallery."""
    records = {trait: judged_records(study, trait) for trait in study.config.trait_names}
    key = task_key(
        "hotspots",
        VERSION,
        scores={t: [[r.slide_id, scores_key(study, t, r.slide_id)] for r in own] for t, own in records.items()},
        labels=[completed_key(study.layout, "labels", trait) for trait in records],
        share=attention(study.config).hotspots,
        bins=attention(study.config).bins,
    )
    outputs = tuple(study.layout.table(name) for name in TABLES)
    return [Task.essential("hotspots", "all", key, write_hotspots, {"study": study}, outputs)]


def write_hotspots(*, study: Study) -> Result:
    """Write the hotspots of every held-out slide, how attention and prediction agree on it, and what galleries show."""
    share = attention(study.config).hotspots
    spots, agreement = [], []
    for trait in study.config.trait_names:
        for record in judged_records(study, trait):
            tiles = read_scores(study, trait, record.slide_id)
            names = {"trait": trait, "slide_id": record.slide_id, "patient_id": record.patient_id}
            weight, value = tiles["weight"].to_numpy(float), as_value(tiles["score"])
            found = hotspots_of(weight, value, share=share)
            chosen = tiles.iloc[found.rows].assign(value=value[found.rows], rank=np.arange(1, len(found.rows) + 1), **names)
            spots.append(chosen[HOTSPOT_COLUMNS])
            agreement.append(names | agreement_row(weight, value, found, share=share))
    table = pd.concat(spots, ignore_index=True) if spots else pd.DataFrame(columns=HOTSPOT_COLUMNS)
    write_csv(table, study.layout.table("hotspots"))
    write_csv(pd.DataFrame(agreement, columns=AGREEMENT_COLUMNS), study.layout.table("attention_agreement"))
    galleries = [gallery_tiles(study, trait) for trait in study.config.trait_names]
    write_csv(pd.concat([own for own in galleries if len(own)] or galleries), study.layout.table("gallery"))
    return {"hotspots": len(table)}


def agreement_row(weight: NDArray[np.floating], value: NDArray[np.floating], found: Hotspots, *, share: float) -> dict[str, Any]:
    """Return how much of a slide attention looks at, and whether it looks where high values are predicted.

    Args:
        weight: (n_tiles,) summing to 1.
        value: (n_tiles,) predictions.
        found: The hotspots.
        share: Of the tiles that hotspots are.
    """
    highest = np.argsort(-value, kind="stable")[: len(found.rows)]
    related = correlation(weight, value)
    return {
        "n_tiles": len(weight),
        "n_hotspots": len(found.rows),
        "by": found.by,
        "effective_tiles": float(1.0 / np.square(weight / weight.sum()).sum()),
        "weight_in_hotspots": float(weight[found.rows].sum()),
        "spearman": related.r if found.by == "attention" else None,
        "overlap": len(set(found.rows.tolist()) & set(highest.tolist())) / len(found.rows),
        "overlap_by_chance": len(found.rows) / len(weight),
        "value_in_hotspots": float(value[found.rows].mean()),
        "value_of_slide": float(value.mean()),
        "reason": related.reason if found.by == "attention" else "all tiles weigh the same",
    }
