"""Delimited text as it comes: gzip, zip or plain, comma, tab or semicolon, with or without a byte order mark or `#` lines.

Compression is told from the first bytes and the delimiter from the header line, never from the file's name.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cartopath.core.errors import TableError

_HEAD_CELLS = 20_000
"""Cells looked at to recognise a format, at least five rows of them."""

MAX_LINE = 64 << 20
"""A longer line (the PanCanAtlas matrices have 0.3 MB) means that the file is no table."""


@contextlib.contextmanager
def open_binary(path: Path) -> Iterator[IO[bytes]]:
    """Open a plain, gzip or single-file zip table for reading its bytes in order.

    Raises:
        TableError: It does not exist, is damaged, or is a zip with none or several files.
    """
    try:
        with contextlib.ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(path.open("rb"))
            magic = file.read(4)
            file.seek(0)
            if magic[:2] == b"\x1f\x8b":
                file = stack.enter_context(gzip.open(file))  # type: ignore[arg-type]
            elif magic == b"PK\x03\x04":
                file = stack.enter_context(_single_member(path, stack))
            yield file
    except (FileNotFoundError, IsADirectoryError) as error:
        raise TableError(f"{path}: no such table; check the path") from error
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        raise TableError(f"{path}: damaged or cut short ({error}); fetch it again") from error


def _single_member(path: Path, stack: contextlib.ExitStack) -> IO[bytes]:
    archive = stack.enter_context(zipfile.ZipFile(path))
    members = [info for info in archive.infolist() if not info.is_dir() and not Path(info.filename).name.startswith(".")]
    members = [info for info in members if not info.filename.startswith("__MACOSX")]
    if any(info.filename.startswith("xl/") for info in members):
        raise TableError(f"{path}: an Excel workbook; save the sheet as CSV or TSV")
    if len(members) != 1:
        raise TableError(f"{path}: a zip of {len(members)} files; unpack it and name the table")
    return archive.open(members[0])


@dataclass(frozen=True)
class TextHead:
    """The first lines of a delimited text.

    Attributes:
        path: The file.
        encoding: `utf-8-sig`, `utf-16` or `cp1252`.
        delimiter: One character.
        comments: Lines before the header that begin with `#`, without it.
        header: Names of the columns. Where the rows have one cell more than the header (R's `write.table`), "" is put before.
        rows: The first rows, as text.
    """

    path: Path
    encoding: str
    delimiter: str
    comments: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read_head(path: Path, *, n_rows: int = 40, one_column: bool = False) -> TextHead:
    """Read the header and the first rows of a delimited text.

    Args:
        path: The file.
        n_rows: Rows to read at most.
        one_column: Whether a table of one column is one.

    Raises:
        TableError: There is no header, or only one column, or the file is no text.
    """
    lines: list[bytes] = []
    with open_binary(path) as file:
        start = file.read(4096)
        encoding = _encoding(start, path)
    with open_binary(path) as file:
        if encoding == "utf-16":
            text = io.TextIOWrapper(io.BytesIO(file.read()), encoding=encoding, errors="replace")
            lines = [line.encode() for line in text]
            encoding_of_lines = "utf-8"
        else:
            encoding_of_lines = encoding
            while len(lines) < n_rows + 20 and (line := file.readline(MAX_LINE)):
                if len(line) >= MAX_LINE:
                    raise TableError(f"{path}: a line of more than {MAX_LINE >> 20} MB; this is no table")
                lines.append(line)
    decoded = [_decode(line, encoding_of_lines).rstrip("\r\n") for line in lines]
    return _parse_head(path, encoding, decoded, n_rows, one_column=one_column)


def _encoding(start: bytes, path: Path) -> str:
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\x00" in start:
        raise TableError(f"{path}: not a text table (it holds zero bytes); give CSV, TSV or Parquet")
    return "utf-8-sig"


def _decode(line: bytes, encoding: str) -> str:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


def _parse_head(path: Path, encoding: str, lines: list[str], n_rows: int, *, one_column: bool) -> TextHead:
    n_comments = 0
    while n_comments < len(lines) and (lines[n_comments].startswith("#") or not lines[n_comments].strip()):
        n_comments += 1
    if n_comments == len(lines):
        raise TableError(f"{path}: no header line; the table is empty")
    header_line = lines[n_comments]
    delimiter = max(",\t;", key=header_line.count)
    if delimiter not in header_line and not one_column:
        raise TableError(f"{path}: one column only ({header_line[:60]!r}); expected commas, tabs or semicolons between columns")
    header = split_line(header_line, delimiter)
    n_rows = head_rows(len(header), n_rows)
    rows = [split_line(line, delimiter) for line in lines[n_comments + 1 : n_comments + 1 + n_rows] if line.strip()]
    if rows and all(len(row) == len(header) + 1 for row in rows):
        header = ["", *header]
    return TextHead(
        path=path,
        encoding=encoding,
        delimiter=delimiter,
        comments=tuple(line.lstrip("#").strip() for line in lines[:n_comments] if line.startswith("#")),
        header=tuple(cell.strip() for cell in header),
        rows=tuple(tuple(row) for row in rows),
    )


def head_rows(n_columns: int, n_rows: int) -> int:
    """Return how many rows of a table that wide are looked at to recognise it."""
    return min(n_rows, max(5, _HEAD_CELLS // max(1, n_columns)))


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line, quotes removed."""
    if '"' not in line:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter), [])


def read_words(path: Path | str) -> tuple[TextHead, list[list[str]]]:
    """Read a whole table of moderate size as words.

    Returns:
        Its head and all its rows, each with exactly one cell per column of the header.

    Raises:
        TableError: A row has more or fewer cells than the header; the message gives its line.
    """
    path = Path(path)
    head = read_head(path, one_column=True)
    with open_binary(path) as file:
        content = file.read()
    try:
        text = content.decode(head.encoding)
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    lines = io.StringIO(text, newline="")
    reader = csv.reader(_after_comments(lines), delimiter=head.delimiter)  # Quoted cells may hold line breaks.
    try:
        next(reader)
        rows = [row for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise TableError(f"{path}: line {reader.line_num} is not delimited text ({error}); mend that line") from error
    width = len(head.header)
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise TableError(f"{path}: row {number} has {len(row)} cells, the header {width}; mend that line")
    return head, rows


def _after_comments(lines: io.StringIO) -> Iterator[str]:
    started = False
    for line in lines:
        if not started and (line.startswith("#") or not line.strip()):
            continue
        started = True
        yield line
