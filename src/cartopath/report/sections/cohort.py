"""Who is in the study: the flow of slides and patients, resolution and quality of the slides, what the check found."""

from __future__ import annotations

import pandas as pd

from cartopath.report.blocks import (
    Block,
    Cell,
    Figure,
    Flow,
    FlowStep,
    Grid,
    Paragraph,
    Picture,
    Section,
    Tone,
    missing,
    number_columns,
    text_columns,
)
from cartopath.report.figures.cohort import draw_slides
from cartopath.report.numbers import count, counted, interval, is_known, number, short
from cartopath.report.results import StudyResults

MOST_ROWS = 200
"""Longer lists of slides are cut here; the table on disk has them all."""


def cohort_section(results: StudyResults) -> Section:
    """Show how many slides and patients were lost where and why."""
    table = results.table("cohort_flow")
    if table.problem:
        return Section("cohort", "Cohort flow", (missing("Cohort flow", table), *_lost_slides(results)))
    rows = table.rows
    steps = tuple(
        FlowStep(str(row["step"]), _both(row["slides"], row["patients"]), _lost(row), str(row["detail"]))
        for _, row in rows.iterrows()
    )
    blocks: list[Block] = [
        Flow(steps, "Slides and patients that remain after each step, and what each step cost.", "cohort_flow.csv")
    ]
    if not _adds_up(rows):
        text = (
            "The numbers of this flow do not add up: what remains plus what was lost differs from the step "
            "before. Run `cartopath check`."
        )
        blocks.append(Paragraph(text, "remark"))
    return Section("cohort", "Cohort flow", (*blocks, *_lost_slides(results)))


def _both(slides: float, patients: float) -> str:
    return f"{counted(slides, 'slide')}, {counted(patients, 'patient')}"


def _lost(row: pd.Series) -> str:
    parts = [
        counted(row[column], noun)
        for column, noun in (("lost_slides", "slide"), ("lost_patients", "patient"))
        if is_known(row[column]) and row[column] > 0
    ]
    return f"{', '.join(parts)} lost" if parts else ""


def _adds_up(rows: pd.DataFrame) -> bool:
    for column in ("slides", "patients"):
        before = rows[column].shift()
        gap = before - rows[f"lost_{column}"].fillna(0) - rows[column]
        if (gap.dropna().abs() > 0.5).any():
            return False
    return True


def _lost_slides(results: StudyResults) -> list[Block]:
    lost = results.table("slides").rows
    lost = lost[lost["status"].isin(["failed", "excluded"])]
    if lost.empty:
        return []
    lost = lost.sort_values(["status", "slide_id"], ascending=[False, True], kind="stable")
    rows = tuple(
        (Cell(r["slide_id"]), Cell(r["patient_id"]), Cell(r["status"]), Cell(r["reason"] or "no reason recorded"))
        for _, r in lost.head(MOST_ROWS).iterrows()
    )
    more = (f"{len(lost) - MOST_ROWS:,} more in the file.",) if len(lost) > MOST_ROWS else ()
    columns = text_columns("Slide", "Patient", "Status", "Reason")
    return [Grid("Slides that were excluded or failed, and why.", columns, rows, "slides.csv", more)]


def slides_section(results: StudyResults) -> Section:
    """Summarise resolution, tiles and stain of the slides in use."""
    table = results.table("slides")
    used = table.rows[table.rows["status"] == "used"]
    if used.empty:
        return Section("slides", "Slides: resolution and quality", (missing("Slides", table),))
    figure = Figure(
        Picture(
            draw_slides(used),
            "image/svg+xml",
            "Histograms of micrometres per pixel and of tiles kept, and a scatter of haematoxylin against eosin, "
            f"for {len(used)} slides.",
        ),
        "Resolution of the slides, tiles that remained of each, and stain strength in tissue by contributing site.",
        "slides.csv",
    )
    return Section("slides", "Slides: resolution and quality", (_resolution_grid(used), figure, _tiles_grid(used)))


