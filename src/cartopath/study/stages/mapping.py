"""Drawing what tiles say: the cartography of all traits, its pictures, and the heterogeneity map."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cartopath.maps import (
    Thumbnail,
    cartography,
    heterogeneity_map,
    render_heterogeneity_map,
    render_trait_map,
    write_ome_tiff,
)
from cartopath.slides import open_slide
from cartopath.stats import hti
from cartopath.store.artifacts import read_table
from cartopath.store.atomic import write_bytes
from cartopath.study.layout import file_name
from cartopath.study.run import Study
from cartopath.study.stages.cohort import SlideRecord
from cartopath.study.stages.divide import evaluation_labels, master_sets, read_labels, read_splits, taught_by
from cartopath.study.stages.scores import SlideGeometry, joined_scores, read_geometry, scored_records, scores_key
from cartopath.study.tasks import Result, Task, task_key

VERSION = 2
THUMBNAIL_PX = 900


def plan_mapping(study: Study) -> list[Task]:
    """Return one task per slide to be drawn: all with scores, or those that trained no network of the heterogeneity map."""
    traits = study.config.trait_names
    records = scored_records(study, traits)
    if study.config.maps.slides == "held_out":
        held_out = held_out_patients(study, study.config.heterogeneity_traits)
        records = [record for record in records if record.patient_id in held_out]
    tasks = [_plan_slide(study, traits, record) for record in records]
    _remove_others(study.layout.root / "maps", {path for task in tasks for path in task.outputs})
    return tasks


def _remove_others(folder: Path, wanted: set[Path]) -> None:
    """Remove maps of slides and traits that the study no longer draws, so that nobody takes them for results of it."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.is_file() and path not in wanted:
            path.unlink()


def held_out_patients(study: Study, traits: list[str]) -> set[str]:
    """Return the patients who trained no network of any of `traits`: test patients, and those whom no trait could learn from.

    These have no class in any of them; where values are learned, no value.
    """
    splits = read_splits(study)
    sets = master_sets(splits)
    chosen = set(sets.index[sets == "test"])
    unlabelled = set(sets.index)
    for trait in traits:
        labels = evaluation_labels(read_labels(study, trait), splits)
        unlabelled &= set(sets.index) - set(labels.index[taught_by(study, trait, labels)])
    return chosen | unlabelled


def _plan_slide(study: Study, traits: list[str], record: SlideRecord) -> Task:
    config = study.config
    key = task_key(
        "maps",
        VERSION,
        scores=[scores_key(study, trait, record.slide_id) for trait in traits],
        traits=traits,
        heterogeneity=config.heterogeneity_traits,
        base=config.maps.base,
    )
    paths = map_paths(study.layout.root / "maps", record.slide_id, traits, config.heterogeneity_traits)
    arguments = {
        "path": record.path,
        "slide_id": record.slide_id,
        "stated_mpp": record.stated_mpp,
        "assume_mpp": config.slides.assume_mpp,
        "scores": {trait: study.layout.scores(config.method.name, trait, record.slide_id) for trait in traits},
        "geometry": read_geometry(study, traits[0], record.slide_id),
        "heterogeneity": config.heterogeneity_traits,
        "base": config.maps.base,
        "folder": study.layout.root / "maps",
    }
    return Task("maps", record.slide_id, key, draw_slide, arguments, tuple(paths.values()))


def map_paths(folder: Path, slide_id: str, traits: list[str], heterogeneity: list[str]) -> dict[str, Path]:
    """Return the files of a slide's maps: `tensor`, `thumbnail`, `heterogeneity`, and `trait:<name>` for each trait.

    A single trait has no heterogeneity map.
    """
    stem = file_name(slide_id)
    paths = {"tensor": folder / f"{stem}.ome.tif", "thumbnail": folder / f"{stem}_thumbnail.png"}
    if len(heterogeneity) > 1:
        paths["heterogeneity"] = folder / f"{stem}_heterogeneity.png"
    return paths | {f"trait:{trait}": folder / f"{stem}_{file_name(trait)}.png" for trait in traits}


def draw_slide(
    *,
    path: Path,
    slide_id: str,
    stated_mpp: float | None,
    assume_mpp: float | None,
    scores: dict[str, Path],
    geometry: SlideGeometry,
    heterogeneity: list[str],
    base: str,
    folder: Path,
) -> Result:
    """Write the cartography of a slide and its pictures.

    The tensor has one channel per trait with the vote (1 positive, 0 negative) and one with the mean score of the voting rounds.
    """
    tables = {trait: read_table(file, "scores") for trait, file in scores.items()}
    with open_slide(path, mpp=stated_mpp, assume_mpp=assume_mpp) as slide:
        thumbnail = Thumbnail(slide.thumbnail(THUMBNAIL_PX), width_um=slide.dimensions_px0.to_um(slide.mpp).width)
    return draw_maps(tables, geometry, slide_id, thumbnail, heterogeneity=heterogeneity, base=base, folder=folder)


def draw_maps(
    tables: dict[str, pd.DataFrame],
    geometry: SlideGeometry,
    slide_id: str,
    thumbnail: Thumbnail,
    *,
    heterogeneity: list[str],
    base: Any,
    folder: Path,
) -> Result:
    """Write tensor and pictures of one slide from its tile scores; see `draw_slide`."""
    traits = list(tables)
    paths = map_paths(folder, slide_id, traits, heterogeneity)
    votes = joined_scores(tables, "vote")
    means = joined_scores(tables, "score")
    shape = {"n_rows": geometry.n_rows, "n_cols": geometry.n_cols}
    vote_map = cartography(votes, votes[traits].to_numpy(dtype=np.float32), **shape)  # (rows, cols, traits)
    score_map = cartography(means, means[traits].to_numpy(dtype=np.float32), **shape)  # (rows, cols, traits)
    channels = [*traits, *(f"{trait} score" for trait in traits)]
    tensor = np.concatenate([vote_map, score_map], axis=2)
    meta = {
        "slide_id": slide_id,
        "slide_mpp": geometry.mpp,
        "tile_px0": geometry.window_px0,
        "traits": traits,
        "values": "votes are 1 (positive) or 0, scores the mean probability of the rounds that vote, NaN is no tissue",
        "software": f"cartopath {version('cartopath')}",
        "use": "for research use only",
    }
    write_ome_tiff(paths["tensor"], tensor, channel_names=channels, pixel_um=geometry.tile_um, meta=meta)
    write_bytes(paths["thumbnail"], thumbnail.to_png())
    for i, trait in enumerate(traits):
        picture = render_trait_map(
            score_map[..., i],
            trait=trait,
            tile_um=geometry.tile_um,
            title=slide_id,
            thumbnail=thumbnail,
            positive=vote_map[..., i],
        )
        write_bytes(paths[f"trait:{trait}"], picture)
    if len(heterogeneity) < 2:
        return {}
    chosen = [traits.index(trait) for trait in heterogeneity]
    value = hti(votes[heterogeneity].to_numpy(dtype=bool), base=base)
    combined = heterogeneity_map(vote_map[..., chosen], traits=heterogeneity)
    picture = render_heterogeneity_map(
        combined, tile_um=geometry.tile_um, title=f"{slide_id}   HTI {value:.2f}", thumbnail=thumbnail
    )
    write_bytes(paths["heterogeneity"], picture)
    return {"hti": round(value, 6)}
