"""A model of tissue types on slides: a table of tiles and a picture for each, and one table of shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.cohort import parse_barcode
from cartopath.core.errors import SlideError
from cartopath.maps import Thumbnail
from cartopath.methods.tissue_types.model import TissueModel, read_tissue_model
from cartopath.methods.tissue_types.picture import render_tissue_types
from cartopath.methods.tissue_types.prediction import type_probabilities, type_table
from cartopath.slides import TileSpec, open_slide, plan_tiles
from cartopath.store.artifacts import Header, write_csv, write_table
from cartopath.store.atomic import write_bytes
from cartopath.study.layout import file_name
from cartopath.training import SlideTiles

SHARES_NAME = "tissue.csv"
KIND = "tissue_types"
THUMBNAIL_PX = 900
MIN_TISSUE = 0.05


def apply_tissue_model(
    folder: Path,
    slides: Sequence[Path],
    out: Path,
    *,
    mpp: float | None = None,
    assume_mpp: float | None = None,
    device: str = "auto",
    threads: int | None = None,
    news: Callable[[dict[str, Any]], None] | None = None,
) -> tuple[pd.DataFrame, list[tuple[Path, str]]]:
    """Type the tiles of slides.

    Tiles are the model's own, side by side; glass, where the thumbnail shows less than a twentieth of tissue, is not looked at.

    Args:
        folder: Of the model.
        slides: Slide files.
        out: Where `<slide>.parquet`, `<slide>.png` and `tissue.csv` go.
        mpp: States the um per pixel of all slides.
        assume_mpp: Um per pixel of slides that do not say theirs.
        device: `auto`, `cpu` or `cuda:i`.
        threads: Of the network on a CPU.
        news: Called with the row of each slide.

    Returns:
        One row per slide: `slide_id`, `n_tiles` and the share of the tiles of each type; and the slides that could not be read,
        each with the reason.

    Raises:
        BundleError: The model cannot be used.
        SlideError: There is no slide, or two have the same name.
    """
    model = read_tissue_model(folder)
    _check_names(slides)
    rows: list[dict[str, Any]] = []
    failed: list[tuple[Path, str]] = []
    for path in slides:
        try:
            row = apply_to_slide(model, path, out, mpp=mpp, assume_mpp=assume_mpp, device=device, threads=threads)
        except SlideError as error:
            failed.append((path, str(error)))
            continue
        rows.append(row)
        if news is not None:
            news(row)
    table = pd.DataFrame(rows, columns=["slide_id", "n_tiles", *model.types])
    write_csv(table, out / SHARES_NAME)
    return table, failed


def slide_name(path: Path) -> str:
    """Return what a slide is called: its barcode, or its file's name without suffix."""
    barcode = parse_barcode(path.name)
    return barcode.slide_id if barcode is not None else path.stem


def _check_names(slides: Sequence[Path]) -> None:
    if not slides:
        raise SlideError("no slide to apply the model to; name files, or folders that hold slides")
    first: dict[str, Path] = {}
    for path in slides:
        other = first.setdefault(slide_name(path), path)
        if other != path:
            raise SlideError(f"two slides are called {slide_name(path)}: {other} and {path}; apply them into different folders")


def apply_to_slide(
    model: TissueModel,
    path: Path,
    out: Path,
    *,
    mpp: float | None = None,
    assume_mpp: float | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> dict[str, Any]:
    """Write table and picture of one slide, and return its row of tissue.csv.

    Raises:
        SlideError: The slide cannot be read, is coarser than the model's tiles, or has no tissue.
    """
    slide_id = slide_name(path)
    spec = TileSpec(size_px=model.spec.size_px, mpp=model.spec.mpp, max_background=1.0, min_tissue=MIN_TISSUE)
    with open_slide(path, mpp=mpp, assume_mpp=assume_mpp) as slide:
        plan = plan_tiles(slide, spec)
        slide_mpp = slide.mpp
        thumbnail = Thumbnail(slide.thumbnail(THUMBNAIL_PX), width_um=slide.dimensions_px0.to_um(slide_mpp).width)
    if plan.table.empty:
        raise SlideError(f"{path}: no tile with tissue")
    source = SlideTiles(
        slide_id=slide_id,
        patient_id=slide_id,
        path=path,
        xy_px0=plan.table[["x_px0", "y_px0"]].to_numpy(),
        window_px0=plan.grid.window_px0,
        size_px=model.spec.size_px,
        stated_mpp=mpp,
        assume_mpp=assume_mpp,
    )
    found = type_probabilities(model, source, mpp=slide_mpp, device=device, threads=threads)
    table = type_table(plan.table, found, model.types)
    meta = {name: plan.meta()[name] for name in ("mpp", "window_px0", "size_px", "tile_mpp", "n_rows", "n_cols")}
    write_types(table, out / f"{file_name(slide_id)}.parquet", model, meta | {"slide_id": slide_id}, key="")
    picture = render_tissue_types(
        table,
        model.types,
        n_rows=plan.grid.n_rows,
        n_cols=plan.grid.n_cols,
        tile_um=plan.grid.window_px0 * slide_mpp,
        title=f"{slide_id}   types of tissue",
        thumbnail=thumbnail,
    )
    write_bytes(out / f"{file_name(slide_id)}.png", picture)
    shares = table["type"].value_counts(normalize=True)
    return {"slide_id": slide_id, "n_tiles": len(table), **{name: float(shares.get(name, 0.0)) for name in model.types}}


def write_types(table: pd.DataFrame, path: Path, model: TissueModel, meta: dict[str, Any], *, key: str) -> None:
    """Write the types of a slide's tiles with the name of the model."""
    header = Header(kind=KIND, key=key, meta=meta | {"types": list(model.types), "model_sha256": model.sha256})
    write_table(table, path, header)
