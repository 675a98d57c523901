"""Columns of slide tables by the names that tools give them, and what their cells say.

TRIDENT writes `wsi, mpp`; STAMP `FILENAME, PATIENT`; CLAM, MCAT, HIPT and PORPOISE `slide_id, case_id`, and CLAM's process list
`slide_id, process, status`; Slideflow `slide, patient`; the GDC `File Name, Case ID` and `filename`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cartopath.cohort.cells import is_missing, name_key
from cartopath.cohort.delimited import TextHead
from cartopath.core.errors import TableError

_NAMES = {
    "slide_id": ("slideid", "slide", "slidename", "imageid", "imagename", "image", "wsiid", "wsiname"),
    "path": (
        *("path", "filename", "file", "wsi", "slidepath", "wsipath", "filepath", "fullpath", "imagepath", "svspath", "svs"),
        *("slidefile", "slidefilename", "wsifile", "wsifilename"),
    ),
    "patient_id": (
        *("patientid", "patient", "caseid", "case", "casesubmitterid", "casessubmitterid", "cases0submitterid"),
        *("bcrpatientbarcode", "submitterid", "subjectid", "subject", "participantid"),
    ),
    "mpp": ("mpp", "mppx", "micronsperpixel", "micrometresperpixel", "micrometersperpixel", "umperpixel", "umpx", "umperpx"),
    "site": ("site", "tissuesourcesite", "tss", "center", "centre", "hospital"),
    "exclude": ("exclude", "excluded", "exclusion", "excludereason", "exclusionreason"),
    "include": ("include", "included", "use", "keep"),
    "process": ("process",),
    "status": ("status",),
}
_YES = {"1", "1.0", "true", "yes", "y", "x", "exclude", "excluded", "include", "included", "use", "keep"}
_NO = {"0", "0.0", "false", "no", "n"}
_NOT_PROCESSED = {"", "tbp"}
"""What CLAM's process list says of slides that were never processed; those that were have `process` 0 too."""


@dataclass(frozen=True)
class SlideColumns:
    """Where a table has what there is to say of a slide.

    Attributes:
        table: The table, for messages.
        places: Columns by `slide_id, path, patient_id, mpp, site, exclude, include, process, status`, those that are there.
    """

    table: Path
    places: dict[str, int]

    @classmethod
    def of(cls, head: TextHead) -> SlideColumns:
        """Find the columns of a table.

        Raises:
            TableError: None names slides or files, or a column is there twice.
        """
        keys = [name_key(name) for name in head.header]
        found = {}
        for column, names in _NAMES.items():
            places = [keys.index(name) for name in names if name in keys]
            if places:
                found[column] = places[0]
        twice = {key for key in keys if key and keys.count(key) > 1} & {name for names in _NAMES.values() for name in names}
        if twice:
            raise TableError(f"{head.path}: column {sorted(twice)[0]!r} is there twice; keep one")
        if "slide_id" not in found and "path" not in found:
            only_patients = "it names patients only, as a clinical table does; " if "patient_id" in found else ""
            raise TableError(
                f"{head.path}: names neither slides nor files; {only_patients}call a column slide_id or path "
                f"(found {', '.join(head.header[:6])})"
            )
        return cls(head.path, found)

    def cells(self, row: Sequence[str]) -> dict[str, str]:
        """Return the cells of a row by column, "" where a column or a value is missing."""
        cells = dict.fromkeys(_NAMES, "")
        for name, place in self.places.items():
            cells[name] = "" if is_missing(row[place]) else row[place].strip()
        return cells

    def exclusion(self, cells: dict[str, str]) -> str:
        """Return why a row's slide is left out, "" where it is not: a mark, a reason, or that it is not included.

        Raises:
            TableError: A column for inclusion holds neither yes nor no.
        """
        written = cells["exclude"]
        if written and written.casefold() not in _NO | {"keep"}:
            return "excluded in the slide table" if written.casefold() in _YES else written
        include = cells["include"].casefold()
        if include and include not in _YES | _NO:
            raise TableError(
                f"{self.table}: {cells['include']!r} says neither that a slide is included nor that it is not; write 1 or 0"
            )
        if include in _NO:
            return "not included in the slide table"
        skipped = cells["process"] in ("0", "0.0") and cells["status"].casefold() in _NOT_PROCESSED
        return "process 0 in the slide table" if skipped else ""

    def mpp(self, cells: dict[str, str], name: str) -> float:
        """Return the stated resolution of a row's slide in um per pixel, NaN where there is none; a decimal comma is read as one.

        Raises:
            TableError: It is no number.
        """
        written = cells["mpp"]
        if not written:
            return float("nan")
        try:
            return float(written.replace(",", ".") if written.count(",") == 1 and "." not in written else written)
        except ValueError as error:
            raise TableError(
                f"{self.table}: mpp of {name!r} is {written!r}; write micrometres per pixel such as 0.5, or leave it empty"
            ) from error
