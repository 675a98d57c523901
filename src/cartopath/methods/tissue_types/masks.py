"""Annotations as label masks: a PNG or TIFF over the whole slide, and a legend that says which value is which type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError, TableError
from cartopath.core.geometry import SizePx0
from cartopath.methods.tissue_types.geojson import MAX_SIDE_PX
from cartopath.methods.tissue_types.label_map import LabelMap
from cartopath.methods.tissue_types.names import IGNORE, TypeNames, ordered_types

MASK_SUFFIXES = (".png", ".tif", ".tiff")
_MOST_PX = 1 << 30
_ASPECT_TOLERANCE = 0.02


def read_mask(path: Path, dimensions_px0: SizePx0, *, legend: Mapping[int, str], names: TypeNames) -> LabelMap:
    """Return a mask as a raster of at most 8,192 pixels a side.

    Args:
        path: One channel of whole numbers; the colours of an indexed PNG do not matter.
        dimensions_px0: Size of the slide that it covers from border to border.
        legend: What the values mean; values that it does not name are not annotated.
        names: Which name is which type.

    Raises:
        TableError: It is no such picture, has another shape than the slide, or holds no value of the legend.
        ConfigError: There is no legend, or nobody knows what a name in it is.
    """
    if not legend:
        raise ConfigError(f'{path}: nobody says what the values of this mask mean; say so: --legend "1=epithelium"')
    values = _fewer_pixels(_read_png(path) if path.suffix.lower() == ".png" else _read_tiff(path))
    _check_aspect(path, values, dimensions_px0)
    types_by_name = names.require(legend.values(), f"the legend of {path.name}")
    types = ordered_types(types_by_name.values())
    labels = np.zeros(values.shape, np.uint8)
    for value, name in legend.items():
        if types_by_name[name] != IGNORE:
            labels[values == value] = types.index(types_by_name[name]) + 1
    if not labels.any():
        found = ", ".join(map(str, np.unique(values)[:8]))
        raise TableError(f"{path}: holds none of the values of the legend ({', '.join(map(str, legend))}); found {found}")
    return LabelMap(labels, types, dimensions_px0, names=frozenset(legend.values()))


def _read_png(path: Path) -> NDArray[np.integer]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if image.mode not in ("1", "L", "P", "I", "I;16"):
                raise _wrong_channels(path, image.mode)
            values: NDArray[np.integer] = np.asarray(image).astype(np.int32)
    except FileNotFoundError as error:
        raise TableError(f"{path}: no such mask") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise TableError(f"{path}: not a readable PNG ({error}); export it again, smaller if it is huge") from error
    return values


def _read_tiff(path: Path) -> NDArray[np.integer]:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            if page.samplesperpixel != 1 or np.dtype(page.dtype).kind not in "bui":
                raise _wrong_channels(path, f"{page.samplesperpixel} channels of {page.dtype}")
            if page.imagewidth * page.imagelength > _MOST_PX:
                raise TableError(
                    f"{path}: {page.imagewidth} x {page.imagelength} px; make the mask smaller, types need no detail"
                )
            values: NDArray[np.integer] = page.asarray()
    except FileNotFoundError as error:
        raise TableError(f"{path}: no such mask") from error
    except TableError:
        raise
    except (tifffile.TiffFileError, OSError, ValueError, KeyError, IndexError, RuntimeError) as error:
        raise TableError(f"{path}: not a readable TIFF ({error}); export it again") from error
    return values


def _wrong_channels(path: Path, found: str) -> TableError:
    return TableError(f"{path}: a mask needs one channel of whole numbers, found {found}; export labels, not colours")


def _fewer_pixels(values: NDArray[np.integer]) -> NDArray[np.integer]:
    step = -(-max(values.shape) // MAX_SIDE_PX)
    return values[step // 2 :: step, step // 2 :: step] if min(values.shape) > step else values


def _check_aspect(path: Path, values: NDArray[np.integer], size: SizePx0) -> None:
    height, width = values.shape
    if abs(width / height / (size.width / size.height) - 1) > _ASPECT_TOLERANCE + 1 / min(width, height):
        raise TableError(
            f"{path}: {width} x {height} px has another shape than the slide, {size.width} x {size.height} px; a mask must "
            f"cover the whole slide"
        )
