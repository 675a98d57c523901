"""All formats of molecular tables, and which of them a file is."""

from __future__ import annotations

from cartopath.cohort.matrices import cbioportal, firehose, gdc_files, h5ad, pancan, plain, slide_rows, xena
from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead, NamedFormat
from cartopath.core.errors import TableError, closest

_ONE_FILE: tuple[MatrixFormat, ...] = (
    *pancan.FORMATS,
    *firehose.FORMATS,
    *cbioportal.FORMATS,
    *slide_rows.FORMATS,
    *xena.FORMATS,
    *plain.FORMATS,
)
"""In the order in which they are tried: the particular before the plain."""

MATRIX_FORMATS: tuple[NamedFormat, ...] = (*_ONE_FILE[:-2], *gdc_files.FORMATS, h5ad.FORMAT, *_ONE_FILE[-2:])
"""Every format with its name and a line on it, for messages and documentation."""


def matrix_format(name: str) -> NamedFormat:
    """Return the format that a study file calls `name`.

    Raises:
        TableError: There is none, with the closest names.
    """
    by_name = {format_.name: format_ for format_ in MATRIX_FORMATS}
    if name not in by_name:
        likely = closest(name, by_name)
        hint = f"closest: {', '.join(likely)}" if likely else f"there are: {', '.join(by_name)}"
        raise TableError(f"no format {name!r} of molecular tables ({hint})")
    return by_name[name]


def recognise_matrix(head: MatrixHead) -> MatrixFormat:
    """Return the first format that recognises the head of a file.

    Raises:
        TableError: None does, with the ways out.
    """
    for format_ in _ONE_FILE:
        if format_.recognise(head):
            return format_
    names = ", ".join(format_.name for format_ in MATRIX_FORMATS)
    columns = ", ".join(repr(name[:60]) for name in head.header[:4])
    raise TableError(
        f"{head.path}: cannot tell genes from samples (columns {columns}, ...): neither TCGA barcodes nor a column called "
        "gene_id or sample; "
        f"state the format ({names})"
    )
