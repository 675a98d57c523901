"""Feature files in HDF5: cartopath's own, and those of TRIDENT, CLAM, STAMP and AtlasPatch, told apart by what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cartopath.core.errors import ArtifactError, closest
from cartopath.store.embeddings import read_embeddings
from cartopath.training.feature_files.features import TileFeatures, completed
from cartopath.training.feature_files.h5_access import array_of, is_dataset, is_group, number_of, opened, text_of, whole_of

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
    with opened(path) as file:
        if "cartopath" not in file.attrs:
            return _foreign(file, path, slide_id, encoder, mpp)
    return _own(path, mpp)


def _foreign(file: Any, path: Path, slide_id: str, encoder: str | None, mpp: float | None) -> TileFeatures:
    if is_dataset(file, "feats"):
        return _stamp(file, path, slide_id, mpp)
    if is_group(file, "features"):
        return _atlas_patch(file, path, slide_id, encoder, mpp)
    if is_dataset(file, "features"):
        return _trident_or_clam(file, path, slide_id, mpp)
    for name in ("features", "feats"):
        if file.get(name, getlink=True) is not None:
            array_of(file, name, path)
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
    features = array_of(file, "features", path)
    coords = array_of(file, "coords", path)
    about = file["coords"].attrs
    is_trident = "patch_size_level0" in about
    found = TileFeatures(
        slide_id=slide_id,
        features=features,
        xy_px0=coords[:, :2].astype(np.int64) if coords.ndim == 2 else coords.astype(np.int64),
        window_px0=whole_of(about.get("patch_size_level0")),
        size_px=whole_of(about.get("patch_size")),
        mpp=mpp,
        encoder=text_of(file["features"].attrs.get("encoder")) or _encoder_of_folder(path),
        source_format="trident" if is_trident else "clam",
    )
    return completed(found, magnification=number_of(about.get("level0_magnification")))


def _encoder_of_folder(path: Path) -> str:
    """TRIDENT keeps the features of an encoder in `features_<encoder>`."""
    prefix, _, name = path.parent.name.partition("_")
    return name if prefix == "features" else ""


def _stamp(file: Any, path: Path, slide_id: str, mpp: float | None) -> TileFeatures:
    features, coords = array_of(file, "feats", path), array_of(file, "coords", path).astype(np.float64)
    about = file.attrs
    if (kind := text_of(about.get("feat_type")) or "tile") != "tile":
        raise ArtifactError(f"{path}: STAMP features of a whole {kind}; give the features of its tiles")
    tile_um, size_px = number_of(about.get("tile_size_um")), whole_of(about.get("tile_size_px"))
    if tile_um is None and text_of(about.get("unit")) == "um":
        tile_um = number_of(about.get("tile_size"))
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
        encoder=text_of(about.get("extractor")),
        source_format="stamp",
        notes=notes,
    )
    return completed(found)


def _atlas_patch(file: Any, path: Path, slide_id: str, encoder: str | None, mpp: float | None) -> TileFeatures:
    names = sorted(name for name in file["features"] if not name.startswith("__tmp_"))
    name = chosen(names, encoder, path)
    coords = array_of(file, "coords", path)  # (n, 5): x, y, width, height, level
    about = file.attrs if "patch_size_level0" in file.attrs else file["coords"].attrs
    found = TileFeatures(
        slide_id=slide_id,
        features=array_of(file["features"], name, path),
        xy_px0=coords[:, :2].astype(np.int64),
        window_px0=whole_of(about.get("patch_size_level0")),
        size_px=whole_of(about.get("patch_size")),
        mpp=mpp,
        encoder=name,
        source_format="atlaspatch",
    )
    return completed(found, magnification=number_of(about.get("level0_magnification")))


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
