"""Cartographies as OME-TIFF: float32, one channel per layer with its name, pixels with their size in micrometres.

QuPath, Fiji, napari and every OME reader open them. A pixel is a tile; NaN means no tissue. Equal content gives equal bytes: no
time, no random identifier, the UUID that OME asks for is derived from the content.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.store.atomic import atomic_path

_META = "cartopath"


@dataclass(frozen=True, eq=False)
class CartographyFile:
    """What a cartography file holds.

    Attributes:
        tensor: (rows, cols, n_channels) float32, NaN without tissue.
        channel_names: Name of each channel.
        pixel_um: Side of a pixel (a tile) in micrometres.
        key: Key of the task that wrote it, "" if it was not stated.
        meta: Whatever else the writer stated.
    """

    tensor: NDArray[np.float32]
    channel_names: tuple[str, ...]
    pixel_um: float
    key: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


def write_ome_tiff(
    path: Path | str,
    tensor: NDArray[np.floating[Any]],
    *,
    channel_names: Sequence[str],
    pixel_um: float,
    key: str = "",
    meta: Mapping[str, Any] | None = None,
) -> None:
    """Write a cartography as OME-TIFF, atomically.

    Args:
        path: The file, by custom ending in `.ome.tif`.
        tensor: (rows, cols, n_channels), NaN without tissue. Stored as float32 with axes CYX, deflated.
        channel_names: Name of each channel.
        pixel_um: Side of a pixel (a tile) in micrometres.
        key: Key of the task that writes it.
        meta: JSON-like values to keep beside the pixels.

    Raises:
        ArtifactError: The tensor is empty or of another shape, the names do not fit, or the pixel size is impossible.
    """
    _check(path, tensor, channel_names, pixel_um)
    planes = np.ascontiguousarray(np.moveaxis(np.asarray(tensor, dtype=np.float32), 2, 0))  # (n_channels, rows, cols)
    stated = json.dumps({"key": key, "meta": dict(meta or {})}, sort_keys=True, allow_nan=False)
    digest = hashlib.sha256(
        planes.tobytes() + json.dumps([list(channel_names), pixel_um, planes.shape]).encode() + stated.encode()
    )
    metadata = {
        "axes": "CYX",
        "Name": Path(path).name.removesuffix(".tif").removesuffix(".ome"),
        "PhysicalSizeX": pixel_um,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": pixel_um,
        "PhysicalSizeYUnit": "µm",
        "Channel": {"Name": list(channel_names)},
        "MapAnnotation": {_META: stated},
        "Creator": "cartopath",
        "UUID": str(uuid.UUID(bytes=digest.digest()[:16], version=5)),
    }
    with atomic_path(path) as temporary, temporary.open("wb+") as file:
        tifffile.imwrite(
            file,
            planes,
            ome=True,
            metadata=metadata,
            photometric="minisblack",
            compression="zlib",
            software="cartopath",
            byteorder="<",
        )


def read_ome_tiff(path: Path | str) -> CartographyFile:
    """Read what `write_ome_tiff` wrote, or any single OME-TIFF with axes CYX or YX and square pixels of known size.

    Raises:
        ArtifactError: The file is missing, damaged, not OME-TIFF, or not a cartography.
    """
    path = Path(path)
    if not path.is_file():
        raise ArtifactError(f"{path}: no such cartography; run the stage that draws maps")
    try:
        with tifffile.TiffFile(path) as file:
            description, series = file.ome_metadata, file.series[0]
            if description is None or series.axes not in ("CYX", "YX"):
                raise ArtifactError(f"{path}: expected an OME-TIFF with axes CYX, found axes {series.axes}")
            planes = np.asarray(series.asarray(), dtype=np.float32)
        root = ElementTree.fromstring(description)
    except (tifffile.TiffFileError, ElementTree.ParseError, OSError, ValueError, IndexError) as error:
        if isinstance(error, ArtifactError):
            raise
        raise ArtifactError(f"{path}: not a readable OME-TIFF ({error})") from error
    tensor = np.moveaxis(planes.reshape(-1, *planes.shape[-2:]), 0, 2)
    names, pixel_um = _described(root, path, tensor.shape[2])
    stated = _stated(root, path)
    return CartographyFile(tensor, names, pixel_um, stated.get("key", ""), stated.get("meta", {}))


def _check(path: Path | str, tensor: NDArray[np.floating[Any]], channel_names: Sequence[str], pixel_um: float) -> None:
    if tensor.ndim != 3 or 0 in tensor.shape:
        raise ArtifactError(f"{path}: expected a tensor of shape (rows, cols, channels), found {tensor.shape}")
    if len(channel_names) != tensor.shape[2] or len(set(channel_names)) < len(channel_names):
        raise ArtifactError(f"{path}: {tensor.shape[2]} channels need as many distinct names, found {', '.join(channel_names)}")
    if not (np.isfinite(pixel_um) and pixel_um > 0):
        raise ArtifactError(f"{path}: a pixel of {pixel_um} um is impossible; pass the side of a tile in micrometres")


def _described(root: ElementTree.Element, path: Path, n_channels: int) -> tuple[tuple[str, ...], float]:
    pixels = root.find(".//{*}Pixels")
    if pixels is None or "PhysicalSizeX" not in pixels.attrib:
        raise ArtifactError(f"{path}: the OME metadata does not state the size of a pixel")
    sides = [float(pixels.attrib["PhysicalSizeX"]), float(pixels.attrib.get("PhysicalSizeY", "nan"))]
    units = {pixels.attrib.get(f"PhysicalSize{axis}Unit", "µm") for axis in "XY"}
    if units != {"µm"} or sides[0] != sides[1]:
        raise ArtifactError(f"{path}: expected square pixels in µm, found {sides[0]} x {sides[1]} {'/'.join(sorted(units))}")
    found = [channel.attrib.get("Name", "") for channel in pixels.findall("{*}Channel")]
    names = tuple(name or f"channel {number}" for number, name in enumerate(found, start=1))
    if len(names) != n_channels:
        raise ArtifactError(f"{path}: {n_channels} planes but {len(names)} channels are described")
    return names, sides[0]


def _stated(root: ElementTree.Element, path: Path) -> dict[str, Any]:
    for entry in root.iterfind(".//{*}MapAnnotation//{*}M"):
        if entry.attrib.get("K") == _META:
            try:
                stated = json.loads(entry.text or "")
            except json.JSONDecodeError as error:
                raise ArtifactError(f"{path}: its header is damaged ({error})") from error
            return stated if isinstance(stated, dict) else {}
    return {}
