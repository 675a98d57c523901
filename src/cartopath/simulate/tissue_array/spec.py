"""Size, likeness and seed of a simulated tissue microarray."""

from __future__ import annotations

from dataclasses import dataclass

from cartopath.core.errors import ConfigError
from cartopath.simulate.tissue_array.style import FIRST_STYLE, SECOND_STYLE, ArrayStyle


@dataclass(frozen=True, slots=True, kw_only=True)
class ArraySpec:
    """One array block, cut into one section per style.

    Attributes:
        name: Names the patients; arrays of other names hold other patients.
        n_patients: How many.
        cores_per_patient: How many cores each.
        core_um: Diameter of a core.
        pitch_um: Distance of neighbouring cores, middle to middle; None for 1.35 diameters.
        styles: How the sections were stained and scanned.
        patient_likeness: How much the tissue of a patient's cores has in common, 0..1.
        section_likeness: Correlation of the fields of neighbouring sections, 0..1; nuclei are drawn anew in every section.
        contrast: How far identities differ: 1 uses the whole range of each property, 0 makes all cores alike.
        missing: Share of the cores that are lost in each section, other ones in each.
        jitter_um: Standard deviation of a core's place.
        tilt_deg: By how much the grid is turned on the slide.
        stain_variation: How unevenly cores of a section are stained; 1 as much as slides of a site.
        seed: Of everything.

    Raises:
        ConfigError: A value is impossible; the message names it.
    """

    name: str = "array"
    n_patients: int = 30
    cores_per_patient: int = 2
    core_um: float = 300.0
    pitch_um: float | None = None
    styles: tuple[ArrayStyle, ...] = (FIRST_STYLE, SECOND_STYLE)
    patient_likeness: float = 0.7
    section_likeness: float = 0.85
    contrast: float = 1.0
    missing: float = 0.0
    jitter_um: float = 8.0
    tilt_deg: float = 0.0
    stain_variation: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, holds, constraint in (
            ("n_patients", self.n_patients >= 1, "at least 1"),
            ("cores_per_patient", self.cores_per_patient >= 1, "at least 1"),
            ("core_um", self.core_um >= 40, "at least 40 um"),
            ("pitch_um", self.pitch_um is None or self.pitch_um >= 1.1 * self.core_um, "at least 1.1 diameters"),
            ("styles", 0 < len({style.name for style in self.styles}) == len(self.styles), "given, under different names"),
            ("jitter_um", self.jitter_um >= 0, "0 or more"),
            ("tilt_deg", abs(self.tilt_deg) <= 10, "-10 to 10"),
            ("stain_variation", self.stain_variation >= 0, "0 or more"),
            ("seed", self.seed >= 0, "0 or more"),
        ):
            _require(holds, name, getattr(self, name), constraint)
        for name in ("patient_likeness", "section_likeness", "contrast", "missing"):
            _require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "0 to 1")

    @property
    def n_cores(self) -> int:
        """Cores of the block, lost ones included."""
        return self.n_patients * self.cores_per_patient

    @property
    def distance_um(self) -> float:
        """Distance of neighbouring cores."""
        return self.pitch_um or 1.35 * self.core_um


def _require(holds: bool, name: str, value: object, constraint: str) -> None:
    if not holds:
        raise ConfigError(f"The {name!r} parameter of ArraySpec must be {constraint}. Got {value!r} instead.")
