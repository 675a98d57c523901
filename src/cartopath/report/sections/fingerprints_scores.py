"""Scores of patients and tiles: ROC curves with bands, histograms, receptor maps, confidence by amount of tissue (F55-F59)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cartopath.report.blocks import (
    Block,
    Cell,
    Figure,
    Grid,
    Paragraph,
    Picture,
    Section,
    missing,
    number_columns,
)
from cartopath.report.blocks import text_columns as texts
from cartopath.report.figures.patient_scores import AbstentionCurve, draw_abstention, draw_score_histograms
from cartopath.report.figures.roc_bands import BandedCurve, draw_banded_curves
from cartopath.report.numbers import count, counted, interval, is_known, number, percent
from cartopath.report.pictures import gallery
from cartopath.report.results import StudyResults
from cartopath.report.verdicts import auroc_verdict
from cartopath.study.layout import file_name

INTERNAL = "this study"
WHOLE = "all"
"""Model of the curve of all patients, each scored by the networks that never saw the patient."""
_PICTURE_PX = 1200
_MOST_TRAITS = 6


def receptor_section(results: StudyResults) -> Section | None:
    """Show what patients score; None for a study without fingerprints."""
    if not results.has("receptor_scores"):
        return None
    table = results.table("receptor_scores")
    title = "Patient scores"
    if table.problem:
        return Section("receptors", title, (missing("Patient scores", table),))
    text = (
        "A patient's score is the mean over all tiles of the patient, from −1 (negative) to +1 (positive); above 0 a patient is "
        "called positive. Everything here is of patients whom the scoring networks never saw."
    )
    blocks: list[Block] = [Paragraph(text), *_roc(results), *_histograms(table.rows), *_panels(results), *_abstention(results)]
    return Section("receptors", title, tuple(blocks))


def _roc(results: StudyResults) -> list[Block]:
    areas, points = results.table("roc_areas"), results.table("roc_curves").rows
    if areas.problem:
        return [missing("ROC curves", areas)]
    bands = results.table("roc_bands").rows
    panels, described = [], []
    for (trait, cohort), own in areas.rows.groupby(["trait", "cohort"], sort=False):
        curves = [
            curve
            for row in own.to_dict("records")
            if (curve := _curve(row, points, bands, n_parts=int((own["model"] != WHOLE).sum()), own=own)) is not None
        ]
        panels.append((str(trait) if cohort == INTERNAL else f"{trait}, {cohort}", curves))
        described += [f"{trait}, {cohort}: {curve.label}" for curve in curves if curve.label]
    blocks: list[Block] = []
    if any(curves for _, curves in panels):
        picture = Picture(draw_banded_curves(panels), "image/svg+xml", f"ROC curves. {'; '.join(described)}.")
        caption = (
            "ROC curves of patient scores (compare Fig. 5 of Rawat et al. 2020), a panel per trait and cohort. Blue: all "
            "patients, with the 95 % band of the sensitivity from resampled patients; grey: the single folds or rounds. Legends "
            "give the AUROC."
        )
        blocks.append(Figure(picture, caption, "roc_curves.csv, roc_bands.csv, roc_areas.csv"))
    return [*blocks, _areas(areas.rows)]


def _curve(
    row: dict[Any, Any], points: pd.DataFrame, bands: pd.DataFrame, *, n_parts: int, own: pd.DataFrame
) -> BandedCurve | None:
    chosen = _same(points, row)
    if chosen.empty or not is_known(row["value"]):
        return None
    x, y = (chosen[name].to_numpy(float) for name in ("false_positive_rate", "true_positive_rate"))
    if row["model"] != WHOLE:
        values = own.loc[own["model"] != WHOLE, "value"].dropna()
        span = f", {interval(values.min(), values.max())}" if len(values) > 1 else ""
        noun = str(row["model"]).partition("_")[0]
        return BandedCurve(x, y, f"{counted(n_parts, noun)}, mean {number(values.mean())}{span}", is_part=True)
    between = interval(row["low"], row["high"])
    label = f"AUROC {number(row['value'])}{f' ({between})' if between else ''}, n = {count(row['n'])}"
    band = _same(bands, row)
    if band.empty:
        return BandedCurve(x, y, label)
    places, low, high = (band[name].to_numpy(float) for name in ("false_positive_rate", "low", "high"))
    return BandedCurve(x, y, label, (places, low, high))


def _same(rows: pd.DataFrame, row: dict[Any, Any]) -> pd.DataFrame:
    is_same = (rows["trait"] == row["trait"]) & (rows["cohort"] == row["cohort"]) & (rows["model"] == row["model"])
    return rows[is_same]


def _areas(rows: pd.DataFrame) -> Grid:
    cells = []
    for row in rows.to_dict("records"):
        verdict = auroc_verdict(row["low"], row["high"])
        value = Cell(number(row["value"]), interval(row["low"], row["high"]) or row["reason"])
        if not is_known(row["value"]):
            value = Cell("undefined", row["reason"] or "no reason recorded", tone="muted")
        cells.append(
            (
                Cell(row["trait"]),
                Cell(row["cohort"]),
                Cell("all patients" if row["model"] == WHOLE else row["model"].replace("_", " ")),
                Cell(count(row["n"]), f"{count(row['n_high'])} positive, {count(row['n_low'])} negative"),
                value,
                verdict.cell(row["reason"]) if row["model"] == WHOLE else Cell(""),
            )
        )
    columns = (*texts("Trait", "Cohort", "Patients of"), *number_columns("n", "AUROC (95 % CI)"), *texts("Verdict"))
    notes = (_SEPARATED,) if ((rows["low"] == 1) & (rows["high"] == 1)).any() else ()
    return Grid("AUROC of patient scores.", columns, tuple(cells), "roc_areas.csv", notes, folded=len(cells) > 12)


_SEPARATED = (
    "1.00–1.00: the classes separate completely, and a bootstrap cannot say how far below 1 the truth may lie; mind the n."
)


def _histograms(rows: pd.DataFrame) -> list[Block]:
    known = rows[(rows["label"] != "") & rows["score"].notna()]
    scores = [
        (str(trait), {label: own.loc[own["label"] == label, "score"].to_numpy(float) for label in ("lo", "hi")})
        for trait, own in known.groupby("trait", sort=False)
    ]
    if not scores:
        return [Paragraph("Histograms of scores: none, because no held-out patient has a class.", "missing")]
    described = "; ".join(
        f"{trait}: positive median {number(float(np.median(own['hi'])) if len(own['hi']) else None)}, "
        f"negative median {number(float(np.median(own['lo'])) if len(own['lo']) else None)}"
        for trait, own in scores
    )
    picture = Picture(draw_score_histograms(scores), "image/svg+xml", f"Histograms of patient scores. {described}.")
    caption = "Scores of held-out patients by class (compare Fig. 6 of Rawat et al. 2020), stacked; the broken line is the cut."
    return [Figure(picture, caption, "receptor_scores.csv")]


def _panels(results: StudyResults) -> list[Block]:
    folder = results.root / "maps" / "receptors"
    said = "one slide called right and one called wrong of either class, with the score of every tile."
    traits = list(dict.fromkeys(results.table("receptor_scores").rows["trait"]))[:_MOST_TRAITS]
    caption = (
        "Receptor maps of the surest slide of each outcome (compare Fig. 6 of Rawat et al. 2020): every tile from −1, black, to "
        "+1, white. Maps of all other held-out slides are in `maps/receptors`."
    )
    pictures = [(folder / f"panel_{file_name(trait)}.png", trait, f"{trait}: {said}") for trait in traits]
    return gallery(pictures, caption, "receptor_scores.csv", max_px=_PICTURE_PX)


def _abstention(results: StudyResults) -> list[Block]:
    table = results.table("abstention")
    if table.problem:
        return []
    curves = [_abstention_curve(str(t), str(c), own) for (t, c), own in table.rows.groupby(["trait", "cohort"], sort=False)]
    described = "; ".join(
        f"{curve.title}: accuracy {number(curve.accuracy[0, 0])} for all, {number(curve.accuracy[-1, 0])} for "
        f"{percent(curve.coverage[-1])}"
        for curve in curves
    )
    picture = Picture(draw_abstention(curves), "image/svg+xml", f"Accuracy against coverage. {described}.")
    caption = (
        "What answering only patients with enough tissue gives: accuracy and AUROC of those answered, with 95 % intervals, "
        "against the share of patients that still get an answer."
    )
    return [Figure(picture, caption, "abstention.csv"), *_abstention_words(results)]


def _abstention_curve(trait: str, cohort: str, own: pd.DataFrame) -> AbstentionCurve:
    values = {
        name: own[[name, f"{name}_low", f"{name}_high"]].to_numpy(float)  # (n, 3)
        for name in ("accuracy", "auroc")
    }
    title = trait if cohort == INTERNAL else f"{trait}, {cohort}"
    return AbstentionCurve(title, own["coverage"].to_numpy(float), own["least_tiles"].to_numpy(float), **values)


def _abstention_words(results: StudyResults) -> list[Block]:
    said = []
    for row in results.table("abstention_tests").rows.to_dict("records"):
        name = row["trait"] if row["cohort"] == INTERNAL else f"{row['trait']}, {row['cohort']}"
        if not is_known(row["value"]):
            said.append(f"{name}: not defined ({row['reason']})")
            continue
        helps = is_known(row["low"]) and row["low"] > 0.5
        harms = is_known(row["high"]) and row["high"] < 0.5
        words = (
            "right answers have more tissue" if helps else "right answers have less tissue" if harms else "no association found"
        )
        numbers = f"AUROC {number(row['value'])}, {interval(row['low'], row['high']) or row['reason']}"
        said.append(f"{name}: {words} ({numbers}, {counted(row['n'], 'patient')})")
    if not said:
        return []
    return [Paragraph(f"Does the amount of tissue tell right from wrong answers? {'; '.join(said)}.")]
