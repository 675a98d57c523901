"""Matrices of the Broad Firehose: `Hybridization REF` above the genes, and a second line that says what each column is."""

from __future__ import annotations

from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead, MatrixLayout, look_at
from cartopath.cohort.matrices.measure import Measure
from cartopath.core.errors import TableError

_CORNER = "hybridization ref"

_UNITS = {
    "normalized_count": "RSEM, upper-quartile normalised",
    "reads_per_million_mirna_mapped": "reads per million",
    "rpkm": "RPKM",
    "raw_count": "counts",
    "raw_counts": "counts",
    "read_count": "counts",
    "scaled_estimate": "fraction of transcripts",
}
"""By what the second line calls a column, the one that is read where several are there first."""


def _recognise(head: MatrixHead) -> bool:
    return head.header[0].strip().casefold() == _CORNER


def _layout(head: MatrixHead) -> MatrixLayout:
    kinds = _kinds(head)
    known = [kind for kind in _UNITS if kind in kinds]
    return _layout_of(head, known[0] if known else kinds[0])


def _layout_of(head: MatrixHead, column: str) -> MatrixLayout:
    kinds, wanted = _kinds(head), column.strip().casefold()
    values = tuple(index for index, kind in enumerate(kinds, start=1) if kind == wanted)
    if not values:
        raise TableError(f"{head.path}: no column {column!r} (there are: {', '.join(dict.fromkeys(kinds))})")
    measure = look_at(head, values, "genes-by-samples", skip=1)
    if wanted in _UNITS:
        measure = Measure(_UNITS[wanted], "none")
    elif "log2" in wanted:
        measure = Measure("microarray", "log2")
    return MatrixLayout("genes-by-samples", labels=0, values=values, measure=measure, header_rows=1)


def _kinds(head: MatrixHead) -> list[str]:
    """Return what the second line says of each column after the first."""
    kinds = [word.strip().casefold() for word in head.rows[0][1:]]
    if not kinds or len(kinds) != len(head.header) - 1 or not all(kinds):
        raise TableError(f"{head.path}: not a Firehose matrix: its second line should say what each column is")
    return kinds


FORMATS = (
    MatrixFormat(
        "firehose",
        "Broad Firehose matrix: Hybridization REF, TCGA aliquots, and a second line such as normalized_count",
        _recognise,
        _layout,
        _layout_of,
    ),
)
