"""The first page: what was found in plain language, positive and negative alike, and what a demo recovered of its truth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cartopath.report.blocks import (
    Block,
    Cell,
    Claim,
    Claims,
    Grid,
    KeyNumber,
    KeyNumbers,
    Paragraph,
    Section,
    missing,
    number_columns,
    text_columns,
)
from cartopath.report.figures.survival import DAYS_PER_YEAR, group_order, survival_at
from cartopath.report.numbers import count, counted, interval, is_known, number, p_equals, percent, short
from cartopath.report.results import StudyResults
from cartopath.report.sections.heterogeneity import group_verdict, patient_slides
from cartopath.report.sections.performance import metric
from cartopath.report.sections.provenance import last_outcomes
from cartopath.report.sections.survival import ALPHA, analysis_title, logrank_verdict

_MOST_TRAITS = 8
_MOST_KEY_TRAITS = 2
_CHANCE = 0.5


def summary_section(results: StudyResults) -> Section:
    """Say in plain language what the study found, with n and confidence interval beside each number."""
    claims = [
        *_cohort_claims(results),
        *_trait_claims(results),
        *_hti_claims(results),
        *_survival_claims(results),
        *_group_claims(results),
    ]
    numbers = _key_numbers(results)
    blocks: list[Block] = [KeyNumbers(tuple(numbers))] if numbers else []
    if claims:
        blocks.append(Claims(tuple(claims)))
        blocks.append(
            Paragraph(
                f"Verdicts use a level of {ALPHA:g} and 95 % confidence intervals. A result that was not found is "
                "reported as such."
            )
        )
    else:
        blocks.append(Paragraph("This study has no result tables yet: `cartopath run` makes them.", "missing"))
    return Section("summary", "Summary", tuple(blocks))


def recovery_section(results: StudyResults) -> Section | None:
    """Show what a simulated cohort had planted and what the study recovered; None for a study without planted truth."""
    table = results.table("recovery")
    if table.problem:
        return (
            None
            if "is missing" in table.problem
            else Section("recovery", "Recovery of the planted truth", (missing("Recovery", table),))
        )
    verdicts = {True: Cell("✓ holds", tone="good"), False: Cell("✗ does not hold", tone="bad")}
    rows = tuple(
        (
            Cell(r["quantity"]),
            Cell(r["planted"]),
            Cell(_plain(r["recovered"])),
            Cell(r["goal"]),
            verdicts.get(r["holds"], Cell("undefined", tone="muted")),
        )
        for _, r in table.rows.iterrows()
    )
    columns = (*text_columns("Quantity"), *number_columns("Planted", "Recovered", "Goal"), *text_columns("Verdict"))
    held = int((table.rows["holds"] == True).sum())  # noqa: E712 - missing flags are neither true nor false
    text = (
        "This cohort is simulated: its slides, expression and survival were drawn from a known truth, which "
        "no stage of the study may read."
    )
    grid = Grid(
        f"Planted truth and what the study recovered of it: {held} of {counted(len(rows), 'goal')} hold.",
        columns,
        rows,
        "recovery.csv",
    )
    return Section("recovery", "Recovery of the planted truth", (Paragraph(text), grid))


def _plain(text: str) -> str:
    try:
        return short(float(text))
    except ValueError:
        return text


def _used(results: StudyResults) -> pd.DataFrame:
    return results.rows("slides", status="used")


def _key_numbers(results: StudyResults) -> list[KeyNumber]:
    items = []
    used = _used(results)
    if len(used):
        items.append(KeyNumber(count(len(used)), "slides analysed", counted(used["patient_id"].nunique(), "patient")))
        if used["tiles_kept"].notna().any():
            items.append(
                KeyNumber(
                    count(used["tiles_kept"].sum()),
                    "tiles",
                    f"{_mm2(used)} of tissue" if used["tissue_mm2"].notna().any() else "",
                )
            )
    items += _key_aurocs(results)
    hti = patient_slides(results.table("hti").rows)
    if len(hti):
        q1, median, q3 = (hti["hti"].quantile(q) for q in (0.25, 0.5, 0.75))
        items.append(KeyNumber(number(median), "HTI, median", f"quartiles {interval(q1, q3)}, {counted(len(hti), 'patient')}"))
    tests = results.rows("survival_tests", analysis="hti")
    if len(tests) and is_known(tests.iloc[0]["p_value"]):
        text = p_equals(tests.iloc[0]["p_value"])
        items.append(KeyNumber(text.removeprefix("p = "), "p, survival by HTI", f"log-rank, {_group_sizes(tests.iloc[0])}"))
    return items


def _key_aurocs(results: StudyResults) -> list[KeyNumber]:
    rows = {
        trait: row
        for trait in results.traits
        if (row := metric(results, trait=trait, set_name="test", model="ensemble")) is not None
    }
    rows = {trait: row for trait, row in rows.items() if is_known(row["value"])}
    if len(rows) <= _MOST_KEY_TRAITS:
        return [
            KeyNumber(
                number(row["value"]),
                f"AUROC, {trait}",
                f"95 % CI {interval(row['low'], row['high']) or 'unknown'}, n = {count(row['n'])}",
            )
            for trait, row in rows.items()
        ]
    values = [float(row["value"]) for row in rows.values()]
    return [
        KeyNumber(
            number(float(np.median(values))),
            "AUROC, median of traits",
            f"{len(values)} traits, from {number(min(values))} to {number(max(values))}",
        )
    ]


def _mm2(used: pd.DataFrame) -> str:
    return f"{short(float(used['tissue_mm2'].sum()))} mm²"


def _group_sizes(row: pd.Series) -> str:
    return f"{count(row['n_high'])} high, {count(row['n_low'])} low"


def _cohort_claims(results: StudyResults) -> list[Claim]:
    flow = results.table("cohort_flow").rows
    if flow.empty:
        return []
    first, last = flow.iloc[0], flow.iloc[-1]
    text = (
        f"{count(last['slides'])} of {counted(first['slides'], 'slide')} and {count(last['patients'])} of "
        f"{counted(first['patients'], 'patient')} "
        "were analysed."
    )
    failed = len([entry for entry in last_outcomes(results) if entry.get("outcome") == "failed"])
    failed_slides = int((results.table("slides").rows["status"] == "failed").sum())
    if failed_slides:
        text += f" {counted(failed_slides, 'slide')} failed."
    if failed:
        text += f" {counted(failed, 'task')} failed; reasons are listed below."
    return [Claim("Cohort", text)]


def _trait_claims(results: StudyResults) -> list[Claim]:
    rows = {
        trait: row
        for trait in results.traits
        if (row := metric(results, trait=trait, set_name="test", model="ensemble")) is not None
    }
    if len(rows) <= _MOST_TRAITS:
        return [_trait_claim(results, trait, row) for trait, row in rows.items()]
    above = [trait for trait, row in rows.items() if is_known(row["low"]) and row["low"] > _CHANCE]
    known = {trait: row for trait, row in rows.items() if is_known(row["value"])}
    text = f"{len(above)} of {counted(len(rows), 'trait')} have an ensemble AUROC whose interval lies above chance"
    text += f": {', '.join(above)}." if above else "."
    if known:
        best = max(known, key=lambda trait: float(known[trait]["value"]))
        text += (
            f" Best: {best}, {number(known[best]['value'])} "
            f"({interval(known[best]['low'], known[best]['high'])}, n = {count(known[best]['n'])})."
        )
    return [Claim("Traits", text, "above chance" if above else "no association found", "good" if above else "strong")]


def _trait_claim(results: StudyResults, trait: str, row: pd.Series) -> Claim:
    patient = metric(results, trait=trait, set_name="test", model="ensemble", level="patient")
    of_patients = f" of {counted(patient['n'], 'patient')}" if patient is not None and is_known(patient["n"]) else ""
    size = f"{counted(row['n'], 'held-out slide')}{of_patients} ({count(row['n_high'])} high, {count(row['n_low'])} low)"
    if not is_known(row["value"]):
        return Claim(trait, f"AUROC undefined on {size}: {row['reason'] or 'no reason recorded'}.", "undefined", "muted")
    between = interval(row["low"], row["high"])
    text = f"AUROC {number(row['value'])} ({f'95 % CI {between}' if between else 'no interval'}) on {size}."
    if not between:
        return Claim(trait, text, "no interval: nothing can be claimed", "muted")
    if row["low"] > _CHANCE:
        return Claim(trait, text, "above chance", "good")
    if row["high"] < _CHANCE:
        return Claim(trait, text, "below chance: check the labels", "bad")
    return Claim(trait, text, "no association found", "strong")


def _hti_claims(results: StudyResults) -> list[Claim]:
    hti = patient_slides(results.table("hti").rows)
    if hti.empty:
        return []
    q1, median, q3 = (hti["hti"].quantile(q) for q in (0.25, 0.5, 0.75))
    none = int((hti["n_positive"] == 0).sum())
    text = f"Median HTI {number(median)} (quartiles {interval(q1, q3)}) over {counted(len(hti), 'patient')}"
    return [Claim("Heterogeneity", f"{text}; {counted(none, 'patient')} without a positive tile." if none else f"{text}.")]


def _survival_claims(results: StudyResults) -> list[Claim]:
    tests = results.table("survival_tests").rows
    claims = []
    for _, row in tests.iterrows():
        if "|" in row["analysis"]:
            continue
        verdict, tone = logrank_verdict(row)
        title = analysis_title(row["analysis"])
        cut = f" cut at {row['cut']}" if row["cut"] and row["analysis"].startswith("hti") else ""
        events = (
            f"{count(row['events_high'])} events in {count(row['n_high'])} high, {count(row['events_low'])} "
            f"in {count(row['n_low'])} low"
        )
        test = f"log-rank {p_equals(row['p_value'])}" if is_known(row["p_value"]) else "log-rank undefined"
        text = f"{title}{cut}: {test}; {events}{_difference(results, row['analysis'])}."
        claims.append(Claim("Survival" if row["analysis"].startswith("hti") else "Survival, bulk", text, verdict, tone))
    return [*claims, *_cox_claims(results)]


def _difference(results: StudyResults, analysis: str) -> str:
    curves = results.rows("survival_curves", analysis=analysis)
    groups = [name for name in group_order(list(curves["group"])) if name in ("low", "high")]
    if len(groups) != 2:
        return ""
    years = min(5.0, *(curves.loc[curves["group"] == name, "time_days"].max() / DAYS_PER_YEAR for name in groups))
    alive = {name: percent(survival_at(curves[curves["group"] == name], years * DAYS_PER_YEAR)) for name in groups}
    return f"; surviving at {number(years, digits=0 if years == 5 else 1)} years: high {alive['high']}, low {alive['low']}"


def _cox_claims(results: StudyResults) -> list[Claim]:
    rows = results.table("cox").rows
    claims = []
    for _, row in rows[rows["covariate"].str.lower() == "hti"].iterrows() if len(rows) else []:
        if not is_known(row["hazard_ratio"]):
            continue
        text = (
            f"Hazard ratio {number(row['hazard_ratio'])} (95 % CI {interval(row['low'], row['high'])}) per unit "
            f"of HTI in model '{row['model']}', "
            f"{p_equals(row['p_value'])}, n = {count(row['n'])} with {count(row['events'])} events."
        )
        found = is_known(row["p_value"]) and row["p_value"] < ALPHA
        claims.append(
            Claim(
                "Cox model", text, "associated with survival" if found else "no association found", "good" if found else "strong"
            )
        )
    return claims


def _group_claims(results: StudyResults) -> list[Claim]:
    rows = results.table("hti_groups").rows
    claims = []
    for name, group in rows.groupby("grouping", sort=False):
        first = group.iloc[0]
        medians = ", ".join(f"{r['group']} {number(r['median'])} (n = {count(r['n'])})" for _, r in group.iterrows())
        verdict = group_verdict(first)
        tested = is_known(first["p_value"])
        test = f"; Kruskal-Wallis {p_equals(first['p_value'])}" if tested else ""
        tone = "muted" if not tested else "good" if first["p_value"] < ALPHA else "strong"
        claims.append(Claim("HTI by group", f"{name}: median HTI {medians}{test}.", verdict, tone))  # type: ignore[arg-type]
    return claims
