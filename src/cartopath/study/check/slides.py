"""The slides of a check: which there are, what looking at them gave, and a verdict for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from cartopath.cohort import Finding
from cartopath.cohort.slide_lists.slide_table import SLIDE_COLUMNS
from cartopath.core.errors import CartopathError
from cartopath.core.locations import as_path
from cartopath.study.executors import make_executor
from cartopath.study.inputs import listed_slides, slide_identities, unknown_exclusions
from cartopath.study.run import Silent, Stage, Study, Watcher, run_tasks
from cartopath.study.stages.cohort import exclusions
from cartopath.study.stages.quality import quality_task

MIXED_MPP = 1.5
"""Slides whose resolutions differ by more than this factor are pointed out."""

SLIDE_LIST = "slides"
"""Subject of findings on the list of slides as a whole."""

_LISTED = ("path", "on_disk", "site", "sample_type", "kind", "number")


@dataclass(frozen=True)
class LookedAt:
    """What became of looking at the slides.

    Attributes:
        opened: Names of those that opened.
        failed: Why the others did not, by name.
    """

    opened: list[str]
    failed: dict[str, str]

    @property
    def findings(self) -> list[Finding]:
        """The same as findings."""
        findings = [Finding("error", "slide-unusable", name, reason) for name, reason in self.failed.items()]
        if self.failed and not self.opened:
            findings.append(Finding("error", "no-slides", SLIDE_LIST, "none of the slides can be opened"))
        return findings


def read_slide_list(study: Study, findings: list[Finding]) -> pd.DataFrame:
    """Return the slides of the study; a folder or table that cannot be read is a finding, and there are none."""
    try:
        slides = listed_slides(study)
    except CartopathError as error:
        findings.append(Finding("error", "table-unreadable", SLIDE_LIST, str(error)))
        return pd.DataFrame({column: pd.Series(dtype=object) for column in SLIDE_COLUMNS})
    for name in unknown_exclusions(study, slides):
        message = f"no slide {name!r} among {len(slides):,}; check its name, or remove the line"
        findings.append(Finding("error", "exclusion-unknown", "slides.exclude", message))
    return slides


def look_at_slides(study: Study, slides: pd.DataFrame, watcher: Watcher | None) -> LookedAt:
    """Look at every slide that the list does not exclude, in worker processes; one that cannot be opened is a finding."""
    watcher = watcher or Silent()
    listed = slides[(slides["exclude"] == "") & (slides["path"] != "")].drop_duplicates("slide_id")
    identities = slide_identities([as_path(path) for path in listed["path"]])
    tasks = [
        quality_task(
            study,
            str(row["slide_id"]),
            as_path(row["path"]),
            stated_mpp=None if pd.isna(row["mpp"]) else float(row["mpp"]),
            identity=identity,
        )
        for row, identity in zip(listed.to_dict("records"), identities, strict=True)
    ]
    stage = Stage("quality", lambda _: tasks, "open every slide and look at its quality")
    with make_executor(study.config.compute, watcher.news) as executor:
        summary = run_tasks(stage, tasks, study.layout, executor, watcher)
    failed = {outcome.task.name: (outcome.reason.splitlines() or ["no reason given"])[0] for outcome in summary.failed}
    return LookedAt([task.name for task in tasks if task.name not in failed], failed)


def slide_verdicts(
    study: Study, slides: pd.DataFrame, looked_at: LookedAt, measures: pd.DataFrame, flags: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per listed slide, as in check.csv.

    Args:
        study: The study.
        slides: From `read_slide_list`.
        looked_at: What became of them.
        measures: From `write_quality_tables`, as are the flags.
        flags: Their flaws.
    """
    reasons = _left_out(study, slides)
    flaws = flags.groupby("slide_id")["message"].agg("; ".join) if len(flags) else pd.Series(dtype=object)
    opened, rows = set(looked_at.opened), []
    for row, excluded in zip(slides.to_dict("records"), reasons, strict=True):
        name = str(row["slide_id"])
        if name in looked_at.failed and not row["exclude"]:
            verdict, why = "unusable", looked_at.failed[name]
        elif excluded:
            verdict, why = "excluded", excluded
        else:
            verdict, why = ("look", str(flaws[name])) if name in flaws.index else ("ok", "")
        listed = {column: row[column] for column in _LISTED}
        picture = study.layout.quality_picture(name).relative_to(study.layout.root).as_posix() if name in opened else ""
        judged = {"slide_id": name, "patient_id": row["patient_id"], "verdict": verdict, "reasons": why}
        rows.append({**judged, **listed, "picture": picture})
    verdicts = pd.DataFrame(rows, columns=["slide_id", "patient_id", "verdict", "reasons", *_LISTED, "picture"])
    return verdicts.merge(measures, on="slide_id", how="left")


def _left_out(study: Study, slides: pd.DataFrame) -> list[str]:
    """Return why each slide takes no part in the study; where there are no patients to ask about, only what the list says."""
    if slides.empty or study.config.traits:
        return exclusions(slides, study.config.slides.kind) if len(slides) else []
    return [str(row["exclude"]) or ("" if row["path"] else "no such file") for row in slides.to_dict("records")]


def resolution_findings(verdicts: pd.DataFrame) -> Iterator[Finding]:
    """Yield what the resolutions of the opened slides say together."""
    opened = verdicts[verdicts["mpp"].notna()]
    if opened.empty:
        return
    low, high = opened["mpp"].min(), opened["mpp"].max()
    if high > MIXED_MPP * low and (opened["mpp_source"] != "table").any():  # Stated ones are spoken of in the slide list.
        message = f"slides of {low:.4g} to {high:.4g} um per pixel; tiles are cut by physical size, so this is fine if it is true"
        yield Finding("info", "mixed-resolution", SLIDE_LIST, message)
    n_assumed = int((opened["mpp_source"] == "assume_mpp").sum())
    if n_assumed:
        states = "slide states no resolution and takes" if n_assumed == 1 else "slides state no resolution and take"
        message = f"{n_assumed} {states} slides.assume_mpp"
        yield Finding("warning", "assumed-mpp", SLIDE_LIST, message)


def quality_findings(flags: pd.DataFrame, *, n_slides: int) -> Iterator[Finding]:
    """Yield one finding per kind of flaw, the slides with most of it first."""
    for flag, found in flags.groupby("flag", sort=True):
        names = list(dict.fromkeys(found["slide_id"]))
        others = ", ".join(names[1:6]) + (", ..." if len(names) > 6 else "")
        message = f"{len(names):,} of {n_slides:,} slides; {names[0]}: {found.iloc[0]['message']}"
        message += f"; also {others}" if others else ""
        yield Finding("warning", "slide-quality", str(flag), message)
