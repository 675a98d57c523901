"""Survival by heterogeneity, and bulk baselines on the same patients."""

from __future__ import annotations

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
    text_columns,
)
from cartopath.report.figures.survival import SurvivalPanel, at_risk, draw_survival, group_order
from cartopath.report.numbers import NO_VALUE, count, counted, is_known, number, p_equals, p_value, short
from cartopath.report.results import StudyResults
from cartopath.report.verdicts import p_verdict

_BULK_NAMES = {"both": "Bulk, both traits", "opposite": "Bulk, sides of both medians"}
_GROUP_NAMES = {
    "bulk:both": {"high": "both above", "middle": "one above", "low": "none above"},
    "bulk:opposite": {"high": "opposite sides", "low": "same side"},
}
SURVIVAL_DIFFERS = "survival differs"


def survival_section(results: StudyResults) -> Section:
    """Show survival by HTI groups, with strata where the study has any."""
    tests = results.table("survival_tests").rows
    chosen = _of(tests, "hti")
    blocks: list[Block] = [*_follow_up(results), *_test_grid(results, chosen, "Log-rank tests of survival by HTI group.")]
    blocks += _curves(results, "hti", "Survival by HTI group (compare Fig. 4 of the paper).")
    return Section("survival", "Survival by heterogeneity", tuple(blocks))


def bulk_section(results: StudyResults) -> Section:
    """Show what bulk expression alone says about the survival of the same patients."""
    chosen = _of(results.table("survival_tests").rows, "bulk")
    text = "The same patients, grouped by their bulk measurement: what can be said about their survival without any map."
    blocks: list[Block] = [Paragraph(text), *_test_grid(results, chosen, "Log-rank tests of survival by bulk measurement.")]
    blocks += _curves(results, "bulk", "Survival by bulk measurement of the same patients (compare Fig. 5 of the paper).")
    return Section("bulk", "Bulk baselines", tuple(blocks))


def analysis_title(analysis: str) -> str:
    """Return the name of an analysis as a reader would put it.

    >>> analysis_title("bulk:MKI67"), analysis_title("hti|sex=F"), analysis_title("hti|sex")
    ('Bulk MKI67', 'HTI, sex = F', 'HTI, stratified by sex')
    """
    base, _, stratum = analysis.partition("|")
    kind, _, detail = base.partition(":")
    title = {"hti": "HTI", "bulk": _BULK_NAMES.get(detail, f"Bulk {detail}")}.get(kind, base)
    if kind == "hti" and detail:
        title = f"HTI {detail}"
    if not stratum:
        return title
    return f"{title}, {stratum.replace('=', ' = ')}" if "=" in stratum else f"{title}, stratified by {stratum}"


def group_names(analysis: str) -> dict[str, str]:
    """Return what the groups low, middle and high of an analysis stand for."""
    return {"low": "low", "middle": "middle", "high": "high"} | _GROUP_NAMES.get(analysis, {})


