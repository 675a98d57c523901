"""Cutting every slide into tiles, and keeping decoded tiles within a bounded space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cartopath.slides import open_slide, plan_tiles, read_tile_plan, write_tile_plan
from cartopath.store.hashing import slide_sha256
from cartopath.study.config import TilesConfig
from cartopath.study.run import Study, completed_figures, completed_key
from cartopath.study.stages.cohort import SlideRecord, included_records, tiled_records
from cartopath.study.stages.quality import flawed_tiles, read_quality
from cartopath.study.stages.tile_spec import tile_spec
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training import SlideTiles, write_tile_cache

VERSION = 3


def plan_tiling(study: Study) -> list[Task]:
    """Return one task per slide that is not excluded and could be opened; of others, tiles of earlier runs no longer count."""
    tasks = []
    for record in included_records(study):
        if completed_key(study.layout, "quality", record.slide_id) is None:
            study.layout.receipt("tiles", record.slide_id).unlink(missing_ok=True)
        else:
            tasks.append(_plan_slide(study, record))
    return tasks


def _plan_slide(study: Study, record: SlideRecord) -> Task:
    assume_mpp = study.config.slides.assume_mpp
    drops = bool(study.config.tiles.drop_flagged)
    key = task_key(
        "tiles",
        VERSION,
        slide=record.identity,
        slide_id=record.slide_id,
        mpp=[record.stated_mpp, assume_mpp],
        tiles=study.config.tiles.model_dump(mode="json"),
        quality=completed_key(study.layout, "quality", record.slide_id) if drops else None,
    )
    out = study.layout.tiles(record.slide_id)
    arguments = {
        "path": record.path,
        "slide_id": record.slide_id,
        "stated_mpp": record.stated_mpp,
        "assume_mpp": assume_mpp,
        "config": study.config.tiles,
        "quality": study.layout.quality(record.slide_id) if drops else None,
        "out": out,
        "key": key,
    }
    return Task("tiles", record.slide_id, key, tile_slide, arguments, (out,))


def tile_slide(
    *,
    path: Path,
    slide_id: str,
    stated_mpp: float | None,
    assume_mpp: float | None,
    config: TilesConfig,
    quality: Path | None,
    out: Path,
    key: str,
) -> Result:
    """Write the tile table of one slide; return its counts.

    Raises:
        SlideError: The slide cannot be read, or is coarser than the tiles.
    """
    flawed = frozenset() if quality is None else flawed_tiles(read_quality(quality)[0], config.drop_flagged)
    with open_slide(path, mpp=stated_mpp, assume_mpp=assume_mpp, scaling=config.scaling) as slide:
        plan = plan_tiles(slide, tile_spec(config), flawed=flawed)
        write_tile_plan(plan, out, slide_id=slide_id, sha256=slide_sha256(path), key=key)
        meta = plan.meta()
    is_ = {name: meta[name] for name in ("mpp", "mpp_source", "backend", "backend_reason")}
    return {"kept": len(plan.table), **is_, "counts": meta["counts"]}


def plan_cache(study: Study) -> list[Task]:
    """Return tasks that decode tiles once, slide by slide in order of name, for as many slides as the space allows.

    Files of slides that no longer fit are removed, so that the space stays bounded.
    """
    budget = study.config.compute.cache_gb * 1e9
    tile_bytes = study.config.tiles.size_px**2 * 3
    tasks: list[Task] = []
    for record in tiled_records(study):
        out = study.layout.cache(record.slide_id)
        budget -= completed_figures(study.layout, "tiles", record.slide_id)["kept"] * tile_bytes
        if budget < 0:
            out.unlink(missing_ok=True)
            continue
        arguments = {"tiles": slide_arguments(study, record), "out": out}
        tasks.append(Task("cache", record.slide_id, _cache_key(study, record), cache_tiles, arguments, (out,)))
    return tasks


def cache_tiles(*, tiles: dict[str, Any], out: Path) -> Result:
    """Decode all tiles of a slide into one file that trainings and predictions map into memory."""
    source = load_tiles(**{**tiles, "cache": None})
    write_tile_cache(source, out)
    return {"tiles": len(source.xy_px0)}


def _cache_key(study: Study, record: SlideRecord) -> str:
    return task_key("cache", VERSION, tiles=completed_key(study.layout, "tiles", record.slide_id))


def slide_arguments(study: Study, record: SlideRecord) -> dict[str, Any]:
    """Return what a worker needs to read the tiles of a slide: `load_tiles(**these)`."""
    cache = study.layout.cache(record.slide_id)
    is_cached = cache.is_file() and completed_key(study.layout, "cache", record.slide_id) == _cache_key(study, record)
    return {
        "slide_id": record.slide_id,
        "patient_id": record.patient_id,
        "path": record.path,
        "stated_mpp": record.stated_mpp,
        "assume_mpp": study.config.slides.assume_mpp,
        "table": study.layout.tiles(record.slide_id),
        "cache": cache if is_cached else None,
    }


def load_tiles(
    *,
    slide_id: str,
    patient_id: str,
    path: Path,
    stated_mpp: float | None,
    assume_mpp: float | None,
    table: Path,
    cache: Path | None,
    rows: list[int] | None = None,
) -> SlideTiles:
    """Return the tiles of a slide as training and prediction take them: all, or some rows of its tile table."""
    tiles, meta = read_tile_plan(table)
    tiles = tiles if rows is None else tiles.iloc[rows]
    return SlideTiles(
        slide_id=slide_id,
        patient_id=patient_id,
        path=path,
        stated_mpp=stated_mpp,
        assume_mpp=assume_mpp,
        xy_px0=tiles[["x_px0", "y_px0"]].to_numpy(),
        window_px0=int(meta["window_px0"]),
        size_px=int(meta["size_px"]),
        scaling=meta["scaling"],
        cache_path=cache,
    )
