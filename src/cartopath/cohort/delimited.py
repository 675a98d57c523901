"""Tables of words as they come: delimited text, gzip, zip or plain, with comma, tab or semicolon, or a sheet of a workbook.

Compression, workbooks and encodings are told from the first bytes and the delimiter from the header line, never from the file's
name. A byte order mark and `#` lines before the header are understood.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

from cartopath.cohort.spreadsheet import is_workbook, load_sheet
from cartopath.core.errors import TableError

_HEAD_CELLS = 20_000
"""Cells looked at to recognise a format, at least five rows of them."""

MAX_LINE = 64 << 20
"""A longer line (the PanCanAtlas matrices have 0.3 MB) means that the file is no table."""

MAX_TEXT = 1 << 30
"""Bytes that `read_words` takes: it is for tables that are held in memory."""

_BUFFER = 1 << 17
_END = "\x1eend of table"


@contextlib.contextmanager
def open_binary(path: Path) -> Iterator[IO[bytes]]:
    """Open a plain, gzip or single-file zip table for reading its bytes in order; UTF-16 is turned into UTF-8.

    Raises:
        TableError: It does not exist, cannot be read, is damaged, or is a zip with none or several files.
    """
    try:
        with contextlib.ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(path.open("rb"))
            magic = file.read(4)
            file.seek(0)
            if magic[:2] == b"\x1f\x8b":
                file = stack.enter_context(gzip.open(file))  # type: ignore[arg-type]
            elif magic in (b"PK\x03\x04", b"PK\x05\x06"):
                file = stack.enter_context(_single_member(path, stack))
            buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, file), _BUFFER)
            encoding = _utf_16(buffered.peek(4096)[:4096])
            yield io.BufferedReader(_Utf8(buffered, encoding), _BUFFER) if encoding else buffered
    except (FileNotFoundError, IsADirectoryError) as error:
        raise TableError(f"{path}: no such table; check the path") from error
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        raise TableError(f"{path}: damaged or cut short ({error}); fetch it again") from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile, on passwords and rare compressions
        raise TableError(f"{path}: cannot be unpacked ({error}); unpack it and name the table") from error
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error


def _single_member(path: Path, stack: contextlib.ExitStack) -> IO[bytes]:
    archive = stack.enter_context(zipfile.ZipFile(path))
    members = [info for info in archive.infolist() if not info.is_dir() and not Path(info.filename).name.startswith(".")]
    members = [info for info in members if not info.filename.startswith("__MACOSX")]
    if any(info.filename.startswith("xl/") for info in members):
        raise TableError(f"{path}: an Excel workbook where only text can be read; save the sheet as CSV or TSV")
    if any(info.filename == "content.xml" for info in members):
        raise TableError(f"{path}: an OpenDocument spreadsheet; save it as .xlsx or CSV")
    if len(members) != 1:
        raise TableError(f"{path}: a zip of {len(members)} files; unpack it and name the table")
    return archive.open(members[0])


def _utf_16(start: bytes) -> str | None:
    """Return the UTF-16 codec of a text, told from its byte order mark or from its every other byte being zero."""
    if start[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return None
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    for codec, zeros, letters in (("utf-16-le", start[1::2], start[::2]), ("utf-16-be", start[::2], start[1::2])):
        if len(zeros) >= 8 and zeros.count(0) > 0.9 * len(zeros) and letters.count(0) == 0:
            return codec
    return None


class _Utf8(io.RawIOBase):
    """A UTF-16 text read as UTF-8, piece by piece."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._left:
            block = self._file.read(1 << 16)
            self._left = self._decoder.decode(block, final=not block).encode()
            if not block:
                break
        n = min(len(buffer), len(self._left))
        buffer[:n], self._left = self._left[:n], self._left[n:]
        return n


