"""One sample's file as the GDC gives it out: which kind it is, and its columns [A36].

STAR and HTSeq counts, FPKM and FPKM-UQ of genes; reads of miRNA precursors, and of isoforms, which are summed per mature arm.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.delimited import open_binary
from cartopath.cohort.matrices.layout import NamedFormat
from cartopath.cohort.matrices.measure import Measure
from cartopath.core.errors import TableError

_MAX_FILE = 256 << 20
"""Bytes of one sample's file when unpacked; the largest real ones (STAR) have 5 MB."""

_DIGITS = tuple(b"%d" % digit for digit in range(10))


@dataclass(frozen=True)
class GdcFormat(NamedFormat):
    """A kind of files with one sample each.

    Attributes:
        columns: Columns that can be read, the default first, with what they hold.
        label: Column with the names of the features; None where the file has no header, a name and a number in each line.
        marker: What the names of its files have in common.
        symbols: Column with a second name of the features, or None.
        is_short: Whether a file lists a few thousand features: miRNAs.
        is_summed: Whether a feature has several lines, and none where nothing was counted.
    """

    columns: tuple[tuple[str, Measure], ...]
    label: str | None
    marker: str
    symbols: str | None = None
    is_short: bool = False
    is_summed: bool = False

    def measure(self, column: str | None, where: Path) -> tuple[str, Measure]:
        """Return the column to read and what it holds.

        Raises:
            TableError: There is no such column.
        """
        known = dict(self.columns)
        chosen = self.columns[0][0] if column is None else column
        if chosen not in known:
            raise TableError(f"{where}: {self.name} has no column {chosen!r} (there are: {', '.join(known)})")
        return chosen, known[chosen]


def _mirna_columns() -> tuple[tuple[str, Measure], ...]:
    return (("reads_per_million_miRNA_mapped", Measure("reads per million")), ("read_count", Measure("counts")))


FORMATS = (
    GdcFormat(
        "gdc-star",
        "folder of GDC *.augmented_star_gene_counts.tsv; column tpm_unstranded, or unstranded (counts), fpkm_uq_unstranded, ...",
        (
            ("tpm_unstranded", Measure("TPM")),
            ("fpkm_unstranded", Measure("FPKM")),
            ("fpkm_uq_unstranded", Measure("FPKM-UQ")),
            ("unstranded", Measure("counts")),
            ("stranded_first", Measure("counts")),
            ("stranded_second", Measure("counts")),
        ),
        "gene_id",
        "star_gene_counts.tsv",
        symbols="gene_name",
    ),
    GdcFormat(
        "gdc-htseq", "folder of GDC *.htseq.counts(.gz): raw counts", (("count", Measure("counts")),), None, ".htseq.counts"
    ),
    GdcFormat("gdc-fpkm-uq", "folder of GDC *.FPKM-UQ.txt(.gz)", (("fpkm-uq", Measure("FPKM-UQ")),), None, ".fpkm-uq.txt"),
    GdcFormat("gdc-fpkm", "folder of GDC *.FPKM.txt(.gz)", (("fpkm", Measure("FPKM")),), None, ".fpkm.txt"),
    GdcFormat(
        "gdc-mirna",
        "folder of GDC *.mirnas.quantification.txt: precursors such as hsa-mir-17, reads per million",
        _mirna_columns(),
        "miRNA_ID",
        ".mirnas.quantification.txt",
        is_short=True,
    ),
    GdcFormat(
        "gdc-isoforms",
        "folder of GDC *.isoforms.quantification.txt: summed per mature arm such as hsa-miR-17-5p, reads per million",
        _mirna_columns(),
        "miRNA_region",
        ".isoforms.quantification.txt",
        is_short=True,
        is_summed=True,
    ),
)
_BY_NAME = {format_.name: format_ for format_ in FORMATS}


def gdc_format(name: str) -> GdcFormat | None:
    """Return the kind of files of a name, or None."""
    return _BY_NAME.get(name)


def kind_of(path: Path) -> GdcFormat | None:
    """Return the kind of a file, by its content; a damaged one is of the kind that its name says, so that it is reported."""
    name = path.name.casefold()
    return kind_by_content(path) or next((format_ for format_ in FORMATS if format_.marker in name), None)


