"""Matrices of the UCSC Xena hubs: TCGA hub (`HiSeqV2`), GDC hub (`TCGA-BRCA.star_fpkm-uq.tsv`), PanCancer and Toil hubs.

Xena stores log2(x + 1) unless the file is a percentile or centred version; Toil adds 0.001 instead of 1.
"""

from __future__ import annotations

import re

from cartopath.cohort.barcodes import parse_barcode
from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead, MatrixLayout, look_at
from cartopath.cohort.matrices.measure import UNKNOWN_UNIT, Measure
from cartopath.core.errors import TableError

_CORNERS = {"sample", "Sample", "Ensembl_ID", "xena_sample", "miRNA_ID"}

_UNITS = (
    (r"fpkm[-_.]?uq", "FPKM-UQ"),
    (r"fpkm", "FPKM"),
    (r"tpm", "TPM"),
    (r"counts", "counts"),
    (r"hiseqv2|gav2|geneexp|rsem|norm_count", "RSEM, normalised counts"),
    (r"mirna", "reads per million"),
)
"""What the names of Xena's files say of the unit."""


def _recognise(head: MatrixHead) -> bool:
    if head.header[0].strip() not in _CORNERS or not head.barcode_columns():
        return False
    return not any(parse_barcode(word) for word in head.column(0))


def _layout(head: MatrixHead) -> MatrixLayout:
    samples = head.barcode_columns()
    if not samples or samples[0] == 0:
        raise TableError(
            f"{head.path}: not a Xena matrix: expected gene names in the first column and TCGA samples above the others"
        )
    looks = look_at(head, samples, "genes-by-samples")
    name = head.path.name.casefold()
    unit = next((unit for pattern, unit in _UNITS if re.search(pattern, name)), UNKNOWN_UNIT)
    if looks.transform in ("log", "unknown"):
        measure = Measure(unit, "log2(x+1)")
    elif looks.transform == "none":
        measure = looks if unit == UNKNOWN_UNIT else Measure(unit, "none", is_deduced=True)
    else:
        measure = Measure(unit, looks.transform, is_deduced=True)
    return MatrixLayout("genes-by-samples", labels=0, values=tuple(samples), measure=measure)


FORMATS = (
    MatrixFormat(
        "xena",
        "UCSC Xena matrix: sample, Ensembl_ID or miRNA_ID above the genes, then TCGA samples; log2(x+1)",
        _recognise,
        _layout,
    ),
)
