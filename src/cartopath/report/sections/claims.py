"""The headline results as sentences: numbers, their n and interval, and a verdict; negative ones as plainly as others."""

from __future__ import annotations

import pandas as pd

from cartopath.report.blocks import Claim
from cartopath.report.figures.survival import DAYS_PER_YEAR, survival_at
from cartopath.report.numbers import count, counted, interval, is_known, number, p_equals, percent
from cartopath.report.results import StudyResults
from cartopath.report.sections.cox import ASSOCIATED
from cartopath.report.sections.groups import HTI_DIFFERS
from cartopath.report.sections.heterogeneity import headline_slides
from cartopath.report.sections.performance import metric
from cartopath.report.sections.provenance import last_outcomes
from cartopath.report.sections.survival import SURVIVAL_DIFFERS, analysis_title, group_names
from cartopath.report.verdicts import ABOVE_CHANCE, NOTHING_FOUND, auroc_verdict, p_verdict

_MOST_TRAITS = 8


def headline_claims(results: StudyResults) -> list[Claim]:
    """Return what a study found, in the order of the report; empty when it has no result tables yet."""
    parts = (_cohort_claims, _trait_claims, _hti_claims, _survival_claims, _group_claims)
    return [claim for part in parts for claim in part(results)]


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
    verdicts = {trait: auroc_verdict(row["low"], row["high"]) for trait, row in rows.items()}
    above = [trait for trait, verdict in verdicts.items() if verdict == ABOVE_CHANCE]
    known = {trait: row for trait, row in rows.items() if is_known(row["value"])}
    text = f"{len(above)} of {counted(len(rows), 'trait')} have an ensemble AUROC whose interval lies above chance"
    text += f": {', '.join(above)}." if above else "."
    if known:
        best = max(known, key=lambda trait: float(known[trait]["value"]))
        text += (
            f" Best: {best}, {number(known[best]['value'])} "
            f"({interval(known[best]['low'], known[best]['high'])}, n = {count(known[best]['n'])})."
        )
    verdict = ABOVE_CHANCE if above else NOTHING_FOUND
    return [Claim("Traits", text, verdict.text, verdict.tone)]


def _trait_claim(results: StudyResults, trait: str, row: pd.Series) -> Claim:
    patient = metric(results, trait=trait, set_name="test", model="ensemble", level="patient")
    of_patients = f" of {counted(patient['n'], 'patient')}" if patient is not None and is_known(patient["n"]) else ""
    size = f"{counted(row['n'], 'held-out slide')}{of_patients} ({count(row['n_high'])} high, {count(row['n_low'])} low)"
    if not is_known(row["value"]):
        return Claim(trait, f"AUROC undefined on {size}: {row['reason'] or 'no reason recorded'}.", "undefined", "muted")
    between = interval(row["low"], row["high"])
    text = f"AUROC {number(row['value'])} ({f'95 % CI {between}' if between else 'no interval'}) on {size}."
    if row["low"] == row["high"] == 1:
        text += " The classes separate completely, and a bootstrap cannot say how far below 1 the truth may lie: mind the n."
    verdict = auroc_verdict(row["low"], row["high"])
    return Claim(trait, text, verdict.text, verdict.tone)


def _hti_claims(results: StudyResults) -> list[Claim]:
    hti, whose = headline_slides(results.table("hti").rows)
    if hti.empty:
        return []
    q1, median, q3 = (hti["hti"].quantile(q) for q in (0.25, 0.5, 0.75))
    none = int((hti["n_positive"] == 0).sum())
    text = f"Median HTI {number(median)} (quartiles {interval(q1, q3)}) over {counted(len(hti), 'patient')}{whose}"
    return [Claim("Heterogeneity", f"{text}; {counted(none, 'patient')} without a positive tile." if none else f"{text}.")]


def _survival_claims(results: StudyResults) -> list[Claim]:
    rows = [row for _, row in results.table("survival_tests").rows.iterrows() if "|" not in row["analysis"]]
    return [*(_survival_claim(results, row) for row in rows), *_cox_claims(results)]


def _survival_claim(results: StudyResults, row: pd.Series) -> Claim:
    analysis = row["analysis"]
    subject = "Survival" if analysis.startswith("hti") else "Survival, bulk"
    cut = f" cut at {row['cut']}" if row["cut"] and row["cut"] != "median" else ""
    title = f"{analysis_title(analysis)}{cut}"
    if not is_known(row["p_value"]):
        return Claim(subject, f"{title}: log-rank test undefined: {row['reason'] or 'no reason recorded'}.", "undefined", "muted")
    names = group_names(analysis)
    sizes = ", ".join(f"{counted(row[f'events_{g}'], 'event')} in {count(row[f'n_{g}'])} {names[g]}" for g in ("high", "low"))
    verdict = p_verdict(row["p_value"], found=SURVIVAL_DIFFERS)
    text = f"{title}: log-rank {p_equals(row['p_value'])}; {sizes}{_difference(results, analysis)}."
    return Claim(subject, text, verdict.text, verdict.tone)


def _difference(results: StudyResults, analysis: str) -> str:
    curves = results.rows("survival_curves", analysis=analysis)
    of_group = {name: curves[curves["group"] == name] for name in ("high", "low")}
    if any(curve.empty for curve in of_group.values()):
        return ""
    years = min(5.0, *(curve["time_days"].max() / DAYS_PER_YEAR for curve in of_group.values()))
    names = group_names(analysis)
    alive = (f"{names[name]} {percent(survival_at(curve, years * DAYS_PER_YEAR))}" for name, curve in of_group.items())
    return f"; surviving at {number(years, digits=0 if years == 5 else 1)} years: {', '.join(alive)}"


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
        verdict = p_verdict(row["p_value"], found=ASSOCIATED)
        claims.append(Claim("Cox model", text, verdict.text, verdict.tone))
    return claims


def _group_claims(results: StudyResults) -> list[Claim]:
    rows = results.table("hti_groups").rows
    claims = []
    for name, group in rows.groupby("grouping", sort=False):
        first = group.iloc[0]
        medians = ", ".join(f"{r['group']} {number(r['median'])} (n = {count(r['n'])})" for _, r in group.iterrows())
        verdict = p_verdict(first["p_value"], found=HTI_DIFFERS)
        test = (
            f"Kruskal-Wallis {p_equals(first['p_value'])}" if is_known(first["p_value"]) else f"test undefined: {first['reason']}"
        )
        claims.append(Claim("HTI by group", f"{name}: median HTI {medians}; {test}.", verdict.text, verdict.tone))
    return claims
