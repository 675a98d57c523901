"""Slides with annotations: which file belongs to which slide, and whose slide it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cartopath.cohort import read_slides
from cartopath.cohort.slide_lists.slide_files import slide_stem
from cartopath.core.errors import TableError
from cartopath.core.locations import as_path
from cartopath.methods.tissue_types.geojson import read_geojson
from cartopath.methods.tissue_types.label_map import LabelMap
from cartopath.methods.tissue_types.masks import MASK_SUFFIXES, read_mask
from cartopath.methods.tissue_types.names import TypeNames
from cartopath.slides import Slide

GEOJSON_SUFFIXES = (".geojson", ".json")


@dataclass(frozen=True)
class AnnotatedSlide:
    """One slide and what somebody saw on it.

    Attributes:
        slide_id: Its name.
        patient_id: Whose it is; the slide's name where nobody says.
        path: The slide file.
        annotation: A GeoJSON file, or a label mask.
        stated_mpp: Micrometres per level-0 pixel from a table; None leaves it to the file.
        assume_mpp: What to take where the file says nothing.
    """

    slide_id: str
    patient_id: str
    path: Path
    annotation: Path
    stated_mpp: float | None = None
    assume_mpp: float | None = None


@dataclass(frozen=True)
class Vocabulary:
    """How annotations are to be understood.

    Attributes:
        names: Which class is which type.
        legend: What the values of label masks mean.
    """

    names: TypeNames = field(default_factory=TypeNames)
    legend: Mapping[int, str] | None = None


def find_annotated(
    slides: Path, annotations: Path, *, table: Path | None = None, assume_mpp: float | None = None
) -> tuple[list[AnnotatedSlide], list[str]]:
    """Return the slides of a folder that have an annotation, and the names of those that have none.

    An annotation has the name of its slide, with or without the slide's suffix, and may have more behind it:
    `S1.geojson`, `S1.svs.geojson`, `S1_labels.png`.

    Args:
        slides: Folder of slides.
        annotations: Folder of GeoJSON files and masks; it may be the same folder.
        table: CSV with `slide_id`, and `patient_id`, `mpp` where they are known; see `cartopath.cohort.read_slides`.
        assume_mpp: Um per pixel of slides that do not say theirs.

    Raises:
        TableError: A folder is not there, no slide has an annotation, or one has several.
    """
    if not annotations.is_dir():
        raise TableError(f"{annotations}: no such folder of annotations")
    files = sorted(file for file in annotations.iterdir() if file.suffix.lower() in (*GEOJSON_SUFFIXES, *MASK_SUFFIXES))
    listed = read_slides(slides, table)
    found, without = [], []
    for row in listed.to_dict("records"):
        if row["exclude"] or not row["path"]:
            continue
        path = as_path(row["path"])
        own = [file for file in files if file != path and _is_of(file, {str(row["slide_id"]), slide_stem(path.name), path.name})]
        if len(own) > 1:
            raise TableError(f"{row['slide_id']}: {len(own)} annotations, {own[0].name} and {own[1].name}; keep one")
        if not own:
            without.append(str(row["slide_id"]))
            continue
        mpp = None if math.isnan(row["mpp"]) else float(row["mpp"])
        patient = str(row["patient_id"] or row["slide_id"])
        found.append(AnnotatedSlide(str(row["slide_id"]), patient, path, own[0], mpp, assume_mpp))
    if not found:
        raise TableError(
            f"{annotations}: no annotation of any of the {len(without)} slides in {slides}; name them as the slides, such as "
            f"{without[0] if without else 'S1'}.geojson"
        )
    return found, without


def _is_of(file: Path, names: set[str]) -> bool:
    """Whether a file is named as a slide, with nothing or something that is no letter or digit behind it."""
    stem = file.name[: -len(file.suffix)]
    return any(stem.startswith(name) and not stem[len(name) :][:1].isalnum() for name in names)


def read_annotation(annotated: AnnotatedSlide, slide: Slide, *, window_px0: int, vocabulary: Vocabulary) -> LabelMap:
    """Return what was seen on an open slide, fine enough for tiles of `window_px0` level-0 pixels.

    Raises:
        TableError: The annotation is damaged, or of another slide.
        ConfigError: Nobody knows what a class or a value in it is.
    """
    path = annotated.annotation
    if path.suffix.lower() in GEOJSON_SUFFIXES:
        return read_geojson(path, slide.dimensions_px0, pitch_px0=max(1.0, window_px0 / 32), names=vocabulary.names)
    return read_mask(path, slide.dimensions_px0, legend=vocabulary.legend or {}, names=vocabulary.names)


def common_types(maps: Sequence[LabelMap]) -> set[str]:
    """Return all types that occur on any of some slides."""
    return {name for one in maps for name in one.types}
