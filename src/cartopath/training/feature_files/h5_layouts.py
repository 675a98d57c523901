"""Feature files in HDF5: cartopath's own, and those of TRIDENT, CLAM, STAMP and AtlasPatch, told apart by what they hold."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError, closest
from cartopath.store.embeddings import read_embeddings
from cartopath.training.feature_files.features import TileFeatures, completed

_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError, MemoryError)
"""What h5py raises where a file's structure is not what it says it is."""
_OLD_STAMP_PX, _OLD_STAMP_UM = 224, 256.0
"""STAMP before version 2 counts places in pixels of its tiles: 224 of them are 256 um."""


def read_h5(path: Path, slide_id: str, *, encoder: str | None = None, mpp: float | None = None) -> TileFeatures:
    """Read a feature file in HDF5.

    Args:
        path: The file.
        slide_id: Whose it is.
        encoder: Which features, where the file holds those of several encoders.
        mpp: Micrometres per level-0 pixel, over what the file says.

    Raises:
        ArtifactError: It is damaged, of another layout, or holds no features of that encoder.
    """
    with _opened(path) as file:
        if "cartopath" not in file.attrs:
            return _foreign(file, path, slide_id, encoder, mpp)
    return _own(path, mpp)


def _foreign(file: Any, path: Path, slide_id: str, encoder: str | None, mpp: float | None) -> TileFeatures:
    if _is_dataset(file, "feats"):
        return _stamp(file, path, slide_id, mpp)
    if _is_group(file, "features"):
        return _atlas_patch(file, path, slide_id, encoder, mpp)
    if _is_dataset(file, "features"):
        return _trident_or_clam(file, path, slide_id, mpp)
    for name in ("features", "feats"):
        if file.get(name, getlink=True) is not None:
            _array(file, name, path)
    raise ArtifactError(
        f"{path}: no features: it holds {', '.join(sorted(file)) or 'nothing'}; expected a data set 'features' or 'feats', "
        "or a group 'features'"
    )


def _own(path: Path, mpp: float | None) -> TileFeatures:
    found = read_embeddings(path)[0]
    features = TileFeatures(
        slide_id=found.slide_id,
        features=found.features,
        xy_px0=found.xy_px0,
        window_px0=found.window_px0,
        size_px=found.size_px,
        mpp=mpp or found.mpp,
        encoder=found.encoder,
        source_format="cartopath",
    )
    return completed(features)


def _trident_or_clam(file: Any, path: Path, slide_id: str, mpp: float | None) -> TileFeatures:
    """TRIDENT describes its tiles in the attributes of `coords`, CLAM's features come with bare coordinates."""
    features = _array(file, "features", path)
    coords = _array(file, "coords", path)
    about = file["coords"].attrs
    is_trident = "patch_size_level0" in about
    found = TileFeatures(
        slide_id=slide_id,
        features=features,
        xy_px0=coords[:, :2].astype(np.int64) if coords.ndim == 2 else coords.astype(np.int64),
        window_px0=_whole(about.get("patch_size_level0")),
        size_px=_whole(about.get("patch_size")),
        mpp=mpp,
        encoder=_text(file["features"].attrs.get("encoder")) or _encoder_of_folder(path),
        source_format="trident" if is_trident else "clam",
    )
    return completed(found, magnification=_number(about.get("level0_magnification")))


def _encoder_of_folder(path: Path) -> str:
    """TRIDENT keeps the features of an encoder in `features_<encoder>`."""
    prefix, _, name = path.parent.name.partition("_")
    return name if prefix == "features" else ""


def _stamp(file: Any, path: Path, slide_id: str, mpp: float | None) -> TileFeatures:
    features, coords = _array(file, "feats", path), _array(file, "coords", path).astype(np.float64)
    about = file.attrs
    if (kind := _text(about.get("feat_type")) or "tile") != "tile":
        raise ArtifactError(f"{path}: STAMP features of a whole {kind}; give the features of its tiles")
    tile_um, size_px = _number(about.get("tile_size_um")), _whole(about.get("tile_size_px"))
    if tile_um is None and _text(about.get("unit")) == "um":
        tile_um = _number(about.get("tile_size"))
    if tile_um is None:
        tile_um, size_px, coords = _OLD_STAMP_UM, _OLD_STAMP_PX, coords * (_OLD_STAMP_UM / _OLD_STAMP_PX)
        notes: tuple[str, ...] = ("no unit: places read as STAMP wrote them before version 2, 224 for 256 um",)
    else:
        notes = ()
    found = TileFeatures(
        slide_id=slide_id,
        features=features,
        xy_um=coords,
        tile_um=tile_um,
        size_px=size_px,
        mpp=mpp,
        encoder=_text(about.get("extractor")),
        source_format="stamp",
        notes=notes,
    )
    return completed(found)


