"""Writing one simulated slide, and skipping it when the same one is already there."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from functools import partial
from pathlib import Path

import tifffile

from cartopath.simulate.fields import SmoothField
from cartopath.simulate.pyramid import write_pyramid
from cartopath.simulate.render import render_region
from cartopath.simulate.specimen import Specimen
from cartopath.store.hashing import value_key

# Raise this when the same specimen is drawn differently, so that slides of an older version are drawn again.
DRAWING_VERSION = 1


def simulate_slide(specimen: Specimen, path: Path | str) -> bool:
    """Draw a specimen and write it as a pyramidal TIFF; see `pyramid.write_pyramid`.

    The slide's ImageDescription says that it is simulated and carries a key of what determines its pixels. A file with the right
    key is left alone, so an interrupted cohort goes on where it stopped.

    Returns:
        Whether it was written; False if it was there.
    """
    path = Path(path)
    description = f"simulated H&E slide, cartopath; key={specimen_key(specimen)}"
    if path.is_file() and _description(path) == description:
        return False
    draw = partial(render_region, specimen)
    write_pyramid(path, specimen.size_px0, mpp=specimen.mpp, draw=draw, description=description)
    return True


def specimen_key(specimen: Specimen) -> str:
    """Return a key of everything that determines the pixels of a slide."""
    waves = [getattr(trait.field, name).tobytes() for trait in specimen.traits for name in SmoothField.__slots__]
    return value_key(
        {
            "version": DRAWING_VERSION,
            "seed": specimen.seed,
            "slide": specimen.slide_id,
            "size": asdict(specimen.size_px0),
            "mpp": specimen.mpp,
            "stain": asdict(specimen.stain),
            "blur_um": specimen.blur_um,
            "levels": [str(trait.level) for trait in specimen.traits],
            "fields": hashlib.sha256(b"".join(waves)).hexdigest(),
        }
    )


def _description(path: Path) -> str:
    try:
        with tifffile.TiffFile(path) as file:
            return str(file.pages[0].description)
    except (OSError, ValueError, IndexError, tifffile.TiffFileError):
        return ""
