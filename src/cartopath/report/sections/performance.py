"""How well slides tell the traits: the table of AUROCs in the layout of Table 1 of Levy-Jurgenson et al. 2020."""

from __future__ import annotations

import pandas as pd

from cartopath.report.blocks import Block, Cell, Grid, Paragraph, Section, missing, number_columns, text_columns
from cartopath.report.figures.style import SET_NAMES
from cartopath.report.method_words import method_words
from cartopath.report.numbers import NOT_AVAILABLE, count, interval, is_known, number, p_value
from cartopath.report.results import StudyResults

_ABSENT = Cell(NOT_AVAILABLE, tone="muted")
_SETS = ("test", "ood_near", "ood_all")


def performance_section(results: StudyResults) -> Section:
    """Show AUROCs by trait, the published values beside ours, and every other metric."""
    table = results.table("metrics")
    title = "Performance on held-out slides"
    if table.problem:
        return Section("performance", title, (missing("AUROC", table), *_published(results)))
    text = (
        "AUROC is the chance that a slide of a high patient scores above a slide of a low patient: 0.5 is a coin, 1 is perfect. "
        "Slide-level values count every slide once; confidence intervals are 95 % bootstraps that resample patients. "
        "OOD slides are judged against the median of their trait."
    )
    blocks: list[Block] = [
        Paragraph(text),
        _table_one(results),
        *_published(results),
        _all_metrics(results),
        *_correlations(results),
    ]
    return Section("performance", title, tuple(blocks))


def metric(
    results: StudyResults, *, trait: str, set_name: str, model: str, level: str = "slide", name: str = "auroc"
) -> pd.Series | None:
    """Return one row of `metrics.csv`, None when there is none."""
    rows = results.rows("metrics", trait=trait, set=set_name, model=model, level=level, metric=name)
    return None if rows.empty else rows.iloc[0]


def spearman(results: StudyResults, *, trait: str, set_name: str = "test") -> pd.Series | None:
    """Return the row of `correlations.csv` that Table 1 shows: against deciles where there are any, else against values."""
    for against in ("decile", "value"):
        rows = results.rows("correlations", trait=trait, set=set_name, against=against, kind="spearman")
        if len(rows):
            return rows.iloc[0]
    return None


def estimate_cell(row: pd.Series | None, *, with_n: bool = False) -> Cell:
    """Return an estimate with its interval, or why it is undefined."""
    if row is None:
        return _ABSENT
    value = row["value"] if "value" in row.index else row["r"]
    if not is_known(value):
        return Cell("undefined", row["reason"] or "no reason recorded", tone="muted")
    between = interval(row["low"], row["high"])
    size = f"n = {count(row['n'])}" if with_n and is_known(row["n"]) else ""
    return Cell(number(value), between, size)


def _table_one(results: StudyResults) -> Grid:
    published, words = not results.table("published").problem, method_words(results)
    columns = (
        *text_columns("Trait"),
        *number_columns(f"{words.drawing}s, mean (range)", "ensemble (95 % CI)", "n (high/low)", group="Test set: AUROC"),
        *number_columns("near", "all", group="OOD: ensemble (95 % CI)"),
        *number_columns("ρ (95 % CI)", "q", group="Spearman, test"),
        *(number_columns("rounds, mean", "ensemble", "Spearman", "n", group="Published") if published else ()),
    )
    traits = [trait for trait in results.traits if len(results.rows("metrics", trait=trait))]
    rows = tuple((*_trait_row(results, trait), *(_published_cells(results, trait) if published else ())) for trait in traits)
    notes = [
        f"Slide level. {words.drawing.capitalize()}s: mean of the {words.drawing}s with the lowest and the highest. Ensemble: "
        f"{words.ensemble}.",
        *_spearman_note(results),
        "A value that cannot be computed says why."
        + (" Published cells that no source at hand gives say so; none is a guess." if published else ""),
    ]
    return Grid(
        f"AUROC by trait{', laid out as Table 1 of Levy-Jurgenson et al. 2020' if words.is_first_paper else ''}.",
        columns,
        rows,
        "metrics.csv, correlations.csv",
        tuple(notes),
        stacked=True,
    )


def _spearman_note(results: StudyResults) -> list[str]:
    used = {row["against"] for trait in results.traits if (row := spearman(results, trait=trait)) is not None}
    names = {"decile": "the decile of the measured value", "value": "the measured value"}
    if not used:
        return []
    return [
        f"ρ: ensemble slide score against {' or '.join(names[key] for key in sorted(used))}; q: "
        "Benjamini-Hochberg over the traits of the cohort."
    ]


