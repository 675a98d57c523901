"""How the encoders of a study learned to tell regions of slides apart, without any label (F43, F44)."""

from __future__ import annotations

import pandas as pd

from cartopath.report.blocks import Cell, Figure, Grid, Paragraph, Picture, Section, missing, number_columns, text_columns
from cartopath.report.figures.pretraining import EncoderCurve, draw_pretraining
from cartopath.report.numbers import count, number, percent
from cartopath.report.results import StudyResults


def pretraining_section(results: StudyResults) -> Section | None:
    """Show the learning curves of encoders; None where the study trained none."""
    if not results.has("pretraining"):
        return None
    table = results.table("pretraining")
    title = "Pretraining without labels"
    if table.problem:
        return Section("pretraining", title, (missing("Pretraining", table),))
    text = (
        "The encoder learned from which region of which slide a tile comes: from left halves of regions, watched on right "
        "halves. No label and no test patient took part. What comes before its last layer is the fingerprint of a tile."
    )
    curves = [_curve(str(encoder), own) for encoder, own in table.rows.groupby("encoder", sort=True)]
    described = "; ".join(f"encoder {curve.name}: {percent(curve.accuracy.max())}" for curve in curves)
    picture = Picture(draw_pretraining(curves), "image/svg+xml", f"Accuracy on right halves by chunk. Best: {described}.")
    caption = "Learning curves of the encoders; dots: the weights that were kept."
    return Section("pretraining", title, (Paragraph(text), Figure(picture, caption, "pretraining.csv"), _table(table.rows)))


def _curve(encoder: str, own: pd.DataFrame) -> EncoderCurve:
    kept = own[own["is_best"] == True]  # noqa: E712 - missing flags are neither true nor false
    best = float(kept["chunk"].iloc[0]) + 1 if len(kept) else float("nan")
    chunk, accuracy, distance = (own[name].to_numpy(float) for name in ("chunk", "val_accuracy", "style_distance"))
    return EncoderCurve(f"encoder {encoder}", chunk + 1, accuracy, distance, best, float(own["chance"].iloc[0]))


def _table(rows: pd.DataFrame) -> Grid:
    cells = []
    for encoder, own in rows.groupby("encoder", sort=True):
        kept = own[own["is_best"] == True]  # noqa: E712 - missing flags are neither true nor false
        best = (kept if len(kept) else own).iloc[-1]
        cells.append(
            (
                Cell(f"encoder {encoder}"),
                Cell(count(best["n_regions"]), f"{count(best['n_patients'])} patients"),
                Cell(count(own["chunk"].max() + 1)),
                Cell(count(best["chunk"] + 1)),
                Cell(percent(best["val_accuracy"], digits=1)),
                Cell(percent(best["chance"], digits=1)),
                Cell(number(best["style_distance"], digits=3)),
            )
        )
    columns = (
        *text_columns("Encoder"),
        *number_columns("regions", "chunks", "best chunk", "accuracy on right halves", "chance", "distance between styles"),
    )
    return Grid("Encoders and the weights that were kept.", columns, tuple(cells), "pretraining.csv")
