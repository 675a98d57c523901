"""Types of tissue in a study: the type of every tile of test slides, and how well patients are told apart by each type (F56).

Both stages do nothing where the study names no model of tissue types (`method.tissue_model`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.core.rng import stream
from cartopath.maps import Thumbnail
from cartopath.methods.scoring import device_name
from cartopath.methods.tissue_types.apply import KIND, write_types
from cartopath.methods.tissue_types.model import read_tissue_card, read_tissue_model
from cartopath.methods.tissue_types.picture import render_tissue_types
from cartopath.methods.tissue_types.prediction import joined_types, type_probabilities, type_table
from cartopath.slides import open_slide, read_tile_plan
from cartopath.stats.by_tissue import TissueAuroc, auroc_by_tissue
from cartopath.stats.estimate import Estimate
from cartopath.store.artifacts import read_table, write_csv
from cartopath.store.atomic import write_bytes
from cartopath.study.config import FingerprintsConfig
from cartopath.study.layout import Layout, file_name
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import SlideRecord
from cartopath.study.stages.divide import evaluation_labels, master_sets, read_labels, read_splits
from cartopath.study.stages.mapping import THUMBNAIL_PX
from cartopath.study.stages.scores import read_scores, scored_records, scores_key
from cartopath.study.stages.tiling import load_tiles, slide_arguments
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
TYPES_STAGE = "tissue_types"
STAGE = "by_tissue"
COLUMNS = [
    *("trait", "set", "tissue", "n_patients", "n_positive", "n_without", "n_tiles", "auroc", "low", "high", "reason"),
    *("all_tiles_auroc", "all_tiles_low", "all_tiles_high"),
]
"""One row per trait and type, and one of all types. `all_tiles_auroc` is that of the same patients by all their tiles."""


def tissue_model(study: Study) -> Path | None:
    """Return the folder of the study's model of tissue types, or None where it names none."""
    method = study.config.method
    named = method.tissue_model if isinstance(method, FingerprintsConfig) else None
    return None if named is None else study.path(named)


def types_path(layout: Layout, slide_id: str) -> Path:
    """Return where the types of a slide's tiles lie."""
    return layout.root / "scores" / TYPES_STAGE / f"{file_name(slide_id)}.parquet"


def judged_slides(study: Study, trait: str) -> dict[SlideRecord, bool]:
    """Return the slides of labelled test patients that have scores, each with whether its patient is positive."""
    splits = read_splits(study)
    sets, labels = master_sets(splits), evaluation_labels(read_labels(study, trait), splits)["label"]
    return {
        record: labels[record.patient_id] == "hi"
        for record in scored_records(study, [trait])
        if sets.get(record.patient_id) == "test" and labels.get(record.patient_id, "") != ""
    }


def plan_tissue_types(study: Study) -> list[Task]:
    """Return one task per slide of a labelled test patient of any trait: it types the slide's tiles and draws them."""
    folder = tissue_model(study)
    maps = study.layout.root / "maps" / "tissue"
    traits = [] if folder is None else _scored_traits(study)
    records = {record.slide_id: record for trait in traits for record in judged_slides(study, trait)}
    pictures = {slide_id: maps / f"{file_name(slide_id)}.png" for slide_id in records}
    for path in maps.glob("*.png"):
        if path not in pictures.values():
            path.unlink()
    if folder is None:
        return []
    model = read_tissue_card(folder)[0].weights_sha256
    return [_plan_slide(study, folder, model, record, pictures[slide_id]) for slide_id, record in sorted(records.items())]


def _scored_traits(study: Study) -> list[str]:
    return [trait for trait in study.config.trait_names if completed_key(study.layout, "labels", trait) is not None]


def _plan_slide(study: Study, folder: Path, model: str, record: SlideRecord, picture: Path) -> Task:
    key = task_key(
        TYPES_STAGE,
        VERSION,
        model=model,
        tiles=completed_key(study.layout, "tiles", record.slide_id),
        slide_id=record.slide_id,
    )
    out = types_path(study.layout, record.slide_id)
    arguments = {
        "folder": folder,
        "tiles": slide_arguments(study, record),
        "accelerator": study.config.compute.accelerator,
        "threads": study.config.training.threads,
        "out": out,
        "picture": picture,
        "key": key,
    }
    return Task(TYPES_STAGE, record.slide_id, key, type_slide, arguments, (out, picture), uses_gpu=True)