@dataclass(frozen=True)
class TextHead:
    """The first lines of a table.

    Attributes:
        path: The file.
        delimiter: One character; a tab for a workbook.
        comments: Lines before the header that begin with `#`, without it.
        header: Names of the columns. Where the rows have one cell more than the header (R's `write.table`), "" is put before.
        rows: The first rows, as text.
        sheet: Name of the sheet; "" for a text.
        other_sheets: Names of the other sheets of the workbook.
    """

    path: Path
    delimiter: str
    comments: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sheet: str = ""
    other_sheets: tuple[str, ...] = ()

    @property
    def is_workbook(self) -> bool:
        """Whether it is a sheet of a workbook, so that there are no lines of text."""
        return bool(self.sheet)

    @property
    def where(self) -> str:
        """The file, and of a workbook the sheet that was read, for messages."""
        if not self.sheet:
            return str(self.path)
        others = f" (other sheets: {', '.join(map(repr, self.other_sheets))})" if self.other_sheets else ""
        return f"{self.path}: sheet {self.sheet!r}{others}"


def read_head(path: Path, *, n_rows: int = 40, one_column: bool = False, sheet: str | None = None) -> TextHead:
    """Read the header and the first rows of a delimited text or of a sheet.

    Args:
        path: The file.
        n_rows: Rows to read at most.
        one_column: Whether a table of one column is one.
        sheet: The sheet of a workbook, where it is not the first with a table.

    Raises:
        TableError: There is no header, or only one column, or the file is no text.
    """
    if is_workbook(path):
        head, rows = _sheet_words(path, sheet, n_rows + 20)
        return _with_rows(head, rows[: head_rows(len(head.header), n_rows)], one_column=one_column)
    _refuse_sheet(path, sheet)
    lines: list[str] = []
    with open_binary(path) as file:
        for line in _lines(file, path):
            lines.append(line.rstrip("\r\n"))
            if len(lines) >= n_rows + 20:
                break
    return _parse_head(path, lines, n_rows, one_column=one_column)


def _refuse_sheet(path: Path, sheet: str | None) -> None:
    if sheet is not None:
        raise TableError(f"{path}: a sheet is stated ({sheet!r}) and the file is no workbook; leave the sheet out")


