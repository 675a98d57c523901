"""Plain matrices: one row per gene and one column per sample, or the other way round.

The way they lie is read from TCGA barcodes, above the columns or in one of them; where there are none, from the name above the
first columns (`gene_id`, `sample`, ...) and from names that can only be genes.
"""

from __future__ import annotations

import re

from cartopath.cohort.barcodes import parse_barcode
from cartopath.cohort.cells import name_key
from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead, MatrixLayout, look_at
from cartopath.core.errors import TableError

_GENE_KEYS = {"gene", "genes", "geneid", "genename", "genesymbol", "symbol", "feature", "features", "ensemblgeneid", "ensemblid"}
_GENE_KEYS |= {"ensembl", "mirna", "mirnaid", "mirnas", "probe", "probeid", "idref", "geneids", "genenames"}
_SAMPLE_KEYS = {
    "sample",
    "samples",
    "sampleid",
    "samplename",
    "aliquot",
    "aliquotid",
    "barcode",
    "aliquotbarcode",
    "samplebarcode",
}
_PATIENT_KEYS = {
    "patient",
    "patients",
    "patientid",
    "case",
    "caseid",
    "casesubmitterid",
    "bcrpatientbarcode",
    "subject",
    "subjectid",
}
_GENE_ANNOTATIONS = {
    "entrez",
    "entrezid",
    "entrezgeneid",
    "length",
    "genelength",
    "start",
    "end",
    "strand",
    "chromosome",
    "chrom",
}
_SURELY_GENE = re.compile(r"ENSG\d{11}|hsa-(?:mir|miR|let)-|[A-Za-z0-9.-]+\|\d+$")


def _is_genes_by_samples(head: MatrixHead) -> bool:
    if head.barcode_columns():
        return not _barcodes_in_rows(head)
    return not _barcodes_in_rows(head) and (_column_with(head, _GENE_KEYS) is not None or _surely_genes(head.column(0)))


def _is_samples_by_genes(head: MatrixHead) -> bool:
    if head.barcode_columns() or {"filename", "md5", "size"} <= {name_key(name) for name in head.header}:
        return False  # The second is a manifest of the GDC.
    return (
        bool(_barcodes_in_rows(head))
        or _column_with(head, _SAMPLE_KEYS | _PATIENT_KEYS) is not None
        or _surely_genes(head.header[1:])
    )


def _surely_genes(names: list[str] | tuple[str, ...]) -> bool:
    return bool(names) and sum(bool(_SURELY_GENE.match(name)) for name in names) > len(names) / 2


def _column_with(head: MatrixHead, keys: set[str]) -> int | None:
    return next((index for index in _likely_columns(head) if name_key(head.header[index]) in keys), None)


def _likely_columns(head: MatrixHead) -> list[int]:
    """Return the columns that may hold names: the first ones, and the last one, where Parquet keeps the index of pandas."""
    n = len(head.header)
    return [*range(min(n, 20)), *([n - 1] if n > 20 else [])]


def _barcodes_in_rows(head: MatrixHead) -> list[int]:
    """Return the columns whose words are TCGA barcodes, those of samples first, of slides last."""
    found: list[tuple[int, int]] = []
    for index in _likely_columns(head):
        barcodes = [parse_barcode(word) for word in head.column(index)]
        known = [barcode for barcode in barcodes if barcode]
        if known and len(known) >= 0.8 * len(barcodes):
            found.append((2 if known[0].slide_kind else 0 if known[0].sample_type else 1, index))
    return [index for _, index in sorted(found)]


def _genes_by_samples(head: MatrixHead) -> MatrixLayout:
    samples = set(head.barcode_columns())
    named = [index for index in _likely_columns(head) if name_key(head.header[index]) in _GENE_KEYS and index not in samples]
    others = [index for index in range(len(head.header)) if index not in samples]
    if not others:
        raise TableError(f"{head.path}: every column is a sample; expected one with the names of the genes")
    labels = (named or others)[0]
    if not samples:
        annotations = [index for index, name in enumerate(head.header) if name_key(name) in _GENE_ANNOTATIONS]
        samples = set(head.numeric_columns(without=[labels, *annotations]))
    if not samples:
        raise TableError(f"{head.path}: no column of numbers; expected one per sample")
    values = tuple(sorted(samples))
    return MatrixLayout("genes-by-samples", labels=labels, values=values, measure=look_at(head, values, "genes-by-samples"))


def _samples_by_genes(head: MatrixHead) -> MatrixLayout:
    in_rows = _barcodes_in_rows(head)
    sample, patient = _column_with(head, _SAMPLE_KEYS), _column_with(head, _PATIENT_KEYS)
    labels = in_rows[0] if in_rows else sample if sample is not None else patient if patient is not None else 0
    patients = patient if not in_rows and patient != labels else None
    words = {index for index in (labels, sample, patient, *in_rows) if index is not None}
    genes = head.numeric_columns(without=words)
    if not genes:
        raise TableError(f"{head.path}: no column of numbers; expected one per gene")
    measure = look_at(head, genes, "samples-by-genes")
    return MatrixLayout("samples-by-genes", labels=labels, values=tuple(genes), measure=measure, patients=patients)


FORMATS = (
    MatrixFormat(
        "genes-by-samples", "plain matrix: a row per gene, a column per sample", _is_genes_by_samples, _genes_by_samples
    ),
    MatrixFormat(
        "samples-by-genes", "plain matrix: a row per sample, a column per gene", _is_samples_by_genes, _samples_by_genes
    ),
)
