"""Writing the sections of an array: one slide per style, or one file per core, and a table of where everything is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray

from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.simulate.pyramid import write_pyramid
from cartopath.simulate.render import render_region
from cartopath.simulate.specimen import Specimen
from cartopath.simulate.tissue_array.identity import draw_identities
from cartopath.simulate.tissue_array.layout import PlacedCore, place_cores
from cartopath.simulate.tissue_array.section import core_section
from cartopath.simulate.tissue_array.spec import ArraySpec
from cartopath.simulate.tissue_array.style import ArrayStyle
from cartopath.store.artifacts import write_csv
from cartopath.store.hashing import value_key

_VERSION = 1


@dataclass(frozen=True, eq=False)
class SimulatedArrays:
    """The sections of one array block.

    Attributes:
        spec: What they are.
        slides: Path of the slide of each style, by its name; empty where cores are files of their own.
        cores: One row per core and style: `style`, `core_id`, `patient_id`, `row`, `col`, `x_px0`, `y_px0`, `side_px0` (the
            square the core is drawn on), `mpp`, `is_missing`, `path` (the slide, or the core's own file).
        identities: One row per core: its properties, as drawn.
    """

    spec: ArraySpec
    slides: dict[str, Path]
    cores: pd.DataFrame
    identities: pd.DataFrame

    def layout(self) -> dict[tuple[int, int], tuple[str, str]]:
        """Return the core and the patient at each place (row, col) of the grid, lost cores included."""
        rows = self.cores.drop_duplicates(["row", "col"])
        places = zip(rows["row"].tolist(), rows["col"].tolist(), strict=True)
        return dict(zip(places, zip(rows["core_id"].tolist(), rows["patient_id"].tolist(), strict=True), strict=True))


def simulate_arrays(spec: ArraySpec, folder: Path | str, *, as_files: bool = False) -> SimulatedArrays:
    """Write an array block as one slide per style, NAME_STYLE.tif, or as one file per core, NAME_STYLE_CORE.tif.

    What is there already, by a key in its ImageDescription, is left alone. `NAME_cores.csv` says where everything is.

    Args:
        spec: What to simulate.
        folder: Made if need be.
        as_files: One file per core; lost cores have none.
    """
    folder = Path(folder)
    identities = draw_identities(spec)
    rows: list[dict[str, object]] = []
    slides: dict[str, Path] = {}
    for style in spec.styles:
        size, placed = place_cores(identities, spec, style)
        if not as_files:
            slides[style.name] = folder / f"{spec.name}_{style.name}.tif"
            _write(slides[style.name], size, placed, spec, style)
        for core in placed:
            path = slides.get(style.name, folder / f"{spec.name}_{style.name}_{core.identity.core_id}.tif")
            if as_files and not core.is_missing:
                alone = PlacedCore(core.identity, 0, 0, _at_origin(core.square_px0), is_missing=False)
                _write(path, SizePx0(core.square_px0.width, core.square_px0.height), [alone], spec, style)
            rows.append(_row(core, style, path, as_files=as_files))
    cores = pd.DataFrame(rows)
    write_csv(cores.assign(path=[Path(str(path)).name for path in cores["path"]]), folder / f"{spec.name}_cores.csv")
    return SimulatedArrays(spec, slides, cores, pd.DataFrame([asdict(identity) for identity in identities]))


def _at_origin(square: RegionPx0) -> RegionPx0:
    return RegionPx0(0, 0, square.width, square.height)


def _row(core: PlacedCore, style: ArrayStyle, path: Path, *, as_files: bool) -> dict[str, object]:
    square = _at_origin(core.square_px0) if as_files else core.square_px0
    return {
        "style": style.name,
        "core_id": core.identity.core_id,
        "patient_id": core.identity.patient_id,
        "row": core.row,
        "col": core.col,
        "x_px0": square.x,
        "y_px0": square.y,
        "side_px0": square.width,
        "mpp": style.mpp,
        "is_missing": core.is_missing,
        "path": path,
    }


def _write(path: Path, size: SizePx0, placed: list[PlacedCore], spec: ArraySpec, style: ArrayStyle) -> None:
    key = value_key(
        {"version": _VERSION, "spec": asdict(spec), "style": asdict(style), "n": len(placed), "first": asdict(placed[0])}
    )
    description = f"simulated tissue microarray, cartopath; key={key}"
    if path.is_file() and _description(path) == description:
        return
    glass = style.of_core(spec.seed, "glass", variation=0.0).white
    specimens = [(core.square_px0, _specimen(core, spec, style)) for core in placed if not core.is_missing]
    draw = partial(_draw, specimens=specimens, glass=glass)
    write_pyramid(path, size, mpp=style.mpp, draw=draw, description=description)


def _description(path: Path) -> str:
    try:
        with tifffile.TiffFile(path) as file:
            return str(file.pages[0].description)
    except (OSError, ValueError, IndexError, tifffile.TiffFileError):
        return ""


def _specimen(core: PlacedCore, spec: ArraySpec, style: ArrayStyle) -> Specimen:
    return core_section(
        core.identity,
        style.name,
        seed=spec.seed,
        core_um=spec.core_um,
        likeness=spec.section_likeness,
        mpp=style.mpp,
        stain=style.of_core(spec.seed, core.identity.core_id, variation=spec.stain_variation),
        blur_um=style.blur_um,
    )


def _draw(
    region: RegionPx0, *, specimens: list[tuple[RegionPx0, Specimen]], glass: tuple[float, float, float]
) -> NDArray[np.uint8]:
    """Draw a rectangle of the slide: glass, and the parts of cores that reach into it."""
    pixels = np.empty((region.height, region.width, 3), np.uint8)
    pixels[:] = np.round(glass).astype(np.uint8)
    for square, specimen in specimens:
        left, right = max(square.x, region.x), min(square.right, region.right)
        top, bottom = max(square.y, region.y), min(square.bottom, region.bottom)
        if left < right and top < bottom:
            part = render_region(specimen, RegionPx0(left - square.x, top - square.y, right - left, bottom - top))
            pixels[top - region.y : bottom - region.y, left - region.x : right - region.x] = part
    return pixels
