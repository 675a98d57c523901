"""Slide scores themselves: their distributions by class and the ROC curves they give."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.report.blocks import Block, Figure, Paragraph, Picture, Section, missing
from cartopath.report.figures.distributions import draw_score_distributions
from cartopath.report.figures.roc import RocCurve, draw_roc_curves
from cartopath.report.figures.style import SET_NAMES
from cartopath.report.method_words import method_words
from cartopath.report.numbers import is_known, number
from cartopath.report.results import StudyResults
from cartopath.report.sections.performance import metric
from cartopath.stats import auroc, roc_curve

_SETS = ("test", "ood_near", "ood_all")


def scores_section(results: StudyResults) -> Section:
    """Show score distributions and ROC curves of the ensemble."""
    table = results.table("slide_scores")
    title = "Slide scores"
    if table.problem:
        return Section("scores", title, (missing("Slide scores", table),))
    traits = [trait for trait in results.traits if len(results.rows("slide_scores", trait=trait))]
    return Section("scores", title, (_distributions(results, table.rows, traits), *_roc(results, table.rows, traits)))


def set_scores(scores: pd.DataFrame, trait: str, set_name: str) -> dict[str, NDArray[np.float64]]:
    """Return the ensemble scores of one trait and set by class.

    Args:
        scores: Rows of `slide_scores.csv`.
        trait: The trait.
        set_name: "test": labelled slides of the test set. "ood_near", "ood_all": OOD slides by their median label.

    Returns:
        "lo" and "hi", each an array (n,) of finite shares from 0 to 1.
    """
    rows = scores[(scores["trait"] == trait) & scores["ensemble"].notna()]
    if set_name == "test":
        rows, column = rows[(rows["role"] == "labelled") & (rows["set"] == "test")], "label"
    else:
        rows, column = rows[rows["role"] == "ood"], "median_label"
        if set_name == "ood_near":
            rows = rows[rows["ood"] == "near"]
    return {label: rows.loc[rows[column] == label, "ensemble"].to_numpy(float) for label in ("lo", "hi")}


def _distributions(results: StudyResults, scores: pd.DataFrame, traits: list[str]) -> Figure:
    words = method_words(results)
    by_set = {name: {trait: set_scores(scores, trait, name) for trait in traits} for name in _SETS}
    by_set = {
        name: content
        for name, content in by_set.items()
        if name == "test" or any(len(v) for t in content.values() for v in t.values())
    }
    medians = "; ".join(
        f"{trait}, {SET_NAMES[name]}: "
        + ", ".join(
            f"{'low' if k == 'lo' else 'high'} {number(float(np.median(v)))} (n = {len(v)})"
            for k, v in content[trait].items()
            if len(v)
        )
        for name, content in by_set.items()
        for trait in traits
        if any(len(v) for v in content[trait].values())
    )
    caption = (
        f"{words.score} (ensemble), slides of low against slides of high patients (compare Fig. 2 of the paper). "
        "Box: quartiles and median; whiskers: 1.5 interquartile ranges; every slide is a point; n below each box."
    )
    picture = Picture(
        draw_score_distributions(by_set, traits, what=words.score),
        "image/svg+xml",
        f"Box plots of slide scores. Medians: {medians}.",
    )
    return Figure(picture, caption, "slide_scores.csv")


def _roc(results: StudyResults, scores: pd.DataFrame, traits: list[str]) -> list[Block]:
    panels: list[tuple[str, list[RocCurve]]] = []
    remarks: list[str] = []
    described: list[str] = []
    for trait in traits:
        curves: list[RocCurve] = []
        for name in _SETS:
            classes = set_scores(scores, trait, name)
            if not len(classes["lo"]) or not len(classes["hi"]):
                continue
            curve, area = _curve(classes, name)
            row = metric(results, trait=trait, set_name=name, model="ensemble")
            text, remark = _label(trait, name, area, row)
            curves.append(RocCurve(name, curve[0], curve[1], text))
            remarks += remark
            described.append(f"{trait}, {text}")
        panels.append((trait, curves))
    if not described:
        return [Paragraph("ROC curves: none, because no set holds slides of both classes.", "missing")]
    picture = Picture(draw_roc_curves(panels), "image/svg+xml", f"ROC curves. AUROC by trait and set: {'; '.join(described)}.")
    caption = "ROC curves of the ensemble's slide scores. Legends give the AUROC and the number of slides."
    return [Figure(picture, caption, "slide_scores.csv, metrics.csv"), *(Paragraph(text, "remark") for text in remarks)]


def _curve(classes: dict[str, NDArray[np.float64]], name: str) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], float]:
    labels = np.repeat([0, 1], [len(classes["lo"]), len(classes["hi"])])
    values = np.concatenate([classes["lo"], classes["hi"]])
    curve = roc_curve(labels, values)
    return (curve.false_positive_rate, curve.true_positive_rate), auroc(labels, values)


def _label(trait: str, name: str, area: float, row: pd.Series | None) -> tuple[str, list[str]]:
    if row is None or not is_known(row["value"]):
        return f"{SET_NAMES[name]} {number(area)}", []
    text = f"{SET_NAMES[name]} {number(row['value'])} (n = {row['n']:.0f})"
    if abs(row["value"] - area) < 1e-6:
        return text, []
    found = (
        f"the curve drawn from slide_scores.csv has {number(area, digits=3)}, metrics.csv says {number(row['value'], digits=3)}"
    )
    return text, [f"{trait}, {SET_NAMES[name]}: {found}. The two tables are not from the same run; run `evaluate` again."]
