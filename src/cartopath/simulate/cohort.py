"""Writing a simulated cohort: slides, tables in real formats, and the truth beside them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from cartopath.core.errors import ConfigError
from cartopath.core.rng import stream
from cartopath.simulate.molecular import stranger, write_expression
from cartopath.simulate.outcomes import draw_survival
from cartopath.simulate.patients import (
    SlidePlan,
    patient_truth,
    plan_slide_specimen,
    plan_slides,
    slide_truth,
)
from cartopath.simulate.slide import simulate_slide
from cartopath.simulate.spec import CohortSpec
from cartopath.simulate.tables import clinical_file, clinical_table
from cartopath.store.artifacts import Header, write_csv, write_json, write_table
from cartopath.store.atomic import write_text

CLINICAL_NAME = "data_clinical_patient.txt"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False, slots=True)
class SimulatedCohort:
    """Where a simulated cohort lies and what is planted in it.

    Attributes:
        spec: What was asked for.
        folder: Its folder; all other paths are below it.
        slides_dir: The slides.
        slides_table: slides.csv, whose `path` column is relative to the folder of that file.
        expression_path: The mRNA matrix.
        mirna_path: The miRNA matrix, if a trait is a miRNA.
        clinical_path: The clinical file.
        truth_dir: The truth.
        patients: Planted truth by patient, as in truth/patients.parquet; see `patients.patient_truth`.
        slides: As in slides.csv.
    """

    spec: CohortSpec
    folder: Path
    slides_dir: Path
    slides_table: Path
    expression_path: Path
    mirna_path: Path | None
    clinical_path: Path
    truth_dir: Path
    patients: pd.DataFrame
    slides: pd.DataFrame


def simulate_cohort(
    spec: CohortSpec, out_dir: Path | str, *, workers: int = 1, progress: Progress | None = None
) -> SimulatedCohort:
    """Write a cohort with planted truth.

    The same specification gives the same bytes, whatever the number of workers. Slides that are already there from the same
    specification are not drawn again.

    Args:
        spec: What is asked for.
        out_dir: Where it goes; made if need be.
        workers: Processes that draw slides. More than one starts fresh interpreters: a script then needs the usual
            `if __name__ == "__main__":`.
        progress: Called with the number of slides done and of all slides, first with 0.

    Raises:
        ConfigError: `workers` is less than one.
    """
    if workers < 1:
        raise ConfigError(f"simulate_cohort: workers must be at least 1, found {workers}")
    folder = Path(out_dir)
    slides = plan_slides(spec)
    patients = patient_truth(spec, slides)
    _write_slides(spec, slides, folder, workers=workers, progress=progress)
    clinical, patients = _draw_clinical(spec, patients)
    expression, mirna = write_expression(spec, patients, clinical, folder)
    write_text(folder / CLINICAL_NAME, clinical_file(clinical))
    table = _slides_table(slides)
    write_csv(table, folder / "slides.csv")
    write_table(patients, folder / "truth" / "patients.parquet", Header(kind="simulated_patients", meta=spec.to_dict()))
    content = {"spec": spec.to_dict(), "slides": [asdict(slide) for slide in slides]}
    write_json(content, folder / "truth" / "cohort.json", Header(kind="simulated_cohort"))
    return SimulatedCohort(
        spec=spec,
        folder=folder,
        slides_dir=folder / "slides",
        slides_table=folder / "slides.csv",
        expression_path=expression,
        mirna_path=mirna,
        clinical_path=folder / CLINICAL_NAME,
        truth_dir=folder / "truth",
        patients=patients,
        slides=table,
    )


def _write_slides(spec: CohortSpec, slides: list[SlidePlan], folder: Path, *, workers: int, progress: Progress | None) -> None:
    report = progress or (lambda done, total: None)
    report(0, len(slides))
    if workers == 1:
        for done, slide in enumerate(slides, start=1):
            _write_slide(spec, slide, folder)
            report(done, len(slides))
        return
    with ProcessPoolExecutor(min(workers, len(slides)), mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_write_slide, spec, slide, folder) for slide in slides]
        for done, job in enumerate(as_completed(jobs), start=1):
            job.result()
            report(done, len(slides))


def _write_slide(spec: CohortSpec, slide: SlidePlan, folder: Path) -> None:
    specimen = plan_slide_specimen(spec, slide)
    truth = slide_truth(spec, slide, specimen)
    meta = {"slide_id": slide.slide_id, "size_px": spec.tile_size_px, "mpp": spec.tile_mpp, "slide_mpp": slide.mpp}
    write_table(truth, folder / "truth" / "tiles" / f"{slide.slide_id}.parquet", Header(kind="simulated_tiles", meta=meta))
    simulate_slide(specimen, folder / "slides" / slide.file_name)


def _slides_table(slides: list[SlidePlan]) -> pd.DataFrame:
    """The columns of slides.csv. `mpp` stays empty: the files state their resolution themselves."""
    rows = [
        {
            "slide_id": slide.slide_id,
            "path": f"slides/{slide.file_name}",
            "patient_id": slide.patient_id,
            "mpp": "",
            "site": slide.site,
            "exclude": slide.exclude,
        }
        for slide in slides
    ]
    return pd.DataFrame(rows)


def _draw_clinical(spec: CohortSpec, patients: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the clinical table, sorted by patient, and the truth with the drawn survival added."""
    names, hazard = patients["patient_id"].tolist(), patients["hazard"].to_numpy()
    survival = draw_survival(hazard, stream(spec.seed, "survival"), median_months=spec.median_months)
    rows = clinical_table(names, survival, stream(spec.seed, "clinical"))
    if spec.has_irregularities:
        rng = stream(spec.seed, "stranger survival")
        other = draw_survival(np.ones(1), rng, median_months=spec.median_months)
        rows = pd.concat([rows, clinical_table([stranger(spec, names)], other, rng)], ignore_index=True)
    return rows.sort_values("PATIENT_ID", ignore_index=True), patients.assign(
        months=survival["months"].to_numpy(), event=survival["event"].to_numpy()
    )
