"""Sample sheets: which sample, patient and kind of tissue each file is of, as the portal of the GDC says it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cartopath.cohort.barcodes import parse_barcode, patient_of
from cartopath.cohort.cells import name_key
from cartopath.cohort.delimited import open_binary, read_words
from cartopath.core.errors import TableError

_FILE_KEYS = ("fileid", "filebase", "fileuuid", "filename", "file")
_FILE_NAME_KEYS = ("filename", "file")
_SAMPLE_KEYS = ("sampleid", "sample", "samplebarcode", "sampleids")
_PATIENT_KEYS = ("caseid", "patientid", "case", "patient", "caseids")

_TYPE_CODES = {
    "primarytumor": "01",
    "primary": "01",
    "recurrenttumor": "02",
    "recurrence": "02",
    "primarybloodderivedcancerperipheralblood": "03",
    "recurrentbloodderivedcancerbonemarrow": "04",
    "additionalnewprimary": "05",
    "newprimary": "05",
    "metastatic": "06",
    "metastasis": "06",
    "additionalmetastatic": "07",
    "bloodderivednormal": "10",
    "solidtissuenormal": "11",
    "normal": "11",
    "buccalcellnormal": "12",
    "bonemarrownormal": "14",
}

_MAX_JSON = 256 << 20


@dataclass(frozen=True, slots=True)
class SheetRow:
    """What a sample sheet says of one file.

    Attributes:
        sample_id: Name of the sample.
        patient_id: Its patient; "" where only the sample's name may say it.
        sample_type: Two digits, "" if unknown.
        file_name: Name of the file; "" where only its id is given.
    """

    sample_id: str
    patient_id: str = ""
    sample_type: str = ""
    file_name: str = ""


class SampleSheet:
    """Rows of a sample sheet, found by the id or the name of a file.

    Args:
        rows: By id and by name.
        path: The sheet; None where it was given as a mapping.
    """

    def __init__(self, rows: Mapping[str, SheetRow], path: Path | None = None) -> None:
        self._rows = rows
        self.path = path

    @classmethod
    def of(cls, sheet: Path | str | Mapping[str, str] | None) -> SampleSheet:
        """Return a sheet on disk, or one given as a mapping from names of files or columns to samples.

        Raises:
            TableError: It is no sample sheet.
        """
        if sheet is None:
            return cls({})
        if isinstance(sheet, Mapping):
            return cls({name: SheetRow(sample) for name, sample in sheet.items()})
        table = read_sample_sheet(sheet)
        rows: dict[str, SheetRow] = {}
        for file, sample, patient, type_, name in table.itertuples(index=False):
            row = SheetRow(sample, patient, type_, name)
            for key in filter(None, (file, name)):
                if rows.setdefault(key, row) != row:
                    raise TableError(
                        f"{sheet}: the file {key!r} is of two samples, {rows[key].sample_id} and {sample}; keep one row"
                    )
        return cls(rows, Path(sheet))

    def __bool__(self) -> bool:
        return bool(self._rows)

    def find(self, keys: Sequence[str]) -> SheetRow | None:
        """Return the row of the first of some names that the sheet knows."""
        return next((self._rows[key] for key in keys if key in self._rows), None)

    def rows(self) -> list[SheetRow]:
        """Return every row once."""
        return list(dict.fromkeys(self._rows.values()))


def file_keys(path: Path) -> list[str]:
    """Return what a sample sheet may call a file: its name, with and without `.gz`, its folder, the id its name begins with."""
    name = path.name
    other = name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"
    return [name, other, path.parent.name, name.split(".")[0]]


def read_sample_sheet(path: Path | str) -> pd.DataFrame:
    """Read a table that says which sample a file is of: a sample sheet of the GDC portal, old or new, or its metadata as JSON.

    Returns:
        One row per file: `file` (id or name as written), `sample_id`, `patient_id`, `sample_type` (two digits, "" if unknown) and
        `file_name` ("" where only an id is given).

    Raises:
        TableError: It has no column for the file or none for the sample.
    """
    path = Path(path)
    rows = list(_metadata(path)) if _is_json(path) else list(_sheet(path))
    if not rows:
        raise TableError(f"{path}: a sample sheet without files")
    return pd.DataFrame(rows, columns=["file", "sample_id", "patient_id", "sample_type", "file_name"])


def _sheet(path: Path) -> Iterator[tuple[str, ...]]:
    head, rows = read_words(path)
    keys = [name_key(name) for name in head.header]

    def column(*wanted: str) -> int | None:
        return next((keys.index(key) for key in wanted if key in keys), None)

    file, sample, patient = column(*_FILE_KEYS), column(*_SAMPLE_KEYS), column(*_PATIENT_KEYS)
    if file is None or sample is None:
        raise TableError(
            f"{path}: not a sample sheet: expected columns for the file and the sample, found {', '.join(head.header[:6])}; "
            "on the portal of the GDC it is the button Sample Sheet of the cart"
        )
    name, type_, tissue, descriptor = (
        column(*_FILE_NAME_KEYS),
        column("sampletype"),
        column("tissuetype"),
        column("tumordescriptor"),
    )
    for row in rows:
        words = ["" if index is None else _one(row[index]) for index in (sample, patient, type_, tissue, descriptor, name)]
        yield _row(row[file].strip(), *words)


def _one(word: str) -> str:
    """Return a cell, or what its words separated by commas agree on."""
    words = list(dict.fromkeys(part.strip() for part in word.split(",") if part.strip()))
    return words[0] if len(words) == 1 else word.strip()


def _row(file: str, sample: str, patient: str, type_: str, tissue: str, descriptor: str, name: str) -> tuple[str, ...]:
    barcode = parse_barcode(sample)
    said = tissue if name_key(tissue) == "normal" else type_ or descriptor
    code = barcode.sample_type if barcode and barcode.sample_type else _TYPE_CODES.get(name_key(said), "")
    return (file, sample, patient_of(patient or sample), code, name)


def _is_json(path: Path) -> bool:
    with open_binary(path) as file:
        return file.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{"))


def _metadata(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield the files of the metadata of a cart: `file_id`, `file_name`, and `associated_entities` or `cases`."""
    with open_binary(path) as file:
        content = file.read(_MAX_JSON)
    try:
        records = json.loads(content)
        for record in records:
            entities, cases = record.get("associated_entities") or [{}], record.get("cases") or [{}]
            case = cases[0]
            samples = case.get("samples") or [{}]
            sample = entities[0].get("entity_submitter_id") or samples[0].get("submitter_id") or ""
            if sample:
                patient = case.get("submitter_id") or ""
                yield _row(record["file_id"], sample, patient, samples[0].get("sample_type") or "", "", "", record["file_name"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise TableError(f"{path}: JSON, but not the metadata of a cart of the GDC ({type(error).__name__}: {error})") from error
