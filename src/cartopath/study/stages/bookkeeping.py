"""What happened to the cohort on its way: who was lost where, how slides were cut, what classes and sets came out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from cartopath.cohort import slide_choices
from cartopath.slides import read_tile_plan
from cartopath.store.artifacts import read_json, read_table, write_csv
from cartopath.study.ledger import read_ledger
from cartopath.study.run import Study, completed_figures, completed_key
from cartopath.study.stages.cohort import SlideRecord, included_records, read_records
from cartopath.study.stages.divide import evaluation_labels, labels_meta, read_labels, read_splits
from cartopath.study.stages.quality import write_quality_tables
from cartopath.study.tasks import Result, Task, task_key

VERSION = 2
TABLES = ("cohort_flow", "slides", "slide_quality", "quality_flags", "labels", "splits", "learning_curves", "rounds")


def plan_bookkeeping(study: Study) -> list[Task]:
    """Return the task that writes the tables about the cohort and the training."""
    layout = study.layout
    key = task_key(
        "bookkeeping",
        VERSION,
        cohort=[completed_key(layout, "cohort", "slides"), completed_key(layout, "cohort", "values")],
        splits=completed_key(layout, "splits", "all"),
        labels=[completed_key(layout, "labels", trait) for trait in study.config.trait_names],
        tiles=[completed_key(layout, "tiles", record.slide_id) for record in read_records(study)],
        quality=[completed_key(layout, "quality", record.slide_id) for record in read_records(study)],
        training=[completed_key(layout, "train", name) for name in _training_names(study)],
        ensembles=[completed_key(layout, "ensemble", trait) for trait in study.config.trait_names],
        strict_dx1=study.config.survival.strict_dx1,
    )
    outputs = tuple(layout.table(name) for name in TABLES)
    return [Task.essential("bookkeeping", "all", key, keep_books, {"study": study}, outputs)]


def _training_names(study: Study) -> list[str]:
    return [f"{trait} round {round_}" for trait in study.config.trait_names for round_ in range(study.config.splits.rounds)]


def keep_books(*, study: Study) -> Result:
    """Write all of `TABLES`."""
    write_quality_tables(study.layout, [record.slide_id for record in included_records(study)])
    slides = pd.DataFrame(list(_slide_rows(study)))
    write_csv(slides, study.layout.table("slides"))
    write_csv(pd.DataFrame(list(_flow_rows(study, slides))), study.layout.table("cohort_flow"))
    write_csv(pd.DataFrame(list(_label_rows(study))), study.layout.table("labels"))
    write_csv(pd.DataFrame(list(_split_rows(study, slides))), study.layout.table("splits"))
    curves, rounds = _training_tables(study)
    write_csv(curves, study.layout.table("learning_curves"))
    write_csv(rounds, study.layout.table("rounds"))
    return {"slides": len(slides)}


_MEASURES = ("mpp", "mpp_source", "backend", "backend_reason")
_COUNTS = ("grid", "edge", "no_tissue", "flawed", "unreadable", "background", "kept")


def _slide_rows(study: Study) -> Iterator[dict[str, Any]]:
    reasons = failure_reasons(study, "tiles") | failure_reasons(study, "quality")
    of_patient = set(
        slide_choices(_included_table(study), strict=study.config.survival.strict_dx1, kind=study.config.slides.kind)["slide_id"]
    )
    for record in read_records(study):
        common = {"slide_id": record.slide_id, "patient_id": record.patient_id, "site": record.site}
        plan = _plan_meta(study, record)
        if record.exclude:
            status, reason = "excluded", record.exclude
        elif plan is None:
            status, reason = "failed", reasons.get(record.slide_id, "not tiled")
        elif plan["counts"]["kept"] == 0:
            status, reason = "failed", "no tile with enough tissue"
        else:
            status, reason = "used", ""
        measures = {} if plan is None else _measures(plan)
        row = common | {"status": status, "reason": reason} | measures
        yield row | {"is_patient_slide": record.slide_id in of_patient}


def _included_table(study: Study) -> pd.DataFrame:
    table = read_table(study.layout.slides, "slides")
    return table[table["exclude"] == ""]


def _plan_meta(study: Study, record: SlideRecord) -> dict[str, Any] | None:
    if record.exclude or completed_key(study.layout, "tiles", record.slide_id) is None:
        return None
    return dict(read_tile_plan(study.layout.tiles(record.slide_id))[1])


def _measures(plan: dict[str, Any]) -> dict[str, Any]:
    measures = {name: plan[name] for name in _MEASURES}
    measures["width_px0"], measures["height_px0"] = plan["dimensions_px0"]
    measures |= {f"tiles_{name}": plan["counts"][name] for name in _COUNTS}
    tile_mm = plan["window_px0"] * plan["mpp"] / 1000
    measures["tissue_mm2"] = plan["counts"]["kept"] * tile_mm**2
    return measures | {f"stain_{name}": value for name, value in (plan["stain"] or {}).items()}


def failure_reasons(study: Study, stage: str) -> dict[str, str]:
    """Return why tasks of a stage last failed, by task name, from the ledger."""
    reasons: dict[str, str] = {}
    for entry in read_ledger(study.layout.ledger):
        if entry.get("stage") == stage:
            if entry.get("outcome") == "failed":
                reasons[str(entry["task"])] = str(entry.get("reason", ""))
            else:
                reasons.pop(str(entry.get("task")), None)
    return reasons


def _flow_rows(study: Study, slides: pd.DataFrame) -> Iterator[dict[str, Any]]:
    values = read_table(study.layout.values, "values")
    measured = set(values["patient_id"])
    steps = [
        ("slide files found", slides["slide_id"].notna(), ""),
        ("not excluded", slides["status"] != "excluded", "reasons stand in the slide table"),
        ("readable, with enough tissue", slides["status"] == "used", "see slides.csv for each reason"),
        ("patient has a measured trait", slides["patient_id"].isin(measured), "the others have maps, but no class"),
    ]
    kept = slides["slide_id"].notna()
    before = None
    for name, condition, detail in steps:
        kept &= condition
        here = (int(kept.sum()), int(slides.loc[kept, "patient_id"].nunique()))
        lost = (0, 0) if before is None else (before[0] - here[0], before[1] - here[1])
        row = {"step": name, "slides": here[0], "patients": here[1], "lost_slides": lost[0], "lost_patients": lost[1]}
        yield row | {"detail": detail if lost != (0, 0) else ""}
        before = here


def _label_rows(study: Study) -> Iterator[dict[str, Any]]:
    splits = read_splits(study)
    n_patients = splits["patient_id"].nunique()
    for trait in study.config.trait_names:
        meta = labels_meta(study, trait)
        labels = evaluation_labels(read_labels(study, trait), splits)
        threshold = meta["thresholds"][0] or {}
        row = {"trait": trait, "unit": _scale(meta["source"]), "source": meta["source"]["source"]}
        row |= {"low_percentile": meta["config"]["low"], "high_percentile": meta["config"]["high"]}
        row |= {"low_threshold": threshold.get("lo"), "high_threshold": threshold.get("hi"), "median": threshold.get("median")}
        counts = labels["label"].value_counts()
        n_near = int((labels["ood"] == "near").sum())
        row |= {"threshold_scope": meta["config"]["scope"], "n_patients": n_patients}
        row |= {"n_high": int(counts.get("hi", 0)), "n_low": int(counts.get("lo", 0)), "n_ood": int(counts.get("", 0))}
        yield row | {"n_ood_near": n_near, "n_missing": n_patients - len(labels)}


def _scale(source: dict[str, Any]) -> str:
    """Return the unit of a trait's values with what was done to them, such as `TPM, log2(x+1)`."""
    transform = source.get("transform", "none")
    return str(source["unit"]) if transform == "none" else f"{source['unit']}, {transform}"


