"""Many findings that say the same of different slides or tables, told as one."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable

from cartopath.cohort.findings import N_EXAMPLES, Finding, counted, examples

_PLACE = "\0"


def collapse_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Merge findings of equal severity and code whose messages differ only by what they are about.

    A message is about its subject and about the file it begins with (`/data/A.svs: ...`). Merged ones carry the count and up to
    five examples; all others stay as they are.

    Args:
        findings: In any order.

    Returns:
        The findings, each group in the place of its first.

    >>> reasons = [Finding("error", "slide-unusable", name, f"/data/{name}.svs: the file is empty") for name in "ABC"]
    >>> collapse_findings(reasons)[0].message
    'the file is empty (3 times: A, B, C)'
    """
    groups: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[(finding.severity, finding.code, _said(finding))].append(finding)
    return [_merged(said, group) for (_, _, said), group in groups.items()]


def _said(finding: Finding) -> str:
    """Return a message without what it is about."""
    message = finding.message
    begin, colon, rest = message.partition(": ")
    if colon and _names_file_of(begin, finding.subject):
        message = rest
    if not finding.subject:
        return message
    path = rf"(?:[^\s'\"]*[\\/])?{re.escape(finding.subject)}(?:\.\w+)*"
    return re.sub(rf"(?<!\w){path}(?!\w)", _PLACE, message)


def _names_file_of(begin: str, subject: str) -> bool:
    return "/" in begin or "\\" in begin or (subject != "" and begin.startswith(subject))


def _merged(said: str, group: list[Finding]) -> Finding:
    subjects = sorted({finding.subject for finding in group})
    if len(subjects) == 1:
        return group[0]
    about = " and ".join(subjects) if len(subjects) == 2 else f"{subjects[0]} and {len(subjects) - 1:,} more"
    listed = examples(subjects[: N_EXAMPLES + 1])[1:-1]
    message = f"{said.replace(_PLACE, '...')} ({counted(len(subjects), 'time')}: {listed})"
    return dataclasses.replace(group[0], subject=about, message=message)
