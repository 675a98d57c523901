"""The headline of a comparison: one sentence and one verdict for each figure of each method, each beside the first."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cartopath.methods.comparison import Comparison
from cartopath.report.blocks import Claim
from cartopath.report.comparison_performance import difference_verdict, signed
from cartopath.report.numbers import count, counted, interval, is_known, number, p_equals
from cartopath.report.verdicts import Verdict

INDISTINCT = Verdict("cannot be told apart here", "muted")
"""Of a figure that both methods have in every sample of patients."""


def comparison_claims(comparison: Comparison) -> tuple[Claim, ...]:
    """Return the claims of every trait and every study but the first: of its ensemble, and of the mean of its rounds."""
    table, first = comparison.table, comparison.studies[0]
    references = table[table["study"] == first].set_index("trait")
    others = table[table["study"] != first]
    return tuple(claim for _, row in others.iterrows() for claim in _of_study(comparison, row, references.loc[row["trait"]]))


def figure_names(comparison: Comparison) -> dict[str, str]:
    """Return the figures that are compared: the columns of an AUROC and what it is of."""
    several = comparison.rounds["round"].nunique() > 1
    return {"auroc": "ensemble", **({"rounds_auroc": f"mean of {comparison.scheme}"} if several else {})}


def both_complete(row: pd.Series, reference: pd.Series, name: str) -> bool:
    """Whether both methods separate the classes in every sample of patients, so that these cannot tell the methods apart."""
    ends = [value for one in (row, reference) for value in (one[f"{name}_low"], one[f"{name}_high"])]
    return all(is_known(value) and value == 1 for value in ends)


def _of_study(comparison: Comparison, row: pd.Series, reference: pd.Series) -> Iterator[Claim]:
    for number_, (name, what) in enumerate(figure_names(comparison).items()):
        subject = str(row["trait"]) if number_ == 0 else ""
        yield _claim(row, reference, name, f"{row['study']}, {what}", subject, comparison.studies[0])


def _claim(row: pd.Series, reference: pd.Series, name: str, who: str, subject: str, first: str) -> Claim:
    if not is_known(row[name]):
        return Claim(subject, f"{who}: AUROC undefined: {row[f'{name}_reason']}.", "undefined", "muted")
    size = f"{counted(row['n_patients'], 'patient')} ({count(row['n_high'])} high, {count(row['n_low'])} low)"
    beside = f"{who}: AUROC {number(row[name])} against {number(reference[name])} of {first}"
    if both_complete(row, reference, name):
        text = f"{beside}: both separate the classes of {size} completely, so these patients cannot tell the methods apart."
        return Claim(subject, text, INDISTINCT.text, INDISTINCT.tone)
    low, high = row[f"{name}_difference_low"], row[f"{name}_difference_high"]
    between = interval(low, high)
    certainty = f"95 % CI {between}), {p_equals(row[f'{name}_p'])}" if between else f"no interval: {row[f'{name}_reason']})"
    verdict = difference_verdict(low, high)
    text = f"{beside}, difference {signed(row[f'{name}_difference'])} ({certainty}, {size}."
    return Claim(subject, text, verdict.text, verdict.tone)
