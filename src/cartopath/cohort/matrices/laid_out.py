"""A matrix in one file, read through the layout that its format says it has."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.cells import is_missing
from cartopath.cohort.matrices.layout import MatrixHead, MatrixLayout, is_technical


class Matrix(Protocol):
    """Rows and columns of a matrix on disk."""

    def words(self, columns: Sequence[int]) -> list[list[str]]:
        """Return some columns as words, one list per column."""

    def rows(self, rows: Sequence[int], columns: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (len(rows), len(columns))."""

    def columns(self, columns: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (n_rows, len(columns))."""

    def sums(
        self, columns: Sequence[int], *, labels: int, over: Literal["rows", "columns"], skip: int = 0
    ) -> NDArray[np.float64]:
        """Return the sums over all rows or over some columns."""


class LaidOutMatrix:
    """Features and samples of a matrix in one file; see `FeatureSource`."""

    aliases: tuple[()] = ()
    sample_types: None = None

    def __init__(self, head: MatrixHead, layout: MatrixLayout, matrix: Matrix) -> None:
        self.orientation: str = layout.orientation
        self.measure = layout.measure
        self._head = head
        self._layout = layout
        self._matrix = matrix

    @property
    def _is_genes_first(self) -> bool:
        return self._layout.orientation == "genes-by-samples"

    @functools.cached_property
    def _labels(self) -> list[str]:
        return self._matrix.words([self._layout.labels])[0][self._layout.header_rows :]

    @property
    def _value_names(self) -> list[str]:
        return [self._head.header[column] for column in self._layout.values]

    @functools.cached_property
    def features(self) -> tuple[str, ...]:
        """Names of the genes as the table writes them, symbols that are there twice with their Entrez numbers."""
        if not self._is_genes_first:
            return tuple(self._value_names)
        if self._layout.entrez is None:
            return tuple(self._labels)
        symbols, numbers = self._matrix.words([self._layout.labels, self._layout.entrez])
        times = Counter(symbols)
        return tuple(
            f"{symbol}|{number}" if (times[symbol] > 1 or is_missing(symbol)) and number.isdigit() else symbol
            for symbol, number in zip(symbols, numbers, strict=True)
        )

    @functools.cached_property
    def samples(self) -> tuple[str, ...]:
        """Names of the samples as the table writes them."""
        return tuple(self._value_names if self._is_genes_first else self._labels)

    @functools.cached_property
    def patients(self) -> list[str] | None:
        """The column with the patients, if there is one."""
        column = self._layout.patients
        return None if column is None else self._matrix.words([column])[0]

    @property
    def notes(self) -> list[str]:
        """Names of samples that are there twice."""
        if self._layout.repeats:
            return []
        repeated = [name for name, times in Counter(self.samples).items() if times > 1]
        if not repeated:
            return []
        some = ", ".join(repeated[:3]) + (", ..." if len(repeated) > 3 else "")
        return [f"{len(repeated):,} names of samples are there more than once ({some}); the first of each is used"]

    def read(self, features: Sequence[int], samples: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (len(samples), len(features)); NaN where a value is missing."""
        if self._is_genes_first:
            rows = [feature + self._layout.header_rows for feature in features]
            return self._matrix.rows(rows, [self._layout.values[sample] for sample in samples]).T
        return self._matrix.columns([self._layout.values[feature] for feature in features])[list(samples)]

    def totals(self, samples: Sequence[int]) -> NDArray[np.float64]:
        """Return the sum of all features of some samples; walks through the whole table."""
        if self._is_genes_first:
            columns = [self._layout.values[sample] for sample in samples]
            return self._matrix.sums(columns, labels=self._layout.labels, over="rows", skip=self._layout.header_rows)
        genes = [column for column in self._layout.values if not is_technical(self._head.header[column])]
        return self._matrix.sums(genes, labels=self._layout.labels, over="columns")[list(samples)]
