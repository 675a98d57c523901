"""The check as a whole: what it looks at, in which order, and what it leaves on disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from cartopath.cohort import Finding, collapse_findings, findings_table, sort_findings
from cartopath.store.artifacts import write_csv
from cartopath.study.check.slides import (
    SLIDE_LIST,
    look_at_slides,
    quality_findings,
    read_slide_list,
    resolution_findings,
    slide_verdicts,
)
from cartopath.study.check.tables import clinical_table, column_findings, join_and_trait_findings, molecular_tables
from cartopath.study.identity import identity_findings
from cartopath.study.run import Study, Watcher
from cartopath.study.stages.identity import remember_check
from cartopath.study.stages.quality import write_quality_tables

_FOR_WANT_OF_SLIDES = {"no-slides", "no-events"}


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        findings: Everything, worst first; equal findings of many slides are one.
        slides: One row per listed slide, as in check.csv: `slide_id, patient_id, verdict` (`ok`, `look`, `unusable` or
            `excluded`), `reasons`, `path`, what the slide is, and how good it is.
        flags: Every flaw of every slide with its measure and the limit it passed.
    """

    findings: list[Finding]
    slides: pd.DataFrame
    flags: pd.DataFrame

    @property
    def is_ready(self) -> bool:
        """Whether a run can start. It can without slides that are unusable: a run leaves them out, too, and says so."""
        return not any(finding.severity == "error" and finding.code != "slide-unusable" for finding in self.findings)

    @property
    def n_unusable(self) -> int:
        """How many slides cannot be used."""
        return int((self.slides["verdict"] == "unusable").sum())

    @property
    def opened(self) -> pd.DataFrame:
        """The slides that could be opened."""
        return self.slides[self.slides["verdict"].isin(["ok", "look"])]


def check_cohort(study: Study, *, also: Iterable[Finding] = (), watcher: Watcher | None = None) -> Checked:
    """Check a study's slides and tables, and return what was found.

    Writes check.csv, tables/findings.csv, tables/slide_quality.csv, tables/quality_flags.csv and, for every slide, its quality.
    Slides that were looked at before and have not changed are not looked at again.

    Args:
        study: The study.
        also: What its method has to say.
        watcher: Sees the slides being opened.
    """
    findings: list[Finding] = list(also)
    slides = read_slide_list(study, findings)
    looked_at = look_at_slides(study, slides, watcher)
    measures, flags = write_quality_tables(study.layout, looked_at.opened)
    verdicts = slide_verdicts(study, slides, looked_at, measures, flags)
    findings += looked_at.findings
    findings += resolution_findings(verdicts)
    findings += quality_findings(flags, n_slides=len(looked_at.opened))
    molecular = molecular_tables(study, findings)
    clinical = clinical_table(study, findings)
    findings += join_and_trait_findings(study, slides, molecular, clinical)
    findings += [] if clinical is None else column_findings(study, clinical)
    findings += identity_findings(molecular, clinical)
    if study.config.molecular.trust_join:
        findings = [_trusted(finding) for finding in findings]
    findings = sort_findings(collapse_findings(dict.fromkeys(_said_once(findings))))
    write_csv(findings_table(findings), study.layout.table("findings"))
    write_csv(verdicts, study.layout.check_table)
    remember_check(study)
    return Checked(findings, verdicts, flags)


def _trusted(finding: Finding) -> Finding:
    return dataclasses.replace(finding, severity="warning") if finding.code == "identity-contradicted" else finding


def _said_once(findings: list[Finding]) -> list[Finding]:
    """Leave out what only follows from a list of slides that cannot be read."""
    is_unread = any((found.code, found.subject) == ("table-unreadable", SLIDE_LIST) for found in findings)
    return [found for found in findings if not (is_unread and found.code in _FOR_WANT_OF_SLIDES)]
