"""What a simulated cohort is to be."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from cartopath.core.errors import ConfigError
from cartopath.core.geometry import SizeUm, window_px0
from cartopath.simulate.specimen import MAX_TRAITS, slide_size_px0

# Below this, a cohort has no irregular patients: every one of them has one slide, one aliquot and a clinical line.
MIN_PATIENTS_FOR_IRREGULARITIES = 12
# As many as there are barcodes for.
MAX_PATIENTS = 40_000
MAX_SITES = 48


@dataclass(frozen=True, slots=True)
class CohortSpec:
    """Size, planted effects and seed of a simulated cohort. The defaults are the demo's.

    Attributes:
        n_patients: Patients that have at least one slide.
        traits: Their names, at most four: gene symbols, or miRNAs where the name starts with "hsa-". The position decides the
            change of morphology, see `cells`.
        slide_um: Width and height of every slide, um.
        site_mpp: Micrometres per pixel of the scanner of each site; patients are dealt to the sites in turn.
        tile_size_px: Side of the tiles on which the truth is given, pixels.
        tile_mpp: Micrometres per pixel of these tiles.
        correlation_um: Correlation length of the planted regions.
        expression_noise: Standard deviation of the noise on the logarithm of the bulk expression.
        expression_effect: Logarithm of the ratio of expression between wholly positive and wholly negative tissue.
        effect: Logarithm of the hazard ratio between planted heterogeneity 1 and 0; 0 plants no association with survival.
        median_months: Median survival at heterogeneity 0.5.
        stain_variation: 0 for the same stain everywhere, 1 for differences as between hospitals.
        irregular: Whether to include what real cohorts have: second slides, a patient without expression, an aliquot without a
            slide, normal and metastatic aliquots, an excluded slide. Needs `MIN_PATIENTS_FOR_IRREGULARITIES` patients.
        seed: Of everything.

    Raises:
        ConfigError: A value is impossible; the message names it.
    """

    n_patients: int = 150
    traits: tuple[str, ...] = ("MKI67", "hsa-miR-17-5p")
    slide_um: tuple[float, float] = (1100.0, 1100.0)
    site_mpp: tuple[float, ...] = (0.5, 0.5, 0.4942, 0.5)
    tile_size_px: int = 64
    tile_mpp: float = 1.0
    correlation_um: float = 170.0
    expression_noise: float = 0.2
    expression_effect: float = 2.5
    effect: float = 3.0
    median_months: float = 38.0
    stain_variation: float = 1.0
    irregular: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        _require(1 <= self.n_patients <= MAX_PATIENTS, "n_patients", self.n_patients, f"1 to {MAX_PATIENTS}")
        _require(1 <= len(self.traits) <= MAX_TRAITS, "traits", self.traits, f"1 to {MAX_TRAITS} names")
        _require(len(set(self.traits)) == len(self.traits), "traits", self.traits, "all different")
        reserved = {"", "col", "row", "tissue"} & set(self.traits)
        _require(not reserved, "traits", self.traits, "names other than col, row and tissue")
        clean = all(not set("\t\n\r,|\"'") & set(name) for name in self.traits)
        _require(clean, "traits", self.traits, "free of tabs, line ends, commas, quotes and |")
        _require(len(self.slide_um) == 2 and min(self.slide_um) > 0, "slide_um", self.slide_um, "a positive width and height")
        _require(1 <= len(self.site_mpp) <= MAX_SITES, "site_mpp", self.site_mpp, f"given for 1 to {MAX_SITES} sites")
        for mpp in self.site_mpp:
            _require(0.1 <= mpp <= 4.0, "site_mpp", self.site_mpp, "0.1 to 4 um per pixel at every site")
        _require(self.tile_size_px >= 1, "tile_size_px", self.tile_size_px, "at least 1")
        _require(self.tile_mpp > 0, "tile_mpp", self.tile_mpp, "positive")
        _require(self.correlation_um > 0, "correlation_um", self.correlation_um, "positive")
        _require(self.expression_noise >= 0, "expression_noise", self.expression_noise, "0 or more")
        _require(math.isfinite(self.effect), "effect", self.effect, "finite")
        _require(self.median_months > 0, "median_months", self.median_months, "positive")
        _require(self.stain_variation >= 0, "stain_variation", self.stain_variation, "0 or more")
        _require(self.seed >= 0, "seed", self.seed, "0 or more")
        for mpp in self.site_mpp:
            size = slide_size_px0(SizeUm(*self.slide_um), mpp)
            window = window_px0(self.tile_size_px, self.tile_mpp, mpp)
            room = min(size.width, size.height) >= window
            _require(room, "slide_um", self.slide_um, f"at least one tile of {self.tile_size_px * self.tile_mpp:g} um")

    @property
    def has_irregularities(self) -> bool:
        """Whether this cohort has irregular patients: asked for, and large enough."""
        return self.irregular and self.n_patients >= MIN_PATIENTS_FOR_IRREGULARITIES

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as JSON values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def _require(holds: bool, name: str, value: object, constraint: str) -> None:
    if not holds:
        raise ConfigError(f"The {name!r} parameter of CohortSpec must be {constraint}. Got {value!r} instead.")
