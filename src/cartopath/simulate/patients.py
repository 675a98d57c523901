"""Who is in a simulated cohort, what is planted in each patient, and what follows for expression and survival.

No slide is drawn here. The truth of a patient is that of the DX1 slide, computed from its fields.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.geometry import SizeUm, window_px0
from cartopath.core.rng import stream
from cartopath.simulate.barcodes import patient_ids, site_code, slide_file_name, slide_id
from cartopath.simulate.spec import CohortSpec
from cartopath.simulate.specimen import Specimen, plan_specimen, slide_size_px0
from cartopath.simulate.staining import site_stain, slide_stain
from cartopath.simulate.truth import MIN_TISSUE, combination_entropy, planted_hti, tile_truth

_POOL = 4000
_POOL_POINTS = 400
_HTI_BINS = 8
_FOLLOW_UP_MONTHS = (24.0, 150.0)


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


@dataclass(frozen=True, slots=True)
class Mixture:
    """How the traits are mixed in one patient: positive shares, and correlations of the fields with the first one's."""

    fractions: tuple[float, ...]
    correlations: tuple[float, ...]


def draw_mixtures(n_patients: int, n_traits: int, rng: np.random.Generator) -> list[Mixture]:
    """Draw mixtures whose heterogeneity spreads over 0..1 and tells little about how much of each trait there is.

    A pool of mixtures with uniform shares and correlations is thinned so that, for every pattern of shares above and below one
    half, the expected heterogeneity is about uniform over what that pattern allows.

    Args:
        n_patients: How many mixtures.
        n_traits: How many traits.
        rng: Where they come from.
    """
    fractions = rng.uniform(0.02, 0.95, size=(_POOL, n_traits))
    # Uniform in the angle: many strong correlations of either sign, which the extremes of heterogeneity need.
    correlations = np.cos(rng.uniform(0, np.pi, size=(_POOL, max(0, n_traits - 1))))
    expected = _expected_hti(fractions, correlations, rng)
    pattern = (fractions > 0.48) @ (1 << np.arange(n_traits))
    cell = pattern * _HTI_BINS + np.minimum((expected * _HTI_BINS).astype(int), _HTI_BINS - 1)
    weight = 1.0 / np.bincount(cell, minlength=cell.max() + 1)[cell]
    chosen = rng.choice(_POOL, size=n_patients, replace=n_patients > _POOL // 4, p=weight / weight.sum())
    return [Mixture(tuple(fractions[i].tolist()), tuple(correlations[i].tolist())) for i in chosen]


def _expected_hti(
    fractions: NDArray[np.float64], correlations: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Heterogeneity of an endless slide of each mixture, by drawing points of normal fields."""
    n_traits = fractions.shape[1]
    draws = rng.standard_normal((n_traits, _POOL_POINTS))
    values = np.empty(len(fractions))
    for i, (shares, links) in enumerate(zip(fractions, correlations, strict=True)):
        fields = draws.copy()
        fields[1:] = links[:, None] * draws[0] + np.sqrt(1 - links[:, None] ** 2) * draws[1:]
        ranks = fields.argsort(axis=1).argsort(axis=1) / _POOL_POINTS
        values[i] = combination_entropy((ranks > 1 - shares[:, None]).T)
    return values


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


def relative_hazard(hti: NDArray[np.float64], effect: float) -> NDArray[np.float64]:
    """Return exp(effect * (hti - 0.5)): the hazard relative to that at heterogeneity 0.5."""
    hazard: NDArray[np.float64] = np.exp(effect * (np.asarray(hti, dtype=np.float64) - 0.5))
    return hazard


def draw_survival(hazard: NDArray[np.float64], rng: np.random.Generator, *, median_months: float) -> pd.DataFrame:
    """Draw survival with exponential deaths and administrative censoring at a uniform time between 24 and 150 months.

    Args:
        hazard: Relative hazard of each patient, float64 (n,).
        rng: Where the times come from.
        median_months: Median survival at relative hazard 1.

    Returns:
        One row per patient: `months` of follow-up and `event` (True: died), in the same order.
    """
    death = rng.exponential(size=len(hazard)) * median_months / np.log(2) / hazard
    censored = rng.uniform(*_FOLLOW_UP_MONTHS, size=len(hazard))
    months = np.maximum(np.minimum(death, censored), 0.1)
    return pd.DataFrame({"months": months, "event": death <= censored})


def draw_expression(
    fraction: NDArray[np.float64], rng: np.random.Generator, *, base: float, effect: float, noise: float
) -> NDArray[np.float64]:
    """Draw bulk expression: exp(log(base) + effect * fraction) with lognormal noise, as counts that a sequencer would give."""
    values: NDArray[np.float64] = base * np.exp(effect * np.asarray(fraction) + noise * rng.standard_normal(len(fraction)))
    return values
