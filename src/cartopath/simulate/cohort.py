"""Writing a simulated cohort: slides, tables in real formats, and the truth beside them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError
from cartopath.core.rng import stream
from cartopath.simulate.barcodes import aliquot, patient_ids
from cartopath.simulate.patients import (
    SlidePlan,
    draw_expression,
    draw_survival,
    patient_truth,
    plan_slide_specimen,
    plan_slides,
    slide_truth,
)
from cartopath.simulate.slide import simulate_slide
from cartopath.simulate.spec import CohortSpec
from cartopath.simulate.tables import clinical_file, clinical_table, expression_matrix, is_mirna, mirna_matrix
from cartopath.store.artifacts import Header, write_csv, write_json, write_table
from cartopath.store.atomic import write_text

EXPRESSION_NAME = "EBPlusPlusAdjustPANCAN_IlluminaHiSeq_RNASeqV2.geneExp.tsv"
MIRNA_NAME = "pancanMiRs_EBadjOnProtocolPlatformWithoutRepsWithUnCorrectMiRs_08_04_16.csv"
CLINICAL_NAME = "data_clinical_patient.txt"
# Expression of a wholly negative tissue: RSEM of an mRNA, reads per million of a miRNA.
_BASE_EXPRESSION = 120.0

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
    expression, mirna = _write_expression(spec, patients, folder)
    clinical, patients = _write_clinical(spec, patients, folder)
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
        clinical_path=clinical,
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


@dataclass(frozen=True, slots=True)
class _Sample:
    """One column of the molecular tables: a patient's tissue and how much of each trait is in it."""

    patient_id: str
    sample: str
    fractions: tuple[float, ...]


def _samples(spec: CohortSpec, patients: pd.DataFrame) -> list[_Sample]:
    """Primary tumours of all patients and, in irregular cohorts, what else real matrices hold, in the order of barcodes."""
    columns = [f"fraction_{name}" for name in spec.traits]
    shares = [tuple(row) for row in patients[columns].to_numpy(dtype=np.float64).tolist()]
    samples = [_Sample(name, "01A", share) for name, share in zip(patients["patient_id"], shares, strict=True)]
    if spec.has_irregularities:
        rng = stream(spec.seed, "irregular samples")
        names = patients["patient_id"].tolist()
        unmeasured, relapsed, *normal = rng.choice(len(names), size=2 + max(2, len(names) // 20), replace=False).tolist()
        stranger = _stranger(spec, names)
        samples = [sample for sample in samples if sample.patient_id != names[unmeasured]]
        samples += [_Sample(names[i], "11A", (0.05,) * len(spec.traits)) for i in normal]
        samples += [_Sample(names[relapsed], "06A", tuple(rng.uniform(size=len(spec.traits)).tolist()))]
        samples += [_Sample(stranger, "01A", tuple(rng.uniform(size=len(spec.traits)).tolist()))]
    return sorted(samples, key=lambda sample: (sample.patient_id, sample.sample))


def _stranger(spec: CohortSpec, names: list[str]) -> str:
    """A patient whose tumour was measured and followed up but of whom there is no slide."""
    rng = stream(spec.seed, "stranger")
    while (name := patient_ids(rng, ["A1"])[0]) in names:
        pass
    return name


def _write_expression(spec: CohortSpec, patients: pd.DataFrame, folder: Path) -> tuple[Path, Path | None]:
    samples = _samples(spec, patients)
    values: dict[str, NDArray[np.float64]] = {}
    for i, trait in enumerate(spec.traits):
        fraction = np.array([sample.fractions[i] for sample in samples])
        rng = stream(spec.seed, "expression", trait)
        drawn = draw_expression(fraction, rng, base=_BASE_EXPRESSION, effect=spec.expression_effect, noise=spec.expression_noise)
        values[trait] = drawn
    rng = stream(spec.seed, "aliquots")
    mrna_columns = [aliquot(sample.patient_id, rng, sample=sample.sample, center="07") for sample in samples]
    mirna_columns = [aliquot(sample.patient_id, rng, sample=sample.sample, center="13") for sample in samples]
    mrnas = {name: value for name, value in values.items() if not is_mirna(name)}
    mirnas = {name: value for name, value in values.items() if is_mirna(name)}
    expression = folder / EXPRESSION_NAME
    write_text(expression, expression_matrix(mrna_columns, mrnas, stream(spec.seed, "other genes")))
    if not mirnas:
        return expression, None
    write_text(folder / MIRNA_NAME, mirna_matrix(mirna_columns, mirnas, stream(spec.seed, "other miRNAs")))
    return expression, folder / MIRNA_NAME


def _write_clinical(spec: CohortSpec, patients: pd.DataFrame, folder: Path) -> tuple[Path, pd.DataFrame]:
    """Write the clinical file; return its path and the truth with the drawn survival added."""
    names, hazard = patients["patient_id"].tolist(), patients["hazard"].to_numpy()
    survival = draw_survival(hazard, stream(spec.seed, "survival"), median_months=spec.median_months)
    rows = clinical_table(names, survival, stream(spec.seed, "clinical"))
    if spec.has_irregularities:
        rng = stream(spec.seed, "stranger survival")
        other = draw_survival(np.ones(1), rng, median_months=spec.median_months)
        rows = pd.concat([rows, clinical_table([_stranger(spec, names)], other, rng)], ignore_index=True)
    path = folder / CLINICAL_NAME
    write_text(path, clinical_file(rows.sort_values("PATIENT_ID")))
    return path, patients.assign(months=survival["months"].to_numpy(), event=survival["event"].to_numpy())
