"""How training went: learning curves and the rounds that vote."""

from __future__ import annotations

import pandas as pd

from cartopath.report.blocks import Block, Cell, Figure, Grid, Paragraph, Picture, Section, missing, number_columns, text_columns
from cartopath.report.figures.learning import draw_learning_curves
from cartopath.report.method_words import MethodWords, method_words
from cartopath.report.numbers import count, duration, number
from cartopath.report.results import StudyResults

_ROUNDS_PER_FIGURE = 5


def training_section(results: StudyResults) -> Section:
    """Show the rounds of every trait and their learning curves."""
    return Section("training", "Training", (_rounds(results), *_curves(results)))


def _rounds(results: StudyResults) -> Block:
    table, words = results.table("rounds"), method_words(results)
    if table.problem:
        return missing("Rounds", table)
    timed = bool(table.rows["seconds"].notna().any())
    judged = _validated(words) if _has_auroc(table.rows) else ()
    columns = (
        *text_columns("Trait", words.drawing.capitalize()),
        *number_columns(f"{words.step.split()[-1]}s", "kept at", group="Training"),
        *number_columns(*judged, *(("rank",) if words.is_ranked else ()), group="Validation"),
        *text_columns("Votes"),
        *number_columns("slides", "tiles", group="Trained on"),
        *(number_columns("Time") if timed else ()),
    )
    rows = tuple(_round_row(row, words, n_aurocs=len(judged))[: len(columns)] for _, row in table.rows.iterrows())
    return Grid(f"{words.drawings}. {words.choice}", columns, rows, "rounds.csv", folded=len(rows) > 30)


def _validated(words: MethodWords) -> tuple[str, ...]:
    return (f"{words.judged} AUROC", *(("tile AUROC",) if words.has_tile_auroc else ()))


def _has_auroc(rows: pd.DataFrame) -> bool:
    """Whether networks were validated by an AUROC: those that learn values are not."""
    return bool(rows[["val_slide_auroc", "val_tile_auroc"]].notna().any(axis=None))


def _round_row(row: pd.Series, words: MethodWords, *, n_aurocs: int) -> tuple[Cell, ...]:
    votes = {True: Cell("yes", tone="strong"), False: Cell("no", tone="muted")}.get(row["in_ensemble"], Cell("–"))
    return (
        Cell(row["trait"]),
        Cell(row["round"]),
        Cell(count(row["chunks"])),
        Cell(count(row["best_chunk"] + 1)),
        *(Cell(number(row[name])) for name in ("val_slide_auroc", "val_tile_auroc")[:n_aurocs]),
        *((Cell(count(row["rank"])),) if words.is_ranked else ()),
        votes,
        Cell(count(row["n_train_slides"])),
        Cell(count(row["n_train_tiles"])),
        Cell(duration(row["seconds"])),
    )


def _curves(results: StudyResults) -> list[Block]:
    table = results.table("learning_curves")
    if table.problem:
        return [missing("Learning curves", table)]
    words = method_words(results)
    blocks: list[Block] = [Paragraph(f"{words.step_is} The dotted line marks the weights that were kept.")]
    for trait in results.traits:
        of_trait = results.rows("learning_curves", trait=trait)
        rounds = list(dict.fromkeys(of_trait["round"]))
        for start in range(0, len(rounds), _ROUNDS_PER_FIGURE):
            shown = rounds[start : start + _ROUNDS_PER_FIGURE]
            blocks.append(_curve_figure(trait, of_trait[of_trait["round"].isin(shown)], shown, words))
    return blocks


def _curve_figure(trait: str, curves: pd.DataFrame, rounds: list[str], words: MethodWords) -> Figure:
    best = curves[curves["is_best"] == True]  # noqa: E712 - missing flags are neither true nor false
    has_auroc = _has_auroc(curves)
    by, column = (f"{words.judged} AUROC", "val_slide_auroc") if has_auroc else ("validation loss", "val_loss")
    kept = "; ".join(
        f"{words.drawing} {row['round']} at {words.step} {count(row['chunk'] + 1)}, {by} {number(row[column])}"
        for _, row in best.iterrows()
    )
    shown = f"loss, {' and '.join(reversed(_validated(words)))}" if has_auroc else "loss"
    alt = (
        f"Learning curves of {trait}, {words.drawing}s {', '.join(rounds)}: training and validation {shown} "
        f"by {words.step}. Kept: {kept}."
    )
    drawing = draw_learning_curves(curves, step=words.step, judged=words.judged, drawing=words.drawing)
    return Figure(Picture(drawing, "image/svg+xml", alt), f"Learning curves of {trait}.", "learning_curves.csv")
