"""Feature files made on the spot, laid out as each program lays out its own."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import imagecodecs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

N_TILES, WIDTH, WINDOW, MPP = 12, 6, 512, 0.25


@pytest.fixture
def truth() -> SimpleNamespace:
    """Features (12, 6) of tiles of 512 level-0 pixels on a grid of 4 columns, at 0.25 um per pixel."""
    features = np.random.default_rng(0).normal(size=(N_TILES, WIDTH)).astype(np.float16)
    xy = np.stack([np.arange(N_TILES) % 4, np.arange(N_TILES) // 4], axis=1).astype(np.int64) * WINDOW + 1024
    return SimpleNamespace(features=features, xy=xy, window=WINDOW, mpp=MPP, tile_um=WINDOW * MPP)


def trident(path: Path, truth: Any, **attributes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "patch_size": 256,
        "patch_size_level0": truth.window,
        "level0_magnification": 40,
        "target_magnification": 20,
        "overlap": 0,
        "name": path.stem,
        "savetodir": "None",
    }
    with h5py.File(path, "w") as file:
        features = file.create_dataset("features", data=truth.features.astype(np.float32), chunks=(1, truth.features.shape[1]))
        features.attrs["encoder"] = "uni_v1"
        coords = file.create_dataset("coords", data=truth.xy, chunks=(1, 2))
        for name, value in {**about, **attributes}.items():
            coords.attrs[name] = value
    return path


def clam(folder: Path, truth: Any, *, name: str = "A1", with_pt: bool = True) -> Path:
    (folder / "h5_files").mkdir(parents=True)
    with h5py.File(folder / "h5_files" / f"{name}.h5", "w") as file:
        file["features"], file["coords"] = truth.features.astype(np.float32), truth.xy.astype(np.int32)
    if with_pt:
        (folder / "pt_files").mkdir()
        torch.save(torch.from_numpy(truth.features.astype(np.float32)), folder / "pt_files" / f"{name}.pt")  # noqa: TID251
    return folder


def stamp(path: Path, truth: Any, **attributes: Any) -> Path:
    about = {"extractor": "h-optimus-0", "unit": "um", "tile_size_um": truth.tile_um, "tile_size_px": 224, "feat_type": "tile"}
    with h5py.File(path, "w") as file:
        file["feats"] = truth.features
        file["coords"] = (truth.xy * truth.mpp).astype(np.float32)
        for name, value in {**about, **attributes}.items():
            if value is not None:
                file.attrs[name] = value
    return path


def atlas_patch(path: Path, truth: Any, *encoders: str) -> Path:
    n = len(truth.xy)
    with h5py.File(path, "w") as file:
        sizes = np.tile([truth.window, truth.window, 0], (n, 1))
        file["coords"] = np.concatenate([truth.xy, sizes], axis=1).astype(np.int32)
        file["passports"] = np.array([b"tile"] * n)
        for name, value in {"patch_size": 256, "patch_size_level0": truth.window, "level0_magnification": 40}.items():
            file.attrs[name] = value
        for number, encoder in enumerate(encoders):
            file[f"features/{encoder}"] = truth.features.astype(np.float32) + number
    return path


def slideflow(folder: Path, truth: Any, *, name: str = "A1", key: str = "arr_0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(torch.from_numpy(truth.features.astype(np.float32)), folder / f"{name}.pt")  # noqa: TID251
    np.savez(folder / f"{name}.index.npz", **{key: truth.xy + truth.window // 2})
    extractor = {"class": "slideflow.model.extractors.ctranspath.CTransPathFeatures", "kwargs": {}}
    about = {"extractor": extractor, "tile_px": 224, "tile_um": truth.tile_um, "num_features": truth.features.shape[1]}
    (folder / "bags_config.json").write_text(json.dumps(about), encoding="utf-8")
    return folder / f"{name}.pt"


def box(x: float, y: float, side: float, *, endian: str = "<") -> bytes:
    """Return a square in well-known binary."""
    corners = [(x + side, y), (x + side, y + side), (x, y + side), (x, y), (x + side, y)]
    flat = [value for corner in corners for value in corner]
    return struct.pack(f"{endian}BIII10d", int(endian == "<"), 3, 1, 5, *flat)


def zarr_array(folder: Path, array: np.ndarray, chunks: tuple[int, ...], *, version: int, codec: str | None = "zstd") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    encode = {"zstd": imagecodecs.zstd_encode, "blosc": imagecodecs.blosc_encode, None: bytes}[codec]
    if version == 2:
        about: dict[str, Any] = {
            "zarr_format": 2,
            "shape": array.shape,
            "chunks": chunks,
            "dtype": array.dtype.str,
            "fill_value": 0,
            "order": "C",
            "filters": None,
            "compressor": codec and {"id": codec},
        }
        (folder / ".zarray").write_text(json.dumps(about), encoding="utf-8")
    else:
        codecs = [{"name": "bytes", "configuration": {"endian": "little"}}] + ([{"name": codec}] if codec else [])
        about = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": array.shape,
            "data_type": array.dtype.name,
            "fill_value": 0,
            "codecs": codecs,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        }
        (folder / "zarr.json").write_text(json.dumps(about), encoding="utf-8")
    for index in np.ndindex(*(-(-size // chunk) for size, chunk in zip(array.shape, chunks, strict=True))):
        part = array[tuple(slice(i * chunk, (i + 1) * chunk) for i, chunk in zip(index, chunks, strict=True))]
        whole = np.zeros(chunks, array.dtype)
        whole[tuple(slice(0, size) for size in part.shape)] = part
        name = ".".join(map(str, index)) if version == 2 else "/".join(("c", *map(str, index)))
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(np.ascontiguousarray(whole).tobytes()))


def _group(folder: Path, attributes: dict[str, Any], version: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if version == 2:
        (folder / ".zgroup").write_text('{"zarr_format": 2}', encoding="utf-8")
        (folder / ".zattrs").write_text(json.dumps(attributes), encoding="utf-8")
    else:
        about = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        (folder / "zarr.json").write_text(json.dumps(about), encoding="utf-8")


def lazyslide(folder: Path, truth: Any, *encoders: str, version: int = 3, codec: str | None = "zstd") -> Path:
    """The tiles of a table come in reverse: its rows are joined to the outlines by the numbers of tiles."""
    spec = {"tiles": {"height": 224, "width": 224, "mpp": 0.5, "base_downsample": 2.0}}
    _group(folder, {"tile_spec": spec, "slide_properties": {"mpp": truth.mpp}}, version)
    ids = np.arange(len(truth.xy))
    for number, encoder in enumerate(encoders):
        table = folder / "tables" / f"{encoder}_tiles"
        _group(table, {"region": "tiles", "region_key": "library_id", "instance_key": "tile_id"}, version)
        values = (truth.features.astype(np.float32) + number)[::-1]
        zarr_array(table / "X", values, (5, 4), version=version, codec=codec)
        zarr_array(table / "obs" / "tile_id", ids[::-1], (len(ids),), version=version, codec=codec)
    outlines = folder / "shapes" / "tiles"
    _group(outlines, {}, version)
    table = pa.table({"tile_id": ids, "geometry": [box(x, y, truth.window) for x, y in truth.xy.tolist()]})
    pq.write_table(table, outlines / "shapes.parquet")
    return folder


@pytest.fixture
def made() -> Callable[..., Path]:
    """`made("trident", path, truth)` writes a file as that program would."""
    makers = {f.__name__: f for f in (trident, clam, stamp, atlas_patch, slideflow, lazyslide)}
    return lambda program, /, *arguments, **options: makers[program](*arguments, **options)
