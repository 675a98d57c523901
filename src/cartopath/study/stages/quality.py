"""Looking at every slide before it is cut: whether it opens, what it is, and what is wrong with it.

`cartopath check` and `cartopath run` share these tasks: what a check has looked at, a run does not look at again. A slide that
cannot be opened, or that kills its worker, fails here and goes no further.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from cartopath.core.errors import SlideError
from cartopath.slides import open_slide
from cartopath.slides.plan import MAX_UNREADABLE
from cartopath.slides.quality import (
    MEASURES,
    QUALITY_CLASSES,
    SlideQuality,
    quality_flags,
    quality_picture,
    slide_quality,
    tile_flags,
)
from cartopath.slides.quality.classes import FROM_TILES
from cartopath.store.artifacts import Header, read_header, read_table, write_csv, write_table
from cartopath.store.atomic import write_bytes
from cartopath.study.config import TilesConfig
from cartopath.study.layout import Layout
from cartopath.study.run import Study, completed_figures
from cartopath.study.stages.cohort import included_records
from cartopath.study.stages.tile_spec import tile_spec
from cartopath.study.tasks import Result, Task, task_key

VERSION = 2
KIND = "quality"
PICTURE_PX = 640
_SAMPLE = 64

OPENED = ("mpp", "mpp_source", "width_px0", "height_px0", "backend", "backend_reason")
"""What a slide is, besides how good it is."""


def plan_quality(study: Study) -> list[Task]:
    """Return one task per slide that is not excluded."""
    return [
        quality_task(study, record.slide_id, record.path, stated_mpp=record.stated_mpp, identity=record.identity)
        for record in included_records(study)
    ]


def quality_task(study: Study, slide_id: str, path: Path, *, stated_mpp: float | None, identity: str) -> Task:
    """Return the task that looks at one slide."""
    config = study.config.tiles
    n_sample = sample_size(config)
    spec = config.model_dump(mode="json", exclude={"drop_flagged", "max_background"})
    mpp = [stated_mpp, study.config.slides.assume_mpp]
    is_to_be_cut = bool(study.config.traits)  # A folder of slides without a study is only looked at, at whatever resolution.
    key = task_key(
        "quality", VERSION, slide=identity, slide_id=slide_id, mpp=mpp, tiles=spec, n_sample=n_sample, is_to_be_cut=is_to_be_cut
    )
    outputs = quality_paths(study.layout, slide_id)
    arguments = {
        "path": path,
        "slide_id": slide_id,
        "stated_mpp": stated_mpp,
        "assume_mpp": study.config.slides.assume_mpp,
        "config": config,
        "is_to_be_cut": is_to_be_cut,
        "n_sample": n_sample,
        "outputs": outputs,
        "key": key,
    }
    return Task("quality", slide_id, key, judge_slide, arguments, tuple(outputs.values()))


def quality_paths(layout: Layout, slide_id: str) -> dict[str, Path]:
    """Return where the table of a slide's tiles, its quality map and its picture for the contact sheet lie."""
    return {"table": layout.quality(slide_id), "map": layout.quality_map(slide_id), "picture": layout.quality_picture(slide_id)}


def judge_slide(
    *,
    path: Path,
    slide_id: str,
    stated_mpp: float | None,
    assume_mpp: float | None,
    config: TilesConfig,
    is_to_be_cut: bool,
    n_sample: int | None,
    outputs: dict[str, Path],
    key: str,
) -> Result:
    """Look at one slide, write what was seen, and return what it is and how good it is.

    Raises:
        SlideError: It cannot be opened or read, has no resolution, or is too coarse for the tiles.
    """
    with open_slide(path, mpp=stated_mpp, assume_mpp=assume_mpp, scaling=config.scaling) as slide:
        if slide.mpp > 1.1 * config.mpp:
            if is_to_be_cut:
                raise SlideError(
                    f"{path}: {slide.mpp:.4g} um per pixel is coarser than tiles.mpp {config.mpp:g}: raise tiles.mpp"
                )
            config = config.model_copy(update={"mpp": slide.mpp})
        quality = slide_quality(slide, tile_spec(config), n_sample=n_sample)
        lost = quality.measures["unreadable_share"]
        if lost > MAX_UNREADABLE:
            raise SlideError(f"{path}: too damaged: {lost:.0%} of it cannot be decoded; get a sound copy of the file")
        size = slide.dimensions_px0
        is_ = (slide.mpp, slide.resolution.source, size.width, size.height, slide.backend, slide.backend_reason)
    figures = dict(zip(OPENED, is_, strict=True)) | {name: _plain(value) for name, value in quality.measures.items()}
    write_quality(quality, outputs, slide_id=slide_id, figures=figures, key=key)
    return figures


def write_quality(quality: SlideQuality, outputs: dict[str, Path], *, slide_id: str, figures: Result, key: str) -> None:
    """Write the table of tiles, the quality map (a PNG whose colour numbers are `QUALITY_CLASSES`) and the picture (JPEG)."""
    write_bytes(outputs["map"], _palette_png(quality.map))
    write_bytes(outputs["picture"], _jpeg(quality_picture(quality, max_px=PICTURE_PX)))
    write_table(quality.tiles, outputs["table"], Header(kind=KIND, key=key, meta={"slide_id": slide_id, **figures}))


def read_quality(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the tiles of a slide with their quality, and what its header says of the slide."""
    return read_table(path, KIND), dict(read_header(path, KIND).meta)


def flawed_tiles(tiles: pd.DataFrame, flags: Collection[str]) -> frozenset[tuple[int, int]]:
    """Return the (col, row) of the tiles that have any of these flaws.

    Args:
        tiles: From `SlideQuality.tiles` or `read_quality`.
        flags: Some of `cartopath.slides.quality.TILE_FLAGS`.
    """
    found = tiles[tile_flags(tiles)[list(flags)].any(axis=1)] if flags else tiles[:0]
    return frozenset(zip(found["col"].tolist(), found["row"].tolist(), strict=True))


def sample_size(config: TilesConfig) -> int | None:
    """Return how many tiles of a slide are decoded to judge it; None for all, where flaws are to be dropped that need it."""
    return None if set(FROM_TILES).intersection(config.drop_flagged) else _SAMPLE


def _plain(value: float) -> float | None:
    return None if value != value else float(value)


def _palette_png(classes: np.ndarray) -> bytes:
    colours = np.zeros((256, 3), np.uint8)
    for one in QUALITY_CLASSES.values():
        colours[one.number] = one.colour
    picture = Image.fromarray(classes)
    picture.putpalette(colours.ravel().tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=85, optimize=True)
    return buffer.getvalue()


def measured_quality(layout: Layout, names: Iterable[str]) -> pd.DataFrame:
    """Return one row per slide that was looked at: `slide_id`, `OPENED` and `MEASURES`."""
    rows = [{"slide_id": name, **figures} for name in names if (figures := completed_figures(layout, "quality", name))]
    table = pd.DataFrame(rows, columns=["slide_id", *OPENED, *MEASURES])
    return table.astype(dict.fromkeys(MEASURES, "float64"))


def write_quality_tables(layout: Layout, names: Iterable[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write slide_quality.csv and quality_flags.csv (every slide against fixed limits and the cohort); return both."""
    measures = measured_quality(layout, names)
    flags = quality_flags(measures)
    write_csv(measures, layout.table("slide_quality"))
    write_csv(flags, layout.table("quality_flags"))
    return measures, flags
