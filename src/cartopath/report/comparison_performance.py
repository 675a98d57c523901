"""How well compared methods tell the traits: AUROC and correlation, each with its difference to the first method."""

from __future__ import annotations

import pandas as pd

from cartopath.methods.comparison import Comparison
from cartopath.report.blocks import Block, Cell, Column, Figure, Grid, Paragraph, Picture, Section, number_columns, text_columns
from cartopath.report.numbers import NO_VALUE, count, interval, is_known, number, p_value
from cartopath.report.verdicts import ALPHA, UNDEFINED, Verdict

_NO_DIFFERENCE = Verdict("no difference found", "strong")


def difference_verdict(low: float | None, high: float | None) -> Verdict:
    """Return the verdict of a difference from its interval.

    >>> difference_verdict(0.01, 0.2).text, difference_verdict(-0.3, -0.1).text, difference_verdict(-0.1, 0.1).text
    ('better', 'worse', 'no difference found')
    """
    if low is None or high is None or not is_known(low) or not is_known(high):
        return UNDEFINED
    if low > 0:
        return Verdict("better", "good")
    return Verdict("worse", "bad") if high < 0 else _NO_DIFFERENCE


def signed(value: float | None) -> str:
    """Return a difference with its sign.

    >>> signed(0.041), signed(-0.2), signed(None), signed(0.0)
    ('+0.04', '−0.20', '–', '0.00')
    """
    text = number(value)
    return f"+{text}" if value is not None and is_known(value) and value > 0 and text != "0.00" else text


def comparison_performance(comparison: Comparison) -> Section:
    """Show AUROCs and correlations of every method, each beside the first."""
    text = (
        "AUROC is over test patients with a class, a patient's score being the mean over their slides. The ensemble is what a "
        f"study's maps show; the mean is over the AUROCs of its {comparison.scheme}. Correlations are with the measured value, "
        "over all patients who trained nothing."
    )
    blocks: list[Block] = [Paragraph(text), _figure(comparison)]
    blocks += [_trait_grid(comparison, trait) for trait in comparison.traits]
    blocks.append(_round_grid(comparison))
    return Section("performance", "How well each method tells the traits", tuple(blocks))


def _figure(comparison: Comparison) -> Figure:
    from cartopath.report.figures.comparison import ArmFigures, draw_comparison  # brings matplotlib

    panels = []
    for trait in comparison.traits:
        arms = []
        for _, row in comparison.table[comparison.table["trait"] == trait].iterrows():
            rounds = comparison.rounds
            own = rounds.loc[(rounds["trait"] == trait) & (rounds["study"] == row["study"]), "auroc"].dropna()
            value, low, high, mean = (_known(row[name]) for name in ("auroc", "auroc_low", "auroc_high", "rounds_auroc"))
            arms.append(ArmFigures(row["study"], value, low, high, mean, tuple(own.astype(float))))
        panels.append((trait, arms))
    caption = (
        f"AUROC by trait and method. Dot and bar: the ensemble with its 95 % interval. Strokes below it: every one of the "
        f"{comparison.scheme}; diamond: their mean. Grey line: chance."
    )
    described = "; ".join(f"{trait}: " + ", ".join(f"{arm.name} {number(arm.value)}" for arm in arms) for trait, arms in panels)
    return Figure(Picture(draw_comparison(panels), "image/svg+xml", f"AUROC by method. {described}."), caption, "comparison.csv")


def _known(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and is_known(value) else None


def _trait_grid(comparison: Comparison, trait: str) -> Grid:
    rows = comparison.table[comparison.table["trait"] == trait]
    figures = {"auroc": "Ensemble: AUROC", "rounds_auroc": f"Mean of {comparison.scheme}: AUROC"}
    figures |= {"spearman": "Spearman with measurement"} if rows["spearman"].notna().any() else {}
    columns: list[Column] = list(text_columns("Study"))
    for title in figures.values():
        columns += number_columns("value (95 % CI)", "difference (95 % CI)", "p", group=title)
    cells = tuple(
        (Cell(row["study"]), *(cell for name in figures for cell in figure_cells(row, name))) for _, row in rows.iterrows()
    )
    first = rows.iloc[0]
    notes = [f"AUROC: n = {count(first['n_patients'])} patients, {count(first['n_high'])} high and {count(first['n_low'])} low."]
    if "spearman" in figures:
        notes.append(f"Spearman: n = {count(first['spearman_n'])} patients.")
    caption = f"{trait}: every method on the same patients."
    return Grid(caption, tuple(columns), cells, "comparison.csv", tuple(notes), stacked=True)


def figure_cells(row: pd.Series, name: str) -> tuple[Cell, Cell, Cell]:
    """Return the cells of a figure, of its difference to the first study's, and of the p-value of that."""
    if not is_known(row[name]):
        return Cell("undefined", row[f"{name}_reason"] or "", tone="muted"), Cell(NO_VALUE), Cell(NO_VALUE)
    value = Cell(number(row[name]), interval(row[f"{name}_low"], row[f"{name}_high"]))
    difference = row[f"{name}_difference"]
    if not is_known(difference):
        return value, Cell(NO_VALUE, tone="muted"), Cell(NO_VALUE, tone="muted")
    low, high = row[f"{name}_difference_low"], row[f"{name}_difference_high"]
    p = row[f"{name}_p"]
    tone = difference_verdict(low, high).tone if is_known(p) and p < ALPHA else ""
    return value, Cell(signed(difference), interval(low, high), tone=tone), Cell(p_value(p))


def _round_grid(comparison: Comparison) -> Grid:
    rounds = comparison.rounds
    columns = (*text_columns("Trait", "Study"), *number_columns(comparison.scheme[:-1], "n (high/low)"))
    columns += number_columns("value (95 % CI)", "difference (95 % CI)", "p", group="AUROC")
    rows = tuple(
        (
            Cell(row["trait"]),
            Cell(row["study"]),
            Cell(count(row["round"])),
            Cell(count(row["n_patients"]), f"{count(row['n_high'])}/{count(row['n_low'])}"),
            *figure_cells(row, "auroc"),
        )
        for _, row in rounds.iterrows()
    )
    return Grid(f"AUROC in each of the {comparison.scheme}.", columns, rows, "rounds.csv", folded=True)
