"""Attention maps of slides that trained no head: predicted values, weights and hotspots beside the tissue (F68)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cartopath.maps import Thumbnail, cartography
from cartopath.maps.attention_map import render_attention_map
from cartopath.methods.attention.settings import attention
from cartopath.methods.attention.spots import hotspots_of
from cartopath.slides import open_slide
from cartopath.store.artifacts import read_table
from cartopath.store.atomic import write_bytes
from cartopath.study.layout import file_name
from cartopath.study.run import Study
from cartopath.study.stages.cohort import SlideRecord
from cartopath.study.stages.divide import learns_values
from cartopath.study.stages.mapping import THUMBNAIL_PX, held_out_patients
from cartopath.study.stages.scores import SlideGeometry, as_value, read_geometry, scored_records, scores_key
from cartopath.study.tasks import Result, Task, task_key

VERSION = 2
STAGE = "attention_maps"


def map_path(study: Study, slide_id: str, trait: str) -> Path:
    """Return where the attention map of a slide lies."""
    return study.layout.root / "maps" / "attention" / f"{file_name(slide_id)}_{file_name(trait)}.png"


def plan_attention_maps(study: Study) -> list[Task]:
    """Return one task per slide, for the traits whose heads it did not train, or for all with `maps.slides: all`."""
    drawn: dict[str, tuple[SlideRecord, list[str]]] = {}
    for trait in study.config.trait_names:
        held_out = held_out_patients(study, [trait])
        for record in scored_records(study, [trait]):
            if study.config.maps.slides == "all" or record.patient_id in held_out:
                drawn.setdefault(record.slide_id, (record, []))[1].append(trait)
    tasks = [_plan_slide(study, record, traits) for record, traits in drawn.values()]
    wanted = {path for task in tasks for path in task.outputs}
    for path in (study.layout.root / "maps" / "attention").glob("*.png"):
        if path not in wanted and not path.name.startswith("gallery_"):
            path.unlink()
    return tasks


def _plan_slide(study: Study, record: SlideRecord, traits: list[str]) -> Task:
    share = attention(study.config).hotspots
    units = {trait: "σ" if learns_values(study, trait) else "logit" for trait in traits}
    scores = [[trait, scores_key(study, trait, record.slide_id)] for trait in traits]
    key = task_key(STAGE, VERSION, scores=scores, share=share, units=units)
    outputs = tuple(map_path(study, record.slide_id, trait) for trait in traits)
    arguments = {
        "path": record.path,
        "slide_id": record.slide_id,
        "stated_mpp": record.stated_mpp,
        "assume_mpp": study.config.slides.assume_mpp,
        "scores": {trait: study.layout.scores(study.config.method.name, trait, record.slide_id) for trait in traits},
        "geometry": read_geometry(study, traits[0], record.slide_id),
        "share": share,
        "units": units,
        "outputs": outputs,
    }
    return Task(STAGE, record.slide_id, key, draw_attention_maps, arguments, outputs)


def draw_attention_maps(
    *,
    path: Path,
    slide_id: str,
    stated_mpp: float | None,
    assume_mpp: float | None,
    scores: dict[str, Path],
    geometry: SlideGeometry,
    share: float,
    units: dict[str, str],
    outputs: tuple[Path, ...],
) -> Result:
    """Draw the attention map of each trait of a slide.

    Raises:
        SlideError: The slide cannot be read.
    """
    with open_slide(path, mpp=stated_mpp, assume_mpp=assume_mpp) as slide:
        thumbnail = Thumbnail(slide.thumbnail(THUMBNAIL_PX), width_um=slide.dimensions_px0.to_um(slide.mpp).width)
    for (trait, file), out in zip(scores.items(), outputs, strict=True):
        tiles = read_table(file, "scores")
        weight, value = tiles["weight"].to_numpy(float), as_value(tiles["score"])
        spots = hotspots_of(weight, value, share=share)
        is_spot = np.zeros(len(tiles))
        is_spot[spots.rows] = 1
        layers = np.column_stack([value, weight, is_spot])
        grid = cartography(tiles, layers, n_rows=geometry.n_rows, n_cols=geometry.n_cols)  # (rows, cols, 3)
        note = f"slide {tiles['contribution'].sum():+.2f} {units[trait]}".replace("-", "\N{MINUS SIGN}")
        picture = render_attention_map(
            grid[..., 0],
            grid[..., 1],
            grid[..., 2] == 1,
            trait=trait,
            tile_um=geometry.tile_um,
            title=slide_id,
            unit=units[trait],
            note=note if spots.by == "attention" else f"{note}; all tiles weigh the same",
            thumbnail=thumbnail,
        )
        write_bytes(out, picture)
    return {}
