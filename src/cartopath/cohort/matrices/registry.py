"""All formats of molecular tables, and which of them a file is."""

from __future__ import annotations

from cartopath.cohort.matrices import cbioportal, pancan, plain, porpoise
from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead
from cartopath.core.errors import TableError, closest

MATRIX_FORMATS: tuple[MatrixFormat, ...] = (*pancan.FORMATS, *cbioportal.FORMATS, *porpoise.FORMATS, *plain.FORMATS)
"""In the order in which they are tried: the particular before the plain."""


def matrix_format(name: str) -> MatrixFormat:
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
    for format_ in MATRIX_FORMATS:
        if format_.recognise(head):
            return format_
    names = ", ".join(format_.name for format_ in MATRIX_FORMATS)
    columns = ", ".join(repr(name) for name in head.header[:4])
    raise TableError(
        f"{head.path}: cannot tell genes from samples (columns {columns}, ...): neither TCGA barcodes nor a column called "
        "gene_id or sample; "
        f"state the format ({names})"
    )
