"""Tables with a row per slide, as training scripts of the field want them: PORPOISE, SEQUOIA and their kin.

The values are those of the patient, so that the slides of one patient repeat them.
"""

from __future__ import annotations

from cartopath.cohort.cells import name_key
from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead, MatrixLayout, look_at
from cartopath.cohort.matrices.measure import Measure
from cartopath.core.errors import TableError

OMICS_SUFFIXES = ("_rnaseq", "_cnv", "_mut")
RNA_PREFIX = "rna_"


def _is_porpoise(head: MatrixHead) -> bool:
    return "caseid" in map(name_key, head.header) and any(name.endswith("_rnaseq") for name in head.header)


def _porpoise(head: MatrixHead) -> MatrixLayout:
    keys = [name_key(name) for name in head.header]
    if "caseid" not in keys:
        raise TableError(f"{head.path}: not a PORPOISE table: no column case_id")
    values = tuple(index for index, name in enumerate(head.header) if name.endswith(OMICS_SUFFIXES))
    measure = Measure("mRNA (_rnaseq), copy number (_cnv), mutated (_mut)", "z-score (_rnaseq)")
    return MatrixLayout("samples-by-genes", labels=keys.index("caseid"), values=values, measure=measure, repeats=True)


def _is_sequoia(head: MatrixHead) -> bool:
    return "wsifilename" in map(name_key, head.header) and any(name.startswith(RNA_PREFIX) for name in head.header)


def _sequoia(head: MatrixHead) -> MatrixLayout:
    keys = [name_key(name) for name in head.header]
    if "wsifilename" not in keys:
        raise TableError(f"{head.path}: not a SEQUOIA table: no column wsi_file_name")
    values = tuple(index for index, name in enumerate(head.header) if name.startswith(RNA_PREFIX))
    if not values:
        raise TableError(f"{head.path}: not a SEQUOIA table: no column rna_<GENE>")
    patients = keys.index("patientid") if "patientid" in keys else None
    measure = look_at(head, values, "samples-by-genes")
    return MatrixLayout(
        "samples-by-genes", labels=keys.index("wsifilename"), values=values, measure=measure, patients=patients, repeats=True
    )


FORMATS = (
    MatrixFormat(
        "porpoise",
        "PORPOISE table: case_id, slide_id, clinical columns, then GENE_rnaseq, GENE_cnv, GENE_mut",
        _is_porpoise,
        _porpoise,
    ),
    MatrixFormat("sequoia", "SEQUOIA reference table: wsi_file_name, patient_id, then rna_GENE columns", _is_sequoia, _sequoia),
)
