"""How measured values became classes, and how patients were divided."""

from __future__ import annotations

import pandas as pd

from cartopath.report.blocks import Cell, Grid, Paragraph, Section, missing, number_columns, text_columns
from cartopath.report.figures.style import SET_NAMES
from cartopath.report.method_words import method_words, traits_learned_by_value
from cartopath.report.numbers import count, interval, is_known, short
from cartopath.report.results import StudyResults

_SCOPES = {
    "training": "percentiles of all patients but the test patients",
    "cohort": "percentiles of the whole cohort, as in the paper: test values took part in setting them",
}


def labels_section(results: StudyResults) -> Section:
    """Show thresholds and class sizes of every trait."""
    table = results.table("labels")
    if table.problem:
        return Section("labels", "Labels", (missing("Labels", table),))
    columns = (
        *text_columns("Trait", "Unit"),
        *number_columns("low ≤", "high ≥", "median", group="Thresholds"),
        *number_columns("all", "high", "low", "OOD", "OOD-near", "no value", group="Patients"),
    )
    grid = Grid(
        "Classes of each trait.",
        columns,
        tuple(_label_row(row) for _, row in table.rows.iterrows()),
        "labels.csv",
        _label_notes(table.rows),
    )
    text = (
        "A patient at or above the high percentile of a trait is labelled high, at or below the low percentile low. Everybody "
        f"between is out of distribution (OOD): {_use(results)} OOD-near are those next to the thresholds (for 20/80: deciles "
        f"3 and 8). {method_words(results).labelled}"
    )
    return Section("labels", "Labels", (Paragraph(text), grid))


def _use(results: StudyResults) -> str:
    """Return what patients between the classes are used for, as the end of a sentence."""
    by_value = traits_learned_by_value(results)
    classes = "never used for training, and evaluated against the median."
    values = (
        "every measured training patient teaches, whatever its class. Classes only judge: test patients between them are "
        "evaluated against the median."
    )
    if not by_value:
        return classes
    if set(by_value) == set(results.traits):
        return f"values are learned, so {values}"
    return f"{classes} Of {', '.join(by_value)} values are learned: there, {values}"


def _label_row(row: pd.Series) -> tuple[Cell, ...]:
    sizes = (count(row[c]) for c in ("n_patients", "n_high", "n_low", "n_ood", "n_ood_near", "n_missing"))
    thresholds = (
        Cell(short(row[f"{side}_threshold"]), f"P{row[f'{side}_percentile']:g}" if is_known(row[f"{side}_threshold"]) else "")
        for side in ("low", "high")
    )
    return (
        Cell(row["trait"]),
        Cell(row["unit"] or "not stated"),
        *thresholds,
        Cell(short(row["median"])),
        *(Cell(size) for size in sizes),
    )


def _label_notes(rows: pd.DataFrame) -> tuple[str, ...]:
    scopes = sorted({scope for scope in rows["threshold_scope"] if scope})
    return tuple(f"Thresholds: {_SCOPES.get(scope, scope)}." for scope in scopes)


def splits_section(results: StudyResults) -> Section:
    """Show the sizes of the sets by round, which are the same patients for every trait."""
    table = results.table("splits")
    if table.problem:
        return Section("splits", "Splits", (missing("Splits", table),))
    rows = []
    for (trait, name), group in table.rows.groupby(["trait", "set"], sort=False):
        sizes = [_range(group[c]) for c in ("n_patients", "n_slides", "n_high", "n_low", "n_ood")]
        rows.append(
            (
                Cell(str(trait) or "all traits"),
                Cell(SET_NAMES.get(str(name), str(name))),
                Cell(count(len(group))),
                *(Cell(size) for size in sizes),
            )
        )
    columns = (*text_columns("Trait", "Set"), *number_columns("Rounds", "Patients", "Slides", "High", "Low", "OOD"))
    text = (
        "Patients were divided once, before any trait was looked at; every trait and every method sees the "
        "same division. No patient is in two sets of one round."
    )
    grid = Grid(
        "Sizes of the sets: one number where all rounds agree, otherwise the range over rounds.",
        columns,
        tuple(rows),
        "splits.csv",
    )
    return Section("splits", "Splits", (Paragraph(text), grid))


def _range(values: pd.Series) -> str:
    known = values.dropna()
    if known.empty:
        return "–"
    low, high = known.min(), known.max()
    return count(low) if low == high else interval(low, high, digits=0)
