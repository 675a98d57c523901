"""Rows and columns of a matrix of words: delimited text of any size, walked through and never held, or a sheet of a workbook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.cells import to_number
from cartopath.cohort.delimited import MAX_LINE, TextHead, open_binary, split_line
from cartopath.cohort.matrices.layout import is_technical
from cartopath.core.errors import TableError

_NEAR = 8
"""Columns with names are mostly among the first; of the thousands of numbers after them nothing need be cut up."""

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")


class TextMatrix:
    """A delimited matrix on disk.

    Args:
        head: Its head, from `read_head`.
    """

    def __init__(self, head: TextHead) -> None:
        self._path = head.path
        self._head = head

    def _lines(self) -> Iterator[str]:
        """Yield the lines of data, without their ends."""
        with open_binary(self._path) as file:
            started = False
            while line := file.readline(MAX_LINE):
                if len(line) >= MAX_LINE:
                    raise TableError(f"{self._path}: a line of more than {MAX_LINE >> 20} MB; this is no table")
                stripped = line.rstrip(b"\r\n")
                if not stripped.strip():
                    continue
                if not started:
                    started = not stripped.removeprefix(b"\xef\xbb\xbf").startswith(b"#")
                    continue
                try:
                    yield stripped.decode()
                except UnicodeDecodeError:
                    yield stripped.decode("cp1252", errors="replace")

    def _cells(self, line: str) -> list[str]:
        cells = split_line(line, self._head.delimiter, path=self._path)
        if len(cells) != len(self._head.header):
            raise TableError(
                f"{self._path}: the row of {cells[0][:40]!r} has {len(cells)} cells, the header {len(self._head.header)}; "
                "the file may be cut short, fetch it again"
            )
        return cells

    def _cells_of_rows(self) -> Iterator[list[str]]:
        """Yield the cells of every row, each as many as the header."""
        for line in self._lines():
            yield self._cells(line)

    def _first_cells(self, n_cells: int) -> Iterator[list[str]]:
        """Yield the first cells of every row. The names of 20,000 genes are each followed by 11,000 numbers."""
        delimiter, width = self._head.delimiter, len(self._head.header)
        for line in self._lines():
            cells = split_line(line, delimiter, path=self._path) if '"' in line else line.split(delimiter, n_cells)
            if len(cells) < min(n_cells, width):
                raise TableError(f"{self._path}: the row of {cells[0][:40]!r} has {len(cells)} cells, the header {width}")
            yield cells

    def words(self, columns: Sequence[int]) -> list[list[str]]:
        """Return some columns as words, one list per column."""
        found: list[list[str]] = [[] for _ in columns]
        last = max(columns)
        for cells in self._first_cells(last + 1) if last < _NEAR else self._cells_of_rows():
            for words, column in zip(found, columns, strict=True):
                words.append(cells[column].strip())
        return found

    def rows(self, rows: Sequence[int], columns: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (len(rows), len(columns)); NaN where a cell is missing."""
        order = {row: place for place, row in enumerate(rows)}
        values = np.full((len(rows), len(columns)), np.nan)
        last = max(rows, default=-1)
        if last < 0:
            return values
        for number, cells in enumerate(self._cells_of_wanted(set(rows))):
            if cells is not None:
                values[order[number]] = self._numbers([cells[column] for column in columns], cells[0], columns)
            if number >= last:
                break
        return values

    def _cells_of_wanted(self, rows: set[int]) -> Iterator[list[str] | None]:
        """Yield the cells of every row that is wanted, None for the others, which are not cut up."""
        for number, line in enumerate(self._lines()):
            yield self._cells(line) if number in rows else None

    def columns(self, columns: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (n_rows, len(columns)); NaN where a cell is missing."""
        found = [self._numbers([cells[column] for column in columns], cells[0], columns) for cells in self._cells_of_rows()]
        return np.array(found, dtype=np.float64).reshape(-1, len(columns))

    def sums(
        self, columns: Sequence[int], *, labels: int, over: Literal["rows", "columns"], skip: int = 0
    ) -> NDArray[np.float64]:
        """Return the sums over all rows (float64 (len(columns),)) or over these columns (float64 (n_rows,)).

        Rows that count reads of no gene (`is_technical`), the first `skip` rows and missing cells add nothing.
        """
        per_row: list[float] = []
        per_column = np.zeros(len(columns))
        for number, cells in enumerate(self._cells_of_rows()):
            if number < skip:
                continue
            numbers = self._array([cells[column] for column in columns], cells[0], columns)
            if over == "columns":
                per_row.append(float(np.nansum(numbers)))
            elif not is_technical(cells[labels]):
                per_column += np.nan_to_num(numbers)
        return np.array(per_row) if over == "columns" else per_column

    def _array(self, words: list[str], row: str, columns: Sequence[int]) -> NDArray[np.float64]:
        try:
            numbers = np.array(words, dtype=np.float64)
        except ValueError:
            return np.array(self._numbers(words, row, columns), dtype=np.float64)
        if np.isinf(numbers).any():
            self._numbers(words, row, columns)
        return numbers

    def _numbers(self, words: list[str], row: str, columns: Sequence[int]) -> list[float]:
        numbers = []
        for word, column in zip(words, columns, strict=True):
            try:
                numbers.append(to_number(word))
            except ValueError as error:
                raise TableError(self._no_number(word, row, column)) from error
        return numbers

    def _no_number(self, word: str, row: str, column: int) -> str:
        name = self._head.header[column]
        where = f"{self._path}: {word[:40]!r} in the row of {row[:40]!r}, column {name!r}, is not a finite number"
        if _DECIMAL_COMMA.fullmatch(word.strip()):
            return f"{where}: it has a decimal comma; save the table with decimal points"
        return f"{where}; leave the cell empty where there is no value"


class SheetMatrix(TextMatrix):
    """A matrix in a sheet of a workbook, held as words.

    Args:
        head: Its head.
        cells: Its rows, each as many cells as the header.
    """

    def __init__(self, head: TextHead, cells: Sequence[list[str]]) -> None:
        super().__init__(head)
        self._rows = cells

    def _cells_of_rows(self) -> Iterator[list[str]]:
        yield from self._rows

    def _first_cells(self, n_cells: int) -> Iterator[list[str]]:
        yield from self._rows

    def _cells_of_wanted(self, rows: set[int]) -> Iterator[list[str] | None]:
        yield from (cells if number in rows else None for number, cells in enumerate(self._rows))