def _of(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    return rows[rows["analysis"].str.match(rf"{kind}(?:[:|]|$)")] if len(rows) else rows


def _follow_up(results: StudyResults) -> list[Block]:
    table = results.table("survival_patients")
    if table.problem:
        return [missing("Patients of the survival analysis", table)]
    rows = table.rows
    sizes = [
        f"{counted(int((rows['group'] == name).sum()), 'patient')} {name}"
        for name in group_order([g for g in rows["group"] if g])
    ]
    endpoint = results.setting("survival", "endpoint")
    text = (
        f"{counted(len(rows), 'patient')} with known follow-up and HTI that trained no network of a map "
        f"({int((rows['set'] == 'test').sum())} of the test set, "
        f"{int((rows['set'] == 'ood').sum())} OOD): {', '.join(sizes)}. {counted(int((rows['event'] == 1).sum()), 'event')}"
        f"{f' (endpoint {endpoint})' if endpoint else ''} in a median follow-up of "
        f"{number(rows['time_days'].dropna().median() / 365.25, digits=1)} years."
    )
    return [Paragraph(text)]


def _test_grid(results: StudyResults, tests: pd.DataFrame, caption: str) -> list[Block]:
    table = results.table("survival_tests")
    if table.problem:
        return [missing("Log-rank tests", table)]
    if tests.empty:
        return [Paragraph("Log-rank tests: tables/survival_tests.csv holds none of this kind.", "missing")]
    columns = (
        *text_columns("Analysis", "Cut"),
        *number_columns("low", "middle", "high", group="Patients"),
        *number_columns("low", "high", group="Events"),
        *number_columns("χ²", "p"),
        *text_columns("Result"),
    )
    horizons = sorted({h for h in tests["horizon_years"].dropna() if h > 0})
    notes = [f"Follow-up is censored at {' or '.join(short(h) for h in horizons)} years."] if horizons else []
    if (tests["n_middle"].fillna(0) > 0).any():
        notes.append("Patients of the middle group take part in no test.")
    if len(tests) > 1:
        notes.append("p values are not corrected for the number of tests.")
    return [
        Grid(
            caption,
            columns,
            tuple(_test_row(row) for _, row in tests.iterrows()),
            "survival_tests.csv",
            tuple(notes),
            stacked=True,
        )
    ]


def _test_row(row: pd.Series) -> tuple[Cell, ...]:
    sizes = (count(row[c]) for c in ("n_low", "n_middle", "n_high", "events_low", "events_high"))
    meaning = _GROUP_NAMES.get(row["analysis"], {})
    return (
        Cell(analysis_title(row["analysis"]), ", ".join(f"{group}: {name}" for group, name in meaning.items())),
        Cell(row["cut"] or NO_VALUE),
        *(Cell(size) for size in sizes),
        Cell(number(row["statistic"])),
        Cell(p_value(row["p_value"])),
        p_verdict(row["p_value"], found=SURVIVAL_DIFFERS).cell(row["reason"]),
    )


def _curves(results: StudyResults, kind: str, caption: str) -> list[Block]:
    table = results.table("survival_curves")
    if table.problem:
        return [missing("Survival curves", table)]
    curves = _of(table.rows, kind).dropna(subset=["time_days", "survival", "at_risk"])
    if curves.empty:
        return [Paragraph("Survival curves: tables/survival_curves.csv holds none of this kind.", "missing")]
    tests = results.table("survival_tests").rows
    panels = [
        SurvivalPanel(
            analysis_title(name),
            _test_text(tests[tests["analysis"] == name]),
            curves[curves["analysis"] == name],
            group_names(name),
        )
        for name in dict.fromkeys(curves["analysis"])
    ]
    alt = "; ".join(f"{panel.title}: {_described(panel)}" for panel in panels)
    full = f"{caption} Bands: 95 % confidence; ticks: censored patients; numbers at risk below."
    return [
        Figure(
            Picture(draw_survival(panels), "image/svg+xml", f"Kaplan-Meier curves. {alt}."),
            full,
            "survival_curves.csv, survival_tests.csv",
        )
    ]


def _test_text(tests: pd.DataFrame) -> str:
    if tests.empty:
        return "no test recorded"
    texts = []
    for _, row in tests.iterrows():
        cut = f"cut {row['cut']}: " if row["cut"] and row["cut"] != "median" else ""
        texts.append(f"{cut}log-rank {p_equals(row['p_value'])}" if is_known(row["p_value"]) else f"{cut}log-rank undefined")
    return "; ".join(texts)


def _described(panel: SurvivalPanel) -> str:
    parts = []
    for name in group_order(list(panel.curves["group"])):
        curve = panel.curves[panel.curves["group"] == name].sort_values("time_days", kind="stable")
        parts.append(f"{panel.names.get(name, name)} (n = {at_risk(curve, 0)}) ends at {number(curve['survival'].iloc[-1])}")
    return f"{', '.join(parts)}; {panel.test}"
