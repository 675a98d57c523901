"""Sheets of Excel workbooks (.xlsx) as words, the same words that the sheet saved as text would hold.

What a workbook says about itself is not believed: sizes are bounded before anything is unpacked, formulas are never computed and
links to other files never followed. openpyxl does the parsing.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from cartopath.core.errors import TableError

if TYPE_CHECKING:
    from openpyxl import Workbook

MAX_UNPACKED = 512 << 20
"""Bytes that a workbook may hold when unpacked: ten million numbers are 400 MB."""

MAX_CELLS = 10_000_000
MAX_ROWS = 1 << 20
"""Rows that a sheet of Excel can have."""

MAX_CHARACTERS = 1 << 17
"""Characters of one cell, as in delimited text; Excel's own limit is a quarter of it."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ParseError, KeyError, IndexError, ValueError, TypeError, AttributeError),
    *(OverflowError, NotImplementedError, RuntimeError),
)
"""What a damaged, encrypted or oddly packed workbook makes zipfile and openpyxl raise."""


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook.

    Attributes:
        name: Its name.
        others: The names of the other sheets.
        rows: Its cells as words, from the first row that is not blank, all rows of the same width.
    """

    name: str
    others: tuple[str, ...]
    rows: list[list[str]]


@dataclass(frozen=True)
class _Cell:
    word: str
    problem: str = ""


def is_workbook(path: Path) -> bool:
    """Whether a file is an Excel workbook, old or new, readable or not: by its content, whatever its name."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if start == _OLE:
            return True
        return start[:4] == b"PK\x03\x04" and any(name.startswith("xl/") for name in _members(path))
    except (OSError, *_DAMAGE):
        return False


def read_sheet(path: Path, *, sheet: str | None = None, max_rows: int | None = None) -> list[list[str]]:
    """Return the rows of one sheet of a workbook as words; see `load_sheet`."""
    return load_sheet(path, sheet=sheet, max_rows=max_rows).rows


def load_sheet(path: Path, *, sheet: str | None = None, max_rows: int | None = None) -> Sheet:
    """Read one sheet of a workbook as words.

    Whole numbers have no decimal point, dates are ISO, an empty cell is "" and `#N/A` is `NA`. A formula stands for the value
    that was stored with it.

    Args:
        path: The workbook.
        sheet: Its name; by default the first visible sheet that holds a table (two rows of two cells).
        max_rows: Stop after so many rows that are not blank.

    Raises:
        TableError: It is damaged, encrypted, too large or of the old format, has no such sheet or no table at all, or cells hold
            errors or formulas without a value; the message names them.
    """
    with _open(path) as book:
        chosen = _choose(book, path, sheet)
        rows = _words(book, chosen, path, max_rows)
        bare = _formulas(path, chosen, max_rows) if _has_formulas(path) else set()
        others = tuple(name for name in book.sheetnames if name != chosen)
    _refuse_problems(path, chosen, others, rows, bare)
    return Sheet(chosen, others, _rectangle([[cell.word for cell in row] for row in rows]))


def _members(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _refuse_old(path: Path) -> None:
    """Refuse what is packed in the older container: .xls, and workbooks with a password."""
    with path.open("rb") as file:
        start = file.read(512)
        if not start.startswith(_OLE):
            return
        size = 1 << min(int.from_bytes(start[30:32], "little"), 12)
        file.seek((int.from_bytes(start[48:52], "little") + 1) * size)
        directory = file.read(4096)
    if "EncryptedPackage".encode("utf-16-le") in directory:
        raise TableError(f"{path}: a workbook with a password; save it as .xlsx without one")
    raise TableError(f"{path}: an old Excel file (.xls); open it and save it as .xlsx")


def _refuse_bomb(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    size = sum(info.file_size for info in infos)
    if size > MAX_UNPACKED:
        raise TableError(
            f"{path}: a workbook of {size >> 20} MB when unpacked (the limit is {MAX_UNPACKED >> 20} MB); save the sheet as CSV"
        )
    if any(info.filename == "xl/workbook.bin" for info in infos):
        raise TableError(f"{path}: a binary workbook (.xlsb); open it and save it as .xlsx")
    if any(info.flag_bits & 1 for info in infos):
        raise TableError(f"{path}: a workbook with a password; save it as .xlsx without one")


@contextlib.contextmanager
def _open(path: Path, *, data_only: bool = True) -> Iterator[Workbook]:
    """Open a workbook; `data_only` for the stored values, otherwise for the formulas."""
    from openpyxl import load_workbook

    try:
        _refuse_old(path)
        _refuse_bomb(path)
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions, which hold no values.
            book = load_workbook(file, read_only=True, data_only=data_only, keep_links=False)
            try:
                yield book
            finally:
                book.close()
    except TableError:
        raise
    except _DAMAGE as error:
        what = f"{type(error).__name__}: {str(error)[:120]}"
        raise TableError(f"{path}: a workbook that cannot be read ({what}); open it and save it again as .xlsx") from error
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror or error})") from error


