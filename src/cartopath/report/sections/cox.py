"""Cox models of survival."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cartopath.report.blocks import Block, Cell, Figure, Grid, Picture, Section, missing, number_columns, text_columns
from cartopath.report.figures.survival import draw_hazard_ratios
from cartopath.report.numbers import count, counted, interval, number, p_value
from cartopath.report.results import StudyResults
from cartopath.report.verdicts import p_verdict

ASSOCIATED = "associated with survival"


def cox_section(results: StudyResults) -> Section:
    """Show Cox models."""
    table = results.table("cox")
    title = "Cox models"
    if table.problem:
        return Section("cox", title, (missing("Cox models", table),))
    rows = table.rows
    blocks: list[Block] = [_cox_grid(rows)]
    drawable = rows[(rows["hazard_ratio"] > 0) & (rows["low"] > 0) & (rows["high"] < 1e6)]
    if len(drawable):
        ratios = "; ".join(
            f"{r['covariate']} {number(r['hazard_ratio'])} ({interval(r['low'], r['high'])})" for _, r in drawable.iterrows()
        )
        left_out = len(rows) - len(drawable)
        caption = "Hazard ratios with 95 % confidence intervals; an interval that contains 1 is grey."
        caption += f" {counted(left_out, 'row')} without a finite interval left out." if left_out else ""
        blocks.append(
            Figure(
                Picture(draw_hazard_ratios(drawable), "image/svg+xml", f"Forest plot of hazard ratios: {ratios}."),
                caption,
                "cox.csv",
            )
        )
    return Section("cox", title, tuple(blocks))


def _cox_grid(rows: pd.DataFrame) -> Grid:
    columns = (
        *text_columns("Model", "Covariate"),
        *number_columns("n", "events", "hazard ratio (95 % CI)", "p", "C-index"),
        *text_columns("Result"),
    )
    notes: Sequence[str] = sorted({warning for warning in rows["warning"] if warning})
    return Grid(
        "Cox proportional-hazards models.", columns, tuple(_cox_row(row) for _, row in rows.iterrows()), "cox.csv", tuple(notes)
    )


def _cox_row(row: pd.Series) -> tuple[Cell, ...]:
    return (
        Cell(row["model"]),
        Cell(row["covariate"]),
        Cell(count(row["n"])),
        Cell(count(row["events"])),
        Cell(number(row["hazard_ratio"]), interval(row["low"], row["high"])),
        Cell(p_value(row["p_value"])),
        Cell(number(row["c_index"])),
        p_verdict(row["p_value"], found=ASSOCIATED).cell("see the note" if row["warning"] else ""),
    )