def _split_rows(study: Study, slides: pd.DataFrame) -> Iterator[dict[str, Any]]:
    used = slides[slides["status"] == "used"]
    n_slides = used.groupby("patient_id").size()
    splits = read_splits(study)
    for trait in study.config.trait_names:
        labels = read_labels(study, trait)
        joined = splits.merge(labels[["patient_id", "round", "label"]], on=["patient_id", "round"], how="left")
        for (round_, set_), group in joined.groupby(["round", "set"]):
            row = {"trait": trait, "round": round_, "set": set_, "n_patients": len(group)}
            row["n_slides"] = int(n_slides.reindex(group["patient_id"]).fillna(0).sum())
            counts = group["label"].value_counts()
            yield row | {f"n_{name}": int(counts.get(word, 0)) for name, word in (("high", "hi"), ("low", "lo"), ("ood", ""))}


_CURVE_NAMES = {
    "lr": "learning_rate",
    "validation_loss": "val_loss",
    "tile_auroc": "val_tile_auroc",
    "slide_auroc": "val_slide_auroc",
}


_VALIDATED = ["val_loss", "val_tile_auroc", "val_slide_auroc"]
_CURVE_COLUMNS = ["trait", "round", "chunk", "passes", "learning_rate", "train_loss", *_VALIDATED, "is_best"]
_COUNTED = [f"n_{name}_{what}" for name in ("train", "validation") for what in ("slides", "tiles")]
_ROUND_COLUMNS = ["trait", "round", "chunks", "best_chunk", *_VALIDATED, "rank", "in_ensemble", *_COUNTED]


def _training_tables(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    method, layout = study.config.method.name, study.layout
    curves, rounds = [], []
    for trait in study.config.trait_names:
        file = layout.ensemble(method, trait) / "ensemble.json"
        voting = read_json(file, "ensemble")["voting"] if completed_key(layout, "ensemble", trait) else []
        for round_ in range(study.config.splits.rounds):
            name = f"{trait} round {round_}"
            if completed_key(layout, "train", name) is None:
                continue
            figures = completed_figures(layout, "train", name)
            curve = read_table(layout.model(method, trait, round_) / "curve.parquet", "curve")
            best = figures["best"]
            passes = curve["passes"] if "passes" in curve else curve["chunk"] / study.config.training.validations_per_epoch
            curve = curve.rename(columns=_CURVE_NAMES).assign(trait=trait, round=round_, passes=passes)
            curves.append(curve.assign(is_best=curve["chunk"] == best["chunk"]))
            row = {"trait": trait, "round": round_, "chunks": figures["chunks"], "best_chunk": best["chunk"]}
            row |= {ours: best[name] for name, ours in _CURVE_NAMES.items() if ours.startswith("val_")}
            row |= {"rank": voting.index(round_) + 1 if round_ in voting else None, "in_ensemble": round_ in voting}
            rounds.append(
                row | {f"n_{s}_{what}": figures[f"n_{what}"][s] for s in ("train", "validation") for what in ("slides", "tiles")}
            )
    all_curves = pd.concat(curves, ignore_index=True)[_CURVE_COLUMNS] if curves else pd.DataFrame(columns=_CURVE_COLUMNS)
    return all_curves, pd.DataFrame(rounds, columns=_ROUND_COLUMNS)
