"""The genes of a regression: the best ones drawn patient by patient, and a table of all that the page can hold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cartopath.cohort.features import bare_name
from cartopath.methods.regression import Regression
from cartopath.report.blocks import Block, Cell, Figure, Grid, Paragraph, Picture, Section, number_columns, text_columns
from cartopath.report.numbers import count, interval, number, p_value

_FEWEST_DRAWN, _MOST_DRAWN = 4, 8
_SHOWN, _FOLDED = 25, 400


def genes_section(found: Regression) -> Section:
    """Show which genes the first head predicts."""
    genes = found.first.genes.sort_values("pearson", ascending=False, kind="stable", na_position="last")
    blocks: list[Block] = [_points(found, genes), _grid(found, genes.head(_SHOWN), "The best genes")]
    rest = genes.iloc[_SHOWN:]
    if len(rest):
        caption = "The next genes" if len(rest) > _FOLDED else "The other genes"
        blocks.append(_grid(found, rest.head(_FOLDED), caption, folded=True))
    if len(rest) > _FOLDED:
        blocks.append(Paragraph(f"All {count(len(genes))} genes are in `genes.csv`.", "remark"))
    return Section("genes", "Which genes tissue tells", tuple(blocks))


def _points(found: Regression, genes: pd.DataFrame) -> Block:
    from cartopath.report.figures.regression import GenePoints, draw_genes  # brings matplotlib

    panels = []
    n_found = int(((genes["pearson"] > 0) & (genes["pearson_q"] < 0.05)).sum())
    for _, row in genes.dropna(subset=["pearson"]).head(min(max(n_found, _FEWEST_DRAWN), _MOST_DRAWN)).iterrows():
        place = found.expression.values.columns.get_loc(row["gene"])
        predicted, measured = found.first.arm.scores[:, place], found.measured[:, place]
        known = ~(np.isnan(predicted) | np.isnan(measured))
        panels.append(GenePoints(row["gene"], predicted[known], measured[known], f"r {number(row['pearson'])}"))
    if not panels:
        return Paragraph("No gene has a defined correlation: every prediction is the same.", "missing")
    described = ", ".join(f"{panel.name} {panel.label}" for panel in panels)
    picture = Picture(draw_genes(panels), "image/svg+xml", f"Measured against predicted values by gene: {described}.")
    caption = (
        f"The genes that {found.first.arm.name} predicts best: every point is a patient, predicted by models that never saw "
        "them. Both axes are deviations from the mean of the patients that the models learned from. Being the best of "
        f"{count(len(genes))}, they look better here than they would on new patients."
    )
    return Figure(picture, caption, "predictions.parquet")


def _grid(found: Regression, genes: pd.DataFrame, caption: str, *, folded: bool = False) -> Grid:
    has_groups = bool((found.first.genes["group"] != "").any())
    columns = [*text_columns("Gene"), *(text_columns("Group") if has_groups else ())]
    columns += [*number_columns("n"), *number_columns("r (95 % CI)", "q", "Holm", group="Pearson")]
    columns += [*number_columns("ρ", "q", group="Spearman"), *number_columns("R²", "MSE", "slope")]
    columns += [*number_columns("q", group="Shuffled"), *number_columns("r", "q", group=f"Against {found.baseline}")]
    rows = tuple(_row(row, has_groups=has_groups) for _, row in genes.iterrows())
    notes = (
        "R² and mean squared error are of values in deviations from the mean of training patients: an MSE of 1 is as wrong as "
        "that mean. The slope is that of measured on predicted values. Shuffled: against measurements of other patients of the "
        f"fold. Against {found.baseline}: its correlation, and Williams' test of the difference.",
    )
    return Grid(
        f"{caption} of {found.first.arm.name}.", tuple(columns), rows, "genes.csv", () if folded else notes, folded=folded
    )


def _row(row: pd.Series, *, has_groups: bool) -> tuple[Cell, ...]:
    is_found = row["pearson"] > 0 and row["pearson_q"] < 0.05
    group = f"{row['group']} {row['direction']}".strip()
    better = row["beats_baseline"]
    worse = bool(row["difference_q"] < 0.05) and row["difference"] < 0
    return (
        Cell(row["gene"], "" if row["gene"] in (row["feature"], bare_name(row["feature"])) else row["feature"]),
        *((Cell(group),) if has_groups else ()),
        Cell(count(row["n"])),
        Cell(number(row["pearson"]), interval(row["pearson_low"], row["pearson_high"]), tone="good" if is_found else ""),
        Cell(p_value(row["pearson_q"])),
        Cell(p_value(row["pearson_holm"])),
        Cell(number(row["spearman"])),
        Cell(p_value(row["spearman_q"])),
        Cell(number(row["r2"])),
        Cell(number(row["mse"])),
        Cell(number(row["slope"])),
        Cell(p_value(row["permuted_q"])),
        Cell(number(row["baseline_pearson"])),
        Cell(p_value(row["difference_q"]), tone="good" if better else "bad" if worse else ""),
    )