def kind_by_content(path: Path) -> GdcFormat | None:
    """Return the kind of a file by its first lines and, for FPKM and FPKM-UQ, which look alike, its name; None if it is none."""
    try:
        with open_binary(path) as file:
            start = file.read(4096)
    except TableError:
        return None
    lines = [line.rstrip(b"\r") for line in start.split(b"\n") if line.strip() and not line.startswith(b"#")]
    cells = lines[0].split(b"\t") if lines else []
    if b"gene_id" in cells and b"unstranded" in cells:
        return _BY_NAME["gdc-star"]
    if b"miRNA_ID" in cells and b"read_count" in cells:
        return _BY_NAME["gdc-isoforms" if b"miRNA_region" in cells else "gdc-mirna"]
    if len(cells) == 2 and cells[0].startswith(b"ENSG") and cells[1][:1] in _DIGITS:
        name = path.name.casefold().replace("_", "-")
        if "fpkm" in name:
            return _BY_NAME["gdc-fpkm-uq" if "fpkm-uq" in name else "gdc-fpkm"]
        return _BY_NAME["gdc-htseq"] if all(b"." not in line.split(b"\t")[-1] for line in lines[:-1]) else None
    return None


@dataclass(frozen=True)
class SampleColumn:
    """One column of one sample's file.

    Attributes:
        names: Names of the features as the file writes them.
        values: float64, one per name; NaN where a cell is empty.
        symbols: Second names, or None.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    symbols: tuple[str, ...] | None


class SampleFileReader:
    """Reads one column of many files of one kind; names that are the same in file after file are held once.

    Args:
        format_: The kind.
        column: The column.
    """

    def __init__(self, format_: GdcFormat, column: str) -> None:
        self._format = format_
        self._column = column
        self._last: tuple[object, tuple[str, ...]] = (None, ())

    def read(self, path: Path, *, symbols: bool = False) -> SampleColumn:
        """Read a file.

        Raises:
            TableError: It is damaged, lacks a column, or a cell is no number.
        """
        import pyarrow as pa
        import pyarrow.csv as pacsv

        label = self._format.label or "name"
        second = self._format.symbols if symbols else None
        wanted = [label, self._column] + ([second] if second else [])
        content, n_comments = _content(path)
        types = {name: pa.float64() if name == self._column else pa.string() for name in wanted}
        try:
            table = pacsv.read_csv(
                io.BytesIO(content),
                read_options=pacsv.ReadOptions(
                    skip_rows=n_comments, column_names=None if self._format.label else wanted, block_size=1 << 24
                ),
                parse_options=pacsv.ParseOptions(delimiter="\t", quote_char=False, double_quote=False),
                convert_options=pacsv.ConvertOptions(
                    include_columns=wanted, column_types=types, null_values=["", "NA", "N/A", "nan", "NaN", "null"]
                ),
            )
        except (pa.ArrowInvalid, pa.ArrowKeyError, pa.ArrowCapacityError) as error:
            raise TableError(f"{path}: no readable file of {self._format.name} ({_first_line(error)}); fetch it again") from error
        values = np.asarray(table.column(self._column).to_numpy(), dtype=np.float64)
        if np.isinf(values).any():
            raise TableError(f"{path}: column {self._column!r} holds infinite values; fetch it again")
        second_names = None if second is None else tuple(word or "" for word in table.column(second).to_pylist())
        return SampleColumn(self._names(table.column(label)), values, second_names)

    def _names(self, column: object) -> tuple[str, ...]:
        known, names = self._last
        if known is None or not column.equals(known):  # type: ignore[attr-defined]
            names = tuple(word or "" for word in column.to_pylist())  # type: ignore[attr-defined]
            self._last = (column, names)
        return names


def _content(path: Path) -> tuple[bytes, int]:
    """Return the bytes of a file and how many lines of comments it begins with."""
    with open_binary(path) as file:
        content = file.read(_MAX_FILE + 1)
    if len(content) > _MAX_FILE:
        raise TableError(f"{path}: more than {_MAX_FILE >> 20} MB; this is no file of one sample")
    content = content.removeprefix(b"\xef\xbb\xbf")
    n_comments, start = 0, 0
    while content[start : start + 1] == b"#":
        n_comments += 1
        start = content.find(b"\n", start) + 1
        if not start:
            break
    if not content[start:].strip():
        raise TableError(f"{path}: the file is empty; fetch it again")
    return content, n_comments


def _first_line(error: Exception) -> str:
    return str(error).strip("'\"").splitlines()[0][:200]


def refuse_single(path: Path) -> None:
    """Refuse a file of one sample where a table of many is expected.

    Raises:
        TableError: It is one.
    """
    kind = kind_by_content(path)
    if kind is not None:
        raise TableError(
            f"{path}: the file of one sample ({kind.name}); give the folder of such files ({path.parent} or the one above it), "
            "with the sample sheet of the GDC"
        )
