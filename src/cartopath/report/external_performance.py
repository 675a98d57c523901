"""How well frozen models tell the traits of an external cohort: AUROC beside the study's own, ROC curves, every model."""

from __future__ import annotations

import pandas as pd

from cartopath.core.rng import stream
from cartopath.methods.external import External
from cartopath.report.blocks import (
    Block,
    Cell,
    Figure,
    Grid,
    Paragraph,
    Picture,
    Section,
    number_columns,
    text_columns,
)
from cartopath.report.numbers import NO_VALUE, count, interval, is_known, number, p_value

_SET_NAMES = {"class": "classes", "median": "sides of the median"}


def metric(found: External, trait: str, model: str, set_: str = "class") -> pd.Series | None:
    """Return one row of `metrics.csv`, None where there is none."""
    rows = found.metrics
    rows = rows[(rows["trait"] == trait) & (rows["model"] == model) & (rows["set"] == set_)]
    return None if rows.empty else rows.iloc[0]


def internal(found: External, trait: str, model: str) -> pd.Series | None:
    """Return what the study found on its own test patients, None where it has not evaluated itself."""
    rows = found.internal
    rows = rows[(rows["trait"] == trait) & (rows["model"] == model)]
    return None if rows.empty else rows.iloc[0]


def external_performance(found: External) -> Section:
    """Show how well frozen models tell the traits of the external cohort, beside the study's own test patients."""
    scheme = found.models.study.config.splits.scheme
    text = (
        "A patient's score is the mean over their slides. The ensemble is what the study's own maps show; every one of the "
        f"{scheme} is one frozen model. Intervals are 95 % bootstraps that resample patients; for the mean, all models are asked "
        "about the patients that are drawn."
    )
    blocks: list[Block] = [Paragraph(text), _grid(found), *_curves(found), _every_model(found), *_correlations(found)]
    rules = tuple((Cell(trait), Cell(one.rule or f"none: {one.reason}")) for trait, one in found.classes.items())
    caption = "Classes of the external cohort, which only the evaluation used."
    blocks.append(Grid(caption, text_columns("Trait", "Classes"), rules))
    return Section("performance", "How well the frozen models tell the traits", tuple(blocks))


def _grid(found: External) -> Grid:
    scheme = found.models.study.config.splits.scheme
    columns = (
        *text_columns("Trait"),
        *number_columns(
            "ensemble (95 % CI)", f"{scheme}, mean (95 % CI)", f"{scheme}, range", "n (high/low)", group="External: AUROC"
        ),
        *number_columns("ensemble (95 % CI)", f"{scheme}, mean", "n", group="Study's own test patients: AUROC"),
        *number_columns("ρ (95 % CI)", "p", group="Spearman, external"),
    )
    rows = tuple(_trait_cells(found, trait) for trait in found.models.trait_names)
    return Grid("AUROC of frozen models on the external cohort.", columns, rows, "metrics.csv, correlations.csv", stacked=True)


def _trait_cells(found: External, trait: str) -> tuple[Cell, ...]:
    names = ("ensemble", "rounds_mean", "rounds_min", "rounds_max")
    ensemble, mean, least, most = (metric(found, trait, name) for name in names)
    own, own_mean = internal(found, trait, "ensemble"), internal(found, trait, "rounds_mean")
    nothing = Cell(NO_VALUE, tone="muted")
    between = nothing if least is None or most is None else Cell(interval(least["value"], most["value"]) or NO_VALUE)
    size = nothing if ensemble is None else Cell(count(ensemble["n"]), f"{count(ensemble['n_high'])}/{count(ensemble['n_low'])}")
    rows = found.correlations
    rho = rows[(rows["trait"] == trait) & (rows["kind"] == "spearman")]
    correlation = (_figure(rho.iloc[0], "r"), Cell(p_value(rho.iloc[0]["p_value"]))) if len(rho) else (nothing, nothing)
    inside = nothing if own_mean is None else Cell(number(own_mean["value"]))
    n_own = nothing if own is None else Cell(count(own["n"]))
    return (Cell(trait), _figure(ensemble), _figure(mean), between, size, _figure(own), inside, n_own, *correlation)


def _figure(row: pd.Series | None, column: str = "value") -> Cell:
    if row is None:
        return Cell(NO_VALUE, tone="muted")
    if not is_known(row[column]):
        return Cell("undefined", str(row.get("reason", "")), tone="muted")
    return Cell(number(row[column]), interval(row["low"], row["high"]))


def _curves(found: External) -> list[Block]:
    from cartopath.report.figures.roc_bands import BandedCurve, draw_banded_curves  # brings matplotlib
    from cartopath.stats.roc_band import roc_band

    panels, described = [], []
    for trait in found.models.trait_names:
        own = found.roc[(found.roc["trait"] == trait) & (found.roc["set"] == "class")]
        row = metric(found, trait, "ensemble")
        if own.empty or row is None:
            continue
        patients = found.patients[(found.patients["trait"] == trait) & (found.patients["label"] != "")]
        rng = stream(found.models.study.config.seed, "external", trait, "band")
        band = roc_band(patients["label"] == "hi", patients["ensemble"], rng=rng)
        curves = []
        for model, points in own.groupby("model"):
            is_part = model != "ensemble"
            label = found.models.study.config.splits.scheme if is_part else f"ensemble {number(row['value'])} (n = {row['n']})"
            places = points["false_positive_rate"].to_numpy(float), points["true_positive_rate"].to_numpy(float)
            ends = None if band is None or is_part else (band.false_positive_rate, band.low, band.high)
            curves.append(BandedCurve(*places, label=label, band=ends, is_part=is_part))
        panels.append((trait, curves))
        described.append(f"{trait} {number(row['value'])}")
    if not panels:
        return [Paragraph("ROC curves: none, because no trait has patients of both classes.", "missing")]
    picture = Picture(
        draw_banded_curves(panels), "image/svg+xml", f"ROC curves on the external cohort. AUROC: {', '.join(described)}."
    )
    caption = "ROC curves on the external cohort: the ensemble with its 95 % band, and every frozen model behind it."
    return [Figure(picture, caption, "roc.csv")]


def _every_model(found: External) -> Grid:
    rows = tuple(
        (
            Cell(row["trait"]),
            Cell(_SET_NAMES[row["set"]]),
            Cell(row["model"].replace("_", " ")),
            Cell(count(row["n"])),
            Cell(count(row["n_high"])),
            Cell(count(row["n_low"])),
            _figure(row),
        )
        for _, row in found.metrics.iterrows()
    )
    columns = (*text_columns("Trait", "Patients", "Model"), *number_columns("n", "high", "low", "AUROC (95 % CI)"))
    return Grid(
        "Every model, on the cohort's classes and on both sides of its median.", columns, rows, "metrics.csv", folded=True
    )


def _correlations(found: External) -> list[Block]:
    if found.correlations.empty:
        return []
    rows = tuple(
        (Cell(row["trait"]), Cell(row["kind"]), Cell(count(row["n"])), _figure(row, "r"), Cell(p_value(row["p_value"])))
        for _, row in found.correlations.iterrows()
    )
    caption = "Correlation of the ensemble's score with the measured value, over all external patients who have one."
    columns = (*text_columns("Trait", "Kind"), *number_columns("n", "r (95 % CI)", "p"))
    return [Grid(caption, columns, rows, "correlations.csv", folded=True)]
