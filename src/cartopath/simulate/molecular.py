"""The samples whose expression was measured, and their two molecular tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.rng import stream
from cartopath.simulate.barcodes import aliquot, patient_ids
from cartopath.simulate.biology import related_genes
from cartopath.simulate.outcomes import draw_expression
from cartopath.simulate.spec import CohortSpec
from cartopath.simulate.tables import expression_matrix, is_mirna, mirna_matrix
from cartopath.store.atomic import write_text

EXPRESSION_NAME = "EBPlusPlusAdjustPANCAN_IlluminaHiSeq_RNASeqV2.geneExp.tsv"
MIRNA_NAME = "pancanMiRs_EBadjOnProtocolPlatformWithoutRepsWithUnCorrectMiRs_08_04_16.csv"
# Expression of a wholly negative tissue: RSEM of an mRNA, reads per million of a miRNA.
_BASE_EXPRESSION = 120.0


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
        unseen = stranger(spec, names)
        samples = [sample for sample in samples if sample.patient_id != names[unmeasured]]
        samples += [_Sample(names[i], "11A", (0.05,) * len(spec.traits)) for i in normal]
        samples += [_Sample(names[relapsed], "06A", tuple(rng.uniform(size=len(spec.traits)).tolist()))]
        samples += [_Sample(unseen, "01A", tuple(rng.uniform(size=len(spec.traits)).tolist()))]
    return sorted(samples, key=lambda sample: (sample.patient_id, sample.sample))


def stranger(spec: CohortSpec, names: list[str]) -> str:
    """Return a patient whose tumour was measured and followed up but of whom there is no slide."""
    rng = stream(spec.seed, "stranger")
    while (name := patient_ids(rng, ["A1"])[0]) in names:
        pass
    return name


def write_expression(spec: CohortSpec, patients: pd.DataFrame, clinical: pd.DataFrame, folder: Path) -> tuple[Path, Path | None]:
    """Write the matrices of a cohort; return the paths of the mRNAs' and, if there is one, the miRNAs'.

    Args:
        spec: What is asked for.
        patients: The planted truth by patient.
        clinical: From `clinical_table`, for the genes that follow it.
        folder: Where they go.
    """
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
    mrnas = related_genes(clinical, [sample.patient_id for sample in samples], stream(spec.seed, "related genes"))
    mrnas |= {name: value for name, value in values.items() if not is_mirna(name)}
    mirnas = {name: value for name, value in values.items() if is_mirna(name)}
    expression = folder / EXPRESSION_NAME
    write_text(expression, expression_matrix(mrna_columns, mrnas, stream(spec.seed, "other genes")))
    if not mirnas:
        return expression, None
    write_text(folder / MIRNA_NAME, mirna_matrix(mirna_columns, mirnas, stream(spec.seed, "other miRNAs")))
    return expression, folder / MIRNA_NAME
