"""Features in a SpatialData store as LazySlide writes them: `tables/<encoder>_<tiles>` beside outlines in `shapes/<tiles>`."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.training.feature_files.features import TileFeatures, completed
from cartopath.training.feature_files.h5_layouts import chosen
from cartopath.training.feature_files.zarr_arrays import is_array, read_array, read_attributes

_POLYGON, _TYPE_MASK = 3, 0xFF
_HEADER_BYTES = 13
"""Of a polygon in well-known binary with one ring: byte order, type, number of rings, number of points."""


def is_zarr(folder: Path) -> bool:
    """Whether a folder is a zarr group."""
    return any((folder / name).is_file() for name in ("zarr.json", ".zgroup", ".zattrs"))


def read_spatial_data(folder: Path, slide_id: str, *, encoder: str | None = None, mpp: float | None = None) -> TileFeatures:
    """Read the features of the tiles of a slide.

    Args:
        folder: The store.
        slide_id: Whose it is.
        encoder: Which features, by the name of the encoder or of the table, where there are several.
        mpp: Micrometres per level-0 pixel, over what the store says.

    Raises:
        ArtifactError: The store is damaged, or holds no features of that encoder.
    """
    table, tiles, name = _table(folder, encoder)
    features = read_array(folder / "tables" / table / "X")
    corners, window = _outlines(folder / "shapes" / tiles / "shapes.parquet", folder / "tables" / table, len(features))
    about = read_attributes(folder)
    spec = (about.get("tile_spec") or {}).get(tiles) or {}
    stated = (about.get("slide_properties") or {}).get("mpp")
    found = TileFeatures(
        slide_id=slide_id,
        features=features.astype(np.float32) if features.dtype != np.float16 else features,
        xy_px0=corners,
        window_px0=window,
        size_px=spec.get("width"),
        mpp=mpp or stated,
        encoder=name,
        source_format="lazyslide",
    )
    return completed(found)


def _table(folder: Path, encoder: str | None) -> tuple[str, str, str]:
    """Return the name of a table of features, of the tiles it is of, and of the encoder."""
    tables, shapes = folder / "tables", folder / "shapes"
    outlines = sorted((path.parent.name for path in shapes.glob("*/shapes.parquet")), key=len, reverse=True)
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(tables.iterdir()) if tables.is_dir() else ():
        region = read_attributes(path).get("region") if path.is_dir() else None
        tiles = region if region in outlines else next((name for name in outlines if path.name.endswith(f"_{name}")), None)
        if tiles is not None and is_array(path / "X"):
            found[path.name.removesuffix(f"_{tiles}")] = (path.name, tiles)
    by_table = {table: name for name, (table, _) in found.items()}
    name = chosen(sorted(found), by_table.get(encoder or "", encoder), folder)
    return (*found[name], name)


def _outlines(path: Path, table: Path, n_tiles: int) -> tuple[NDArray[np.int64], int]:
    """Return the corners of the tiles that the rows of a table are of, and the side of a tile, in level-0 pixels."""
    try:
        shapes = pq.read_table(path)
        boxes = _bounds(shapes.column("geometry").to_pylist(), path)
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        raise ArtifactError(f"{path}: no readable outlines of tiles ({error}); make the tiles again") from error
    rows = _rows(shapes, table / "obs" / "tile_id", n_tiles, path)
    sides = np.rint(boxes[:, 2:] - boxes[:, :2])
    return np.rint(boxes[rows, :2]).astype(np.int64), int(np.median(sides))


def _rows(shapes: pa.Table, tile_ids: Path, n_tiles: int, path: Path) -> NDArray[np.intp]:
    """Return which outline each row of the table is of, by the tile's number where both have it."""
    if "tile_id" in shapes.column_names and is_array(tile_ids):
        known = np.asarray(shapes.column("tile_id"))
        wanted = read_array(tile_ids)
        order = np.argsort(known, kind="stable")
        places = order[np.clip(np.searchsorted(known[order], wanted), 0, len(known) - 1)]
        if len(wanted) == n_tiles and (known[places] == wanted).all():
            return np.asarray(places)
        raise ArtifactError(f"{path}: lacks the outlines of some of the {n_tiles} tiles that have features; make both again")
    if shapes.num_rows != n_tiles:
        raise ArtifactError(f"{path}: {shapes.num_rows} outlines for the features of {n_tiles} tiles; make both again")
    return np.arange(n_tiles)


def _bounds(outlines: Sequence[bytes], path: Path) -> NDArray[np.float64]:
    """Return the bounds of polygons in well-known binary, (n, 4): least x and y, greatest x and y."""
    boxes = np.empty((len(outlines), 4))
    for row, outline in enumerate(outlines):
        points = _ring(outline, path)  # (n_points, 2)
        boxes[row, :2], boxes[row, 2:] = points.min(axis=0), points.max(axis=0)
    return boxes


def _ring(outline: Any, path: Path) -> NDArray[np.float64]:
    try:
        endian = "<" if outline[0] == 1 else ">"
        kind, _, n_points = struct.unpack_from(f"{endian}III", outline, 1)
        points = np.frombuffer(outline, f"{endian}f8", 2 * n_points, _HEADER_BYTES).reshape(n_points, 2)
    except (TypeError, IndexError, ValueError, struct.error) as error:
        raise ArtifactError(f"{path}: an outline is no polygon in well-known binary ({error})") from error
    if kind & _TYPE_MASK != _POLYGON or not n_points:
        raise ArtifactError(f"{path}: an outline is of type {kind}; expected polygons")
    return points
