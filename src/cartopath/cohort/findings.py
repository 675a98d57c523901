"""What `cartopath check` has to say about a cohort: one line per finding, with a code that never changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Severity = Literal["error", "warning", "info"]
_ORDER: dict[str, int] = {"error": 0, "warning": 1, "info": 2}

N_EXAMPLES = 5

FINDING_CODES: dict[str, str] = {
    "assumed-mpp": "slides that state no resolution and take the assumed one",
    "cannot-split": "too few patients to divide as asked",
    "class-too-small": "too few patients of a class in a set to say much",
    "clinical-duplicate-patient": "a patient has several clinical rows that disagree; the primary tumour's was taken",
    "clinical-without-slide": "patients of the clinical table without a slide",
    "duplicate-file": "the same file is listed twice, under whatever names",
    "duplicate-profile": "patients with the same profile in a molecular table: one sample under several names",
    "duplicate-slide": "a slide id is listed twice",
    "empty-class": "a set of a trait has no patient of a class",
    "excluded-slide": "slides that the slide table excludes",
    "exclusion-unknown": "the study file leaves out a slide that is not there",
    "expression-without-slide": "patients of the molecular table without a slide",
    "few-events": "too few events for a survival analysis to find anything",
    "frozen-slide": "frozen sections among the slides",
    "identity-confirmed": "tables bear each other out: the join is right",
    "identity-contradicted": "tables contradict each other about their patients: a suspected identity mix-up",
    "identity-not-contradicted": "tables go together, but less clearly than a right join usually shows",
    "identity-swapped-patients": "patients whose profile is that of another patient in another table",
    "identity-undecided": "tables neither bear each other out nor contradict each other",
    "ids-spelled-differently": "ids that would join if both tables spelled them alike",
    "impossible-mpp": "a stated resolution that no scanner has",
    "mixed-resolution": "slides of different stated resolution",
    "tissue-model-unusable": "a model of tissue types that is not there or cannot be read",
    "network-unusable": "a network that cannot be built, or cannot take tiles of this size",
    "weights-not-cached": "an encoder whose weights have to be fetched before anything is trained",
    "no-events": "nobody in the clinical table had an event",
    "no-patient-in-common": "slides and table share no patient",
    "no-slides": "there is no slide to work on",
    "non-primary-slide": "slides of recurrences, metastases or normal tissue",
    "patient-without-clinical": "patients with slides who are not in the clinical table",
    "patient-without-dx1": "patients without a DX1 slide of the primary tumour; another stands for them",
    "patient-without-expression": "patients with slides who are not in the molecular table",
    "patient-without-usable-slide": "patients none of whose slides can stand for them",
    "setting-without-effect": "a setting of the study file that another one leaves without a use",
    "sex-contradicted": "patients whose sex genes are those of the other sex",
    "slide-file-ambiguous": "slides that could be any of several files",
    "slide-file-incomplete": "slides whose file has another size than the manifest says",
    "slide-file-missing": "slides whose file is not there",
    "slide-of-another-patient": "slides named for another patient than the slide table says",
    "slide-quality": "slides with a flaw that a person should look at: pen, folds, blur, stain, little tissue, ...",
    "slide-unusable": "a slide that cannot be opened, has no resolution, or is too coarse",
    "slide-without-patient": "slides that nobody says a patient of",
    "survival-column-missing": "the clinical table has no column for the time or the status",
    "survival-left-out": "patients whose survival is unknown or unusable",
    "survival-unreadable": "survival times that are no numbers, or rows that disagree",
    "table-note": "what a reader noticed in a table: files left out, names that look mangled, ...",
    "table-read": "what a table was recognised as",
    "table-unreadable": "a table that cannot be read",
    "trait-not-found": "a trait that no table holds",
    "trait-not-labelled": "a trait whose values do not divide the patients",
    "trait-unusable": "a trait that no table holds, or whose values do not divide the patients",
    "trait-without-value": "patients with slides for whom a trait was not measured",
    "unknown-status-word": "a survival status that nobody can interpret",
}
"""Every code and what it means."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a user should know about a cohort.

    Attributes:
        severity: `error` (the study cannot run, or not as asked), `warning` (it can, and the result is affected) or `info`.
        code: One of `FINDING_CODES`.
        subject: What it is about: a table, a trait, the slides.
        message: One sentence with counts and up to five examples.
    """

    severity: Severity
    code: str
    subject: str
    message: str

    def __post_init__(self) -> None:
        if self.code not in FINDING_CODES:
            raise ValueError(f"no finding code {self.code!r}; add it to FINDING_CODES")


def counted(n: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun.

    >>> counted(1, "slide"), counted(2, "patient has", "patients have")
    ('1 slide', '2 patients have')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def examples(items: Iterable[object]) -> str:
    """Return up to five items in brackets, and a sign that there are more.

    >>> examples("ABC"), examples("ABCDEFG")
    ('(A, B, C)', '(A, B, C, D, E, ...)')
    """
    listed = [str(item) for item in items]
    return f"({', '.join(listed[:N_EXAMPLES])}{', ...' if len(listed) > N_EXAMPLES else ''})"


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, errors first, then by code and subject."""
    return sorted(findings, key=lambda finding: (_ORDER[finding.severity], finding.code, finding.subject, finding.message))


def verdict(findings: Sequence[Finding]) -> str:
    """Return one line that says whether the cohort can be used.

    >>> verdict([])
    'ready: nothing to report'
    """
    n = {severity: sum(finding.severity == severity for finding in findings) for severity in _ORDER}
    if n["error"]:
        return f"not ready: {counted(n['error'], 'error')}, {counted(n['warning'], 'warning')}"
    if n["warning"]:
        return f"ready with reservations: {counted(n['warning'], 'warning')}"
    return f"ready: {counted(n['info'], 'note')}" if n["info"] else "ready: nothing to report"


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return findings as a table: `severity, code, subject, message`."""
    rows = [(finding.severity, finding.code, finding.subject, finding.message) for finding in findings]
    return pd.DataFrame(rows, columns=["severity", "code", "subject", "message"])