def _atlas_patch(file: Any, path: Path, slide_id: str, encoder: str | None, mpp: float | None) -> TileFeatures:
    names = sorted(name for name in file["features"] if not name.startswith("__tmp_"))
    name = chosen(names, encoder, path)
    coords = _array(file, "coords", path)  # (n, 5): x, y, width, height, level
    about = file.attrs if "patch_size_level0" in file.attrs else file["coords"].attrs
    found = TileFeatures(
        slide_id=slide_id,
        features=_array(file["features"], name, path),
        xy_px0=coords[:, :2].astype(np.int64),
        window_px0=_whole(about.get("patch_size_level0")),
        size_px=_whole(about.get("patch_size")),
        mpp=mpp,
        encoder=name,
        source_format="atlaspatch",
    )
    return completed(found, magnification=_number(about.get("level0_magnification")))


def chosen(names: list[str], encoder: str | None, path: Path) -> str:
    """Return which of several sets of features is meant.

    Raises:
        ArtifactError: There is none, several of which none was asked for, or not the one that was.
    """
    if encoder is None and len(names) == 1:
        return names[0]
    if encoder in names:
        return str(encoder)
    if not names:
        raise ArtifactError(f"{path}: no features yet, only the places of tiles; compute features first")
    if encoder is None:
        raise ArtifactError(f"{path}: features of {len(names)} encoders ({', '.join(names)}); say which one")
    similar = ", ".join(closest(encoder, names)) or ", ".join(names)
    raise ArtifactError(f"{path}: no features of {encoder!r}; closest: {similar}")


@contextlib.contextmanager
def _opened(path: Path) -> Generator[Any, None, None]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except ArtifactError:
        raise
    except _DAMAGE as error:
        raise ArtifactError(
            f"{path}: not readable features ({' '.join(str(error).split())}); copy the file again, or compute its features again"
        ) from error


def _is_dataset(group: Any, name: str) -> bool:
    import h5py

    return name in group and isinstance(group.get(name, getlink=True), h5py.HardLink) and isinstance(group[name], h5py.Dataset)


def _is_group(group: Any, name: str) -> bool:
    import h5py

    return name in group and isinstance(group.get(name, getlink=True), h5py.HardLink) and isinstance(group[name], h5py.Group)


def _array(group: Any, name: str, path: Path) -> NDArray[Any]:
    """Return a data set that lies in the file itself, without the batch axis of length 1 that some programs write."""
    if not _is_dataset(group, name) or group[name].external or group[name].is_virtual:
        raise ArtifactError(f"{path}: its data set {name} is missing, or lies in another file")
    array: NDArray[Any] = np.asarray(group[name][()])
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    return array.astype(np.float32) if array.dtype == np.float64 and name not in ("coords",) else array


def locate_contiguous(path: Path) -> tuple[int, np.dtype[Any], tuple[int, int]]:
    """Return where the features of a file lie in it: the first byte, their type and their shape.

    Raises:
        ArtifactError: It is damaged, or they lie in chunks or in another file.
    """
    with _opened(path) as file:
        data = file["features"] if _is_dataset(file, "features") else None
        offset = None if data is None or data.external or data.is_virtual else data.id.get_offset()
        if data is None or offset is None or data.ndim != 2:
            raise ArtifactError(
                f"{path}: its features do not lie in one piece; read them with `read_features`, or write them anew with "
                "`write_trident`"
            )
        return int(offset), data.dtype, (int(data.shape[0]), int(data.shape[1]))


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return "" if value is None or str(value) == "None" else str(value)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and number > 0 else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else round(number)
