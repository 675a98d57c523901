"""Tables of PORPOISE and its kin: a row per slide, clinical columns, then `<GENE>_rnaseq`, `<GENE>_cnv` and `<GENE>_mut`."""

from __future__ import annotations

from cartopath.cohort.cells import name_key
from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead, MatrixLayout
from cartopath.core.errors import TableError

OMICS_SUFFIXES = ("_rnaseq", "_cnv", "_mut")


def _recognise(head: MatrixHead) -> bool:
    return "caseid" in map(name_key, head.header) and any(name.endswith("_rnaseq") for name in head.header)


def _layout(head: MatrixHead) -> MatrixLayout:
    keys = [name_key(name) for name in head.header]
    if "caseid" not in keys:
        raise TableError(f"{head.path}: not a PORPOISE table: no column case_id")
    values = tuple(index for index, name in enumerate(head.header) if name.endswith(OMICS_SUFFIXES))
    return MatrixLayout(
        "samples-by-genes",
        labels=keys.index("caseid"),
        values=values,
        unit="z-scores (_rnaseq), copy number (_cnv), mutated (_mut)",
    )


FORMATS = (
    MatrixFormat(
        "porpoise",
        "PORPOISE table: case_id, slide_id, clinical columns, then GENE_rnaseq, GENE_cnv, GENE_mut",
        _recognise,
        _layout,
    ),
)
