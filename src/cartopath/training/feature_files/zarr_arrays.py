"""Arrays and attributes of a zarr folder, versions 2 and 3: JSON that describes chunks, and chunks that imagecodecs decodes."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError

_DECODERS: dict[str, Callable[[bytes], Any]] = {
    "blosc": imagecodecs.blosc_decode,
    "zstd": imagecodecs.zstd_decode,
    "gzip": imagecodecs.gzip_decode,
    "zlib": imagecodecs.zlib_decode,
    "lz4": lambda data: imagecodecs.lz4_decode(data, header=True),
}
_MAX_BYTES = 64 << 30
"""A declared array larger than this is taken for damage."""


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How an array is cut into chunks and what was done to each."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    order: str
    fill: Any
    codecs: tuple[str, ...]
    prefix: str
    separator: str

    def chunk_path(self, folder: Path, index: tuple[int, ...]) -> Path:
        """Return the file of a chunk."""
        name = self.separator.join(str(number) for number in index)
        return folder / (f"{self.prefix}{self.separator}{name}" if self.prefix else name)


def read_attributes(folder: Path) -> dict[str, Any]:
    """Return the attributes of a group or an array; {} where it has none.

    Raises:
        ArtifactError: They are not readable.
    """
    if (path := folder / "zarr.json").is_file():
        found = _json(path).get("attributes", {})
    elif (path := folder / ".zattrs").is_file():
        found = _json(path)
    else:
        found = {}
    return found if isinstance(found, dict) else {}


def is_array(folder: Path) -> bool:
    """Whether a folder is a zarr array."""
    if (path := folder / "zarr.json").is_file():
        return _json(path).get("node_type") == "array"
    return (folder / ".zarray").is_file()


def read_array(folder: Path) -> NDArray[Any]:
    """Return an array of numbers.

    Raises:
        ArtifactError: It is missing, damaged, or stored in a way that is not known here.
    """
    if not is_array(folder):
        raise ArtifactError(f"{folder}: no zarr array")
    try:
        layout = _layout(folder)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{folder}: its description is damaged ({error})") from error
    if math.prod(layout.shape) * layout.dtype.itemsize > _MAX_BYTES or min(layout.chunks, default=1) < 1:
        raise ArtifactError(f"{folder}: declares {layout.shape} in chunks of {layout.chunks}, which cannot be")
    array = np.full(layout.shape, layout.fill, layout.dtype.newbyteorder("="))
    counts = [-(-size // chunk) for size, chunk in zip(layout.shape, layout.chunks, strict=True)]
    for index in itertools.product(*map(range, counts)):
        path = layout.chunk_path(folder, index)
        if path.is_file():  # A chunk that is not there holds nothing but the fill value.
            where = tuple(
                slice(number * chunk, min((number + 1) * chunk, size))
                for number, chunk, size in zip(index, layout.chunks, layout.shape, strict=True)
            )
            array[where] = _chunk(path, layout)[tuple(slice(0, place.stop - place.start) for place in where)]
    return array


def _chunk(path: Path, layout: _Layout) -> NDArray[Any]:
    data: Any = path.read_bytes()
    try:
        for codec in layout.codecs:
            data = _DECODERS[codec](data)
        values = np.frombuffer(data, layout.dtype)
        return values.reshape(layout.chunks, order="F" if layout.order == "F" else "C")
    except (RuntimeError, ValueError, TypeError, MemoryError, SystemError) as error:  # Whatever decoders raise on damage.
        raise ArtifactError(f"{path}: damaged chunk ({' '.join(str(error).split())})") from error


def _layout(folder: Path) -> _Layout:
    path = folder / "zarr.json"
    return _layout_3(_json(path), path) if path.is_file() else _layout_2(_json(folder / ".zarray"), folder / ".zarray")


def _layout_2(about: dict[str, Any], path: Path) -> _Layout:
    if about.get("filters"):
        raise ArtifactError(f"{path}: filtered by {about['filters']}, which is not read here")
    compressor = about.get("compressor")
    return _Layout(
        shape=tuple(about["shape"]),
        chunks=tuple(about["chunks"]),
        dtype=_number_type(about["dtype"], path),
        order=about.get("order", "C"),
        fill=about.get("fill_value") or 0,
        codecs=() if compressor is None else (_known(compressor["id"], path),),
        prefix="",
        separator=about.get("dimension_separator", "."),
    )


def _layout_3(about: dict[str, Any], path: Path) -> _Layout:
    keys, grid = about["chunk_key_encoding"], about["chunk_grid"]["configuration"]
    is_default = keys["name"] == "default"
    endian = "<"
    codecs: list[str] = []
    for codec in about["codecs"]:
        if codec["name"] == "bytes":
            endian = ">" if codec.get("configuration", {}).get("endian") == "big" else "<"
        elif codec["name"] != "crc32c":
            codecs.append(_known(codec["name"], path))
        else:
            raise ArtifactError(f"{path}: chunks with checksums are not read here")
    return _Layout(
        shape=tuple(about["shape"]),
        chunks=tuple(grid["chunk_shape"]),
        dtype=_number_type(np.dtype(about["data_type"]).newbyteorder(endian), path),
        order="C",
        fill=about.get("fill_value") or 0,
        codecs=tuple(reversed(codecs)),
        prefix="c" if is_default else "",
        separator=keys.get("configuration", {}).get("separator", "/" if is_default else "."),
    )


def _number_type(name: Any, path: Path) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(name)
    if dtype.kind not in "fiub":
        raise ArtifactError(f"{path}: an array of {dtype}; expected numbers")
    return dtype


def _known(codec: str, path: Path) -> str:
    if codec not in _DECODERS:
        raise ArtifactError(f"{path}: compressed with {codec!r}, which is not read here; known: {', '.join(_DECODERS)}")
    return codec


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise ArtifactError(f"{path}: not readable JSON ({error}); copy the store again") from error
    if not isinstance(content, dict):
        raise ArtifactError(f"{path}: expected a JSON object")
    return content