def type_slide(
    *,
    folder: Path,
    tiles: dict[str, Any],
    accelerator: str,
    threads: int,
    out: Path,
    picture: Path,
    key: str,
    devices: list[int] | None,
) -> Result:
    """Write the types of a slide's tiles and draw them.

    Raises:
        BundleError: The model is damaged.
        SlideError: The slide can no longer be read, or is coarser than the model's tiles.
    """
    model = read_tissue_model(folder)
    table, meta = read_tile_plan(tiles["table"])
    source = load_tiles(**tiles)
    mpp = float(meta["mpp"])
    found = type_probabilities(model, source, mpp=mpp, device=device_name(accelerator, devices), threads=threads)
    typed = type_table(table, found, model.types)
    kept = {name: meta[name] for name in ("slide_id", "mpp", "window_px0", "size_px", "tile_mpp", "n_rows", "n_cols")}
    write_types(typed, out, model, kept, key=key)
    with open_slide(source.path, mpp=source.stated_mpp, assume_mpp=source.assume_mpp) as slide:
        thumbnail = Thumbnail(slide.thumbnail(THUMBNAIL_PX), width_um=slide.dimensions_px0.to_um(slide.mpp).width)
    drawn = render_tissue_types(
        typed,
        model.types,
        n_rows=int(meta["n_rows"]),
        n_cols=int(meta["n_cols"]),
        tile_um=int(meta["window_px0"]) * mpp,
        title=f"{source.slide_id}   types of tissue",
        thumbnail=thumbnail,
    )
    write_bytes(picture, drawn)
    return {name: float((typed["type"] == name).mean()) for name in model.types}


def plan_by_tissue(study: Study) -> list[Task]:
    """Return the task that writes the table `by_tissue`."""
    folder = tissue_model(study)
    out = study.layout.table("by_tissue")
    if folder is None:
        out.unlink(missing_ok=True)
        return []
    types = [name for name in read_tissue_card(folder)[0].pieces if name != "background"]
    traits = _scored_traits(study)
    slides = {trait: [record.slide_id for record in judged_slides(study, trait)] for trait in traits}
    key = task_key(
        STAGE,
        VERSION,
        types=types,
        scores={trait: [[name, scores_key(study, trait, name)] for name in slides[trait]] for trait in traits},
        tissue={name: completed_key(study.layout, TYPES_STAGE, name) for own in slides.values() for name in own},
        labels=[completed_key(study.layout, "labels", trait) for trait in traits],
        splits=completed_key(study.layout, "splits", "all"),
        seed=study.config.seed,
    )
    return [Task.essential(STAGE, "all", key, measure_by_tissue, {"study": study, "types": types}, (out,))]


def measure_by_tissue(*, study: Study, types: list[str]) -> Result:
    """Write the AUROC of test patients by the mean score of their tiles of each type, and of all types."""
    rows = [row for trait in _scored_traits(study) for row in _trait_rows(study, trait, types)]
    write_csv(pd.DataFrame(rows, columns=COLUMNS), study.layout.table("by_tissue"))
    return {"rows": len(rows)}


def _trait_rows(study: Study, trait: str, types: list[str]) -> Iterator[dict[str, Any]]:
    parts = []
    for record, is_positive in judged_slides(study, trait).items():
        if completed_key(study.layout, TYPES_STAGE, record.slide_id) is None:
            continue  # A slide that could not be typed is a line in the ledger.
        scores = read_scores(study, trait, record.slide_id)
        kinds = joined_types(scores, read_table(types_path(study.layout, record.slide_id), KIND))
        own = {"score": scores["score"].to_numpy(), "type": kinds.to_numpy()}
        parts.append(pd.DataFrame(own).assign(patient=record.patient_id, label=is_positive))
    if not parts:
        return
    tiles = pd.concat(parts, ignore_index=True)
    found = auroc_by_tissue(
        tiles["patient"], tiles["label"], tiles["score"], tiles["type"], types=types, rng=stream(study.config.seed, STAGE, trait)
    )
    for one in found:
        yield {"trait": trait, "set": "test", **_fields(one)}


def _fields(one: TissueAuroc) -> dict[str, Any]:
    counts = {"n_patients": one.auroc.n, "n_positive": one.n_positive, "n_without": one.n_without, "n_tiles": one.n_tiles}
    return {"tissue": one.tissue, **counts, "auroc": one.auroc.value, **_ends(one.auroc), "reason": one.auroc.reason} | {
        f"all_tiles_{name}": value for name, value in {"auroc": one.same_patients.value, **_ends(one.same_patients)}.items()
    }


def _ends(estimate: Estimate) -> dict[str, float | None]:
    return {name: value for name, value in asdict(estimate).items() if name in ("low", "high")}
