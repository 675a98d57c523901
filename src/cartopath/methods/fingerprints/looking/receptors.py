"""Receptor maps of slides that trained no network, and panels of outcomes (F55)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.maps import Thumbnail, cartography
from cartopath.maps.outcome_panel import PanelSlide, ScoredSlide, TissueTypes, render_outcome_panel, surest_slides
from cartopath.maps.receptor_map import receptor_scores, render_receptor_map
from cartopath.methods.fingerprints.by_tissue import TYPES_STAGE, types_path
from cartopath.methods.fingerprints.looking.outcome_tables import TABLES
from cartopath.methods.fingerprints.looking.patient_tables import write_tables
from cartopath.methods.tissue_types.apply import KIND as TYPES_KIND
from cartopath.methods.tissue_types.picture import type_colours
from cartopath.slides import open_slide
from cartopath.store.artifacts import read_header, read_table
from cartopath.store.atomic import write_bytes
from cartopath.study.layout import file_name
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import SlideRecord
from cartopath.study.stages.divide import evaluation_labels, master_sets, read_labels, read_splits
from cartopath.study.stages.mapping import THUMBNAIL_PX, held_out_patients
from cartopath.study.stages.scores import (
    SlideGeometry,
    read_geometry,
    scored_records,
    scores_key,
)
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
STAGE = "receptor_maps"


@dataclass(frozen=True)
class Candidate:
    """A labelled test slide that a panel may show.

    Attributes:
        slide: What a worker needs to open it, and its name.
        is_positive: Its class.
        scores: Its tile scores.
        geometry: How its tiles lie.
        types: The types of tissue of its tiles, if known.
    """

    slide: dict[str, Any]
    is_positive: bool
    scores: Path
    geometry: SlideGeometry
    types: Path | None


def plan_receptor_maps(study: Study) -> list[Task]:
    """Return the task that writes the tables, one per trait that draws its panel, and one per slide that draws its maps."""
    traits = [trait for trait in study.config.trait_names if scored_records(study, [trait])]
    if not traits:
        return []
    held_out = {trait: held_out_patients(study, [trait]) for trait in traits}
    drawn: dict[str, tuple[SlideRecord, list[str]]] = {}
    for trait in traits:
        for record in scored_records(study, [trait]):
            if study.config.maps.slides == "all" or record.patient_id in held_out[trait]:
                drawn.setdefault(record.slide_id, (record, []))[1].append(trait)
    tasks = [_plan_slide(study, record, own) for record, own in drawn.values()]
    tasks += [task for trait in traits if (task := _plan_panel(study, trait)) is not None]
    folder = study.layout.root / "maps" / "receptors"
    _remove_others(folder, {path for task in tasks for path in task.outputs})
    return [_plan_tables(study, traits), *tasks]


def _remove_others(folder: Path, wanted: set[Path]) -> None:
    """Remove pictures of slides and traits that the study no longer draws, so that nobody takes them for results of it."""
    for path in folder.glob("*.png"):
        if path not in wanted:
            path.unlink()


def _plan_tables(study: Study, traits: list[str]) -> Task:
    key = task_key(
        STAGE,
        VERSION,
        scores={
            trait: [scores_key(study, trait, record.slide_id) for record in scored_records(study, [trait])] for trait in traits
        },
        labels=[completed_key(study.layout, "labels", trait) for trait in traits],
        splits=completed_key(study.layout, "splits", "all"),
        seed=study.config.seed,
    )
    outputs = tuple(study.layout.table(name) for name in ("receptor_scores", *TABLES))
    return Task.essential(STAGE, "tables", key, write_tables, {"study": study, "traits": traits}, outputs)


def _plan_slide(study: Study, record: SlideRecord, traits: list[str]) -> Task:
    folder = study.layout.root / "maps" / "receptors"
    outputs = tuple(folder / f"{file_name(record.slide_id)}_{file_name(trait)}.png" for trait in traits)
    key = task_key(STAGE, VERSION, scores=[scores_key(study, trait, record.slide_id) for trait in traits], traits=traits)
    arguments = {
        "slide": _slide_source(study, record),
        "scores": {trait: study.layout.scores(study.config.method.name, trait, record.slide_id) for trait in traits},
        "geometry": read_geometry(study, traits[0], record.slide_id),
        "outputs": outputs,
    }
    return Task(STAGE, record.slide_id, key, draw_receptor_maps, arguments, outputs)


def draw_receptor_maps(
    *, slide: dict[str, Any], scores: dict[str, Path], geometry: SlideGeometry, outputs: tuple[Path, ...]
) -> Result:
    """Draw the receptor map of each trait of a slide beside its tissue.

    Raises:
        SlideError: The slide cannot be read.
    """
    thumbnail = _thumbnail(slide)
    for (trait, path), out in zip(scores.items(), outputs, strict=True):
        values, _ = read_values(path, geometry)
        picture = render_receptor_map(values, trait=trait, tile_um=geometry.tile_um, title=slide["slide_id"], thumbnail=thumbnail)
        write_bytes(out, picture)
    return {}


def _plan_panel(study: Study, trait: str) -> Task | None:
    splits = read_splits(study)
    sets, labels = master_sets(splits), evaluation_labels(read_labels(study, trait), splits)
    candidates = []
    for record in scored_records(study, [trait]):
        label = str(labels.loc[record.patient_id, "label"]) if record.patient_id in labels.index else ""
        if label and sets.get(record.patient_id) == "test":
            path = study.layout.scores(study.config.method.name, trait, record.slide_id)
            geometry = read_geometry(study, trait, record.slide_id)
            candidates.append(Candidate(_slide_source(study, record), label == "hi", path, geometry, _types_of(study, record)))
    if not candidates:
        return None
    names = [one.slide["slide_id"] for one in candidates]
    keys = [
        [name, one.is_positive, scores_key(study, trait, name), one.types and completed_key(study.layout, TYPES_STAGE, name)]
        for name, one in zip(names, candidates, strict=True)
    ]
    out = study.layout.root / "maps" / "receptors" / f"panel_{file_name(trait)}.png"
    key = task_key(f"{STAGE} panel", VERSION, candidates=keys, trait=trait)
    arguments = {"trait": trait, "candidates": candidates, "out": out}
    return Task(STAGE, f"panel {trait}", key, draw_panel, arguments, (out,))


def _types_of(study: Study, record: SlideRecord) -> Path | None:
    """Where the types of tissue of a slide's tiles are, None where nobody has told them."""
    path = types_path(study.layout, record.slide_id)
    return path if completed_key(study.layout, TYPES_STAGE, record.slide_id) is not None and path.is_file() else None


