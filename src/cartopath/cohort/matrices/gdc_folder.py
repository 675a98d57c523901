"""A folder of files with one sample each, as `gdc-client` or a portal's archive left it, read as one table [A36].

Of 60,000 genes of a thousand samples only those asked for are kept, read in one pass over the files together with the totals of
counts; miRNAs are few and kept whole.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.barcodes import parse_barcode, patient_of
from cartopath.cohort.gene_names import GeneNames, listed_names
from cartopath.cohort.matrices.gdc_files import FORMATS, GdcFormat, SampleColumn, SampleFileReader, gdc_format, kind_of
from cartopath.cohort.matrices.layout import is_technical
from cartopath.cohort.sample_sheet import SampleSheet, SheetRow, file_keys
from cartopath.core.errors import TableError

_SUFFIXES = (".tsv", ".txt", ".counts", ".gz")
_SHEETS = ("gdc_sample_sheet*", "*sample_sheet*", "*sample-sheet*", "metadata.*.json", "metadata.json")


class GdcFolder:
    """Features and samples of a folder of files; see `FeatureSource`.

    Args:
        folder: The folder.
        format_: The kind of its files; None to recognise it.
        column: The column to read; None for the kind's own choice.
        sheet: Which sample each file is of; an empty one to look for it in the folder and beside it.
        names: Names of mature miRNAs.

    Raises:
        TableError: It holds no such files or several kinds of them, or nothing says which sample they are of.
    """

    orientation = "file-per-sample"

    def __init__(
        self,
        folder: Path,
        *,
        format_: GdcFormat | None = None,
        column: str | None = None,
        sheet: SampleSheet | None = None,
        names: GeneNames | None = None,
    ) -> None:
        self._folder = folder
        self.format, paths = _files(folder, format_)
        self._column, self.measure = self.format.measure(column, folder)
        self._names = listed_names() if names is None else names
        sheet = sheet or _sheet_beside(folder)
        self._rows = _samples(folder, paths, sheet)
        self._paths = list(self._rows)
        self._reader = SampleFileReader(self.format, self._column)
        self._notes = _sheet_notes(paths, self._rows, sheet, self.format)
        self._values: dict[int, NDArray[np.float64]] = {}
        self._totals: NDArray[np.float64] | None = None

    @property
    def samples(self) -> list[str]:
        """Names of the samples, in the order of the files' paths."""
        return [row.sample_id for row in self._rows.values()]

    @property
    def patients(self) -> list[str]:
        """Their patients."""
        return [row.patient_id or patient_of(row.sample_id) for row in self._rows.values()]

    @property
    def sample_types(self) -> list[str]:
        """Their types."""
        return [row.sample_type for row in self._rows.values()]

    @property
    def notes(self) -> list[str]:
        """Files without sample, samples without file, and files with other features than the first."""
        return self._notes

    @functools.cached_property
    def _first(self) -> SampleColumn:
        return self._reader.read(self._paths[0], symbols=True)

    @functools.cached_property
    def features(self) -> tuple[str, ...]:
        """Names of the features: of the first file where files list every gene, of all files for miRNAs."""
        if self.format.is_short:
            return self._whole[0]
        repeated = [name for name, times in Counter(self._first.names).items() if times > 1 and not is_technical(name) and name]
        if repeated:
            raise TableError(
                f"{self._paths[0]}: {len(repeated):,} genes are there twice ({', '.join(repeated[:3])}); fetch it again"
            )
        return self._first.names

    @property
    def aliases(self) -> list[tuple[str, ...]]:
        """The symbols of genes; the accessions of mature miRNAs, bare and behind their precursors."""
        if self.format.is_summed:
            return [self._accessions]
        return [] if self.format.is_short or self._first.symbols is None else [self._first.symbols]

    def read(self, features: Sequence[int], samples: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (len(samples), len(features)); NaN where a file does not list a feature."""
        if self.format.is_short:
            return self._whole[1][np.ix_(samples, features)]
        missing = {feature for feature in features if feature not in self._values}
        if missing:
            self._pass(sorted(missing | set(self._often_asked)))
        return (
            np.column_stack([self._values[feature] for feature in features])[list(samples)]
            if features
            else np.empty((len(samples), 0))
        )

    def totals(self, samples: Sequence[int]) -> NDArray[np.float64]:
        """Return the sum of all features of some samples, reads of no gene left out."""
        if self.format.is_short:
            return np.asarray(np.nansum(self._whole[1], axis=1)[list(samples)])
        if self._totals is None:
            self._pass([])
        assert self._totals is not None
        return self._totals[list(samples)]

    @functools.cached_property
    def _often_asked(self) -> list[int]:
        """Places of the genes that come with cartopath: what is asked for next is mostly among them, and a pass is slow."""
        listed = listed_names().ensembl_ids
        return [place for place, name in enumerate(self.features) if name.split(".")[0] in listed]

    def _pass(self, features: list[int]) -> None:
        """Read some features and the totals of all samples."""
        wanted = [self.features[feature] for feature in features]
        values = np.full((len(self._paths), len(features)), np.nan)
        totals = np.zeros(len(self._paths))
        places: tuple[tuple[str, ...], list[int], NDArray[np.bool_]] = ((), [], np.empty(0, dtype=bool))
        n_other = 0
        for row, path in enumerate(self._paths):
            read = self._reader.read(path)
            if read.names is not places[0]:
                place = {name: index for index, name in enumerate(read.names)}
                counted = np.array([not is_technical(name) and bool(name) for name in read.names], dtype=bool)
                places = (read.names, [place.get(name, -1) for name in wanted], counted)
            n_other += read.names is not self._first.names and read.names != self._first.names
            totals[row] = np.nansum(read.values[places[2]])
            known = [column for column, index in enumerate(places[1]) if index >= 0]
            values[row, known] = read.values[[places[1][column] for column in known]]
        self._totals = totals
        self._values |= {feature: values[:, column] for column, feature in enumerate(features)}
        self._note_others(n_other)

    def _note_others(self, n_other: int) -> None:
        note = f"{n_other:,} of {len(self._paths):,} files list other genes than the first; what they lack is missing"
        if n_other and note not in self._notes:
            self._notes.append(note)

    @functools.cached_property
    def _summed(self) -> list[dict[str, float]]:
        """By sample, the value of every feature that its file lists."""
        found: list[dict[str, float]] = []
        for path in self._paths:
            sums: dict[str, float] = defaultdict(float)
            read = self._reader.read(path)
            for name, value in zip(read.names, read.values.tolist(), strict=True):
                if not self.format.is_summed:
                    if name in sums:
                        raise TableError(f"{path}: {name!r} is there twice; fetch it again")
                    sums[name] = value
                elif name.startswith("mature,"):
                    sums[name.removeprefix("mature,").strip()] += 0.0 if np.isnan(value) else value
            found.append(sums)
        return found

    @functools.cached_property
    def _accessions(self) -> tuple[str, ...]:
        return tuple(sorted({name for sums in self._summed for name in sums}))

    @functools.cached_property
    def _whole(self) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """All features and float64 (n_samples, n_features): 0 for an arm that was not seen, NaN for a precursor not listed."""
        names = (
            self._accessions if self.format.is_summed else tuple(dict.fromkeys(name for sums in self._summed for name in sums))
        )
        absent = 0.0 if self.format.is_summed else np.nan
        values = np.array([[sums.get(name, absent) for name in names] for sums in self._summed]).reshape(len(self._paths), -1)
        if not self.format.is_summed:
            self._note_others(sum(len(sums) != len(names) for sums in self._summed))
            return names, values
        return self._arms(names), values

    def _arms(self, accessions: Iterable[str]) -> tuple[str, ...]:
        """Return the names of mature miRNAs; two accessions of one name keep their accessions."""
        named = {accession: self._names.mature_name(accession) for accession in accessions}
        times = Counter(named.values())
        return tuple(name if times[name] == 1 else accession for accession, name in named.items())


def _files(folder: Path, format_: GdcFormat | None) -> tuple[GdcFormat, list[Path]]:
    """Return the files of the one kind that a folder holds, or of the kind that is stated, by path."""
    by_kind: dict[str, list[Path]] = defaultdict(list)
    for path in _candidates(folder):
        kind = kind_of(path)
        if kind is not None:
            by_kind[kind.name].append(path)
    counts = ", ".join(f"{name}: {len(paths):,} files" for name, paths in sorted(by_kind.items()))
    if format_ is not None:
        if format_.name not in by_kind:
            raise TableError(
                f"{folder}: no files of the format {format_.name} in this folder ({counts or 'nor of any other of the GDC'})"
            )
        return format_, by_kind[format_.name]
    if not by_kind:
        raise TableError(_no_files(folder))
    if len(by_kind) > 1:
        raise TableError(f"{folder}: files of several formats ({counts}); state one of them")
    ((name, paths),) = by_kind.items()
    found = gdc_format(name)
    assert found is not None
    return found, paths


def _candidates(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if (
            path.name.casefold().endswith(_SUFFIXES)
            and not path.name.startswith(".")
            and path.parent.name != "logs"
            and path.is_file()
        ):
            yield path


def _no_files(folder: Path) -> str:
    tables = [
        path.name for path in sorted(folder.iterdir()) if path.name.startswith(("data_mrna", "data_expression", "data_rna"))
    ]
    if tables:
        return f"{folder}: a cBioPortal study; give one of its files, such as {folder / tables[0]}"
    kinds = ", ".join(f"*{format_.marker}*" for format_ in FORMATS)
    return (
        f"{folder}: a folder without files of the GDC with one sample each ({kinds}); give the file of a table, or another folder"
    )


def _sheet_beside(folder: Path) -> SampleSheet:
    for place in (folder, folder.resolve().parent):
        for pattern in _SHEETS:
            found = sorted(path for path in place.glob(pattern) if path.is_file() and not path.name.startswith("."))
            if len(found) > 1:
                raise TableError(
                    f"{place}: {len(found)} sample sheets ({', '.join(path.name for path in found[:4])}); state one of them"
                )
            if found:
                return SampleSheet.of(found[0])
    return SampleSheet({})


def _samples(folder: Path, paths: list[Path], sheet: SampleSheet) -> dict[Path, SheetRow]:
    """Return what is known of every file whose sample is known, from the sheet or from a barcode in its name or its folder's."""
    found: dict[Path, SheetRow] = {}
    for path in paths:
        row = sheet.find(file_keys(path))
        barcode = None if row or sheet else parse_barcode(path.name) or parse_barcode(path.parent.name)
        if barcode and barcode.sample_type:
            row = SheetRow(path.name if parse_barcode(path.name) else path.parent.name, barcode.patient_id, barcode.sample_type)
        if row:
            found[path] = row
    if found:
        return found
    if sheet:
        where = f" {sheet.path}" if sheet.path else ""
        raise TableError(
            f"{folder}: none of its {len(paths):,} files is in the sample sheet{where}; was it made for another download?"
        )
    raise TableError(
        f"{folder}: nothing says which samples its {len(paths):,} files are of (their names are ids). On the portal of the GDC, "
        "with the same files in the cart, take Sample Sheet and put gdc_sample_sheet.*.tsv into the folder, or state its path"
    )


def _sheet_notes(paths: list[Path], rows: dict[Path, SheetRow], sheet: SampleSheet, format_: GdcFormat) -> list[str]:
    notes = []
    without = [path for path in paths if path not in rows]
    if without:
        some = _some(path.name for path in without)
        notes.append(f"{len(without):,} of {len(paths):,} files are not in the sample sheet and left out ({some})")
    present = {name for path in paths for name in file_keys(path)[:2]}
    absent = [
        row.file_name for row in sheet.rows() if format_.marker in row.file_name.casefold() and row.file_name not in present
    ]
    if absent:
        notes.append(f"{len(absent):,} files of the sample sheet are not in the folder ({_some(absent)})")
    repeated = [name for name, times in Counter(row.sample_id for row in rows.values()).items() if times > 1]
    if repeated:
        notes.append(f"{len(repeated):,} samples have several files ({_some(repeated)}); the first of each is used")
    return notes


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (", ..." if len(listed) > 3 else "")