def _trait_row(results: StudyResults, trait: str) -> tuple[Cell, ...]:
    mean, least, most = (metric(results, trait=trait, set_name="test", model=f"rounds_{part}") for part in ("mean", "min", "max"))
    test = metric(results, trait=trait, set_name="test", model="ensemble")
    rounds = estimate_cell(mean)
    if mean is not None and is_known(mean["value"]) and least is not None and most is not None:
        rounds = Cell(number(mean["value"]), interval(least["value"], most["value"]))
    size = _ABSENT if test is None else Cell(count(test["n"]), f"{count(test['n_high'])}/{count(test['n_low'])}")
    ood = (
        estimate_cell(metric(results, trait=trait, set_name=name, model="ensemble"), with_n=True)
        for name in ("ood_near", "ood_all")
    )
    correlation = spearman(results, trait=trait)
    q_value = _ABSENT if correlation is None else Cell(p_value(correlation["q_value"]))
    return (Cell(trait), rounds, estimate_cell(test), size, *ood, estimate_cell(correlation), q_value)


def _published_cells(results: StudyResults, trait: str) -> tuple[Cell, ...]:
    rows = results.table("published").rows
    rows = rows[rows["trait"].str.split("|").str[0] == trait.split("|")[0]]  # the paper says MKI67|4288
    if rows.empty:
        return (_ABSENT,) * 4
    row = rows.iloc[0]
    return (*(_known(row[c]) for c in ("auroc_rounds_mean", "auroc_ensemble", "spearman")), _known(row["n_test"], digits=0))


def _known(value: float, *, digits: int = 2) -> Cell:
    return Cell(number(value, digits=digits)) if is_known(value) else _ABSENT


def _published(results: StudyResults) -> list[Block]:
    table = results.table("published")
    if table.problem:
        if "is missing" in table.problem:  # Most cohorts are not those of the paper: nothing to say.
            return []
        return [missing("Published values", table)]
    columns = (
        *text_columns("Cohort", "Trait"),
        *number_columns("published", "ours", group="Rounds, mean"),
        *number_columns("published", "ours (95 % CI)", group="Ensemble"),
        *number_columns("published", "ours", group="Spearman"),
        *number_columns("published", "ours", group="Test n"),
        *text_columns("Source"),
    )
    rows = tuple(
        (
            Cell(r["cohort"]),
            Cell(r["trait"]),
            _known(r["auroc_rounds_mean"]),
            _known(r["ours_auroc_rounds_mean"]),
            _known(r["auroc_ensemble"]),
            Cell(number(r["ours_auroc_ensemble"]), interval(r["ours_low"], r["ours_high"]))
            if is_known(r["ours_auroc_ensemble"])
            else _ABSENT,
            _known(r["spearman"]),
            _known(r["ours_spearman"]),
            _known(r["n_test"], digits=0),
            _known(r["ours_n_test"], digits=0),
            Cell(r["source"] or "not stated"),
        )
        for _, r in table.rows.iterrows()
    )
    return [Grid("Published AUROCs beside those of this study.", columns, rows, "published.csv")]


def _all_metrics(results: StudyResults) -> Grid:
    rows = tuple(
        (
            Cell(r["trait"]),
            Cell(SET_NAMES.get(r["set"], r["set"])),
            Cell(r["model"].replace("_", " ")),
            Cell(r["level"]),
            Cell("AUROC" if r["metric"] == "auroc" else r["metric"]),
            Cell(count(r["n"])),
            Cell(count(r["n_high"])),
            Cell(count(r["n_low"])),
            estimate_cell(r),
        )
        for _, r in results.table("metrics").rows.iterrows()
    )
    columns = (*text_columns("Trait", "Set", "Model", "Level", "Metric"), *number_columns("n", "high", "low", "value (95 % CI)"))
    return Grid("All metrics: every round and the ensemble, by slide and by patient.", columns, rows, "metrics.csv", folded=True)


def _correlations(results: StudyResults) -> list[Block]:
    table = results.table("correlations")
    if table.problem:
        return [missing("Correlations", table)]
    rows = tuple(
        (
            Cell(r["trait"]),
            Cell(SET_NAMES.get(r["set"], r["set"])),
            Cell(r["against"]),
            Cell(r["kind"]),
            Cell(count(r["n"])),
            estimate_cell(r),
            Cell(p_value(r["p_value"])),
            Cell(p_value(r["q_value"])),
        )
        for _, r in table.rows.iterrows()
    )
    columns = (*text_columns("Trait", "Set", "Score against", "Kind"), *number_columns("n", "r (95 % CI)", "p", "q"))
    return [
        Grid(
            "All correlations of the ensemble's slide score with the measurement.", columns, rows, "correlations.csv", folded=True
        )
    ]
