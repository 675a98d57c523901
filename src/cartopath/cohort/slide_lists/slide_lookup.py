"""Which file a table means when it names a slide: with or without suffix and folders, written on whatever system."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cartopath.cohort.barcodes import parse_barcode
from cartopath.cohort.slide_lists.slide_files import SLIDE_SUFFIXES, SlideFile, slide_stem
from cartopath.core.locations import as_path, is_remote, is_url

PRESENT, MISSING, AMBIGUOUS = "present", "missing", "several files"
REMOTE = "at a URL"
"""Of a slide that a table gives a URL for; whether it is there is not asked before it is opened."""


@dataclass(frozen=True, slots=True)
class Located:
    """Where a slide of a table is.

    Attributes:
        path: Its file, or "" where there is none or cannot be told which.
        on_disk: `present`, `missing`, `several files` or `at a URL`.
    """

    path: str
    on_disk: str


NOWHERE = Located("", MISSING)


def last_part(written: str) -> str:
    r"""Return the last component of a path as any system writes it.

    >>> last_part(r"D:\slides\A1.svs"), last_part("sub/A1"), last_part("A1")
    ('A1.svs', 'A1', 'A1')
    >>> last_part("https://host/A1.svs?version=2")
    'A1.svs'
    """
    if is_url(written):
        written = re.split(r"[?#]", written, maxsplit=1)[0]
    return PurePosixPath(written.replace("\\", "/")).name


def slide_id_of(name: str) -> str:
    """Return the id of a slide out of its name: its barcode without UUID, or the name without suffix."""
    barcode = parse_barcode(name)
    return barcode.slide_id if barcode and barcode.slide_id else slide_stem(name)


class SlideLookup:
    """The files that a table of slides may mean.

    Args:
        files: From `slide_files`.
        folders: Folders that paths in the table may start from.
    """

    def __init__(self, files: Iterable[SlideFile], folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._by_path = {name: file for file in files for name in (str(file.path), *_series_folder(file))}
        tiers: tuple[dict[str, list[SlideFile]], ...] = tuple(defaultdict(list) for _ in range(4))
        self._full, self._stems, self._ids, self._others = tiers
        for file in files:
            is_slide = not file.exclude
            for name in (file.path.name, *file.names):
                self._full[_key(name)].append(file)
            is_first = is_slide and file.path.suffix.lower() in SLIDE_SUFFIXES
            (self._stems if is_first else self._others)[_key(file.stem)].append(file)
            if is_slide:
                for id_ in {slide_id_of(file.path.name), slide_id_of(file.container)} - {""}:
                    self._ids[_key(id_)].append(file)

    def find(self, written: str) -> Located:
        """Return the file that a cell means: as written, or anywhere below the folder by its name, stem or slide id.

        A URL means what it says.

        Of several files of that name the one that shares most of the written folders is taken.
        """
        if is_url(written):
            path = as_path(written)
            return Located(str(path), REMOTE if is_remote(path) else PRESENT if is_file(path) else MISSING)
        for spelling in dict.fromkeys((written, written.replace("\\", "/"))):
            for folder in self._folders:
                path = folder / spelling
                known = self._by_path.get(str(path))
                if known is not None or is_file(path):
                    return Located(str(path if known is None else known.path), PRESENT)
        parts = PurePosixPath(written.replace("\\", "/")).parts
        name = parts[-1] if parts else ""
        stem = slide_stem(name)
        for tier, key in ((self._full, name), (self._stems, stem), (self._others, stem), (self._ids, slide_id_of(name))):
            candidates = tier.get(_key(key), [])
            if candidates:
                return _best(candidates, parts[:-1])
        return NOWHERE


def _series_folder(file: SlideFile) -> list[str]:
    """Return the folder of a DICOM series that is alone in it."""
    return [str(file.path.parent)] if file.path.parent.name in file.names else []


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name)  # One system writes a letter and its accent as two characters, another as one.


def is_file(path: Path) -> bool:
    """Whether a file is there; false for what can be no name of one."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # Longer than any name, or with a zero byte.
        return False


def _best(candidates: list[SlideFile], folders: tuple[str, ...]) -> Located:
    shared = [_n_shared(file.relative.parts[:-1], folders) for file in candidates]
    best = [file for file, n in zip(candidates, shared, strict=True) if n == max(shared)]
    return Located(str(best[0].path), PRESENT) if len(best) == 1 else Located("", AMBIGUOUS)


def _n_shared(ours: tuple[str, ...], theirs: tuple[str, ...]) -> int:
    """Count the folders that two paths share, from the file upwards."""
    n = 0
    for mine, other in zip(reversed(ours), reversed(theirs), strict=False):
        if mine != other:
            break
        n += 1
    return n
