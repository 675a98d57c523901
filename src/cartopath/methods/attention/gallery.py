"""The gallery of hotspots: the tiles that count most, over the range of what was measured (F69)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cartopath.maps.hotspot_gallery import GalleryBin, GalleryTile, render_hotspot_gallery
from cartopath.methods.attention.settings import attention
from cartopath.methods.attention.spots import hotspots_of, judged_records
from cartopath.methods.attention.targets import trait_target
from cartopath.slides import open_slide, read_tiles
from cartopath.store.artifacts import read_header
from cartopath.store.atomic import write_bytes
from cartopath.study.layout import file_name
from cartopath.study.run import Study
from cartopath.study.stages.scores import as_value, read_scores, scores_key
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
STAGE = "gallery"
COLUMNS = [
    *("trait", "bin", "n_bins", "low_edge", "high_edge", "unit", "n_patients", "rank", "slide_id", "patient_id", "measured"),
    *("col", "row", "x_px0", "y_px0", "weight", "value"),
]
_TILES_PER_BIN = 5
_TILE_PX = 160


def histogram_bins(values: ArrayLike, n_bins: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the bin of each value among `n_bins` of equal width over their range, and the edges; the last holds its upper edge.

    >>> places, edges = histogram_bins([0.0, 1.0, 6.9, 7.0], 7)
    >>> places.tolist(), edges.round(6).tolist()
    ([0, 1, 6, 6], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    """
    numbers = np.asarray(values, dtype=np.float64)
    edges = np.histogram_bin_edges(numbers, bins=n_bins)
    return np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, n_bins - 1), edges


def gallery_tiles(study: Study, trait: str) -> pd.DataFrame:
    """Return the tiles of a trait's gallery: of each bin of held-out patients those of the highest weight.

    Weights are relative to those of a slide's average tile, so that slides of different size can be compared. Classes are two
    bins.
    """
    asked, target = attention(study.config), trait_target(study, trait)
    values = {patient: float(v) for own in target.values.values() for patient, v in own.items()}
    records = [record for record in judged_records(study, trait) if record.patient_id in values]
    patients = sorted({record.patient_id for record in records})
    if not patients:
        return pd.DataFrame(columns=COLUMNS)
    n_bins = asked.bins if target.kind == "regression" else 2
    places, edges = histogram_bins([values[patient] for patient in patients], n_bins)
    bin_of = dict(zip(patients, places.tolist(), strict=True))
    parts = []
    for record in records:
        tiles = read_scores(study, trait, record.slide_id)
        weight, value = tiles["weight"].to_numpy(float), as_value(tiles["score"])
        number = bin_of[record.patient_id]
        n_patients = int((places == number).sum())
        # No patient fills a bin in which there are others.
        rows = hotspots_of(weight, value, share=1.0).rows[: math.ceil(_TILES_PER_BIN / n_patients)]
        chosen = tiles.iloc[rows][["col", "row", "x_px0", "y_px0"]].assign(weight=weight[rows] * len(tiles), value=value[rows])
        names = {"trait": trait, "bin": number, "low_edge": edges[number], "high_edge": edges[number + 1], "n_bins": n_bins}
        names |= {"unit": target.unit if target.kind == "regression" else "class"}
        names |= {"slide_id": record.slide_id, "patient_id": record.patient_id, "measured": values[record.patient_id]}
        parts.append(chosen.assign(n_patients=n_patients, **names))
    found = pd.concat(parts, ignore_index=True).sort_values(["bin", "weight", "value"], ascending=[True, False, False])
    found["rank"] = found.groupby("bin").cumcount() + 1
    return found[found["rank"] <= _TILES_PER_BIN].reset_index(drop=True)[COLUMNS]


@dataclass(frozen=True)
class GallerySlide:
    """A slide whose tiles are shown: its file, its stated um per pixel, its scores."""

    path: Path
    stated_mpp: float | None
    scores: Path


def plan_gallery(study: Study) -> list[Task]:
    """Return one task per trait that has tiles in the table `gallery`."""
    table = pd.read_csv(study.layout.table("gallery"), dtype={"slide_id": str, "patient_id": str, "trait": str})
    pictures = {trait: study.layout.root / "maps" / "attention" / f"gallery_{file_name(trait)}.png" for trait in table["trait"]}
    for path in (study.layout.root / "maps" / "attention").glob("gallery_*.png"):
        if path not in pictures.values():
            path.unlink()
    return [_plan_trait(study, trait, table[table["trait"] == trait], path) for trait, path in pictures.items()]


def _plan_trait(study: Study, trait: str, tiles: pd.DataFrame, out: Path) -> Task:
    shown = set(tiles["slide_id"])
    slides = {
        r.slide_id: GallerySlide(r.path, r.stated_mpp, study.layout.scores(study.config.method.name, trait, r.slide_id))
        for r in judged_records(study, trait)
        if r.slide_id in shown
    }
    key = task_key(
        STAGE,
        VERSION,
        tiles=tiles.astype(str).to_dict("list"),
        scores=[[name, scores_key(study, trait, name)] for name in slides],
    )
    assume_mpp = study.config.slides.assume_mpp
    arguments = {"trait": trait, "tiles": tiles, "slides": slides, "assume_mpp": assume_mpp, "out": out}
    return Task(STAGE, trait, key, draw_gallery, arguments, (out,))


def draw_gallery(
    *, trait: str, tiles: pd.DataFrame, slides: dict[str, GallerySlide], assume_mpp: float | None, out: Path
) -> Result:
    """Write the picture of a gallery.

    Raises:
        SlideError: A slide can no longer be read.
    """
    pixels, tile_um = _pixels(tiles, slides, assume_mpp)
    bins = []
    for number, own in tiles.groupby("bin"):
        shown = tuple(
            GalleryTile(pixels[i], str(row["slide_id"]), float(row["weight"]), float(row["value"])) for i, row in own.iterrows()
        )
        first = own.iloc[0]
        bins.append(GalleryBin(int(str(number)), float(first.low_edge), float(first.high_edge), int(first.n_patients), shown))
    unit = str(tiles["unit"].iloc[0])
    picture = render_hotspot_gallery(bins, n_bins=int(tiles["n_bins"].iloc[0]), trait=trait, unit=unit, tile_um=tile_um)
    write_bytes(out, picture)
    return {"tiles": len(tiles)}


def _pixels(
    tiles: pd.DataFrame, slides: dict[str, GallerySlide], assume_mpp: float | None
) -> tuple[dict[Any, NDArray[np.uint8]], float]:
    """Return the pixels of each tile by its row, and the side of a tile, um."""
    pixels: dict[Any, NDArray[np.uint8]] = {}
    tile_um = 0.0
    for slide_id, own in tiles.groupby("slide_id"):
        one = slides[str(slide_id)]
        meta = read_header(one.scores, "scores").meta
        tile_um = float(meta["window_px0"]) * float(meta["mpp"])
        size = min(_TILE_PX, int(meta["size_px"]))
        with open_slide(one.path, mpp=one.stated_mpp, assume_mpp=assume_mpp) as slide:
            read = read_tiles(slide, own[["x_px0", "y_px0"]].to_numpy(), window_px0=int(meta["window_px0"]), size_px=size)
        pixels |= dict(zip(own.index, read, strict=True))
    return pixels, tile_um
