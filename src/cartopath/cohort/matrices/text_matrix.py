"""Rows and columns of a delimited matrix of any size: the file is walked through, never held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.cells import to_number
from cartopath.cohort.delimited import MAX_LINE, TextHead, open_binary, split_line
from cartopath.cohort.matrices.layout import is_technical
from cartopath.core.errors import TableError


class TextMatrix:
    """A delimited matrix on disk.

    Args:
        head: Its head, from `read_head`.
    """

    def __init__(self, head: TextHead) -> None:
        if head.encoding == "utf-16":
            raise TableError(f"{head.path}: a matrix in UTF-16; save it as UTF-8 text")
        self._path: Path = head.path
        self._head = head
        self._delimiter = head.delimiter.encode()

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines of data, without their ends."""
        with open_binary(self._path) as file:
            started = False
            while line := file.readline(MAX_LINE):
                stripped = line.rstrip(b"\r\n")
                if not started:
                    started = bool(stripped.strip()) and not stripped.removeprefix(b"\xef\xbb\xbf").startswith(b"#")
                elif stripped:
                    yield stripped

    def _cells(self, line: bytes) -> list[str]:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            text = line.decode("cp1252", errors="replace")
        cells = split_line(text, self._head.delimiter)
        if len(cells) != len(self._head.header):
            raise TableError(
                f"{self._path}: the row of {cells[0][:40]!r} has {len(cells)} cells, the header {len(self._head.header)}; "
                "the file may be cut short, fetch it again"
            )
        return cells

    def words(self, columns: Sequence[int]) -> list[list[str]]:
        """Return some columns as words, one list per column."""
        if list(columns) == [0]:  # The names of 20,000 genes, each followed by 11,000 numbers.
            return [[self._first_word(line) for line in self._lines()]]
        found: list[list[str]] = [[] for _ in columns]
        for line in self._lines():
            cells = self._cells(line)
            for words, column in zip(found, columns, strict=True):
                words.append(cells[column].strip())
        return found

    def _first_word(self, line: bytes) -> str:
        word = line[: max(line.find(self._delimiter), 0)]
        return self._cells(line)[0].strip() if b'"' in word else word.decode("utf-8", errors="replace").strip()

    def rows(self, rows: Sequence[int], columns: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (len(rows), len(columns)); NaN where a cell is missing."""
        order = {row: place for place, row in enumerate(rows)}
        values = np.full((len(rows), len(columns)), np.nan)
        last = max(rows, default=-1)
        for number, line in enumerate(self._lines()):
            if number in order:
                cells = self._cells(line)
                values[order[number]] = self._numbers([cells[column] for column in columns], cells[0], columns)
            if number >= last:
                break
        return values

    def columns(self, columns: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (n_rows, len(columns)); NaN where a cell is missing."""
        found = []
        for line in self._lines():
            cells = self._cells(line)
            found.append(self._numbers([cells[column] for column in columns], cells[0], columns))
        return np.array(found, dtype=np.float64).reshape(-1, len(columns))

    def sums(self, columns: Sequence[int], *, labels: int, over: Literal["rows", "columns"]) -> NDArray[np.float64]:
        """Return the sums over all rows (float64 (len(columns),)) or over these columns (float64 (n_rows,)).

        Rows that count reads of no gene (`is_technical`) and missing cells add nothing.
        """
        per_row: list[float] = []
        per_column = np.zeros(len(columns))
        for line in self._lines():
            cells = self._cells(line)
            words = [cells[column] for column in columns]
            try:
                numbers = np.array(words, dtype=np.float64)
            except ValueError:
                numbers = np.array(self._numbers(words, cells[0], columns))
            if over == "columns":
                per_row.append(float(np.nansum(numbers)))
            elif not is_technical(cells[labels]):
                per_column += np.nan_to_num(numbers)
        return np.array(per_row) if over == "columns" else per_column

    def _numbers(self, words: list[str], row: str, columns: Sequence[int]) -> list[float]:
        numbers = []
        for word, column in zip(words, columns, strict=True):
            try:
                numbers.append(to_number(word))
            except ValueError as error:
                raise TableError(
                    f"{self._path}: {word[:40]!r} in the row of {row[:40]!r}, column {self._head.header[column]!r}, is not a "
                    "finite number; "
                    "leave the cell empty where there is no value"
                ) from error
        return numbers
