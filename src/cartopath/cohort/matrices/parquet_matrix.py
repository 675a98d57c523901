"""Rows and columns of a matrix stored as Parquet, read in batches."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.delimited import head_rows
from cartopath.cohort.matrices.layout import MatrixHead, is_technical
from cartopath.core.errors import TableError

_CELLS_PER_BATCH = 4_000_000


def is_parquet(path: Path) -> bool:
    """Whether a file begins like Parquet."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    except (FileNotFoundError, IsADirectoryError) as error:
        raise TableError(f"{path}: no such table; check the path") from error


class ParquetMatrix:
    """A Parquet matrix on disk."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._path = path
        with self._reading():
            self._file = pq.ParquetFile(path, memory_map=True)
            self._names: list[str] = list(self._file.schema_arrow.names)
        repeated = [name for name, times in Counter(self._names).items() if times > 1]
        if repeated:
            raise TableError(f"{path}: {len(repeated):,} columns are there more than once ({', '.join(repeated[:3])}); keep one")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except TableError:
            raise
        except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
            what = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise TableError(f"{self._path}: damaged Parquet file ({what}); fetch it again") from error

    def head(self, *, n_rows: int = 40) -> MatrixHead:
        """Return its column names and first rows as words."""
        with self._reading():
            columns: list[list[object]] = [[] for _ in self._names]
            for batch in self._file.iter_batches(batch_size=head_rows(len(self._names), n_rows)):
                columns = [batch.column(index).to_pylist() for index in range(batch.num_columns)]
                break
            rows = tuple(tuple("" if cell is None else str(cell) for cell in row) for row in zip(*columns, strict=True))
            return MatrixHead(self._path, tuple(self._names), rows)

    def words(self, columns: Sequence[int]) -> list[list[str]]:
        """Return some columns as words, one list per column."""
        with self._reading():
            table = self._file.read(columns=[self._names[column] for column in columns])
            return [
                ["" if cell is None else str(cell).strip() for cell in table.column(self._names[column]).to_pylist()]
                for column in columns
            ]

    def rows(self, rows: Sequence[int], columns: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (len(rows), len(columns)); NaN where a cell is missing."""
        with self._reading():
            names = [self._names[column] for column in columns]
            values = np.full((len(rows), len(columns)), np.nan)
            start = 0
            for batch in self._file.iter_batches(batch_size=max(1, _CELLS_PER_BATCH // max(1, len(names))), columns=names):
                wanted = [(place, row - start) for place, row in enumerate(rows) if start <= row < start + batch.num_rows]
                if wanted:
                    taken = batch.take([row for _, row in wanted])
                    by_name = {name: self._numbers(taken.column(index), name) for index, name in enumerate(taken.schema.names)}
                    values[[place for place, _ in wanted]] = np.column_stack([by_name[name] for name in names])
                start += batch.num_rows
            return values

    def columns(self, columns: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (n_rows, len(columns)); NaN where a cell is missing."""
        with self._reading():
            table = self._file.read(columns=[self._names[column] for column in columns])
            return np.column_stack([self._numbers(table.column(self._names[column]), self._names[column]) for column in columns])

    def sums(
        self, columns: Sequence[int], *, labels: int, over: Literal["rows", "columns"], skip: int = 0
    ) -> NDArray[np.float64]:
        """Return the sums over all rows (float64 (len(columns),)) or over these columns (float64 (n_rows,)).

        Rows that count reads of no gene (`is_technical`), the first `skip` rows and missing cells add nothing.
        """
        with self._reading():
            names = [self._names[column] for column in columns]
            per_row: list[NDArray[np.float64]] = []
            per_column = np.zeros(len(names))
            n_before = 0
            batches = self._file.iter_batches(
                batch_size=max(1, _CELLS_PER_BATCH // len(names)), columns=[self._names[labels], *names]
            )
            for batch in batches:
                numbers = np.column_stack([self._numbers(batch.column(name), name) for name in names])
                counted = np.array(
                    [not is_technical(str(label)) for label in batch.column(self._names[labels]).to_pylist()], dtype=bool
                )
                counted[: max(0, skip - n_before)] = False
                n_before += len(counted)
                per_row.append(np.nansum(numbers, axis=1))
                per_column += np.nansum(numbers[counted], axis=0)
            return np.concatenate(per_row) if over == "columns" else per_column

    def _numbers(self, column: object, name: str) -> NDArray[np.float64]:
        import pyarrow as pa

        try:
            numbers = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)  # type: ignore[attr-defined]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError, ValueError) as error:
            raise TableError(f"{self._path}: column {name!r} does not hold numbers ({error})") from error
        if np.isinf(numbers).any():
            raise TableError(f"{self._path}: column {name!r} holds infinite values; add a pseudocount before taking logarithms")
        return numbers
