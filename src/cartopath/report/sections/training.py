"""How training went: learning curves and the rounds that vote."""

from __future__ import annotations

import pandas as pd

from cartopath.report.blocks import Block, Cell, Figure, Grid, Paragraph, Picture, Section, missing, number_columns, text_columns
from cartopath.report.figures.learning import draw_learning_curves
from cartopath.report.numbers import count, duration, number
from cartopath.report.results import StudyResults

_ROUNDS_PER_FIGURE = 5


def training_section(results: StudyResults) -> Section:
    """Show the rounds of every trait and their learning curves."""
    return Section("training", "Training", (_rounds(results), *_curves(results)))


def _rounds(results: StudyResults) -> Block:
    table = results.table("rounds")
    if table.problem:
        return missing("Rounds", table)
    timed = bool(table.rows["seconds"].notna().any())
    columns = (
        *text_columns("Trait", "Round"),
        *number_columns("intervals", "kept at", group="Training"),
        *number_columns("slide AUROC", "tile AUROC", "rank", group="Validation"),
        *text_columns("Votes"),
        *number_columns("slides", "tiles", group="Trained on"),
        *(number_columns("Time") if timed else ()),
    )
    rows = tuple(_round_row(row)[: len(columns)] for _, row in table.rows.iterrows())
    caption = "Rounds of resampling. Rounds are ranked by validation AUROC only; the best vote in the ensemble."
    return Grid(caption, columns, rows, "rounds.csv", folded=len(rows) > 30)


def _round_row(row: pd.Series) -> tuple[Cell, ...]:
    votes = {True: Cell("yes", tone="strong"), False: Cell("no", tone="muted")}.get(row["in_ensemble"], Cell("–"))
    return (
        Cell(row["trait"]),
        Cell(row["round"]),
        Cell(count(row["chunks"])),
        Cell(count(row["best_chunk"])),
        Cell(number(row["val_slide_auroc"])),
        Cell(number(row["val_tile_auroc"])),
        Cell(count(row["rank"])),
        votes,
        Cell(count(row["n_train_slides"])),
        Cell(count(row["n_train_tiles"])),
        Cell(duration(row["seconds"])),
    )


def _curves(results: StudyResults) -> list[Block]:
    table = results.table("learning_curves")
    if table.problem:
        return [missing("Learning curves", table)]
    text = (
        "One validation interval is a fixed share of a pass over the training tiles (a sixteenth in the "
        "paper). The dotted line marks the weights that were kept."
    )
    blocks: list[Block] = [Paragraph(text)]
    for trait in results.traits:
        of_trait = results.rows("learning_curves", trait=trait)
        rounds = list(dict.fromkeys(of_trait["round"]))
        for start in range(0, len(rounds), _ROUNDS_PER_FIGURE):
            shown = rounds[start : start + _ROUNDS_PER_FIGURE]
            blocks.append(_curve_figure(trait, of_trait[of_trait["round"].isin(shown)], shown))
    return blocks


def _curve_figure(trait: str, curves: pd.DataFrame, rounds: list[str]) -> Figure:
    best = curves[curves["is_best"] == True]  # noqa: E712 - missing flags are neither true nor false
    kept = "; ".join(
        f"round {row['round']} at interval {count(row['chunk'])}, slide AUROC {number(row['val_slide_auroc'])}"
        for _, row in best.iterrows()
    )
    alt = (
        f"Learning curves of {trait}, rounds {', '.join(rounds)}: training and validation loss, tile and slide "
        f"AUROC by validation interval. Kept: {kept}."
    )
    return Figure(
        Picture(draw_learning_curves(curves), "image/svg+xml", alt), f"Learning curves of {trait}.", "learning_curves.csv"
    )