def _choose(book: Workbook, path: Path, sheet: str | None) -> str:
    names = [found.title for found in book.worksheets]
    if sheet is not None:
        if sheet not in names:
            raise TableError(f"{path}: no sheet {sheet!r} (there are: {', '.join(map(repr, names))})")
        return sheet
    visible = [found.title for found in book.worksheets if found.sheet_state == "visible"] or names
    some = []
    for name in visible:
        widths = [sum(bool(cell.word) for cell in row) for row in _words(book, name, path, 50)]
        if sum(width >= 2 for width in widths) >= 2:
            return str(name)
        some += [str(name)] if any(widths) else []
    if not some:
        raise TableError(f"{path}: no sheet holds a table (sheets: {', '.join(map(repr, names)) or 'none'})")
    return some[0]


def _words(book: Workbook, name: str, path: Path, max_rows: int | None) -> list[list[_Cell]]:
    """Return the cells of a sheet from its first row that is not blank; blank rows in between are empty lists."""
    rows: list[list[_Cell]] = []
    n_full = n_cells = 0
    for number, row in enumerate(_iter_rows(book, name), start=1):
        cells = [_cell(cell) for cell in row]
        while cells and not cells[-1].word:
            cells.pop()
        n_cells += len(cells)
        if number > MAX_ROWS or n_cells > MAX_CELLS:
            raise TableError(f"{path}: sheet {name!r} has more than {MAX_ROWS:,} rows or {MAX_CELLS:,} cells; save it as CSV")
        if cells or rows:
            rows.append(cells)
            n_full += bool(cells)
        if max_rows is not None and n_full >= max_rows:
            break
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _iter_rows(book: Workbook, name: str) -> Iterator[Any]:
    sheet: Any = book[name]
    sheet.reset_dimensions()  # What the file says of its size is often wrong.
    yield from sheet.iter_rows()


def _cell(cell: Any) -> _Cell:
    value = cell.value
    if cell.data_type == "e" and str(value) != "#N/A":
        return _Cell(str(value), f"{cell.coordinate} {value}")
    word = _word(value)
    return _Cell(word[:40], f"{cell.coordinate} of {len(word):,} characters") if len(word) > MAX_CHARACTERS else _Cell(word)


def _word(value: object) -> str:
    if value is None:
        return ""
    if value is True or value is False:
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    text = str(value).strip()
    return "NA" if text == "#N/A" else text


def _has_formulas(path: Path) -> bool:
    """Whether any sheet holds a formula: a second reading that keeps them apart from values is then worth its time."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with archive.open(name) as file:
                    before = b""
                    while block := file.read(1 << 20):
                        if _FORMULA.search(before + block):
                            return True
                        before = block[-64:]
    return False


def _formulas(path: Path, name: str, max_rows: int | None) -> set[str]:
    """Return the coordinates of formulas beside which no value is stored."""
    bare: set[str] = set()
    with _open(path, data_only=False) as written, _open(path, data_only=True) as stored:
        n_full = 0
        for formulas, values in zip(_iter_rows(written, name), _iter_rows(stored, name), strict=True):
            bare |= {
                formula.coordinate
                for formula, value in zip(formulas, values, strict=True)
                # A formula whose value is an empty text has the type of a text.
                if formula.data_type == "f" and value.value is None and getattr(value, "data_type", "n") == "n"
            }
            n_full += any(value.value is not None for value in values)
            if max_rows is not None and n_full >= max_rows:
                break
    return bare


def _refuse_problems(path: Path, name: str, others: tuple[str, ...], rows: list[list[_Cell]], bare: set[str]) -> None:
    where = f"{path}: sheet {name!r}"
    also = f"; other sheets: {', '.join(map(repr, others))}" if others else ""
    if bare:
        listed = ", ".join(sorted(bare, key=lambda cell: (len(cell), cell))[:5])
        raise TableError(
            f"{where}: {len(bare)} formulas without a stored value ({listed}); open the file in a spreadsheet program and save "
            f"it, or paste the values{also}"
        )
    problems = [cell.problem for row in rows for cell in row if cell.problem]
    if problems:
        raise TableError(f"{where}: {len(problems)} cells cannot be used ({', '.join(problems[:5])}); mend or empty them{also}")


def _rectangle(rows: list[list[str]]) -> list[list[str]]:
    width = max(map(len, rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows]
