"""What a format must say about a matrix: which way it lies, where its names are, which columns hold values.

Each module of this package holds one family of formats and ends in a tuple `FORMATS`; `registry` asks them in turn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cartopath.cohort.barcodes import parse_barcode
from cartopath.cohort.cells import is_number, to_number
from cartopath.cohort.delimited import TextHead
from cartopath.cohort.matrices.measure import Measure, deduce_measure

Orientation = Literal["genes-by-samples", "samples-by-genes"]


@dataclass(frozen=True)
class MatrixHead:
    """The first rows of a matrix, whatever it is stored in.

    Attributes:
        path: The file.
        header: Names of the columns.
        rows: The first rows, as words.
        text: How the text is delimited; None for Parquet.
    """

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: TextHead | None = None

    def column(self, index: int) -> list[str]:
        """Return the first words of a column."""
        return [row[index] for row in self.rows if index < len(row)]

    def barcode_columns(self) -> list[int]:
        """Return the columns whose names are TCGA barcodes."""
        return [index for index, name in enumerate(self.header) if parse_barcode(name)]

    def numeric_columns(self, *, without: Iterable[int] = ()) -> list[int]:
        """Return the columns whose first words are all numbers or missing, at least one of them a number or all empty."""
        left_out = set(without)
        return [
            index
            for index in range(len(self.header))
            if index not in left_out and all(is_number(word) for word in self.column(index)) and self.header[index].strip()
        ]


@dataclass(frozen=True)
class MatrixLayout:
    """Where things are in a matrix.

    Attributes:
        orientation: Whether a row is a gene or a sample.
        labels: Column with the names of the rows.
        values: Columns that hold values: the samples, or the genes.
        measure: What the values are, where the format says it; otherwise what they look like.
        patients: Column with the patients of the rows, where the names of the samples do not say it.
        entrez: Column with the Entrez numbers of the genes, which tell two genes of one symbol apart.
        header_rows: Rows below the header that belong to it.
        repeats: Whether a sample has several rows by design, as in tables with a row per slide.
    """

    orientation: Orientation
    labels: int
    values: tuple[int, ...]
    measure: Measure
    patients: int | None = None
    entrez: int | None = None
    header_rows: int = 0
    repeats: bool = False


@dataclass(frozen=True)
class NamedFormat:
    """What every format of molecular tables has.

    Attributes:
        name: What a study file calls it.
        summary: One line for messages and documentation.
    """

    name: str
    summary: str


@dataclass(frozen=True)
class MatrixFormat(NamedFormat):
    """A format of matrices in one file.

    Attributes:
        recognise: Whether a head is of this format.
        layout: Where things are; raises TableError where the head cannot be of this format.
        layout_of: The same where a sample has columns of several kinds and one kind is asked for by name; None where it has not.
    """

    recognise: Callable[[MatrixHead], bool]
    layout: Callable[[MatrixHead], MatrixLayout]
    layout_of: Callable[[MatrixHead, str], MatrixLayout] | None = None


def look_at(head: MatrixHead, columns: Sequence[int], orientation: Orientation, *, skip: int = 0) -> Measure:
    """Return what the values in the first rows of a matrix look like; see `deduce_measure`."""
    cells = [[_value(row[index]) if index < len(row) else math.nan for index in list(columns)[:200]] for row in head.rows[skip:]]
    return deduce_measure(cells if orientation == "genes-by-samples" else list(zip(*cells, strict=True)))


def _value(word: str) -> float:
    return to_number(word) if is_number(word) else math.nan


def is_technical(label: str) -> bool:
    """Whether a row of a count table counts reads that belong to no gene: `__no_feature` of HTSeq, `N_unmapped` of STAR.

    >>> is_technical("__ambiguous"), is_technical("N_unmapped"), is_technical("NAT1")
    (True, True, False)
    """
    return label.startswith(("__", "N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"))
