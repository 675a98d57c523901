"""Annotations as GeoJSON, as QuPath exports them: polygons in level-0 pixels with the name of a class.

Regions may overlap: smaller ones lie on top of larger ones. Regions of a class to be ignored are cut out of what lies below them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TableError
from cartopath.core.geometry import SizePx0
from cartopath.methods.tissue_types.label_map import LabelMap
from cartopath.methods.tissue_types.names import IGNORE, TypeNames, ordered_types

MAX_SIDE_PX = 8192

Ring = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Region:
    """A polygon with holes and the name of its class.

    Attributes:
        name: As the annotator calls it.
        rings: The outline and its holes, each (n, 2) x and y in level-0 pixels.
    """

    name: str
    rings: tuple[Ring, ...]

    @property
    def area_px0(self) -> float:
        """Area in square level-0 pixels, holes left out."""
        return _area(self.rings[0]) - sum(_area(ring) for ring in self.rings[1:])


def read_geojson(path: Path, dimensions_px0: SizePx0, *, pitch_px0: float, names: TypeNames) -> LabelMap:
    """Return the regions of a file as a raster.

    Args:
        path: The file: a FeatureCollection, or a list of features.
        dimensions_px0: Size of the slide that it belongs to.
        pitch_px0: Side of a raster pixel in level-0 pixels; larger where the slide would need more than 8,192 of them.
        names: Which class is which type.

    Raises:
        TableError: It is no such file, holds no region with a class, or lies beside the slide.
        ConfigError: Nobody knows what a class is.
    """
    regions, notes = read_regions(path)
    types_by_name = names.require({region.name for region in regions}, str(path))
    types = ordered_types(types_by_name.values())
    longest = max(dimensions_px0.width, dimensions_px0.height)
    pitch = max(pitch_px0, longest / MAX_SIDE_PX)
    shape = tuple(max(1, round(side / pitch)) for side in (dimensions_px0.height, dimensions_px0.width))
    scale = np.array([shape[1] / dimensions_px0.width, shape[0] / dimensions_px0.height])
    labels = np.zeros(shape, np.uint8)
    for region in sorted(regions, key=lambda region: -region.area_px0):
        type_ = types_by_name[region.name]
        _paint(labels, region, scale, 0 if type_ == IGNORE else types.index(type_) + 1)
    if not labels.any():
        raise TableError(
            f"{path}: none of its {len(regions)} regions lies on the slide, which is {dimensions_px0.width} x "
            f"{dimensions_px0.height} px; is it of another slide, or drawn on a smaller level?"
        )
    return LabelMap(labels, types, dimensions_px0, notes, frozenset(types_by_name))


def read_regions(path: Path) -> tuple[list[Region], tuple[str, ...]]:
    """Return the polygons of a file that have a class, and what was left out, in words.

    Raises:
        TableError: It is not readable, or holds no polygon with a class.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise TableError(f"{path}: no such annotation") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TableError(f"{path}: not readable GeoJSON ({error}); export it again") from error
    features = content.get("features") if isinstance(content, dict) else content
    if not isinstance(features, list):
        raise TableError(f"{path}: no GeoJSON FeatureCollection; export annotations as GeoJSON from QuPath")
    regions: list[Region] = []
    n_nameless = n_shapeless = 0
    for number, feature in enumerate(features):
        name, polygons = _name(feature), list(_polygons(feature, path, number))
        n_shapeless += not polygons
        n_nameless += bool(polygons) and not name
        regions += [Region(name, rings) for rings in polygons if name]
    if not regions:
        raise TableError(f"{path}: none of its {len(features)} features is a polygon with a class; set classes in QuPath first")
    left_out = ((n_nameless, "without a class"), (n_shapeless, "that are no polygons"))
    return regions, tuple(f"{n} features {why} were left out" for n, why in left_out if n)


def _name(feature: Any) -> str:
    """The class of a feature: `classification: {name}`, or `{names}` in QuPath 0.5 and later, or plain text."""
    properties = feature.get("properties") if isinstance(feature, dict) else None
    classification = properties.get("classification") if isinstance(properties, dict) else None
    if isinstance(classification, dict):
        names = classification.get("names")
        classification = classification.get("name") or (": ".join(map(str, names)) if isinstance(names, list) else None)
    return classification.strip() if isinstance(classification, str) else ""


def _polygons(feature: Any, path: Path, number: int) -> Iterator[tuple[Ring, ...]]:
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind not in ("Polygon", "MultiPolygon"):
        return
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    for polygon in polygons if isinstance(polygons, list) else []:
        try:
            rings = tuple(np.array([point[:2] for point in ring], dtype=np.float64) for ring in polygon)
        except (TypeError, ValueError) as error:
            raise TableError(f"{path}: feature {number}: damaged coordinates ({error}); export it again") from error
        if not rings or any(ring.ndim != 2 or len(ring) < 3 or not np.isfinite(ring).all() for ring in rings):
            raise TableError(f"{path}: feature {number}: a polygon needs rings of at least 3 points; export it again")
        yield rings


def _area(ring: Ring) -> float:
    x, y = (ring - ring[0]).T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def _paint(labels: NDArray[np.uint8], region: Region, scale: NDArray[np.float64], value: int) -> None:
    import cv2

    limit = 4.0 * max(labels.shape)  # far beyond the slide, and within what OpenCV can count
    rings = [np.round(np.clip(ring * scale - 0.5, -limit, limit)).astype(np.int32) for ring in region.rings]
    cv2.fillPoly(labels, rings, value)
