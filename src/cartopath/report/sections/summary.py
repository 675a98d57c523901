"""The first section: the key numbers and the headline results in plain language."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cartopath.report.blocks import Block, Claims, KeyNumber, KeyNumbers, Paragraph, Section
from cartopath.report.numbers import count, counted, interval, is_known, number, p_equals, short
from cartopath.report.results import StudyResults
from cartopath.report.sections.claims import headline_claims
from cartopath.report.sections.heterogeneity import headline_slides
from cartopath.report.sections.performance import metric
from cartopath.report.verdicts import ALPHA

_MOST_KEY_TRAITS = 2


def summary_section(results: StudyResults) -> Section:
    """Say in plain language what the study found, with n and confidence interval beside each number."""
    claims = headline_claims(results)
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


def _key_numbers(results: StudyResults) -> list[KeyNumber]:
    items = []
    used = results.rows("slides", status="used")
    flow = results.table("cohort_flow").rows
    if len(flow):
        items.append(KeyNumber(count(flow.iloc[-1]["slides"]), "slides analysed", counted(flow.iloc[-1]["patients"], "patient")))
    if used["tiles_kept"].notna().any():
        tissue = f"{_mm2(used)} of tissue" if used["tissue_mm2"].notna().any() else ""
        items.append(KeyNumber(count(used["tiles_kept"].sum()), "tiles", tissue))
    items += _key_aurocs(results)
    hti, _ = headline_slides(results.table("hti").rows)
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
