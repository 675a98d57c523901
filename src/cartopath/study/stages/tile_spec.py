"""From the study file's words for tiles to those of the slide reader."""

from __future__ import annotations

from cartopath.slides import TileSpec
from cartopath.study.config import TilesConfig


def tile_spec(config: TilesConfig) -> TileSpec:
    """Return what the slide reader calls a tile, from what the study file says."""
    return TileSpec(
        size_px=config.size_px,
        mpp=config.mpp,
        max_background=config.max_background,
        min_tissue=config.min_tissue,
        edge=config.edge,
    )
