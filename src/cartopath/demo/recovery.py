"""What was planted in a simulated cohort, what the study recovered of it, and whether that is enough."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cartopath.stats import auroc, correlation
from cartopath.store.artifacts import write_csv
from cartopath.store.hashing import file_sha256
from cartopath.study.run import Stage, Study, completed_key
from cartopath.study.stages.heterogeneity import patient_hti
from cartopath.study.stages.mapping import held_out_patients
from cartopath.study.stages.scores import read_scores, scored_records
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
MIN_AUROC = 0.90
MIN_SPEARMAN = 0.80
ALPHA = 0.05


@dataclass(frozen=True)
class Recovered:
    """One row of recovery.csv.

    Attributes:
        quantity: What was planted, and on how many held-out slides or patients it was looked for.
        planted: The planted value.
        recovered: What the study found.
        goal: What it has to reach.
        holds: Whether it does.
    """

    quantity: str
    planted: str
    recovered: str
    goal: str
    holds: bool


def recovery_stage(truth: Path, effect: float) -> Stage:
    """Return the stage that writes tables/recovery.csv.

    Args:
        truth: Folder of the planted truth: patients.parquet and tiles/<slide_id>.parquet.
        effect: Planted log hazard ratio per unit of HTI; 0 for none.
    """
    plan = functools.partial(_plan_recovery, truth=truth, effect=effect)
    return Stage("recovery", plan, "hold what came out against what was planted")


def _plan_recovery(study: Study, *, truth: Path, effect: float) -> list[Task]:
    layout = study.layout
    key = task_key(
        "recovery",
        VERSION,
        truth=[file_sha256(path) for path in sorted(truth.rglob("*.parquet"))],
        effect=effect,
        stages=[completed_key(layout, stage, "all") for stage in ("evaluate", "heterogeneity", "survival")],
    )
    out = layout.table("recovery")
    arguments = {"study": study, "truth": truth, "effect": effect, "out": out}
    return [Task.essential("recovery", "all", key, write_recovery, arguments, (out,))]


def write_recovery(*, study: Study, truth: Path, effect: float, out: Path) -> Result:
    """Write recovery.csv."""
    rows = [*slide_recovery(study), *tile_recovery(study, truth), hti_recovery(study, truth), survival_recovery(study, effect)]
    table = pd.DataFrame([vars(row) for row in rows])
    table["holds"] = table["holds"].map({True: "true", False: "false"})
    write_csv(table, out)
    return {"holds": bool(all(row.holds for row in rows))}


def slide_recovery(study: Study) -> list[Recovered]:
    """Return for each trait how well the ensemble tells high from low test slides."""
    metrics = pd.read_csv(study.layout.table("metrics"))
    chosen = (metrics["set"] == "test") & (metrics["model"] == "ensemble") & (metrics["level"] == "slide")
    rows = []
    for row in metrics[chosen & (metrics["metric"] == "auroc")].to_dict("records"):
        value = float(row["value"])
        found = f"{value:.3f} (95% CI {row['low']:.2f}-{row['high']:.2f})" if value == value else str(row["reason"])
        quantity = f"{row['trait']}: AUROC of held-out slides, {row['n_high']} high and {row['n_low']} low"
        rows.append(Recovered(quantity, "1", found, f">= {MIN_AUROC:.2f}", value >= MIN_AUROC))
    return rows


def tile_recovery(study: Study, truth: Path) -> list[Recovered]:
    """Return for each trait how well the cartography of slides that trained nothing tells positive from negative tiles."""
    rows = []
    for trait in study.config.trait_names:
        patients = held_out_patients(study, [trait])
        parts = []
        for record in scored_records(study, [trait]):
            if record.patient_id in patients:
                planted = pd.read_parquet(truth / "tiles" / f"{record.slide_id}.parquet")[["col", "row", trait]]
                scored = read_scores(study, trait, record.slide_id)[["col", "row", "score", "vote"]]
                parts.append(scored.merge(planted, on=["col", "row"], validate="one_to_one"))
        tiles = pd.concat(parts) if parts else pd.DataFrame(columns=["score", "vote", trait], dtype=float)
        quantity = f"{trait}: AUROC of the cartography's {len(tiles):,} tiles on {len(parts)} held-out slides"
        is_positive = tiles[trait].to_numpy() > 0.5
        if len(set(is_positive)) < 2:
            rows.append(Recovered(quantity, "1", "undefined: tiles of one class only", f">= {MIN_AUROC:.2f}", holds=False))
            continue
        value = auroc(is_positive, tiles["score"].to_numpy(dtype=float))
        binary = auroc(is_positive, tiles["vote"].to_numpy(dtype=float))
        found = f"{value:.3f} (as a map of votes alone {binary:.3f})"
        rows.append(Recovered(quantity, "1", found, f">= {MIN_AUROC:.2f}", value >= MIN_AUROC))
    return rows


def hti_recovery(study: Study, truth: Path) -> Recovered:
    """Return how well the HTI of held-out patients follows the planted one."""
    found = patient_hti(pd.read_csv(study.layout.table("hti")))["hti"]
    planted = pd.read_parquet(truth / "patients.parquet").set_index("patient_id")["hti"].reindex(found.index)
    result = correlation(found.to_numpy(dtype=float), planted.to_numpy(dtype=float), kind="spearman")
    quantity = f"HTI: Spearman over {result.n} held-out patients"
    goal = f">= {MIN_SPEARMAN:.2f}"
    if result.r is None:
        return Recovered(quantity, "1", f"undefined: {result.reason}", goal, holds=False)
    interval = result.reason if result.low is None else f"95% CI {result.low:.2f}-{result.high:.2f}"
    distance = float(np.mean(np.abs(found - planted)))
    text = f"{result.r:.3f} ({interval}; mean distance {distance:.3f})"
    return Recovered(quantity, "1", text, goal, result.r >= MIN_SPEARMAN)


def survival_recovery(study: Study, effect: float) -> Recovered:
    """Return whether the planted effect of HTI on survival was found, or, where none was planted, none was."""
    tests = pd.read_csv(study.layout.table("survival_tests")).set_index("analysis").loc["hti"]
    cox = pd.read_csv(study.layout.table("cox"))
    ratio = cox["hazard_ratio"][(cox["model"] == "hti") & (cox["covariate"] == "hti")]
    p_value = float(tests["p_value"])
    n = f"{int(tests['n_low'])} low and {int(tests['n_high'])} high held-out patients"
    found = f"undefined: {tests['reason']}" if np.isnan(p_value) else f"p = {p_value:.2g}"
    slope = np.log(float(ratio.iloc[0])) if len(ratio) else np.nan
    found += f"; log hazard ratio {slope:.2f} per unit of HTI" if len(ratio) else ""
    if effect:
        quantity = f"survival by HTI: log-rank p, {n}"
        holds = bool(p_value < ALPHA and np.sign(slope) == np.sign(effect))
        return Recovered(quantity, f"log hazard ratio {effect:g}", found, f"< {ALPHA:g}, same direction", holds)
    return Recovered(f"survival by HTI, none planted: log-rank p, {n}", "no effect", found, f">= {ALPHA:g}", p_value >= ALPHA)