def draw_panel(*, trait: str, candidates: list[Candidate], out: Path) -> Result:
    """Draw the surest slide of each outcome among labelled test slides.

    Raises:
        SlideError: A chosen slide cannot be read.
    """
    by_name = {one.slide["slide_id"]: one for one in candidates}
    scored = [ScoredSlide(name, one.is_positive, read_values(one.scores, one.geometry)[1]) for name, one in by_name.items()]
    chosen = surest_slides(scored)
    shown = {kind: [_panel_slide(one, by_name[one.slide_id]) for one in own] for kind, own in chosen.items()}
    write_bytes(out, render_outcome_panel(shown, trait=trait, title="surest test slide of each outcome"))
    return {kind: [one.slide_id for one in own] for kind, own in chosen.items()}


def _panel_slide(scored: ScoredSlide, one: Candidate) -> PanelSlide:
    values, _ = read_values(one.scores, one.geometry)
    types = None if one.types is None else read_types(one.types, one.geometry)
    return PanelSlide(scored, _thumbnail(one.slide), values, one.geometry.tile_um, types)


def read_types(path: Path, geometry: SlideGeometry) -> TissueTypes:
    """Return the types of tissue of a slide as a map."""
    names = tuple(str(name) for name in read_header(path, TYPES_KIND).meta["types"])
    table = read_table(path, TYPES_KIND, columns=["col", "row", "type"])
    codes = np.full((geometry.n_rows, geometry.n_cols), -1, dtype=np.int64)
    codes[table["row"], table["col"]] = table["type"].map({name: number for number, name in enumerate(names)})
    return TissueTypes(codes, names, type_colours(names))


def read_values(path: Path, geometry: SlideGeometry) -> tuple[NDArray[np.float64], float]:
    """Return the receptor map of a slide, (rows, cols) from -1 to +1, NaN without tissue, and the mean over its tiles."""
    tiles = read_table(path, "scores", columns=["col", "row", "score"])
    values = receptor_scores(tiles["score"].to_numpy(dtype=np.float64))
    laid = cartography(tiles, values[:, None], n_rows=geometry.n_rows, n_cols=geometry.n_cols)[..., 0]
    return np.asarray(np.clip(laid, -1.0, 1.0), dtype=np.float64), float(values.mean())


def _slide_source(study: Study, record: SlideRecord) -> dict[str, Any]:
    """What a worker needs to open a slide and name it."""
    opening = {"path": record.path, "mpp": record.stated_mpp, "assume_mpp": study.config.slides.assume_mpp}
    return {"slide_id": record.slide_id, "opening": opening}


def _thumbnail(source: dict[str, Any]) -> Thumbnail:
    with open_slide(source["opening"]["path"], **{k: v for k, v in source["opening"].items() if k != "path"}) as slide:
        return Thumbnail(slide.thumbnail(THUMBNAIL_PX), width_um=slide.dimensions_px0.to_um(slide.mpp).width)
