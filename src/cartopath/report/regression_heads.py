"""Heads and baselines of a regression beside each other, on the same folds, and whether their values mean what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cartopath.methods.regression import Regression
from cartopath.report.blocks import Block, Cell, Figure, Grid, Paragraph, Picture, Section, number_columns, text_columns
from cartopath.report.comparison_performance import difference_verdict, signed
from cartopath.report.numbers import NO_VALUE, count, interval, is_known, number, p_value
from cartopath.report.verdicts import ALPHA


def heads_section(found: Regression) -> Section:
    """Show every head and baseline on the same patients and folds."""
    text = (
        "Heads and baselines predict the same patients in the same folds. Differences are over all genes: the median of each "
        "gene's difference of r, with an interval and p-value of a bootstrap that draws patients with all their genes. Where a "
        "head is no better than ridge regression on the mean features, looking at single tiles has added nothing."
    )
    blocks: list[Block] = [Paragraph(text), _grid(found), _ranked(found), _calibration(found)]
    return Section("heads", "Heads and baselines on the same folds", tuple(blocks))


def _grid(found: Regression) -> Grid:
    has_others = (found.arms["kind"] == "head").sum() > 1
    columns = [*text_columns("Predicted by"), *number_columns("r", "ρ", "R²", group="Median over genes")]
    columns += [*number_columns("r > 0.3", "q < 0.05", "Holm", "beat shuffled", f"beat {found.baseline}", group="Genes")]
    columns += [*number_columns("difference (95 % CI)", "p", group=f"Against {found.baseline}")]
    if has_others:
        columns += [*number_columns("difference (95 % CI)", "p", group=f"Against {found.first.arm.name}")]
    rows = tuple(_row(row, has_others=has_others) for _, row in found.arms.iterrows())
    note = (
        "Genes count where r is positive. Beat shuffled: better than measurements of other patients, q < 0.05; where "
        f"measurements are shuffled, {number(found.arms.iloc[0]['permuted_median'], digits=0)} genes (median) are found."
    )
    return Grid("Heads and baselines.", tuple(columns), rows, "arms.csv", (note,), stacked=True)


def _row(row: pd.Series, *, has_others: bool) -> tuple[Cell, ...]:
    return (
        Cell(row["arm"], "baseline" if row["kind"] == "baseline" else ""),
        *(Cell(number(row[name])) for name in ("median_pearson", "median_spearman", "median_r2")),
        *(Cell(count(row[name])) for name in ("n_above_03", "n_bh", "n_holm", "n_beat_permuted", "n_beat_baseline")),
        *_difference(row, "baseline"),
        *(_difference(row, "first") if has_others else ()),
    )


def _difference(row: pd.Series, name: str) -> tuple[Cell, Cell]:
    value = row.get(f"{name}_difference")
    if not is_known(value):
        return Cell(NO_VALUE, tone="muted"), Cell(NO_VALUE, tone="muted")
    low, high, p = (row[f"{name}_difference_{end}"] for end in ("low", "high", "p"))
    tone = difference_verdict(low, high).tone if is_known(p) and p < ALPHA else ""
    return Cell(signed(value), interval(low, high), tone=tone), Cell(p_value(p))


def _ranked(found: Regression) -> Figure:
    from cartopath.report.figures.regression import Beside, Ranked, draw_ranked  # brings matplotlib

    arms = [Ranked(one.arm.name, one.genes["pearson"].to_numpy(float)) for one in found.judged]
    if found.control is not None:
        arms.append(Ranked("trained on shuffled patients", found.control.metrics.pearson, is_nothing=True))
    first = found.first.genes
    beside = Beside(
        first["baseline_pearson"].to_numpy(float),
        first["pearson"].to_numpy(float),
        first["beats_baseline"].to_numpy(bool),
    )
    drawn = draw_ranked(arms, first=found.first.arm.name, baseline=found.baseline, beside=beside)
    described = ", ".join(
        f"{arm.name} {number(float(np.nanmedian(arm.values)))}" for arm in arms if not np.isnan(arm.values).all()
    )
    caption = (
        "Left: share of genes that reach a correlation, by head and baseline; what was trained on shuffled patients shows "
        f"chance. Right: every gene by {found.baseline} and by {found.first.arm.name}."
    )
    return Figure(
        Picture(drawn, "image/svg+xml", f"Correlations of genes. Medians: {described}."), caption, "genes.csv, control.csv"
    )


def _calibration(found: Regression) -> Block:
    from cartopath.report.figures.regression import Calibrated, draw_calibration  # brings matplotlib

    panels, words = [], []
    for one in found.judged:
        own = one.calibration
        if own is None:
            continue
        slope, intercept = own.slope.value, own.intercept.value
        panels.append(Calibrated(one.arm.name, own.predicted, own.measured, own.low, own.high, slope, intercept))
        between = interval(own.slope.low, own.slope.high)
        words.append(f"{one.arm.name} {number(slope)}" + (f" ({between})" if between else ""))
    if not panels:
        return Paragraph("Calibration: nothing to show, since nothing was predicted.", "missing")
    caption = (
        "Calibration over all genes: measured against predicted values in ten bins of equal size, in deviations from the mean of "
        f"training patients, with 95 % intervals of a bootstrap of patients. Slopes: {'; '.join(words)}. Below 1, predictions "
        "differ more between patients than what is measured does; on the grey line both are equal."
    )
    return Figure(
        Picture(draw_calibration(panels), "image/svg+xml", f"Calibration. Slopes: {'; '.join(words)}."), caption, "arms.csv"
    )
