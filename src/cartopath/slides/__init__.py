"""Slides: opening them, their resolution, tissue, tile grid, tile pixels and stain. The only layer that opens slides.

`open_slide` gives a `Slide`, `plan_tiles` says which tiles of it are worth looking at and why the others are not, `iter_tiles`,
`map_tiles` and `read_tiles` give their pixels at the decoder's rate, `stain_statistics` says how they are stained.
"""

from cartopath.slides.grid import TileGrid, TileSpec, tile_grid
from cartopath.slides.plan import TilePlan, background_fraction, is_lost, plan_tiles, read_tile_plan, write_tile_plan
from cartopath.slides.rendition import Scaling
from cartopath.slides.resolution import Resolution
from cartopath.slides.slide import Slide, open_slide
from cartopath.slides.stain import StainStatistics, compare_stain, stain_statistics
from cartopath.slides.stream import TileBatch, iter_tiles, map_tiles, read_tiles
from cartopath.slides.tissue import TissueMask, slide_tissue, tissue_mask

__all__ = [
    "Resolution",
    "Scaling",
    "Slide",
    "StainStatistics",
    "TileBatch",
    "TileGrid",
    "TilePlan",
    "TileSpec",
    "TissueMask",
    "background_fraction",
    "compare_stain",
    "is_lost",
    "iter_tiles",
    "map_tiles",
    "open_slide",
    "plan_tiles",
    "read_tile_plan",
    "read_tiles",
    "slide_tissue",
    "stain_statistics",
    "tile_grid",
    "tissue_mask",
    "write_tile_plan",
]
