"""Slides that are listed twice: one id for several files, or one file under several names."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from cartopath.cohort.findings import Finding, counted, examples
from cartopath.cohort.slide_lists.slide_lookup import is_file
from cartopath.core.locations import as_path, is_remote
from cartopath.store.hashing import file_identity


def duplicate_findings(slides: pd.DataFrame) -> Iterator[Finding]:
    """Yield slide ids and files that a list from `read_slides` has more than once."""
    rows, same, different = _twice(slides)
    if rows:
        message = f"{counted(len(rows), 'slide is', 'slides are')} listed in several rows {examples(rows)}; keep one row of each"
        yield Finding("error", "duplicate-slide", "slides", message)
    if different:
        message = (
            f"{counted(len(different), 'slide id is', 'slide ids are')} listed more than once, for different files "
            f"{examples(different)}; give each its own slide_id in the slide table, or exclude one"
        )
        yield Finding("error", "duplicate-slide", "slides", message)
    if same:
        message = f"{counted(len(same), 'slide is', 'slides are')} listed more than once, with equal files or none"
        yield Finding("warning", "duplicate-slide", "slides", f"{message}; the first is taken {examples(same)}")
    equal = [ids for ids in _same_files(slides) if len(set(ids)) > 1]
    if equal:
        listed = examples(" = ".join(ids) for ids in equal)
        message = f"{counted(len(equal), 'file is', 'files are')} listed under several names {listed}"
        yield Finding("error", "duplicate-file", "slides", message)


def _twice(slides: pd.DataFrame) -> tuple[list[str], list[str], list[str]]:
    """Return the slide ids that are there more than once: with one path, with equal files or none, and with different files."""
    rows, same, different = [], [], []
    repeated = slides[slides["slide_id"].duplicated(keep=False)]
    for slide, group in repeated.groupby("slide_id", sort=True):
        paths = list(dict.fromkeys(as_path(path) for path in group["path"] if path))
        files = [path for path in paths if is_file(path)]
        if len(paths) == 1:
            rows.append(f"{slide} {len(group)} times")
        elif len(files) > 1 and len({_content(path) for path in files}) > 1:
            different.append(f"{slide}: {', '.join(_told_apart(files))}")
        else:
            same.append(f"{slide} {len(group)} times")
    return rows, same, different


def _told_apart(paths: Sequence[Path]) -> list[str]:
    """Return paths below the folder that they share; URLs as they are."""
    if any(is_remote(path) for path in paths):
        return [str(path) for path in paths]
    folder = os.path.commonpath([path.absolute().parent for path in paths])
    return [path.absolute().relative_to(folder).as_posix() for path in paths]


def _same_files(slides: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the slides that are one file by path or URL, or two files of this machine with equal content."""
    by_path: dict[Path, list[str]] = defaultdict(list)
    for slide, written in slides[["slide_id", "path"]].itertuples(index=False):
        if written:
            path = as_path(written)
            by_path[path if is_remote(path) else Path(os.path.realpath(path))].append(slide)
    by_size: dict[int, list[Path]] = defaultdict(list)
    for path in by_path:
        if not is_remote(path) and is_file(path):
            by_size[path.stat().st_size].append(path)
    by_content: dict[str, list[str]] = defaultdict(list)
    for paths in by_size.values():  # Only files of equal size are looked into.
        for path in paths:
            by_content[_content(path) if len(paths) > 1 else str(path)].extend(by_path[path])
    others = [ids for path, ids in by_path.items() if is_remote(path) or not is_file(path)]
    return sorted(tuple(sorted(ids)) for ids in [*by_content.values(), *others] if len(ids) > 1)


def _content(path: Path) -> str:
    """Return a name of a file's content; what cannot be read equals nothing else, and opening it says why."""
    try:
        return file_identity(path)
    except OSError:
        return str(path)
