"""What makes the tissue of a core its own: glands, stroma, and how many nuclei of which kind.

Every property is a position in its range, drawn for the patient and again, less freely, for each core. The four shares decide
the nuclei: dense and dark, large and pale, lymphocytes, long along the fibres (see `cartopath.simulate.cells`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from statistics import NormalDist

import numpy as np

from cartopath.core.rng import stream
from cartopath.simulate.tissue_array.spec import ArraySpec


@dataclass(frozen=True, slots=True)
class CoreIdentity:
    """A core of a patient and the properties of its tissue.

    Attributes:
        core_id: Unique.
        patient_id: Whose core.
        nest_share: Share of the tissue that is epithelial.
        nest_um: Size of the nests.
        septa_um: Distance of the strands between them.
        septum: Thickness of the strands.
        fat_share: Share of the tissue that is fat.
        cohesion: From cells with gaps, -1, to cells joined by membranes, 1.
        clefts: How little of the stroma is torn.
        patch_um: Size of the regions in which nuclei change.
        dense: Share of the tissue with twice as many, dark nuclei.
        pale: With large pale nuclei.
        infiltrated: With lymphocytes.
        fibrous: With long nuclei and a fibrous matrix.
    """

    core_id: str
    patient_id: str
    nest_share: float
    nest_um: float
    septa_um: float
    septum: float
    fat_share: float
    cohesion: float
    clefts: float
    patch_um: float
    dense: float
    pale: float
    infiltrated: float
    fibrous: float

    @property
    def fractions(self) -> tuple[float, float, float, float]:
        """The shares of changed nuclei, in the order of `cartopath.simulate.cells`."""
        return self.dense, self.pale, self.infiltrated, self.fibrous


_RANGES = {
    "nest_share": (0.30, 0.97),
    "nest_um": (14.0, 40.0),
    "septa_um": (16.0, 50.0),
    "septum": (0.02, 0.35),
    "fat_share": (0.0, 0.06),
    "cohesion": (-1.0, 0.9),
    "clefts": (1.5, 2.6),
    "patch_um": (9.0, 24.0),
    "dense": (0.0, 0.95),
    "pale": (0.0, 0.95),
    "infiltrated": (0.0, 0.70),
    "fibrous": (0.0, 0.90),
}
assert set(_RANGES) == {field.name for field in fields(CoreIdentity)} - {"core_id", "patient_id"}


def draw_identities(spec: ArraySpec) -> list[CoreIdentity]:
    """Return the cores of an array, patient by patient; the same spec always gives the same ones."""
    return [_identity(spec, patient, core) for patient in range(spec.n_patients) for core in range(spec.cores_per_patient)]


def _identity(spec: ArraySpec, patient: int, core: int) -> CoreIdentity:
    patient_id = f"{spec.name}-P{patient + 1:03d}"
    core_id = f"{patient_id}-C{core + 1}"
    common = stream(spec.seed, "array patient", patient_id).standard_normal(len(_RANGES))
    own = stream(spec.seed, "array core", core_id).standard_normal(len(_RANGES))
    position = math.sqrt(spec.patient_likeness) * common + math.sqrt(1 - spec.patient_likeness) * own
    return CoreIdentity(core_id, patient_id, **_properties(position, spec.contrast))


def _properties(position: np.ndarray, contrast: float) -> dict[str, float]:
    """From standard normal positions to uniform ones within each range, or within less of it around the middle."""
    cumulative = NormalDist().cdf
    return {
        name: low + (0.5 + contrast * (cumulative(float(at)) - 0.5)) * (high - low)
        for (name, (low, high)), at in zip(_RANGES.items(), position, strict=True)
    }
