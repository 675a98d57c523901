"""Molecular tables: a few genes or miRNAs of every patient, out of a matrix of any size and any known format [F10, F11]."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.cohort.delimited import read_head
from cartopath.cohort.features import FeatureIndex
from cartopath.cohort.matrices.layout import MatrixHead, MatrixLayout, Orientation, is_technical
from cartopath.cohort.matrices.parquet_matrix import ParquetMatrix, is_parquet
from cartopath.cohort.matrices.registry import matrix_format, recognise_matrix
from cartopath.cohort.matrices.text_matrix import TextMatrix
from cartopath.cohort.samples import choose_samples
from cartopath.core.errors import TableError

Scale = Literal["auto", "as-is", "cpm"]
"""How values are given: as they stand, per million of the sample's total, or `auto`: per million where a whole transcriptome of
counts is recognised. Counts of different samples cannot be compared before that: they follow the depth of sequencing."""

_WHOLE_TRANSCRIPTOME = 5000
"""A table of counts with fewer features says nothing about the depth of sequencing."""


class _Matrix(Protocol):
    def words(self, columns: Sequence[int]) -> list[list[str]]: ...

    def rows(self, rows: Sequence[int], columns: Sequence[int]) -> NDArray[np.float64]: ...

    def columns(self, columns: Sequence[int]) -> NDArray[np.float64]: ...

    def sums(self, columns: Sequence[int], *, labels: int, over: Literal["rows", "columns"]) -> NDArray[np.float64]: ...


class MolecularTable:
    """A molecular table on disk, read feature by feature. Made by `open_molecular`.

    Attributes:
        path: The file.
        format: Name of its format, such as `pancan-mrna`; see `MATRIX_FORMATS`.
        orientation: `genes-by-samples` or `samples-by-genes`.
    """

    def __init__(
        self,
        path: Path,
        *,
        format_name: str,
        head: MatrixHead,
        layout: MatrixLayout,
        matrix: _Matrix,
        sample_names: Mapping[str, str],
        scale: Scale,
    ) -> None:
        self.path = path
        self.format = format_name
        self.orientation: Orientation = layout.orientation
        self._scale = scale
        self._head = head
        self._layout = layout
        self._matrix = matrix
        self._sample_names = sample_names

    @functools.cached_property
    def _labels(self) -> list[str]:
        return self._matrix.words([self._layout.labels])[0]

    @property
    def _value_names(self) -> list[str]:
        return [self._head.header[column] for column in self._layout.values]

    @functools.cached_property
    def features(self) -> tuple[str, ...]:
        """Names of the genes or miRNAs as the table writes them, in its order."""
        return tuple(self._labels if self.orientation == "genes-by-samples" else self._value_names)

    @functools.cached_property
    def samples(self) -> tuple[str, ...]:
        """Names of the samples in the order of the table, through the sample sheet where one was given."""
        names = self._value_names if self.orientation == "genes-by-samples" else self._labels
        return tuple(self._sample_names.get(name, name) for name in names)

    @property
    def is_scaled(self) -> bool:
        """Whether `read` gives values per million of the sample's total."""
        if self._scale == "auto":
            return self._layout.unit == "counts" and len(self.features) >= _WHOLE_TRANSCRIPTOME
        return self._scale == "cpm"

    @property
    def unit(self) -> str:
        """What `read` gives, as the format says it or as the values look: counts, log, centred, counts per million, ..."""
        return "counts per million" if self.is_scaled else self._layout.unit

    @functools.cached_property
    def totals(self) -> NDArray[np.float64]:
        """Sum of all features of each sample, float64 (n_samples,), in the order of `samples`; walks through the whole table."""
        if self.orientation == "genes-by-samples":
            return self._matrix.sums(self._layout.values, labels=self._layout.labels, over="rows")
        genes = [column for column in self._layout.values if not is_technical(self._head.header[column])]
        return self._matrix.sums(genes, labels=self._layout.labels, over="columns")

    @functools.cached_property
    def choices(self) -> pd.DataFrame:
        """Every sample with its patient, whether it stands for the patient, and why not; see `choose_samples`."""
        column = self._layout.patients
        patients = None if column is None else self._matrix.words([column])[0]
        return choose_samples(self.samples, patients=patients)

    @property
    def patients(self) -> tuple[str, ...]:
        """The patients that have a sample which counts, sorted."""
        return tuple(sorted(self.choices.loc[self.choices["chosen"], "patient_id"]))

    @functools.cached_property
    def _index(self) -> FeatureIndex:
        return FeatureIndex(self.features, self.path)

    def find(self, name: str) -> str:
        """Return the feature that `name` means: `MKI67`, `MKI67|4288`, `hsa-miR-17-5p`, `ENSG00000148773`, ...

        Raises:
            TraitError: The table holds none, or several; the message names the closest.
        """
        return self._index.find(name)

    def closest(self, name: str) -> list[str]:
        """Return the features whose names look most like `name`, for messages."""
        return self._index.closest(name)

    def read(self, names: Sequence[str]) -> pd.DataFrame:
        """Read features for all patients, one sample each.

        Args:
            names: Any names that `find` understands.

        Returns:
            float64, one row per patient (index `patient_id`, sorted), one column per name as asked; NaN where a value is missing.

        Raises:
            TraitError: A name is not in the table.
            TableError: A cell is no number.
        """
        place = {feature: row for row, feature in enumerate(self.features)}
        rows = [place[self.find(name)] for name in names]
        wanted = sorted(set(rows))
        chosen = np.flatnonzero(self.choices["chosen"].to_numpy(dtype=bool))
        if self.orientation == "genes-by-samples":
            values = self._matrix.rows(wanted, [self._layout.values[sample] for sample in chosen]).T
        else:
            values = self._matrix.columns([self._layout.values[feature] for feature in wanted])[chosen]
        if self.is_scaled:
            totals = self.totals[chosen]
            values = values * (1e6 / np.where(totals > 0, totals, np.nan))[:, np.newaxis]
        patients = pd.Index(self.choices["patient_id"].to_numpy()[chosen], name="patient_id")
        return pd.DataFrame(values[:, np.searchsorted(wanted, rows)], index=patients, columns=list(names)).sort_index()


def open_molecular(
    path: Path | str, *, format: str | None = None, sample_sheet: Mapping[str, str] | None = None, scale: Scale = "auto"
) -> MolecularTable:
    """Open a molecular table: CSV, TSV (plain, gzip or zip) or Parquet.

    Nothing but its first rows is read before features or samples are asked for, and a matrix of gigabytes is never held in
    memory.

    Args:
        path: The file.
        format: Name of its format (`MATRIX_FORMATS`); by default it is recognised by its content.
        sample_sheet: From names of samples in the table (file ids, say) to barcodes or patients; see `read_sample_sheet`.
        scale: `as-is`, `cpm`, or `auto` (per million where the table is a whole transcriptome of counts).

    Raises:
        TableError: It is no table, or its format is neither stated nor recognised.
    """
    path = Path(path)
    matrix: TextMatrix | ParquetMatrix
    if is_parquet(path):
        matrix = ParquetMatrix(path)
        head = matrix.head()
    else:
        text = read_head(path)
        matrix = TextMatrix(text)
        head = MatrixHead(path, text.header, text.rows, text)
    if not head.rows:
        raise TableError(f"{path}: a header and no rows; the table is empty")
    chosen = recognise_matrix(head) if format is None else matrix_format(format)
    layout = chosen.layout(head)
    return MolecularTable(
        path, format_name=chosen.name, head=head, layout=layout, matrix=matrix, sample_names=sample_sheet or {}, scale=scale
    )
