"""The pixels of many tiles at the decoder's rate: each compressed frame is read and decoded once, and cut into all its tiles.

`iter_tiles` gives batches in order, `map_tiles` what a function makes of each tile, `read_tiles` a few tiles at once. The result
depends neither on the number of threads nor on the size of batches.
"""

from cartopath.slides.stream.reading import TileBatch, iter_tiles, map_tiles, read_tile, read_tiles

__all__ = ["TileBatch", "iter_tiles", "map_tiles", "read_tile", "read_tiles"]