def _resolution_grid(used: pd.DataFrame) -> Grid:
    rows = []
    for (source, backend, why), group in used.groupby(["mpp_source", "backend", "backend_reason"], sort=True):
        mpp = group["mpp"].dropna()
        rows.append(
            (
                Cell(str(source) or "not recorded"),
                Cell(str(backend) or "not recorded", str(why)),
                Cell(count(len(group))),
                Cell(number(mpp.median(), digits=4), interval(mpp.min(), mpp.max(), digits=4)),
            )
        )
    columns = (
        *text_columns("Where the resolution came from", "Reader"),
        *number_columns("Slides", "µm per pixel, median (range)"),
    )
    assumed = int((used["mpp_source"] == "assume_mpp").sum())
    notes = (f"{counted(assumed, 'slide')} did not state a resolution; the study assumed one.",) if assumed else ()
    return Grid("Resolution of the slides in use, in µm per level-0 pixel.", columns, tuple(rows), "slides.csv", notes)


def _tiles_grid(used: pd.DataFrame) -> Grid:
    names = {
        "tiles_grid": "Tiles on the grid",
        "tiles_edge": "lost: over the edge of the slide",
        "tiles_no_tissue": "lost: too little tissue",
        "tiles_flawed": "lost: flaws that the study drops",
        "tiles_unreadable": "lost: cannot be decoded",
        "tiles_background": "lost: background (near-white pixels)",
        "tiles_kept": "Tiles kept",
        "tissue_mm2": "Tissue, mm²",
    }
    rows = []
    for column, title in names.items():
        values = used[column].dropna()
        total = short(float(values.sum())) if column == "tissue_mm2" else count(values.sum())
        cells = (
            [total, *(short(float(v)) for v in (values.median(), values.min(), values.max()))]
            if len(values)
            else ["not recorded", "–", "–", "–"]
        )
        rows.append((Cell(title), *(Cell(text) for text in cells)))
    columns = (*text_columns(""), *number_columns("All slides"), *number_columns("median", "least", "most", group="Per slide"))
    return Grid(f"What became of the tile grid of {counted(len(used), 'slide')}.", columns, tuple(rows), "slides.csv")


_NO_CHECK = (
    "Findings: missing, because no check of this study file and these tables has come to its end (tables/findings.csv). Nothing "
    "follows from that: neither that something is wrong nor that nothing is. `cartopath check` goes on where it was interrupted; "
    "then write this page anew with `cartopath report`."
)


def findings_section(results: StudyResults) -> Section:
    """List what `cartopath check` found."""
    table = results.table("findings")
    title = "Findings of the check"
    if not results.has("findings"):
        return Section("findings", title, (Paragraph(_NO_CHECK, "missing"),))
    if table.problem:
        return Section("findings", title, (missing("Findings", table),))
    order = ["error", "warning", "info"]
    found = table.rows.assign(rank=[order.index(s) if s in order else len(order) for s in table.rows["severity"]])
    found = found.sort_values(["rank", "code", "subject"], kind="stable")
    tones: dict[str, Tone] = {"error": "bad", "warning": "strong"}
    rows = tuple(
        (Cell(r["severity"], tone=tones.get(r["severity"], "muted")), Cell(r["code"]), Cell(r["subject"]), Cell(r["message"]))
        for _, r in found.head(MOST_ROWS).iterrows()
    )
    more = (f"{len(found) - MOST_ROWS:,} more in the file.",) if len(found) > MOST_ROWS else ()
    counts = ", ".join(counted(int((found["severity"] == s).sum()), s if s != "info" else "remark") for s in order)
    grid = Grid(
        f"What the check of the inputs found: {counts}.",
        text_columns("Severity", "Code", "Subject", "Message"),
        rows,
        "findings.csv",
        more,
    )
    return Section("findings", title, (grid,))
