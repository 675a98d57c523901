"""Predicted against measured values of test patients (Graziani et al. 2022; F66)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cartopath.report.blocks import (
    Block,
    Cell,
    Figure,
    Grid,
    Paragraph,
    Picture,
    Section,
    Tone,
    missing,
    number_columns,
    text_columns,
)
from cartopath.report.numbers import NOT_AVAILABLE, count, interval, is_known, number, p_value
from cartopath.report.results import StudyResults

_MOST_DRAWN = 8
_FEW = 10


def regression_section(results: StudyResults) -> Section | None:
    """Show how well values are predicted; None where no trait was learned by its values."""
    if not results.has("regression"):
        return None
    table, title = results.table("regression"), "Predicted against measured values"
    if table.problem:
        return Section("regression", title, (missing("Predicted values", table),))
    is_folds = results.setting("splits", "scheme") == "folds"
    whose = "the fold that never saw them" if is_folds else "the mean of the rounds that count"
    text = (
        "Heads learned the measured value of every training patient, not only the classes. Every test patient is predicted once, "
        f"as one bag of the tiles of all slides, by {whose}. R² compares with predicting the mean of these patients for "
        "everybody: it is negative where that would have been better."
    )
    ensemble = table.rows[table.rows["model"] == "ensemble"].sort_values("pearson", ascending=False, kind="stable")
    blocks: list[Block] = [Paragraph(text), *_figure(results, ensemble), _grid(ensemble)]
    rounds = table.rows[table.rows["model"] != "ensemble"]
    if len(rounds):
        blocks.append(_rounds(rounds, "fold" if is_folds else "round"))
    return Section("regression", title, tuple(blocks))


def _figure(results: StudyResults, ensemble: pd.DataFrame) -> list[Block]:
    from cartopath.report.figures.attention import PredictedPatients, draw_predicted  # brings matplotlib

    patients = results.table("regression_patients").rows
    panels = []
    for row in ensemble[ensemble["pearson"].notna()].head(_MOST_DRAWN).to_dict("records"):
        own = patients[patients["trait"] == row["trait"]]
        line = (row["slope"], row["intercept"]) if is_known(row["slope"]) else (None, None)
        panels.append(
            PredictedPatients(
                row["trait"],
                row["unit"],
                own["predicted"].to_numpy(float),
                own["measured"].to_numpy(float),
                f"r {number(row['pearson'])}, n = {count(row['n'])}",
                *line,
            )
        )
    if not panels:
        return []
    described = "; ".join(f"{panel.trait} {panel.label}" for panel in panels)
    picture = Picture(draw_predicted(panels), "image/svg+xml", f"Measured against predicted values by trait: {described}.")
    more = f" The best {len(panels)} of {len(ensemble)} traits." if len(ensemble) > len(panels) else ""
    caption = (
        "Test patients: measured against predicted value, in the units that heads learned. On the broken line they are equal; "
        f"the red line is fitted to the points.{more}"
    )
    return [Figure(picture, caption, "regression_patients.csv")]


def _grid(rows: pd.DataFrame) -> Grid:
    columns = (
        *text_columns("Trait"),
        *number_columns("n"),
        *number_columns("r (95 % CI)", "q", "Holm", group="Pearson"),
        *number_columns("ρ (95 % CI)", "q", group="Spearman"),
        *number_columns("R²", "MSE", "slope (95 % CI)"),
    )
    cells = tuple(_row(row) for row in rows.to_dict("records"))
    notes = [
        "q: p-values corrected over traits by Benjamini and Hochberg; Holm: by Holm. A slope below 1 means that predictions "
        "differ more than what is measured."
    ]
    if (rows["n"] < _FEW).any():
        notes.append(f"With fewer than {_FEW} test patients none of these figures says much.")
    caption = "Predicted against measured values of test patients, by the ensemble."
    return Grid(caption, columns, cells, "regression.csv", tuple(notes))


def _row(row: dict[Any, Any]) -> tuple[Cell, ...]:
    first = (Cell(row["trait"], row["unit"]), Cell(count(row["n"])))
    if not is_known(row["pearson"]):
        return (*first, Cell(NOT_AVAILABLE, row["reason"], tone="muted"), *[Cell("")] * 7)
    tone: Tone = "good" if row["pearson"] > 0 and row["pearson_q"] < 0.05 else ""
    return (
        *first,
        Cell(number(row["pearson"]), interval(row["pearson_low"], row["pearson_high"]), tone=tone),
        Cell(p_value(row["pearson_q"])),
        Cell(p_value(row["pearson_holm"])),
        Cell(number(row["spearman"]), interval(row["spearman_low"], row["spearman_high"])),
        Cell(p_value(row["spearman_q"])),
        Cell(number(row["r2"])),
        Cell(number(row["mse"])),
        Cell(number(row["slope"]), interval(row["slope_low"], row["slope_high"])),
    )


def _rounds(rows: pd.DataFrame, noun: str) -> Grid:
    cells = tuple(
        (
            Cell(row["trait"]),
            Cell(str(row["model"]).replace("round_", f"{noun} ")),
            Cell(count(row["n"])),
            Cell(number(row["pearson"]), interval(row["pearson_low"], row["pearson_high"]) or row["reason"]),
            Cell(number(row["spearman"])),
            Cell(number(row["r2"])),
        )
        for row in rows.to_dict("records")
    )
    columns = (*text_columns("Trait", noun.capitalize()), *number_columns("n", "Pearson (95 % CI)", "Spearman", "R²"))
    return Grid(f"The same by {noun}.", columns, cells, "regression.csv", folded=True)
