"""The arms of a comparison on the same patients, where `cartopath compare` wrote its tables into the study (F53)."""

from __future__ import annotations

from cartopath.report.blocks import Cell, Grid, Paragraph, Section, missing, number_columns, text_columns
from cartopath.report.comparison_performance import figure_cells
from cartopath.report.numbers import count
from cartopath.report.results import StudyResults


def arms_section(results: StudyResults) -> Section | None:
    """Show the table of arms; None where there is no comparison."""
    if not results.has("comparison"):
        return None
    table = results.table("comparison")
    title = "Methods on the same patients"
    if table.problem:
        return Section("comparison", title, (missing("Comparison", table),))
    rows = tuple(
        (
            Cell(row["trait"]),
            Cell(row["study"], row["encoder"] or row["method"]),
            Cell(count(row["n_patients"]), f"{count(row['n_high'])} positive, {count(row['n_low'])} negative"),
            *figure_cells(row, "auroc"),
            *figure_cells(row, "rounds_auroc"),
        )
        for _, row in table.rows.iterrows()
    )
    columns = (
        *text_columns("Trait", "Study"),
        *number_columns("n"),
        *number_columns("value (95 % CI)", "difference (95 % CI)", "p", group="Ensemble: AUROC"),
        *number_columns("value (95 % CI)", "difference (95 % CI)", "p", group="Mean of rounds or folds: AUROC"),
    )
    text = "Methods that were compared on the same splits, labels and patients. Differences are to the first study of a trait."
    grid = Grid("Arms of the comparison.", columns, rows, "comparison.csv", stacked=True)
    return Section("comparison", title, (Paragraph(text), grid))
