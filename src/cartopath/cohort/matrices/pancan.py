"""The batch-corrected matrices of the PanCanAtlas: EB++ mRNA and EB miRNA, as Levy-Jurgenson et al. 2020 used them."""

from __future__ import annotations

import re

from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead, MatrixLayout
from cartopath.cohort.matrices.measure import Measure
from cartopath.core.errors import TableError

_SYMBOL_ENTREZ = re.compile(r"[^|]+\|\d+$")


def _first_words(head: MatrixHead) -> list[str]:
    return head.column(0)


def _is_mrna(head: MatrixHead) -> bool:
    words = _first_words(head)
    named = sum(bool(_SYMBOL_ENTREZ.match(word)) for word in words)
    return head.header[0].strip() == "gene_id" and bool(words) and named >= 0.9 * len(words) and bool(head.barcode_columns())


def _is_mirna(head: MatrixHead) -> bool:
    words = _first_words(head)
    return (
        head.header[0].strip() == "Genes"
        and bool(words)
        and all(word.startswith("hsa-") for word in words)
        and bool(head.barcode_columns())
    )


def _layout(head: MatrixHead, unit: str) -> MatrixLayout:
    samples = head.barcode_columns()
    if not samples or samples[0] == 0:
        raise TableError(
            f"{head.path}: not a PanCanAtlas matrix: expected gene names in the first column and TCGA barcodes above the others"
        )
    return MatrixLayout("genes-by-samples", labels=0, values=tuple(samples), measure=Measure(unit))


FORMATS = (
    MatrixFormat(
        "pancan-mrna",
        "PanCanAtlas EB++ mRNA: column gene_id with SYMBOL|ENTREZ, then TCGA aliquots",
        _is_mrna,
        lambda head: _layout(head, "RSEM, upper-quartile normalised, batch-corrected"),
    ),
    MatrixFormat(
        "pancan-mirna",
        "PanCanAtlas EB miRNA: column Genes with mature arms, an annotation column, then TCGA aliquots",
        _is_mirna,
        lambda head: _layout(head, "reads per million, batch-corrected"),
    ),
)
