"""Restyling files into a folder: pictures as pictures, slides as their tissue tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from cartopath.core.errors import ArtifactError, SlideError, StatisticsError
from cartopath.methods.restyling.sources import Cutting, cut_tiles, is_picture, iter_cut_tiles, source_files, whole_picture
from cartopath.methods.restyling.transfers import Restyling, Transfer
from cartopath.store.artifacts import Header, read_json, write_csv, write_json
from cartopath.store.atomic import atomic_path
from cartopath.store.hashing import value_key

NOTE_NAME, NOTE_KIND = "restyled.json", "restyled_files"
FITTED_TILES = 64
"""Tiles of a slide that its own style is fitted to."""


@dataclass(frozen=True)
class Restyled:
    """What became of files.

    Attributes:
        n_pictures: Written, or there already.
        n_tiles: Likewise, of slides.
        failed: Why others were not, as sentences.
    """

    n_pictures: int
    n_tiles: int
    failed: tuple[str, ...]


def restyle_folder(
    transfer: Transfer, given: Path, out: Path, how: Cutting, *, progress: Callable[[str], None] | None = None
) -> Restyled:
    """Restyle a picture, a slide, or a folder of them. What is there already from the same style stays.

    Args:
        transfer: To which style.
        given: A file or a folder.
        out: Gets NAME.png of each picture, and of each slide a folder NAME with X_Y.png of its tiles and tiles.csv.
        how: Which tiles of slides.
        progress: Called with the name of each file.

    Raises:
        ArtifactError: The folder holds something else.
        SlideError: There is no file.
    """
    files = source_files(given)
    _claim(out, value_key([transfer.key, how.tile_px, how.mpp, how.n_tiles, how.min_tissue, how.seed]))
    n_pictures, n_tiles, failed = 0, 0, []
    for name, path in files.items():
        if progress is not None:
            progress(name)
        try:
            if is_picture(path):
                _picture(transfer, path, out / f"{name}.png")
                n_pictures += 1
            else:
                n_tiles += _tiles(transfer, path, out / name, how)
        except (SlideError, StatisticsError) as error:
            failed.append(f"{name}: {error}")
    return Restyled(n_pictures, n_tiles, tuple(failed))


def _claim(out: Path, key: str) -> None:
    note = out / NOTE_NAME
    if note.is_file():
        if read_json(note, NOTE_KIND).get("key") == key:
            return
        raise ArtifactError(f"{out}: holds pictures restyled in another way; choose another folder with --out")
    if out.is_dir() and any(out.iterdir()):
        raise ArtifactError(f"{out}: is not empty; choose another folder with --out")
    write_json({"key": key}, note, Header(kind=NOTE_KIND, key=key))


def _picture(transfer: Transfer, path: Path, target: Path) -> None:
    if not target.is_file():
        pixels = whole_picture(path)
        _write(transfer.fitted_to([pixels])(pixels), target)


def _tiles(transfer: Transfer, path: Path, folder: Path, how: Cutting) -> int:
    table = folder / "tiles.csv"
    if table.is_file():
        return len(pd.read_csv(table))
    sample = cut_tiles(path, replace(how, n_tiles=min(how.n_tiles or FITTED_TILES, FITTED_TILES))).pixels
    if not sample:
        raise SlideError(f"no tile of {how.tile_px} px at {how.mpp:g} um per pixel shows {how.min_tissue:.0%} tissue")
    restyling: Restyling = transfer.fitted_to(sample)
    rows = []
    for x, y, tile in iter_cut_tiles(path, how):
        rows.append((x, y, f"{x}_{y}.png"))
        if not (folder / rows[-1][2]).is_file():
            _write(restyling(tile), folder / rows[-1][2])
    write_csv(pd.DataFrame(rows, columns=["x_px0", "y_px0", "file"]), table)
    return len(rows)


def _write(pixels: NDArray[np.uint8], target: Path) -> None:
    with atomic_path(target) as temporary:
        Image.fromarray(pixels).save(temporary)
