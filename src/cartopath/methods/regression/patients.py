"""Patients and their tiles: feature files of any program, joined to bags that hold all slides of a patient (F61)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.core.rng import stream
from cartopath.methods.feature_reading import Progress, read_feature_set
from cartopath.methods.regression.owners import Owners
from cartopath.methods.regression.settings import Inputs, Settings
from cartopath.training.feature_files import TileFeatures, find_feature_files
from cartopath.training.mil import Bag


@dataclass(frozen=True, eq=False)
class SlideTiles:
    """The tiles of one slide within a patient's bag.

    Attributes:
        slide_id: Which slide.
        start: Row of its first tile in the bag.
        stop: Row after its last.
        n_tiles: How many tiles its file holds; the bag may hold fewer.
        xy_px0: (stop - start, 2) upper left corners in level-0 pixels; None where unknown.
        window_px0: Side of a tile in level-0 pixels; None where unknown.
    """

    slide_id: str
    start: int
    stop: int
    n_tiles: int
    xy_px0: NDArray[np.int64] | None
    window_px0: int | None


@dataclass(frozen=True, eq=False)
class Patients:
    """Who takes part, with bags of tiles.

    Attributes:
        bags: One per patient, by patient.
        slides: Of each patient, in the order of the bag.
        encoder: Network that made the features, "" where no file says it.
        left_out: Slides that take no part: `slide_id`, `patient_id`, `reason`.
        notes: What was assumed or found odd, as sentences.
        unreadable: Slides that should take part but whose files cannot be used, each with the reason; of all kinds of features.
        absent: Who was measured and takes no part: `patient_id`, `reason`.
    """

    bags: tuple[Bag, ...]
    slides: Mapping[str, tuple[SlideTiles, ...]]
    encoder: str
    left_out: pd.DataFrame
    notes: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    absent: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["patient_id", "reason"]))

    @property
    def names(self) -> tuple[str, ...]:
        """Patients in the order of the bags."""
        return tuple(bag.patient_id for bag in self.bags)

    @property
    def n_features(self) -> int:
        """Length of the features of a tile."""
        return int(self.bags[0].features.shape[1])

    def digest(self) -> str:
        """Return the sha256 of all bags."""
        found = hashlib.sha256()
        for bag in self.bags:
            found.update(f"{bag.patient_id} {bag.features.dtype} {bag.features.shape}".encode())
            found.update(np.ascontiguousarray(bag.features).tobytes())
        return found.hexdigest()


def read_patients(inputs: Inputs, settings: Settings, measured: Collection[str], *, progress: Progress | None = None) -> Patients:
    """Read the features of all slides of the patients who were measured.

    Args:
        inputs: Where features and the table of slides lie.
        settings: Which kinds of slides count, and how many tiles of each.
        measured: Patients of the molecular table.
        progress: Called with the slides read and all slides.

    Raises:
        ArtifactError: No feature file can be used, files are of different encoders (`read_feature_set`), or no slide is of a
            measured patient.
        TableError: The table of slides says no patients.
    """
    files = find_feature_files(inputs.features)
    owners = Owners(inputs.slides, measured)
    listed = [(slide, path, *owners.of(slide, settings.kinds)) for slide, path in files.items()]
    used = [(slide, path, patient) for slide, path, patient, reason in listed if not reason]
    idle = [(slide, patient, reason) for slide, _, patient, reason in listed if reason]
    if not used:
        raise ArtifactError(_nobody(inputs, _left_out(idle), measured))
    read = read_feature_set({path: slide for slide, path, _ in used}, encoder=settings.encoder, progress=progress)
    found: dict[str, list[TileFeatures]] = {}
    for slide, path, patient in used:
        if path in read.tiles:
            found.setdefault(patient, []).append(read.tiles[path])
        else:
            idle.append((slide, patient, read.failed[path]))
    notes = Counter(note for tiles in read.tiles.values() for note in tiles.notes)
    joined = {patient: _joined(slides, settings) for patient, slides in sorted(found.items())}
    encoders = {tiles.encoder for tiles in read.tiles.values()} - {""}
    return Patients(
        bags=tuple(Bag(patient, features) for patient, (features, _) in joined.items()),
        slides={patient: slides for patient, (_, slides) in joined.items()},
        encoder=next(iter(encoders), ""),
        left_out=_left_out(idle),
        notes=tuple(f"{note} ({times} files)" if times > 1 else note for note, times in notes.items()),
        unreadable=tuple((slide, read.failed[path]) for slide, path, _ in used if path in read.failed),
    )


def _left_out(rows: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["slide_id", "patient_id", "reason"])


def common_patients(sources: Sequence[Patients], names: Sequence[str]) -> list[Patients]:
    """Return the patients that have features of every kind, in the same order.

    Args:
        sources: Patients with each kind of features.
        names: What each kind is called, for the reasons why slides are left out.

    Raises:
        ArtifactError: There is no such patient.
    """
    common = sorted(set.intersection(*(set(source.names) for source in sources)))
    if not common:
        raise ArtifactError(f"no patient has features in all of {', '.join(names)}")
    found = []
    for source in sources:
        lost = [name for name in source.names if name not in set(common)]
        rows = [(tiles.slide_id, name, _lacking(name, sources, names)) for name in lost for tiles in source.slides[name]]
        left_out = pd.concat([source.left_out, pd.DataFrame(rows, columns=source.left_out.columns)], ignore_index=True)
        bags = {bag.patient_id: bag for bag in source.bags}
        slides = {name: source.slides[name] for name in common}
        found.append(replace(source, bags=tuple(bags[name] for name in common), slides=slides, left_out=left_out))
    return found


def _lacking(name: str, sources: Sequence[Patients], names: Sequence[str]) -> str:
    without = [label for source, label in zip(sources, names, strict=True) if name not in source.slides]
    return f"its patient has no features in {', '.join(without)}"


def _nobody(inputs: Inputs, left_out: pd.DataFrame, measured: Collection[str]) -> str:
    reasons = ", ".join(f"{reason} ({n})" for reason, n in left_out["reason"].value_counts().head(3).items())
    slides, patients = ", ".join(left_out["slide_id"].head(3)), ", ".join(sorted(measured)[:3])
    return (
        f"{inputs.features}: none of the {len(left_out)} slides can be used: {reasons}. Slides are called {slides}; the patients "
        f"of {inputs.table} {patients}. Name the patient of each slide in a table (--slides, columns slide_id and patient_id)"
    )


def _joined(slides: list[TileFeatures], settings: Settings) -> tuple[NDArray[np.floating], tuple[SlideTiles, ...]]:
    """Return the tiles of all slides of a patient, and which are whose."""
    parts, places, start = [], [], 0
    for tiles in sorted(slides, key=lambda one: one.slide_id):
        chosen = _chosen(tiles, settings)
        places.append(
            SlideTiles(
                tiles.slide_id,
                start,
                start + len(chosen),
                tiles.n_tiles,
                None if tiles.xy_px0 is None else tiles.xy_px0[chosen],
                tiles.window_px0,
            )
        )
        parts.append(tiles.features[chosen])
        start += len(chosen)
    return np.concatenate(parts), tuple(places)


def _chosen(tiles: TileFeatures, settings: Settings) -> NDArray[np.int64]:
    if settings.max_tiles < 1 or tiles.n_tiles <= settings.max_tiles:
        return np.arange(tiles.n_tiles)
    rng = stream(settings.seed, "regression", "tiles", tiles.slide_id)
    return np.sort(rng.choice(tiles.n_tiles, settings.max_tiles, replace=False))
