"""Simulated H&E slides and cohorts with planted truth, to test, to demonstrate and to benchmark against.

`simulate_cohort` writes slides, molecular and clinical tables in real formats and the truth beside them. `simulate_slide` and
`simulate_large_slide` write single slides, `simulate_flawed_slide` one with pen, folds, blur and so on; `render_region` draws a
piece of one.

From the bottom: `fields` (smooth random fields), `tissue` (layout), `textures` and `nuclei` (what things look like), `staining`,
`specimen` (one slide before it is drawn), `cells` (nuclei and what traits make of them), `lattice`, `fat`, `render`, `pyramid`
(TIFF), `slide`, `large_slide`, `artefacts`; `truth` (of tiles); `spec`, `barcodes`, `mixtures`, `outcomes`, `patients`,
`tables`, `molecular`, `cohort`.
"""

from cartopath.simulate.artefacts import ARTEFACTS, Planted, plant, simulate_flawed_slide
from cartopath.simulate.cohort import SimulatedCohort, simulate_cohort
from cartopath.simulate.large_slide import simulate_large_slide
from cartopath.simulate.outcomes import draw_expression, draw_survival, relative_hazard
from cartopath.simulate.patients import patient_truth, plan_slides
from cartopath.simulate.render import render_region
from cartopath.simulate.slide import simulate_slide
from cartopath.simulate.spec import CohortSpec
from cartopath.simulate.specimen import Specimen, plan_specimen
from cartopath.simulate.staining import Stain, site_stain, slide_stain
from cartopath.simulate.truth import planted_hti, tile_truth

__all__ = [
    "ARTEFACTS",
    "CohortSpec",
    "Planted",
    "SimulatedCohort",
    "Specimen",
    "Stain",
    "draw_expression",
    "draw_survival",
    "patient_truth",
    "plan_slides",
    "plan_specimen",
    "plant",
    "planted_hti",
    "relative_hazard",
    "render_region",
    "simulate_cohort",
    "simulate_flawed_slide",
    "simulate_large_slide",
    "simulate_slide",
    "site_stain",
    "slide_stain",
    "tile_truth",
]
