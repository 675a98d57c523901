"""The map of a tissue array: which core and whose tissue lies at each place of the grid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cartopath.cohort.cells import is_missing, name_key
from cartopath.cohort.delimited import read_words
from cartopath.core.errors import TableError

Place = tuple[int, int]
Layout = dict[Place, tuple[str, str]]
"""Name of core and patient by (row, col), counted from 0; a core of no patient, such as a control, has the patient ""."""

_ROWS, _COLS = ("row",), ("col", "column")
_PLACES = ("core", "position", "place", "core_position", "tma_core")
_PATIENTS = ("patient_id", "patient", "case_id", "case", "patientid", "caseid")
_NAMES = ("core_id", "piece_id", "sample_id", "sample")
_ARRAYS = ("slide_id", "slide", "array", "block")
_PLACE = re.compile(r"([A-Za-z]+)\s*[-_]?\s*0*(\d+)")


def place_name(place: Place) -> str:
    """Return how a place is called: rows are letters, columns are numbers.

    >>> place_name((0, 0)), place_name((1, 11)), place_name((26, 0))
    ('A1', 'B12', 'AA1')
    """
    row, col = place
    letters = ""
    while row >= 0:
        letters, row = chr(ord("A") + row % 26) + letters, row // 26 - 1
    return f"{letters}{col + 1}"


def parse_place(name: str) -> Place | None:
    """Return the place that a name means, None where it means none.

    >>> parse_place("A1"), parse_place("B-12"), parse_place("AA01"), parse_place("17")
    ((0, 0), (1, 11), (26, 0), None)
    """
    match = _PLACE.fullmatch(name.strip())
    if match is None or int(match[2]) < 1:
        return None
    row = 0
    for letter in match[1].upper():
        row = 26 * row + ord(letter) - ord("A") + 1
    return row - 1, int(match[2]) - 1


def nameless_layout(n_rows: int, n_cols: int) -> Layout:
    """Return the map of an array of which nothing is known: every core is a patient of its own, called by its place."""
    places = [(row, col) for row in range(n_rows) for col in range(n_cols)]
    return {place: (place_name(place), place_name(place)) for place in places}


@dataclass(frozen=True)
class CoreMap:
    """What a table says of the cores of one array or of several.

    Attributes:
        path: The table.
        layouts: By the name of the array; under "" where the table names no arrays, for all of them.
    """

    path: Path
    layouts: Mapping[str, Layout]

    def of(self, array: str) -> Layout:
        """Return the map of an array.

        Raises:
            TableError: The table names arrays, but not this one.
        """
        if "" in self.layouts:
            return self.layouts[""]
        if array not in self.layouts:
            raise TableError(f"{self.path}: no row for the array {array!r}; it names {', '.join(sorted(self.layouts)[:6])}")
        return self.layouts[array]


def read_core_map(path: Path | str) -> CoreMap:
    """Read the map of an array: CSV, TSV or XLSX with a row per core.

    The place is in the columns `row` and `col`, counted from 0 or 1, or in `core` (or `position`) as `A1`, `B-12`: rows are
    letters. `patient_id` says whose core it is; empty for a control. `core_id` may name the core, `slide_id` its array.

    Raises:
        TableError: A column is missing, or a place means nothing, or two cores lie at one place.
    """
    head, rows = read_words(Path(path))
    columns = _Columns(Path(path), [name_key(name) for name in head.header])
    found: dict[str, Layout] = {}
    for number, row in enumerate(rows, start=1):
        place, patient = columns.place(row, number), columns.cell(row, _PATIENTS)
        core = columns.cell(row, _NAMES)
        layout = found.setdefault(columns.cell(row, _ARRAYS), {})
        if layout.setdefault(place, (core, patient)) != (core, patient):
            raise TableError(
                f"{path}: row {number}: two cores at {place_name(place)}: {layout[place]} and {(core, patient)}; if these are "
                f"different arrays, name them in a column slide_id"
            )
    if not found:
        raise TableError(f"{path}: no row of a core")
    return CoreMap(Path(path), {array: _named(layout, from_first=columns.has_numbers) for array, layout in found.items()})


def _named(layout: Layout, *, from_first: bool) -> Layout:
    """Name the cores that have no name after their place; where rows and columns are numbers, count them from the first."""
    first = [min(place[axis] for place in layout) if from_first else 0 for axis in (0, 1)]
    moved = {(row - first[0], col - first[1]): cell for (row, col), cell in layout.items()}
    return {place: (core or place_name(place), patient) for place, (core, patient) in moved.items()}


class _Columns:
    """Where a table of cores has what there is to say of one."""

    def __init__(self, path: Path, keys: list[str]) -> None:
        self._path, self._keys = path, keys
        self.has_numbers = self._column(_ROWS) is not None and self._column(_COLS) is not None
        if not self.has_numbers and self._column(_PLACES) is None:
            raise TableError(f"{path}: does not say where cores lie; give columns row and col, or core with names such as A1")
        if self._column(_PATIENTS) is None:
            raise TableError(f"{path}: does not say whose cores these are; give a column patient_id")

    def _column(self, names: Sequence[str]) -> int | None:
        keys = [name_key(name) for name in names]
        return next((self._keys.index(key) for key in keys if key in self._keys), None)

    def cell(self, row: Sequence[str], names: Sequence[str]) -> str:
        column = self._column(names)
        return "" if column is None or is_missing(row[column]) else row[column].strip()

    def place(self, row: Sequence[str], number: int) -> Place:
        if self.has_numbers:
            try:
                return int(self.cell(row, _ROWS)), int(self.cell(row, _COLS))
            except ValueError as error:
                raise TableError(f"{self._path}: row {number}: row and col must be whole numbers") from error
        place = parse_place(self.cell(row, _PLACES))
        if place is None:
            raise TableError(
                f"{self._path}: row {number}: {self.cell(row, _PLACES)!r} is no place such as A1; or give columns row and col"
            )
        return place
