"""Cutting a slide that no study knows as those were cut that trained a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.core.errors import SlideError
from cartopath.maps import Thumbnail
from cartopath.slides import TissueMask, open_slide, plan_tiles, read_tile_plan, write_tile_plan
from cartopath.slides.quality import slide_quality
from cartopath.store.hashing import slide_sha256
from cartopath.study.config import TilesConfig
from cartopath.study.stages.mapping import THUMBNAIL_PX
from cartopath.study.stages.quality import flawed_tiles, sample_size
from cartopath.study.stages.tile_spec import tile_spec
from cartopath.training import SlideTiles


@dataclass(frozen=True, eq=False)
class CutSlide:
    """A slide as a network takes it.

    Attributes:
        table: Its tiles: col, row, x_px0, y_px0, ...
        meta: What the tile table says of the grid; see `read_tile_plan`.
        source: The same tiles, readable.
        measures: The quality of the slide, by measure.
        thumbnail: The slide as a small picture.
    """

    table: pd.DataFrame
    meta: dict[str, Any]
    source: SlideTiles
    measures: dict[str, Any]
    thumbnail: Thumbnail


def cut_slide(
    path: Path, slide_id: str, config: TilesConfig, *, mpp: float | None, assume_mpp: float | None, out: Path, key: str
) -> CutSlide:
    """Cut a slide and write its tile table.

    Args:
        path: The slide.
        slide_id: Its name.
        config: How to cut it.
        mpp: Its stated um per pixel, whatever it says.
        assume_mpp: Its um per pixel where it does not say.
        out: The tile table.
        key: Of the task that asks for it.

    Raises:
        SlideError: It cannot be read, is coarser than the tiles, or has no tile with enough tissue.
    """
    with open_slide(path, mpp=mpp, assume_mpp=assume_mpp, scaling=config.scaling) as slide:
        quality = slide_quality(slide, tile_spec(config), n_sample=sample_size(config))
        tissue = TissueMask(quality.tissue, slide.dimensions_px0)
        plan = plan_tiles(slide, tile_spec(config), flawed=flawed_tiles(quality.tiles, config.drop_flagged), tissue=tissue)
        if plan.table.empty:
            raise SlideError(f"{path}: no tile with enough tissue")
        write_tile_plan(plan, out, slide_id=slide_id, sha256=slide_sha256(path), key=key)
        thumbnail = Thumbnail(slide.thumbnail(THUMBNAIL_PX), width_um=slide.dimensions_px0.to_um(slide.mpp).width)
    table, meta = read_tile_plan(out)
    source = SlideTiles(
        slide_id=slide_id,
        patient_id=slide_id,
        path=path,
        xy_px0=table[["x_px0", "y_px0"]].to_numpy(),
        window_px0=int(meta["window_px0"]),
        size_px=config.size_px,
        stated_mpp=mpp,
        assume_mpp=assume_mpp,
        scaling=config.scaling,
    )
    return CutSlide(table, meta, source, dict(quality.measures), thumbnail)
