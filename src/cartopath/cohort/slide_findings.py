"""What can be wrong with a list of slides before any of them is opened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from cartopath.cohort.barcodes import PRIMARY_TUMOUR, sample_type_name
from cartopath.cohort.findings import Finding, counted, examples
from cartopath.cohort.patient_slides import slide_choices
from cartopath.store.hashing import file_identity

POSSIBLE_MPP = (0.05, 20.0)
"""Micrometres per pixel that a slide may have."""

RESOLUTION_TOLERANCE = 0.05
"""Stated resolutions closer than this share of each other count as one."""

_SUBJECT = "slides"


def slide_findings(slides: pd.DataFrame) -> Iterator[Finding]:
    """Yield the findings on a list of slides from `read_slides`."""
    if slides.empty:
        yield Finding("error", "no-slides", _SUBJECT, "no slides: the folder or the table is empty")
        return
    yield from _excluded(slides)
    used = slides[slides["exclude"] == ""]
    if used.empty:
        yield Finding("error", "no-slides", _SUBJECT, f"all {counted(len(slides), 'slide')} are excluded")
        return
    yield from _duplicates(used)
    yield from _files(used)
    yield from _patients(used)
    yield from _resolutions(used)


def _excluded(slides: pd.DataFrame) -> Iterator[Finding]:
    out = slides[slides["exclude"] != ""]
    if len(out):
        reasons = "; ".join(f"{reason}: {n}" for reason, n in out["exclude"].value_counts().head(5).items())
        yield Finding(
            "info", "excluded-slide", _SUBJECT, f"{counted(len(out), 'slide')} excluded: {reasons} {examples(out['slide_id'])}"
        )


def _duplicates(slides: pd.DataFrame) -> Iterator[Finding]:
    twice = slides["slide_id"].value_counts()
    twice = twice[twice > 1].sort_index()
    if len(twice):
        listed = examples(f"{slide} {n} times" for slide, n in twice.items())
        yield Finding(
            "error",
            "duplicate-slide",
            _SUBJECT,
            f"{counted(len(twice), 'slide id is', 'slide ids are')} listed more than once {listed}",
        )
    same = _same_files(slides)
    if same:
        listed = examples(" = ".join(ids) for ids in same)
        yield Finding(
            "error", "duplicate-file", _SUBJECT, f"{counted(len(same), 'file is', 'files are')} listed more than once {listed}"
        )


def _same_files(slides: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the slides that are one file by path, or two files of equal content."""
    by_path: dict[Path, list[str]] = defaultdict(list)
    for slide, written in slides[["slide_id", "path"]].itertuples(index=False):
        if written:
            by_path[Path(written).resolve()].append(slide)
    by_size: dict[int, list[Path]] = defaultdict(list)
    for path in by_path:
        if path.is_file():
            by_size[path.stat().st_size].append(path)
    by_content: dict[str, list[str]] = defaultdict(list)
    for paths in by_size.values():  # Only files of equal size are looked into.
        for path in paths:
            by_content[file_identity(path) if len(paths) > 1 else str(path)].extend(by_path[path])
    missing = [ids for path, ids in by_path.items() if not path.is_file()]
    return sorted(tuple(sorted(ids)) for ids in [*by_content.values(), *missing] if len(ids) > 1)


def _files(slides: pd.DataFrame) -> Iterator[Finding]:
    absent = slides[[not written or not Path(written).exists() for written in slides["path"]]]
    if len(absent):
        yield Finding(
            "error",
            "slide-file-missing",
            _SUBJECT,
            f"{counted(len(absent), 'slide has', 'slides have')} no file {examples(absent['slide_id'])}",
        )


def _patients(slides: pd.DataFrame) -> Iterator[Finding]:
    nameless = slides[slides["patient_id"] == ""]
    if len(nameless):
        message = f"{counted(len(nameless), 'slide has', 'slides have')} no patient {examples(nameless['slide_id'])}"
        message += "; add patient_id to the slide table"
        yield Finding("error", "slide-without-patient", _SUBJECT, message)
    others = slides[~slides["sample_type"].isin(["", PRIMARY_TUMOUR])]
    if len(others):
        types = ", ".join(
            f"{sample_type_name(type_)}: {n}" for type_, n in others["sample_type"].value_counts().sort_index().items()
        )
        message = (
            f"{counted(len(others), 'slide is', 'slides are')} not of a primary tumour: {types} {examples(others['slide_id'])}"
        )
        yield Finding("warning", "non-primary-slide", _SUBJECT, message)
    frozen = slides[slides["kind"].isin(["TS", "MS", "BS"])]
    if len(frozen):
        message = (
            f"{counted(len(frozen), 'slide is a frozen section', 'slides are frozen sections')} {examples(frozen['slide_id'])}"
        )
        yield Finding("warning", "frozen-slide", _SUBJECT, message)
    yield from _standing(slides)


def _standing(slides: pd.DataFrame) -> Iterator[Finding]:
    choices = slide_choices(slides)
    later = choices[choices["reason"].str.startswith("no ")]
    if len(later):
        message = f"{counted(len(later), 'patient has', 'patients have')} no DX1; another slide stands for each "
        message += examples(later["slide_id"])
        yield Finding("warning", "patient-without-dx1", _SUBJECT, message)
    none = choices[choices["slide_id"] == ""]
    if len(none):
        listed = examples(
            f"{patient} {reason.removeprefix('none: ')}"
            for patient, reason in none[["patient_id", "reason"]].itertuples(index=False)
        )
        message = f"{counted(len(none), 'patient has', 'patients have')} no slide that can stand for the primary tumour {listed}"
        yield Finding("warning", "patient-without-usable-slide", _SUBJECT, message)


def _resolutions(slides: pd.DataFrame) -> Iterator[Finding]:
    stated = slides[slides["mpp"].notna()]
    possible = stated["mpp"].between(*POSSIBLE_MPP)
    if not possible.all():
        wrong = stated[~possible]
        listed = examples(f"{slide} {mpp:g}" for slide, mpp in wrong[["slide_id", "mpp"]].itertuples(index=False))
        message = f"{counted(len(wrong), 'stated resolution is', 'stated resolutions are')} outside "
        message += f"{POSSIBLE_MPP[0]:g} to {POSSIBLE_MPP[1]:g} um/px {listed}"
        yield Finding("error", "impossible-mpp", _SUBJECT, message)
    groups = _resolution_groups(sorted(stated["mpp"][possible]))
    if len(groups) > 1:
        listed = ", ".join(f"{group[len(group) // 2]:g} um/px: {len(group)}" for group in groups)
        yield Finding(
            "info", "mixed-resolution", _SUBJECT, f"{len(groups)} stated resolutions ({listed}); tiles are cut by physical size"
        )


def _resolution_groups(ordered: list[float]) -> list[list[float]]:
    groups: list[list[float]] = []
    for mpp in ordered:
        if groups and mpp <= groups[-1][0] * (1 + RESOLUTION_TOLERANCE):
            groups[-1].append(mpp)
        else:
            groups.append([mpp])
    return groups
