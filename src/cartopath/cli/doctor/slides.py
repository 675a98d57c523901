"""Whether slides can be opened here: OpenSlide, a slide made on the spot, the codecs of pixels."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cartopath.cli.doctor.verdict import Verdict

SAFE_OPENSLIDE = "4.0.1"
_NEEDED_CODECS, _USEFUL_CODECS = ("jpeg8", "jpeg2k", "deflate", "lzw"), ("webp", "zstd", "jpegxl", "png")
_PURPLE = (150, 60, 140)


def openslide_version(library_version: Callable[[], str] | None = None) -> Verdict:
    """Compare the OpenSlide library, not its Python package, with the oldest that has no known holes."""
    from packaging.version import Version

    if library_version is None:
        library_version = importlib.import_module("openslide.lowlevel").get_version
    found = library_version()
    if Version(found) < Version(SAFE_OPENSLIDE):
        advice = "pip install --upgrade openslide-bin, and do not load a system library instead of it"
        return Verdict("problem", f"OpenSlide {found}; older than {SAFE_OPENSLIDE} can be attacked through a slide", advice)
    return Verdict("ok", f"OpenSlide {found}")


def opens_a_slide(open_: Callable[[Path], Any] | None = None) -> Verdict:
    """Write a small pyramid, open it as any slide is opened, and compare its pixels."""
    import numpy as np
    import tifffile

    from cartopath.slides import open_slide

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.tif"
        pixels = np.broadcast_to(np.array(_PURPLE, np.uint8), (512, 512, 3))
        scale = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER", "metadata": None}
        tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb", compression="deflate", **scale)
        with (open_ or open_slide)(path) as slide:
            read = slide.read_region(0, 0, 0, 512, 512)
            mpp, backend = slide.mpp, slide.backend
    if not np.array_equal(read, pixels):
        return Verdict(
            "problem", f"{backend} opens a slide but gives wrong pixels", "pip install --force-reinstall openslide-bin"
        )
    return Verdict("ok", f"a slide made on the spot opens with {backend}, {mpp:g} um/px, right pixels")


def codecs(load: Callable[[str], Any] = importlib.import_module) -> Verdict:
    """Encode and decode a picture with every codec that slides use."""
    import numpy as np

    library = load("imagecodecs")
    picture = np.broadcast_to(np.array(_PURPLE, np.uint8), (16, 16, 3)).copy()
    broken = [name for name in (*_NEEDED_CODECS, *_USEFUL_CODECS) if not _round_trip(library, name, picture)]
    needed = [name for name in broken if name in _NEEDED_CODECS]
    if not broken:
        return Verdict("ok", f"imagecodecs {library.__version__}: {', '.join((*_NEEDED_CODECS, *_USEFUL_CODECS))}")
    found = f"imagecodecs {library.__version__} cannot decode {', '.join(broken)}"
    return Verdict("problem" if needed else "warning", found, "pip install --force-reinstall imagecodecs")


def _round_trip(library: Any, name: str, picture: Any) -> bool:
    """Whether a codec gives back about what it was given; a build without it raises an error of its own kind."""
    import numpy as np

    raw = picture.tobytes() if name in ("deflate", "lzw", "zstd") else picture
    try:
        decoded = getattr(library, f"{name}_decode")(getattr(library, f"{name}_encode")(raw))
    except (AttributeError, ImportError, RuntimeError, ValueError, TypeError, OSError):
        return False
    if isinstance(raw, bytes):
        return bytes(decoded)[: len(raw)] == raw
    close = decoded.shape == picture.shape and np.abs(decoded.astype(int) - picture.astype(int)).max() <= 8
    return bool(close)
