"""What a demo recovered of its planted truth."""

from __future__ import annotations

from cartopath.report.blocks import Cell, Grid, Paragraph, Section, missing, number_columns, text_columns
from cartopath.report.numbers import counted, short
from cartopath.report.results import StudyResults


def recovery_section(results: StudyResults) -> Section | None:
    """Show what a simulated cohort had planted and what the study recovered; None for a study without planted truth."""
    table = results.table("recovery")
    if table.problem:
        return (
            None
            if "is missing" in table.problem
            else Section("recovery", "Recovery of the planted truth", (missing("Recovery", table),))
        )
    verdicts = {True: Cell("✓ holds", tone="good"), False: Cell("✗ does not hold", tone="bad")}
    rows = tuple(
        (
            Cell(r["quantity"]),
            Cell(r["planted"]),
            Cell(_plain(r["recovered"])),
            Cell(r["goal"]),
            verdicts.get(r["holds"], Cell("undefined", tone="muted")),
        )
        for _, r in table.rows.iterrows()
    )
    columns = (*text_columns("Quantity"), *number_columns("Planted", "Recovered", "Goal"), *text_columns("Verdict"))
    held = int((table.rows["holds"] == True).sum())  # noqa: E712 - missing flags are neither true nor false
    text = (
        "This cohort is simulated: its slides, expression and survival were drawn from a known truth, which "
        "no stage of the study may read."
    )
    grid = Grid(
        f"Planted truth and what the study recovered of it: {held} of {counted(len(rows), 'goal')} hold.",
        columns,
        rows,
        "recovery.csv",
    )
    return Section("recovery", "Recovery of the planted truth", (Paragraph(text), grid))


def _plain(text: str) -> str:
    try:
        return short(float(text))
    except ValueError:
        return text
