"""Expression files of a cBioPortal study folder (`data_mrna_seq_v2_rsem.txt`, `data_expression_median.txt`, ...)."""

from __future__ import annotations

from cartopath.cohort.cells import name_key
from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead, MatrixLayout, guess_unit
from cartopath.core.errors import TableError

_ANNOTATIONS = {"hugosymbol", "entrezgeneid", "cytoband", "compositeelementref", "genepanel"}


def _recognise(head: MatrixHead) -> bool:
    return any(name_key(name) == "hugosymbol" for name in head.header[:3])


def _layout(head: MatrixHead) -> MatrixLayout:
    keys = [name_key(name) for name in head.header]
    if "hugosymbol" not in keys:
        raise TableError(f"{head.path}: not a cBioPortal expression file: no column Hugo_Symbol")
    values = tuple(index for index, key in enumerate(keys) if key not in _ANNOTATIONS)
    return MatrixLayout("genes-by-samples", labels=keys.index("hugosymbol"), values=values, unit=guess_unit(head, values))


FORMATS = (
    MatrixFormat("cbioportal", "cBioPortal expression file: Hugo_Symbol, Entrez_Gene_Id, then samples", _recognise, _layout),
)