def _lines(file: IO[bytes], path: Path) -> Iterator[str]:
    """Yield the lines of a text, each decoded by itself: UTF-8, or where it is not that, the code page of Western Windows."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) >= MAX_LINE:
            raise TableError(f"{path}: line {number} has more than {MAX_LINE >> 20} MB; this is no table")
        if b"\x00" in line:
            raise TableError(f"{path}: not a text table (line {number} holds zero bytes); give CSV, TSV or XLSX")
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            yield line.decode()
        except UnicodeDecodeError:
            yield line.decode("cp1252", errors="replace")


def _parse_head(path: Path, lines: list[str], n_rows: int, *, one_column: bool) -> TextHead:
    n_comments = 0
    while n_comments < len(lines) and (lines[n_comments].startswith("#") or not lines[n_comments].strip()):
        n_comments += 1
    if n_comments == len(lines):
        raise TableError(f"{path}: no header line; the table is empty")
    delimiter = max(",\t;", key=re.sub(r'"[^"]*"', "", lines[n_comments]).count)
    header = split_line(lines[n_comments], delimiter, path=path)
    n_rows = head_rows(len(header), n_rows)
    below = lines[n_comments + 1 : n_comments + 1 + n_rows]
    rows = [split_line(line, delimiter, path=path) for line in below if line.strip()]
    if rows and all(len(row) == len(header) + 1 for row in rows):
        header = ["", *header]
    comments = tuple(line.lstrip("#").strip() for line in lines[:n_comments] if line.startswith("#"))
    head = TextHead(path, delimiter, comments, tuple(cell.strip() for cell in header), ())
    return _with_rows(head, rows, one_column=one_column)


def _with_rows(head: TextHead, rows: Sequence[Sequence[str]], *, one_column: bool) -> TextHead:
    if len(head.header) < 2 and not one_column:
        name = head.header[0][:60]
        raise TableError(f"{head.where}: one column only ({name!r}); expected commas, tabs or semicolons between columns")
    return replace(head, rows=tuple(tuple(row) for row in rows))


def head_rows(n_columns: int, n_rows: int) -> int:
    """Return how many rows of a table that wide are looked at to recognise it."""
    return min(n_rows, max(5, _HEAD_CELLS // max(1, n_columns)))


def split_line(line: str, delimiter: str, *, path: Path | None = None) -> list[str]:
    """Return the cells of one line, quotes removed.

    Args:
        line: The line without its end.
        delimiter: One character.
        path: The file, for messages.

    Raises:
        TableError: A cell has more than 131,072 characters, or a line break where none can be.
    """
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error as error:
        where = "" if path is None else f"{path}: "
        raise TableError(f"{where}a line is not delimited text ({error}): {line[:60]!r}...; mend that line") from error


def read_words(path: Path | str, *, sheet: str | None = None) -> tuple[TextHead, list[list[str]]]:
    """Read a whole table of moderate size as words.

    Args:
        path: Delimited text or a workbook.
        sheet: The sheet of a workbook, where it is not the first with a table.

    Returns:
        Its head and all its rows that are not blank, each with exactly one cell per column of the header.

    Raises:
        TableError: A row has more or fewer cells than the header, a quote is never closed, a cell is enormous; the message gives
            the row.
    """
    path = Path(path)
    if is_workbook(path):
        head, rows = _sheet_words(path, sheet, None)
        return _with_rows(head, rows[: head_rows(len(head.header), 40)], one_column=True), rows
    head = read_head(path, one_column=True, sheet=sheet)
    with open_binary(path) as file:
        rows = _parse_rows(head, _after_comments(_bounded(_lines(file, path), path)))
    for number, row in enumerate(rows, start=1):
        _refuse_swallowed(head, number, row)
        if len(row) != len(head.header):
            raise TableError(f"{path}: row {number} has {len(row)} cells, the header {len(head.header)}; mend that line")
    return head, rows


def _parse_rows(head: TextHead, lines: Iterable[str]) -> list[list[str]]:
    """Return the rows below the header. Quoted cells may hold line breaks."""
    reader = csv.reader(lines, delimiter=head.delimiter)
    try:
        next(reader)
        rows = [row for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise TableError(f"{head.path}: line {reader.line_num} is not delimited text ({error}); mend that line") from error
    if not rows or rows.pop() != [_END]:
        raise TableError(f"{head.path}: a quote in row {len(rows) + 1} is never closed; mend that line")
    return rows


def _bounded(lines: Iterator[str], path: Path) -> Iterator[str]:
    size = 0
    for line in lines:
        size += len(line)
        if size > MAX_TEXT:
            raise TableError(f"{path}: more than {MAX_TEXT >> 20} MB of text; this is no table of patients or slides")
        yield line


def _after_comments(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines from the header on, then a line that only an open quote can hide."""
    started = False
    for line in lines:
        started = started or not (line.startswith("#") or not line.strip())
        if started:
            yield line
    yield _END


def _refuse_swallowed(head: TextHead, number: int, row: list[str]) -> None:
    """Refuse a cell in which whole rows disappeared between two stray quotes."""
    n_cells = len(head.header)
    for cell in row:
        if "\n" in cell and n_cells > 2 and any(line.count(head.delimiter) >= n_cells - 1 for line in cell.split("\n")):
            raise TableError(f"{head.path}: a quote opened in row {number} takes in whole rows after it; remove the stray quote")


def _sheet_words(path: Path, sheet: str | None, max_rows: int | None) -> tuple[TextHead, list[list[str]]]:
    loaded = load_sheet(path, sheet=sheet, max_rows=max_rows)
    rows = [row for row in loaded.rows if any(row)]
    above = [row[0].startswith("#") and len(row[0]) > 1 for row in rows]  # A column may be called "#".
    titles = [sum(map(bool, row)) < 2 <= len(row) for row in rows]  # "Table S1. Clinical data", in one cell.
    n_comments = next((n for n in range(len(rows)) if not above[n] and not titles[n]), len(rows))
    if n_comments == len(rows):
        raise TableError(f"{path}: sheet {loaded.name!r} has no row with the names of columns; name them in its first row")
    comments = tuple("\t".join(row).lstrip("#").strip() for row in rows[:n_comments])
    head = TextHead(path, "\t", comments, tuple(rows[n_comments]), (), loaded.name, loaded.others)
    return head, rows[n_comments + 1 :]
