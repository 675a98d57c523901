"""Molecular tables: a few genes or miRNAs of every patient, out of a matrix of any size and any known format [F10, F11]."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.cohort.features import FeatureIndex
from cartopath.cohort.gene_names import GeneNames, listed_names, read_gene_names
from cartopath.cohort.matrices.opening import open_source
from cartopath.cohort.matrices.source import FeatureSource
from cartopath.cohort.sample_sheet import SampleSheet, SheetRow
from cartopath.cohort.samples import choose_samples
from cartopath.cohort.spreadsheet_damage import dates_among
from cartopath.core.errors import TableError

Scale = Literal["auto", "as-is", "cpm"]
"""How values are given: as they stand, per million of the sample's total, or `auto`: per million where a whole transcriptome of
counts is recognised. Counts of different samples cannot be compared before that: they follow the depth of sequencing."""

_WHOLE_TRANSCRIPTOME = 5000
"""A table of counts with fewer features says nothing about the depth of sequencing."""


class MolecularTable:
    """A molecular table on disk, read feature by feature. Made by `open_molecular`.

    Attributes:
        path: The file or folder.
        format: Name of its format, such as `pancan-mrna`; see `MATRIX_FORMATS`.
        orientation: `genes-by-samples`, `samples-by-genes`, or `file-per-sample`.
    """

    def __init__(
        self, path: Path, *, format_name: str, source: FeatureSource, sheet: SampleSheet, scale: Scale, names: GeneNames
    ) -> None:
        self.path = path
        self.format = format_name
        self.orientation = source.orientation
        self._scale = scale
        self._source = source
        self._sheet = sheet
        self._names = names

    @functools.cached_property
    def features(self) -> tuple[str, ...]:
        """Names of the genes or miRNAs as the table writes them, in its order."""
        return tuple(self._source.features)

    @functools.cached_property
    def _rows(self) -> list[SheetRow | None]:
        """What the sample sheet says of each sample of a table in one file."""
        return [self._sheet.find([name]) for name in self._source.samples]

    @functools.cached_property
    def samples(self) -> tuple[str, ...]:
        """Names of the samples in the order of the table, through the sample sheet where one was given."""
        return tuple(row.sample_id if row else name for row, name in zip(self._rows, self._source.samples, strict=True))

    @property
    def is_scaled(self) -> bool:
        """Whether `read` gives values per million of the sample's total."""
        if self._scale == "auto":
            measure = self._source.measure
            return measure.unit == "counts" and measure.transform == "none" and len(self.features) >= _WHOLE_TRANSCRIPTOME
        return self._scale == "cpm"

    @property
    def unit(self) -> str:
        """What the values are before the transform: counts, TPM, counts per million, ...; or `unknown unit`."""
        return "counts per million" if self.is_scaled else self._source.measure.unit

    @property
    def transform(self) -> str:
        """What was done to the values that `read` gives: `none`, `log2(x+1)`, `log`, `centred log`, `z-score`, ..."""
        return self._source.measure.transform

    @property
    def unit_source(self) -> Literal["stated", "deduced"]:
        """Whether unit and transform are stated by the format, or deduced from the values."""
        return "deduced" if self._source.measure.is_deduced else "stated"

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd about the table, one sentence each: files without a sample, names that are there twice, damaged names."""
        notes = list(self._source.notes)
        dates = dates_among(self.features)
        if dates:
            notes.append(
                f"{len(dates):,} names of genes are dates ({', '.join(dates[:3])}): a spreadsheet made them of names such as "
                "SEPT2 and MARCH1; take the table from its source again"
            )
        without = [name for name, row in zip(self._source.samples, self._rows, strict=True) if row is None] if self._sheet else []
        if without:
            notes.append(
                f"{len(without):,} of {len(self.samples):,} samples are not in the sample sheet ({', '.join(without[:3])})"
            )
        measure = self._source.measure
        if measure.unit == "counts" and measure.transform.startswith("log"):
            notes.append("logarithms of raw counts follow the depth of sequencing; TPM or FPKM-UQ of the same samples do not")
        return tuple(notes)

    @functools.cached_property
    def totals(self) -> NDArray[np.float64]:
        """Sum of all features of each sample, float64 (n_samples,), in the order of `samples`; walks through the whole table."""
        return self._source.totals(range(len(self.samples)))

    @functools.cached_property
    def choices(self) -> pd.DataFrame:
        """Every sample with its patient, whether it stands for the patient, and why not; see `choose_samples`."""
        patients, types = self._source.patients, self._source.sample_types
        if any(self._rows):
            mine = patients if patients is not None else self.samples
            patients = [row.patient_id if row and row.patient_id else name for row, name in zip(self._rows, mine, strict=True)]
            types = [row.sample_type if row else "" for row in self._rows]
        return choose_samples(self.samples, patients=patients, types=types)

    @property
    def patients(self) -> tuple[str, ...]:
        """The patients that have a sample which counts, sorted."""
        return tuple(sorted(self.choices.loc[self.choices["chosen"], "patient_id"]))

    @functools.cached_property
    def _index(self) -> FeatureIndex:
        return FeatureIndex(self.features, self.path, aliases=self._source.aliases, names=self._names)

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
        chosen = np.flatnonzero(self.choices["chosen"].to_numpy(dtype=bool)).tolist()
        values = self._source.read(wanted, chosen)
        if self.is_scaled:
            totals = self._source.totals(chosen)
            values = values * (1e6 / np.where(totals > 0, totals, np.nan))[:, np.newaxis]
        patients = pd.Index(self.choices["patient_id"].to_numpy()[chosen], name="patient_id")
        return pd.DataFrame(values[:, np.searchsorted(wanted, rows)], index=patients, columns=list(names)).sort_index()


def open_molecular(
    path: Path | str,
    *,
    format: str | None = None,
    sample_sheet: Path | str | Mapping[str, str] | None = None,
    column: str | None = None,
    genes: Path | str | None = None,
    scale: Scale = "auto",
) -> MolecularTable:
    """Open a molecular table: CSV or TSV (plain, gzip or zip), XLSX, Parquet, h5ad, or a folder of files with one sample each.

    Little is read before features or samples are asked for, and a matrix of gigabytes is never held in memory.

    Args:
        path: The file or folder.
        format: Name of its format (`MATRIX_FORMATS`); by default it is recognised by its content.
        sample_sheet: From files or columns (file ids, say) to barcodes or patients, as a table on disk (see `read_sample_sheet`)
            or a mapping. For a folder it is looked for in the folder and beside it.
        column: What to read where a file holds several numbers for a gene and a sample: a column of STAR counts (`tpm_unstranded`
            by default) or of Firehose, a layer of an h5ad.
        genes: A table of gene or miRNA names, see `read_gene_names`.
        scale: `as-is`, `cpm`, or `auto` (per million where the table is a whole transcriptome of counts).

    Raises:
        TableError: It is no table, or its format is neither stated nor recognised.
    """
    path = Path(path)
    names = listed_names() if genes is None else read_gene_names(genes)
    sheet = SampleSheet.of(sample_sheet)
    format_name, source = open_source(path, format=format, column=column, sheet=sheet, names=names)
    if scale == "cpm" and source.measure.transform not in ("none", "unknown"):
        raise TableError(f"{path}: {source.measure.transform} values cannot be given per million; give the counts themselves")
    if source.orientation == "file-per-sample":
        sheet = SampleSheet({})  # It has done its work.
    return MolecularTable(path, format_name=format_name, source=source, sheet=sheet, scale=scale, names=names)
