"""Who is in a simulated cohort, which slides there are, and what is planted in each patient.

No slide is drawn here. The truth of a patient is that of the DX1 slide, computed from its fields.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cartopath.core.geometry import SizeUm, window_px0
from cartopath.core.rng import stream
from cartopath.simulate.barcodes import patient_ids, site_code, slide_file_name, slide_id
from cartopath.simulate.mixtures import draw_mixtures
from cartopath.simulate.outcomes import relative_hazard
from cartopath.simulate.spec import CohortSpec
from cartopath.simulate.specimen import Specimen, plan_specimen, slide_size_px0
from cartopath.simulate.staining import site_stain, slide_stain
from cartopath.simulate.truth import MIN_TISSUE, planted_hti, tile_truth


@dataclass(frozen=True, slots=True)
class SlidePlan:
    """One slide of the cohort before it is drawn.

    Attributes:
        slide_id: Its barcode.
        patient_id: Whose it is.
        site: Code of the site.
        file_name: Barcode, UUID and suffix.
        mpp: Micrometres per pixel.
        fractions: Wanted positive share of the tissue for each trait.
        correlations: Wanted correlation of each further trait's field with the first one's.
        exclude: Why it is to be left out of a study; empty if it is not.
    """

    slide_id: str
    patient_id: str
    site: str
    file_name: str
    mpp: float
    fractions: tuple[float, ...]
    correlations: tuple[float, ...]
    exclude: str = ""


def plan_slides(spec: CohortSpec) -> list[SlidePlan]:
    """Return the slides of the cohort, in the order of its patients."""
    sites = [site_code(i % len(spec.site_mpp)) for i in range(spec.n_patients)]
    names = patient_ids(stream(spec.seed, "patients"), sites)
    mixtures = draw_mixtures(spec.n_patients, len(spec.traits), stream(spec.seed, "mixtures"))
    second, excluded = _irregular_slides(spec)
    plans = []
    for i, (patient, mixture) in enumerate(zip(names, mixtures, strict=True)):
        for number in (1, 2) if i in second else (1,):
            name = slide_id(patient, number)
            plans.append(
                SlidePlan(
                    slide_id=name,
                    patient_id=patient,
                    site=sites[i],
                    file_name=slide_file_name(name, stream(spec.seed, "uuid", name)),
                    mpp=spec.site_mpp[i % len(spec.site_mpp)],
                    fractions=mixture.fractions,
                    correlations=mixture.correlations,
                    exclude="out of focus" if (i, number) == excluded else "",
                )
            )
    return plans


def _irregular_slides(spec: CohortSpec) -> tuple[set[int], tuple[int, int] | None]:
    """Which patients have a second slide, and which (patient, slide number) is to be excluded."""
    if not spec.has_irregularities:
        return set(), None
    n_second = max(2, round(0.03 * spec.n_patients))
    second = stream(spec.seed, "second slides").choice(spec.n_patients, size=n_second, replace=False).tolist()
    return set(second), (second[0], 2)


def plan_slide_specimen(spec: CohortSpec, slide: SlidePlan) -> Specimen:
    """Return the specimen of a slide."""
    stain = site_stain(spec.seed, slide.site, variation=spec.stain_variation)
    return plan_specimen(
        spec.seed,
        slide.slide_id,
        size_px0=slide_size_px0(SizeUm(*spec.slide_um), slide.mpp),
        mpp=slide.mpp,
        fractions=slide.fractions,
        correlations=slide.correlations,
        correlation_um=spec.correlation_um,
        stain=slide_stain(stain, spec.seed, slide.slide_id, variation=spec.stain_variation),
        blur_um=3.0 if slide.exclude else 0.0,
    )


def slide_truth(spec: CohortSpec, slide: SlidePlan, specimen: Specimen | None = None) -> pd.DataFrame:
    """Return the truth of a slide on the tiles of the specification; see `truth.tile_truth`."""
    specimen = specimen or plan_slide_specimen(spec, slide)
    return tile_truth(specimen, window_px0(spec.tile_size_px, spec.tile_mpp, slide.mpp), spec.traits)


def patient_truth(spec: CohortSpec, slides: list[SlidePlan]) -> pd.DataFrame:
    """Return what is planted in each patient, from the DX1 slide.

    Returns:
        One row per patient: `patient_id`, `slide_id` (of DX1), `site`, `hti`, `hazard` (relative to heterogeneity 0.5) and
        `fraction_<trait>`, the positive share of the tissue in tiles that count.
    """
    rows = []
    for slide in slides:
        if not slide.slide_id.endswith("-DX1"):
            continue
        truth = slide_truth(spec, slide)
        tissue = truth["tissue"].where(truth["tissue"] >= MIN_TISSUE, 0.0)
        total = max(float(tissue.sum()), 1e-12)
        shares = {f"fraction_{name}": float((truth[name].fillna(0.0) * tissue).sum()) / total for name in spec.traits}
        hti = planted_hti(truth, spec.traits)
        rows.append({"patient_id": slide.patient_id, "slide_id": slide.slide_id, "site": slide.site, "hti": hti, **shares})
    table = pd.DataFrame(rows)
    table.insert(4, "hazard", relative_hazard(table["hti"].to_numpy(), spec.effect))
    return table
