"""Which slide stands for a patient: the DX1 rule [A10, F35], and which slides take part at all.

DX1 of the primary tumour; where there is none, the diagnostic slide of the lowest number, with a warning. Numbers are compared as
numbers and sample types are looked at, so neither DX10 nor the DX1 of a recurrence is taken for it.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from typing import NamedTuple

import pandas as pd

from cartopath.cohort.barcodes import DIAGNOSTIC, PRIMARY_TUMOUR, sample_type_name

_NO_NUMBER = 10**6


class CohortWarning(UserWarning):
    """Something about a cohort that the user should know and that does not stop the work."""


def slide_rules(slides: pd.DataFrame, *, sample_type: str = PRIMARY_TUMOUR, kind: str = DIAGNOSTIC) -> pd.DataFrame:
    """Exclude the slides that a study does not use, each with its reason.

    Args:
        slides: From `read_slides`.
        sample_type: The type of sample that counts. Slides whose names do not say it always count.
        kind: The kind of slide that counts (`DX`; `TS`, `BS`, `MS` for frozen sections). Slides whose names do not say it always
            count.

    Returns:
        The slides with `exclude` filled in: what the table says wins, then no patient, another sample type, another kind.
    """
    rows = slides[["exclude", "patient_id", "sample_type", "kind"]].itertuples(index=False, name=None)
    reasons = [_rule(*row, wanted_type=sample_type, wanted_kind=kind) for row in rows]
    return slides.assign(exclude=reasons)


def _rule(exclude: str, patient: str, type_: str, kind: str, *, wanted_type: str, wanted_kind: str) -> str:
    if exclude:
        return exclude
    if not patient:
        return "no patient"
    if type_ not in ("", wanted_type):
        return f"{sample_type_name(type_)}, not {sample_type_name(wanted_type)}"
    if kind not in ("", wanted_kind):
        return f"{kind} section, not {wanted_kind}"
    return ""


def slide_choices(slides: pd.DataFrame, *, strict: bool = False, kind: str = DIAGNOSTIC) -> pd.DataFrame:
    """Choose the slide that stands for each patient, and say why.

    Args:
        slides: From `read_slides` or `read_manifest`.
        strict: Take DX1 or nothing.
        kind: The kind of slide that counts.

    Returns:
        One row per patient of the list, sorted: `patient_id`, `slide_id` ("" if none), `number` (Int64) and `reason`: `first`,
        `no DX1: ... taken` or `none: ...`. Slides whose names are no barcodes are ordered by name, with numbers as numbers.
    """
    if "exclude" not in slides:
        slides = slides.assign(exclude="")
    ruled = slide_rules(slides, kind=kind)
    by_patient: dict[str, list[_Slide]] = defaultdict(list)
    for patient, *fields in ruled[["patient_id", "slide_id", "kind", "number", "exclude"]].itertuples(index=False, name=None):
        if patient:
            by_patient[patient].append(_Slide(*fields))
    rows = [(patient, *_choose(by_patient[patient], strict=strict, kind=kind)) for patient in sorted(by_patient)]
    frame = pd.DataFrame(rows, columns=["patient_id", "slide_id", "number", "reason"])
    return frame.astype({"number": "Int64"})


class _Slide(NamedTuple):
    slide_id: str
    kind: str
    written_number: object
    exclude: str

    @property
    def number(self) -> int | None:
        return None if pd.isna(self.written_number) else int(str(self.written_number))

    @property
    def rank(self) -> tuple[object, ...]:
        """Order in which slides stand for a patient: barcodes first, by number, then by name."""
        return (self.kind == "", _NO_NUMBER if self.number is None else self.number, _natural(self.slide_id))


def _choose(slides: list[_Slide], *, strict: bool, kind: str) -> tuple[str, int | None, str]:
    usable = [slide for slide in slides if not slide.exclude]
    if not usable:
        return "", None, f"none: {', '.join(sorted({slide.exclude for slide in slides}))}"
    first = min(usable, key=lambda slide: slide.rank)
    if first.kind == "" or first.number == 1:
        return first.slide_id, first.number, "first"
    if strict:
        return "", None, f"none: no {kind}1"
    return first.slide_id, first.number, f"no {kind}1: {first.slide_id} taken"


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name))


def patient_slides(slides: pd.DataFrame, *, strict: bool = False, kind: str = DIAGNOSTIC) -> pd.Series:
    """Return the slide that stands for each patient who has one: `slide_id`, indexed by `patient_id`, sorted.

    Args:
        slides: From `read_slides` or `read_manifest`.
        strict: Take DX1 or nothing.
        kind: The kind of slide that counts.

    Warns:
        CohortWarning: Some patients have no DX1, and another slide stands for them.
    """
    choices = slide_choices(slides, strict=strict, kind=kind)
    others = choices[choices["reason"].str.startswith("no ")]
    if len(others):
        examples = ", ".join(others["slide_id"][:3])
        warnings.warn(
            f"{len(others)} patients have no {kind}1; another slide stands for each ({examples})", CohortWarning, stacklevel=2
        )
    chosen = choices[choices["slide_id"] != ""]
    return chosen.set_index("patient_id")["slide_id"]
