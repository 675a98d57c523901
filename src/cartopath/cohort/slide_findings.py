"""What can be wrong with a list of slides before any of them is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from cartopath.cohort.barcodes import DIAGNOSTIC, PRIMARY_TUMOUR, parse_barcode, sample_type_name
from cartopath.cohort.findings import Finding, counted, examples
from cartopath.cohort.patient_slides import slide_choices
from cartopath.cohort.slide_lists.duplicate_slides import duplicate_findings
from cartopath.cohort.slide_lists.slide_lookup import AMBIGUOUS, MISSING, last_part

POSSIBLE_MPP = (0.05, 20.0)
"""Micrometres per pixel that a slide may have."""

RESOLUTION_TOLERANCE = 0.05
"""Stated resolutions closer than this share of each other count as one."""

_SUBJECT = "slides"


def slide_findings(slides: pd.DataFrame, *, kind: str = "DX") -> Iterator[Finding]:
    """Yield the findings on a list of slides from `read_slides`.

    Args:
        slides: The list.
        kind: The kind of slide that counts, where barcodes say it.
    """
    if slides.empty:
        yield Finding("error", "no-slides", _SUBJECT, "no slides: the folder or the table is empty")
        return
    yield from _excluded(slides)
    used = slides[slides["exclude"] == ""]
    if used.empty:
        yield Finding("error", "no-slides", _SUBJECT, f"all {counted(len(slides), 'slide')} are excluded")
        return
    yield from duplicate_findings(used)
    yield from _files(used)
    yield from _patients(used, kind)
    yield from _resolutions(used)


def _excluded(slides: pd.DataFrame) -> Iterator[Finding]:
    """Yield the excluded slides by reason; what a reason says in brackets at its end is about one slide."""
    out = slides[slides["exclude"] != ""]
    if len(out):
        counts = out["exclude"].map(lambda reason: re.sub(r" \(.*\)$", "", reason, flags=re.DOTALL)).value_counts()
        reasons = "; ".join(f"{reason}: {n}" for reason, n in counts.head(5).items())
        reasons += f"; and {len(counts) - 5} more reasons" if len(counts) > 5 else ""
        message = f"{counted(len(out), 'slide')} excluded: {reasons} {examples(out['slide_id'])}"
        yield Finding("info", "excluded-slide", _SUBJECT, message)


def _files(slides: pd.DataFrame) -> Iterator[Finding]:
    on_disk = slides["on_disk"] if "on_disk" in slides else pd.Series(MISSING, index=slides.index)  # A manifest by itself.
    several = slides[on_disk == AMBIGUOUS]
    if len(several):
        message = (
            f"{counted(len(several), 'slide could be', 'slides could be')} any of several files {examples(several['slide_id'])}; "
            "write the path below the folder in the slide table"
        )
        yield Finding("error", "slide-file-ambiguous", _SUBJECT, message)
    yield from _missing(slides[on_disk == MISSING], n_slides=len(slides))
    cut = slides[on_disk == "incomplete"]
    if len(cut):
        message = (
            f"{counted(len(cut), 'slide differs', 'slides differ')} in size from what the manifest says, or "
            f"{'its download' if len(cut) == 1 else 'their download'} was not finished {examples(cut['slide_id'])}; fetch again"
        )
        yield Finding("warning", "slide-file-incomplete", _SUBJECT, message)


def _missing(absent: pd.DataFrame, *, n_slides: int) -> Iterator[Finding]:
    """Yield the slides without a file: errors where a table writes a path, or where no slide has a file."""
    stated = absent[absent["path"] != ""]
    if len(stated):
        message = f"{counted(len(stated), 'slide has', 'slides have')} no file {examples(stated['slide_id'])}"
        yield Finding("error", "slide-file-missing", _SUBJECT, f"{message}; expected {stated['path'].iloc[0]}")
    unknown = absent[absent["path"] == ""]
    if len(unknown):
        lost = len(unknown) == n_slides
        message = f"{len(unknown):,} of {counted(n_slides, 'listed slide')} not found on disk {examples(unknown['slide_id'])}; "
        message += "check slides.dir" if lost else "the others are used"
        yield Finding("error" if lost else "warning", "slide-file-missing", _SUBJECT, message)


def _patients(slides: pd.DataFrame, kind: str) -> Iterator[Finding]:
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
    yield from _mixed_up(slides)
    yield from _frozen(slides)
    yield from _standing(slides, kind)


def _mixed_up(slides: pd.DataFrame) -> Iterator[Finding]:
    """Yield the slides whose name is the barcode of another patient than the table says."""
    wrong = []
    for slide, path, patient in slides[["slide_id", "path", "patient_id"]].itertuples(index=False, name=None):
        barcode = parse_barcode(slide) or parse_barcode(last_part(path))
        if barcode and parse_barcode(patient) and barcode.patient_id != patient:
            wrong.append(f"{slide} of {patient}")
    if wrong:
        message = (
            f"suspected identity mix-up. {counted(len(wrong), 'slide is', 'slides are')} named for another patient than the "
        )
        yield Finding("error", "slide-of-another-patient", _SUBJECT, f"{message}slide table says {examples(wrong)}")


def _frozen(slides: pd.DataFrame) -> Iterator[Finding]:
    """Yield how many slides are frozen sections and how many diagnostic ones."""
    frozen = slides[slides["kind"].isin(["TS", "MS", "BS"])]
    if frozen.empty:
        return
    kinds = ", ".join(f"{kind}: {n}" for kind, n in frozen["kind"].value_counts().sort_index().items())
    n_diagnostic = int((slides["kind"] == DIAGNOSTIC).sum())
    message = f"{counted(len(frozen), 'slide is a frozen section', 'slides are frozen sections')} ({kinds}) and "
    message += f"{counted(n_diagnostic, 'is', 'are')} diagnostic (DX); one kind takes part, slides.kind says which "
    yield Finding("warning", "frozen-slide", _SUBJECT, message + examples(frozen["slide_id"]))


def _standing(slides: pd.DataFrame, kind: str) -> Iterator[Finding]:
    choices = slide_choices(slides, kind=kind)
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
