"""Embeddings of the tiles of a slide as HDF5, laid out as TRIDENT and CLAM lay theirs out, with a header of our own.

```
features                (n, d) float16, contiguous
coords                  (n, 2) int64: x and y of the upper left corners in level-0 pixels
coords.attrs            patch_size, patch_size_level0, level0_magnification, target_magnification, overlap, name
attrs["cartopath"]      the header, as in every artifact
```

A file holds numbers alone: what points to other files is refused, and reading runs no code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from cartopath.core.errors import ArtifactError
from cartopath.store.artifacts import Header
from cartopath.store.atomic import atomic_path

KIND = "embeddings"
VERSION = 1
_ATTRIBUTE = "cartopath"
_TEN_FOLD_UM = 10.0
"""Micrometres per pixel at a magnification of 1: 10x is 1 um per pixel."""
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError, MemoryError)
"""What h5py raises where a file's structure is not what it says it is."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Embeddings:
    """Features of the tiles of one slide.

    Attributes:
        slide_id: Which slide.
        features: (n, d), one row per tile; float16 as kept.
        xy_px0: (n, 2) int64: x and y of the tiles' upper left corners in level-0 pixels.
        window_px0: Side of a tile in level-0 pixels.
        size_px: Side of a tile as the encoder saw it.
        mpp: Micrometres per level-0 pixel.
        tile_mpp: Micrometres per pixel as the encoder saw it.
        encoder: Name of the network that made them.
    """

    slide_id: str
    features: NDArray[np.floating]
    xy_px0: NDArray[np.int64]
    window_px0: int
    size_px: int
    mpp: float
    tile_mpp: float
    encoder: str

    def __post_init__(self) -> None:
        n = len(self.xy_px0)
        if self.features.ndim != 2 or self.xy_px0.shape != (n, 2) or len(self.features) != n:
            raise ArtifactError(
                f"embeddings of {self.slide_id}: expected features (n, d) and xy_px0 (n, 2), found {self.features.shape} and "
                f"{self.xy_px0.shape}"
            )


def as_half(features: NDArray[np.floating], slide_id: str) -> NDArray[np.float16]:
    """Return features as they are kept, float16.

    Raises:
        ArtifactError: One is no number, or too large for 16 bits (65,504).
    """
    with np.errstate(over="ignore"):
        half: NDArray[np.float16] = features.astype(np.float16)
    if not np.isfinite(half).all():
        largest = float(np.nanmax(np.abs(features), initial=0.0))
        raise ArtifactError(
            f"embeddings of {slide_id}: a feature is no 16-bit number (largest {largest:.3g}); change the encoder"
        )
    return half


def write_embeddings(embeddings: Embeddings, path: Path | str, *, key: str, meta: dict[str, Any] | None = None) -> None:
    """Write the embeddings of a slide. Equal ones give equal bytes.

    Args:
        embeddings: What to write; their features are kept as float16.
        path: The file.
        key: Key of the task that made them: covers slide, grid and encoder.
        meta: What else a reader must know, as JSON values.
    """
    import h5py

    made = {name: getattr(embeddings, name) for name in ("slide_id", "window_px0", "size_px", "mpp", "tile_mpp", "encoder")}
    header = Header(kind=KIND, version=VERSION, key=key, meta={**(meta or {}), **made})
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        features = as_half(embeddings.features, embeddings.slide_id)
        file.create_dataset("features", data=features, track_times=False).attrs["encoder"] = embeddings.encoder
        coords = file.create_dataset("coords", data=embeddings.xy_px0.astype(np.int64), track_times=False)
        for name, value in _trident_attributes(embeddings).items():
            coords.attrs[name] = value
        file.attrs[_ATTRIBUTE] = header.model_dump_json()


def _trident_attributes(embeddings: Embeddings) -> dict[str, int | float | str]:
    return {
        "patch_size": embeddings.size_px,
        "patch_size_level0": embeddings.window_px0,
        "level0_magnification": _magnification(embeddings.mpp),
        "target_magnification": _magnification(embeddings.tile_mpp),
        "overlap": 0,
        "name": embeddings.slide_id,
    }


def _magnification(mpp: float) -> int | float:
    """Return the nominal magnification of a resolution, whole where it is at least 1.

    >>> _magnification(0.2525), _magnification(0.5), _magnification(16.0)
    (40, 20, 0.625)
    """
    exact = _TEN_FOLD_UM / mpp
    return round(exact) if exact >= 1 else exact


def read_embeddings_header(path: Path | str) -> Header:
    """Return the header of an embeddings file.

    Raises:
        ArtifactError: The file is missing, damaged, of another program or newer than this one.
    """
    path = Path(path)
    return _read(path, lambda file: _header(file, path))  # type: ignore[no-any-return]


def read_embeddings(path: Path | str) -> tuple[Embeddings, Header]:
    """Return the embeddings of a slide and their header.

    Raises:
        ArtifactError: The file is missing, damaged, of another program or newer than this one.
    """
    path = Path(path)

    def read(file: Any) -> tuple[Embeddings, Header]:
        header = _header(file, path)
        features, xy_px0 = _array(file, "features", np.float16, path), _array(file, "coords", np.int64, path)
        names = ("slide_id", "window_px0", "size_px", "mpp", "tile_mpp", "encoder")
        return Embeddings(features=features, xy_px0=xy_px0, **{name: header.meta[name] for name in names}), header

    return _read(path, read)  # type: ignore[no-any-return]


def _read(path: Path, read: Any) -> Any:
    import h5py

    if not path.is_file():
        raise ArtifactError(f"{path}: no such embeddings; run the stage that writes them")
    try:
        with h5py.File(path, "r") as file:
            return read(file)
    except ArtifactError:
        raise
    except _DAMAGE as error:
        raise ArtifactError(
            f"{path}: not readable embeddings ({' '.join(str(error).split())}); delete it and run again"
        ) from error


def _header(file: Any, path: Path) -> Header:
    raw = file.attrs.get(_ATTRIBUTE)
    if not isinstance(raw, str):
        raise ArtifactError(f"{path}: written by another program: no cartopath header")
    try:
        header = Header.model_validate_json(raw)
    except ValidationError as error:
        raise ArtifactError(f"{path}: its header is damaged ({error.error_count()} errors)") from error
    if header.kind != KIND or header.version > VERSION:
        raise ArtifactError(f"{path}: expected {KIND} version {VERSION}, found {header.kind} version {header.version}")
    return header


def _array(file: Any, name: str, dtype: type[np.generic], path: Path) -> NDArray[Any]:
    """Return a data set that lies in the file itself."""
    import h5py

    link = file.get(name, getlink=True)
    node = file[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(node, h5py.Dataset) or node.external or node.is_virtual:
        raise ArtifactError(f"{path}: {name} is missing, or lies in another file; delete it and run again")
    if node.dtype != dtype or node.ndim != 2:
        raise ArtifactError(f"{path}: {name} is {node.dtype} {node.shape}; expected {np.dtype(dtype)} with two axes")
    array: NDArray[Any] = node[()]
    return array
