"""The atlas of a study: tiles by their fingerprints, coloured by score, and the tiles of its most extreme clusters (F57)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.maps.atlas import render_atlas
from cartopath.maps.atlas_sheet import SheetCluster, SheetTile, render_atlas_sheet
from cartopath.methods.encoding.embedding import SlideEmbedding, embedded
from cartopath.methods.fingerprints.atlas_layout import MOST_TILES, AtlasSlide, by_slide, lay_out
from cartopath.methods.fingerprints.settings import METHOD
from cartopath.slides import open_slide, read_tiles
from cartopath.store.artifacts import write_csv
from cartopath.store.atomic import write_bytes
from cartopath.store.embeddings import read_embeddings
from cartopath.study.layout import file_name
from cartopath.study.run import Study
from cartopath.study.stages.mapping import held_out_patients
from cartopath.study.stages.scores import scored_records, scores_key
from cartopath.study.tasks import Result, Task, task_key

VERSION = 2
STAGE = "atlas"
_TILE_PX = 112
POINT_COLUMNS = [
    *("trait", "slide_id", "patient_id", "col", "row", "x_px0", "y_px0", "score", "x", "y", "cluster", "rank", "distance")
]
"""One row per tile of the atlas; `cluster` is 0 outside the chosen ones, `rank` is set for the tiles that are shown."""
CLUSTER_COLUMNS = ["trait", "cluster", "side", "x", "y", "mean_score", "n_tiles", "n_patients"]


def plan_atlas(study: Study) -> list[Task]:
    """Return the task that draws an atlas for each trait and writes `atlas` and `atlas_clusters`.

    Fingerprints of different encoders cannot lie in one plane, so with an encoder per fold the atlas is of the first fold's test
    patients. Otherwise it is of the slides that `maps.slides` asks for: those that trained no head of the trait, or all.
    """
    there = _whole_slides(study)
    slides: dict[str, list[AtlasSlide]] = {}
    keys: dict[str, Any] = {}
    for trait in study.config.trait_names if there else ():
        chosen = _chosen(study, trait, there)
        if chosen:
            slides[trait] = [slide for slide, _ in chosen]
            keys[trait] = [key for _, key in chosen]
    folder = study.layout.root / "maps" / "atlas"
    pictures = {trait: (folder / f"{file_name(trait)}.png", folder / f"{file_name(trait)}_tiles.png") for trait in slides}
    _remove_others(folder, {path for pair in pictures.values() for path in pair})
    if not slides:
        return []
    tables = (study.layout.table("atlas"), study.layout.table("atlas_clusters"))
    key = task_key(STAGE, VERSION, tiles=keys, seed=study.config.seed, most=MOST_TILES)
    arguments = {
        "slides": slides,
        "pictures": pictures,
        "tables": tables,
        "seed": study.config.seed,
        "assume_mpp": study.config.slides.assume_mpp,
    }
    outputs = (*tables, *(path for pair in pictures.values() for path in pair))
    return [Task(STAGE, "all", key, draw_atlases, arguments, outputs)]


def _whole_slides(study: Study) -> dict[str, SlideEmbedding]:
    """The slides of which all tiles have a fingerprint by the first encoder that made any."""
    if study.config.method.name != METHOD:
        return {}
    whole = {key: one for key, one in embedded(study).items() if one.rows is None}
    first = min((index for index, _ in whole), default=0)
    return {slide_id: one for (index, slide_id), one in whole.items() if index == first}


def _chosen(study: Study, trait: str, there: dict[str, SlideEmbedding]) -> list[tuple[AtlasSlide, list[str | None]]]:
    is_wanted = None if study.config.maps.slides == "all" else held_out_patients(study, [trait])
    chosen = []
    for record in scored_records(study, [trait]):
        one = there.get(record.slide_id)
        if one is None or (is_wanted is not None and record.patient_id not in is_wanted):
            continue
        scores = study.layout.scores(METHOD, trait, record.slide_id)
        slide = AtlasSlide(record.slide_id, record.patient_id, record.path, record.stated_mpp, one.path, scores)
        chosen.append((slide, [record.slide_id, record.patient_id, one.key, scores_key(study, trait, record.slide_id)]))
    return chosen


def _remove_others(folder: Path, wanted: set[Path]) -> None:
    for path in folder.glob("*.png"):
        if path not in wanted:
            path.unlink()


def draw_atlases(
    *,
    slides: dict[str, list[AtlasSlide]],
    pictures: dict[str, tuple[Path, Path]],
    tables: tuple[Path, Path],
    seed: int,
    assume_mpp: float | None,
) -> Result:
    """Draw the atlas of each trait and write where its tiles lie.

    Raises:
        ArtifactError: Scores and fingerprints of a slide are of other tiles.
        SlideError: The tiles of a cluster cannot be read.
    """
    points, clusters = [], []
    for trait, own in slides.items():
        found, numbered = lay_out(trait, own, seed=seed)
        _draw(trait, own, found, numbered, pictures[trait], assume_mpp)
        points.append(found)
        clusters.append(numbered.assign(trait=trait))
    write_csv(pd.concat(points, ignore_index=True)[POINT_COLUMNS], tables[0])
    write_csv(pd.concat(clusters, ignore_index=True)[CLUSTER_COLUMNS], tables[1])
    return {"tiles": {trait: len(found) for trait, found in zip(slides, points, strict=True)}}


def _draw(
    trait: str,
    slides: Sequence[AtlasSlide],
    found: pd.DataFrame,
    clusters: pd.DataFrame,
    pictures: tuple[Path, Path],
    assume_mpp: float | None,
) -> None:
    patients = found["patient_id"].tolist()
    note = f"{len(found):,} tiles of {len(set(patients))} patients; t-SNE of principal components; only neighbours mean something"
    if clusters.empty:
        note += "; no cluster has tiles of five patients"
    picture = render_atlas(
        found[["x", "y"]].to_numpy(), found["score"].to_numpy(), patients, clusters, title=f"{trait}: atlas of tiles", note=note
    )
    write_bytes(pictures[0], picture)
    pixels, tile_um = _pixels(slides, found[found["rank"].notna()], assume_mpp)
    sheet = render_atlas_sheet(_sheet(found, clusters, pixels), title=f"{trait}: tiles of the atlas", tile_um=tile_um)
    write_bytes(pictures[1], sheet)


def _pixels(
    slides: Sequence[AtlasSlide], shown: pd.DataFrame, assume_mpp: float | None
) -> tuple[dict[int, NDArray[np.uint8]], float]:
    """The pixels of the tiles that are shown, by row of the atlas, and how wide a tile is, um."""
    pixels: dict[int, NDArray[np.uint8]] = {}
    tile_um = 0.0
    for one, own in by_slide(slides, shown):
        embeddings, _ = read_embeddings(one.embeddings)
        tile_um = embeddings.window_px0 * embeddings.mpp
        size = min(_TILE_PX, embeddings.size_px)
        with open_slide(one.path, mpp=one.stated_mpp, assume_mpp=assume_mpp) as slide:
            read = read_tiles(slide, own[["x_px0", "y_px0"]].to_numpy(), window_px0=embeddings.window_px0, size_px=size)
        pixels |= dict(zip(own.index, read, strict=True))
    return pixels, tile_um


def _sheet(found: pd.DataFrame, clusters: pd.DataFrame, pixels: dict[int, NDArray[np.uint8]]) -> list[SheetCluster]:
    rows = []
    for cluster in clusters.itertuples(index=False):
        own = found[(found["cluster"] == cluster.cluster) & found["rank"].notna()].sort_values("rank")
        tiles = tuple(SheetTile(pixels[index], row["patient_id"], float(row["score"])) for index, row in own.iterrows())
        rows.append(SheetCluster(int(cluster.cluster), str(cluster.side), float(cluster.mean_score), tiles))
    return rows
