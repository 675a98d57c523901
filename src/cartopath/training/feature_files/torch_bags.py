"""Bags of features as torch tensors: `.pt` files of CLAM, with the coordinates beside them, and of Slideflow with their index."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 - caught where torch refuses a file; nothing is unpickled here
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.training.feature_files.features import TileFeatures, completed, spacing
from cartopath.training.feature_files.h5_layouts import read_h5

INDEX_SUFFIXES = (".index.npz", ".index.npy")
CONFIG_NAME = "bags_config.json"
_H5_FOLDER = "h5_files"


def read_pt(path: Path, slide_id: str, *, mpp: float | None = None) -> TileFeatures:
    """Read a bag of features.

    Numbers alone are read: a file that would run code is refused.

    Args:
        path: The file. `<slide>.index.npz` (or `.npy`) beside it makes it a bag of Slideflow; `../h5_files/<slide>.h5` gives the
            coordinates of one of CLAM.
        slide_id: Whose it is.
        mpp: Micrometres per level-0 pixel.

    Raises:
        ArtifactError: It is damaged, holds something else than a tensor, or its coordinates are of other tiles.
    """
    features = _tensor(path)
    beside = (path.with_name(path.stem + suffix) for suffix in INDEX_SUFFIXES)
    index = next((found for found in beside if found.is_file()), None)
    if index is not None:
        return _slideflow(features, index, path.with_name(CONFIG_NAME), slide_id, mpp)
    found = TileFeatures(slide_id=slide_id, features=features, mpp=mpp, source_format="clam")
    h5 = path.parent.with_name(_H5_FOLDER) / f"{path.stem}.h5"
    if not h5.is_file():
        return completed(replace(found, notes=("no coordinates beside the features",)))
    places = read_h5(h5, slide_id, mpp=mpp)
    if places.n_tiles != found.n_tiles:
        raise ArtifactError(f"{path}: {found.n_tiles} tiles, but {h5} has the places of {places.n_tiles}; use one of the two")
    return completed(replace(found, xy_px0=places.xy_px0, encoder=places.encoder))


def _tensor(path: Path) -> NDArray[np.floating]:
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251 - reads tensors, runs no code
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, BadZipFile, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"{path}: not a readable tensor, or more than numbers ({reason}); write the features as HDF5"
        ) from error
    if not isinstance(content, torch.Tensor) or not content.is_floating_point():
        raise ArtifactError(f"{path}: holds {type(content).__name__}; expected one tensor of floating-point numbers (n, d)")
    content = content.squeeze(0) if content.ndim == 3 and len(content) == 1 else content
    kept = content if content.dtype == torch.float16 else content.to(torch.float32)
    array: NDArray[np.floating] = kept.numpy()
    return array


def _slideflow(features: NDArray[np.floating], index: Path, config: Path, slide_id: str, mpp: float | None) -> TileFeatures:
    """Slideflow keeps the middles of tiles: corners follow from the size of a tile, which the configuration of the bags tells."""
    middles = _index(index)
    about = _config(config)
    tile_um = _tile_um(about.get("tile_um"))
    step = spacing(middles)
    notes: tuple[str, ...] = ()
    if mpp is None and tile_um is not None and step:
        mpp = tile_um / step
        notes = (f"{mpp:.4g} um per pixel taken from tiles of {tile_um:g} um that lie {step} level-0 pixels apart",)
    window = round(tile_um / mpp) if tile_um is not None and mpp else step
    if window and len(middles) == len(features):
        middles = middles - window // 2
    found = TileFeatures(
        slide_id=slide_id,
        features=features,
        xy_px0=middles,
        window_px0=window,
        tile_um=tile_um,
        size_px=about.get("tile_px"),
        mpp=mpp,
        encoder=_extractor(about),
        source_format="slideflow",
        notes=notes,
    )
    return completed(found)


def _index(path: Path) -> NDArray[np.int64]:
    try:
        found: Any = np.load(path, allow_pickle=False)
        if not isinstance(found, np.ndarray):
            with found as arrays:
                found = arrays[next(name for name in ("locations", "arr_0") if name in arrays.files)]
        places: NDArray[np.int64] = found.astype(np.int64)
    except (OSError, EOFError, ValueError, TypeError, KeyError, MemoryError, BadZipFile, ZlibError, StopIteration) as error:
        raise ArtifactError(f"{path}: no readable index of tiles ({error}); write the bags again") from error
    if places.ndim != 2 or places.shape[1] != 2:
        raise ArtifactError(f"{path}: places of shape {places.shape}; expected (n, 2)")
    return places


def _config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: not readable JSON ({error})") from error
    return content if isinstance(content, dict) else {}


def _extractor(about: dict[str, Any]) -> str:
    extractor = about.get("extractor")
    name = str(extractor.get("class", "")) if isinstance(extractor, dict) else ""
    return name.rpartition(".")[2].removesuffix("Features").lower()


def _tile_um(value: Any) -> float | None:
    """Return the side of a tile in micrometres; None where it is given as a magnification, which says nothing of level 0.

    >>> _tile_um(302), _tile_um("20x")
    (302.0, None)
    """
    return float(value) if isinstance(value, int | float) else None
