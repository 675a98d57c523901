"""Regions of a cohort that look most like one region: similarity is 1 - normalised distance (Rawat et al. 2020; F50)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError, SlideError
from cartopath.core.geometry import window_px0
from cartopath.maps.similarity_map import FARTHEST, similarity
from cartopath.methods.fingerprints_without_study.encoders import Encoder
from cartopath.methods.fingerprints_without_study.listing import Listed
from cartopath.slides import TileSpec, TissueMask, iter_tiles, open_slide, read_tiles, slide_tissue, tile_grid
from cartopath.store.embeddings import Embeddings, read_embeddings, read_embeddings_header, write_embeddings
from cartopath.store.hashing import file_identity, value_key

_VERSION = 1
LEAST_TISSUE = 0.1
"""Share of a region that must be tissue for a search to make sense."""
PER_SLIDE = 3
"""At most so many tiles of each slide, where there are several."""
_MOSTLY = 0.5


@dataclass(frozen=True, eq=False, kw_only=True)
class Region:
    """A square of a slide.

    Attributes:
        slide_id: Which slide.
        path: Its file.
        mpp: Its resolution.
        x_px0: Upper left corner.
        y_px0: Upper left corner.
        side_px0: Its side.
    """

    slide_id: str
    path: Path
    mpp: float
    x_px0: int
    y_px0: int
    side_px0: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Cohort:
    """The slides that are searched.

    Attributes:
        slides: Which.
        keep: Folder in which the features of slides are kept for the next search; None keeps none.
        min_tissue: Share of a tile that must be tissue.
        batch_size: Tiles at once.
        threads: That decode.
    """

    slides: Sequence[Listed]
    keep: Path | None
    min_tissue: float = 0.5
    batch_size: int = 64
    threads: int = 1


def region_at(slide: Listed, middle: tuple[float, float], encoder: Encoder, *, min_tissue: float = LEAST_TISSUE) -> Region:
    """Return the tile-sized square around a point of a slide, level-0 pixels.

    Args:
        slide: The slide.
        middle: The point, x and y.
        encoder: Says how large tiles are.
        min_tissue: Share of the square that must be tissue; 0 takes glass, too.

    Raises:
        SlideError: The point is not on the slide or not on tissue, or the slide is smaller than a tile.
    """
    with open_slide(slide.path, mpp=slide.mpp) as opened:
        size, side = opened.dimensions_px0, window_px0(encoder.spec.size_px, encoder.spec.mpp, slide.mpp)
        tissue = slide_tissue(opened, side)
    if not (0 <= middle[0] < size.width and 0 <= middle[1] < size.height) or side > min(size.width, size.height):
        raise SlideError(
            f"{slide.path}: no tile of {side} px around ({middle[0]:g}, {middle[1]:g}); the slide is {size.width} x "
            f"{size.height} level-0 pixels"
        )
    x, y = (
        round(min(max(at - side / 2, 0), length - side)) for at, length in zip(middle, (size.width, size.height), strict=True)
    )
    share = float(tissue.fraction(np.array([x]), np.array([y]), side)[0])
    if share < min_tissue:
        raise SlideError(
            f"{slide.path}: the tile of {side} px around ({middle[0]:g}, {middle[1]:g}) shows glass ({share:.0%} tissue), "
            f"which looks alike everywhere; {_nearest_tissue(tissue, (x, y), side)}"
        )
    return Region(slide_id=slide.slide_id, path=slide.path, mpp=slide.mpp, x_px0=x, y_px0=y, side_px0=side)


def _nearest_tissue(tissue: TissueMask, corner: tuple[int, int], side: int) -> str:
    """Return in words where the nearest tile of tissue is, on a grid of half tiles."""
    size, step = tissue.dimensions_px0, max(1, side // 2)
    x, y = (axis.ravel() for axis in np.meshgrid(*(np.arange(0, n - side + 1, step) for n in (size.width, size.height))))
    is_tissue = tissue.fraction(x, y, side) >= _MOSTLY
    if not is_tissue.any():
        return "no tile of the slide is mostly tissue"
    x, y = x[is_tissue], y[is_tissue]
    nearest = int(np.hypot(x - corner[0], y - corner[1]).argmin())
    return f"the nearest tissue is around ({x[nearest] + side // 2}, {y[nearest] + side // 2})"


def region_pixels(region: Region, size_px: int) -> NDArray[np.uint8]:
    """Return the pixels of a region, uint8 (size_px, size_px, 3)."""
    with open_slide(region.path, mpp=region.mpp) as slide:
        corner = np.array([[region.x_px0, region.y_px0]])
        pixels: NDArray[np.uint8] = read_tiles(slide, corner, window_px0=region.side_px0, size_px=size_px)[0]
    return pixels


def find_similar(
    encoder: Encoder,
    query: Region,
    cohort: Cohort,
    *,
    n: int = 24,
    per_slide: int | None = None,
    progress: Callable[[int, str], None] | None = None,
) -> tuple[pd.DataFrame, list[Region], list[str]]:
    """Return the tiles that look most like a region.

    The similarity is 1 - d / 2, where d is the distance of the fingerprints scaled to length 1: 1 for the same direction, 0 for
    opposite ones; the same on every slide.

    Args:
        encoder: Gives fingerprints.
        query: The region. Tiles of its own slide that share pixels with it do not count.
        cohort: Where to look.
        n: How many tiles.
        per_slide: At most so many of each slide; by default 3 where several are searched, and no limit where it is one.
        progress: Called before each slide with its number and name.

    Returns:
        One row per tile, best first: `rank, slide_id, patient_id, x_px0, y_px0, side_px0, similarity, distance`; the regions in
        the same order; and what could not be read, as sentences.
    """
    most = per_slide if per_slide is not None else PER_SLIDE if len(cohort.slides) > 1 else n
    wanted = encoder.encode([region_pixels(query, encoder.spec.size_px)[None]])
    rows: list[dict[str, object]] = []
    failed: list[str] = []
    for number, slide in enumerate(cohort.slides):
        if progress is not None:
            progress(number, slide.slide_id)
        try:
            found = tile_features(encoder, slide, cohort)
        except SlideError as error:
            failed.append(str(error))
            continue
        rows += _best(found, slide, wanted, query, most)
    columns = ["slide_id", "patient_id", "path", "mpp", "x_px0", "y_px0", "side_px0", "similarity", "distance"]
    table = pd.DataFrame(rows, columns=columns).sort_values(["distance", "slide_id", "y_px0", "x_px0"]).head(n)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    names = ("slide_id", "path", "mpp", "x_px0", "y_px0", "side_px0")
    regions = [Region(**{name: row[name] for name in names}) for row in table.to_dict("records")]
    return table.drop(columns=["path", "mpp"]).reset_index(drop=True), regions, failed


def _best(
    found: Embeddings, slide: Listed, wanted: NDArray[np.floating], query: Region, per_slide: int
) -> list[dict[str, object]]:
    if not len(found.features):
        return []
    distances = FARTHEST * (1 - similarity(found.features, wanted))
    if slide.path == query.path:
        corner, side = found.xy_px0, found.window_px0
        shares = (np.abs(corner - [query.x_px0, query.y_px0]) < max(side, query.side_px0)).all(axis=1)
        distances = np.where(shares, np.inf, distances)
    order = [row for row in np.argsort(distances, kind="stable")[:per_slide].tolist() if np.isfinite(distances[row])]
    return [
        {
            "slide_id": slide.slide_id,
            "patient_id": slide.patient_id,
            "path": slide.path,
            "mpp": slide.mpp,
            "x_px0": int(found.xy_px0[row, 0]),
            "y_px0": int(found.xy_px0[row, 1]),
            "side_px0": found.window_px0,
            "similarity": 1 - float(distances[row]) / FARTHEST,
            "distance": float(distances[row]),
        }
        for row in order
    ]


def tile_features(encoder: Encoder, slide: Listed, cohort: Cohort) -> Embeddings:
    """Return the features of the tissue tiles of a slide, side by side; from the kept ones where these are of the same kind.

    Raises:
        SlideError: The slide cannot be read, or is coarser than the tiles.
    """
    key = value_key([_VERSION, file_identity(slide.path), slide.mpp, encoder.key, encoder.spec.to_dict(), cohort.min_tissue])
    path = cohort.keep / f"{slide.slide_id}.h5" if cohort.keep is not None else None
    if path is not None and path.is_file() and _key_of(path) == key:
        return read_embeddings(path)[0]
    found = _computed(encoder, slide, cohort)
    if path is not None:
        write_embeddings(found, path, key=key)
        return read_embeddings(path)[0]  # Kept as float16: the second search must find what the first one did.
    return found


def _key_of(path: Path) -> str:
    try:
        return read_embeddings_header(path).key
    except ArtifactError:
        return ""


def _computed(encoder: Encoder, slide: Listed, cohort: Cohort) -> Embeddings:
    spec = encoder.spec
    with open_slide(slide.path, mpp=slide.mpp) as opened:
        grid = tile_grid(opened, TileSpec(size_px=spec.size_px, mpp=spec.mpp))
        xy_px0 = grid.xy_px0(grid.cells())
        share = slide_tissue(opened, grid.window_px0).fraction(xy_px0[:, 0], xy_px0[:, 1], grid.window_px0)
        xy_px0 = xy_px0[share >= cohort.min_tissue]
        readable: list[NDArray[np.bool_]] = []

        def batches() -> Generator[NDArray[np.uint8], None, None]:
            tiles = iter_tiles(
                opened,
                xy_px0,
                window_px0=grid.window_px0,
                size_px=spec.size_px,
                batch_size=cohort.batch_size,
                threads=cohort.threads,
            )
            with contextlib.closing(tiles):
                for batch in tiles:
                    readable.append(batch.is_readable)
                    if batch.is_readable.any():
                        yield batch.pixels[batch.is_readable]

        features = encoder.encode(batches()) if len(xy_px0) else np.empty((0, spec.n_features), np.float32)
        kept = xy_px0[np.concatenate(readable)] if readable else xy_px0
    return Embeddings(
        slide_id=slide.slide_id,
        features=features,
        xy_px0=kept,
        window_px0=grid.window_px0,
        size_px=spec.size_px,
        mpp=slide.mpp,
        tile_mpp=spec.mpp,
        encoder=encoder.name,
    )
