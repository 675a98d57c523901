"""The page of a regression: which genes tissue tells, by which head, against which baseline, and how sure that is."""

from __future__ import annotations

from pathlib import Path

from cartopath.methods.regression import Regression
from cartopath.methods.regression.settings import ALL_GENES
from cartopath.report.blocks import (
    Claim,
    Claims,
    KeyNumber,
    KeyNumbers,
    Paragraph,
    Section,
    Tone,
)
from cartopath.report.comparison_performance import signed
from cartopath.report.numbers import count, counted, interval, is_known, number, p_equals, percent
from cartopath.report.page import render_page
from cartopath.report.regression_genes import genes_section
from cartopath.report.regression_heads import heads_section
from cartopath.report.regression_how import how_section, n_slides, patients_section
from cartopath.report.verdicts import ALPHA, NOTHING_FOUND, UNDEFINED, Verdict
from cartopath.store.atomic import write_text

_SOURCE = (
    "Every number on this page is also in the CSV files beside it: arms, genes, training, splits, slides, left_out, control; "
    "every prediction is in predictions.parquet. Graziani et al. 2022 is attention-based regression of gene expression; the "
    "standard errors of correlations are Fisher's, and for Spearman's Bonett and Wright's (2000)."
)


def write_regression_page(found: Regression, folder: Path) -> Path:
    """Write `index.html` of a regression and return its path. The page stands alone, loads nothing and runs nothing."""
    sections = [_summary(found), genes_section(found), heads_section(found), patients_section(found), how_section(found)]
    genes = "All genes" if found.expression.panel == ALL_GENES else found.expression.panel
    title = f"{genes} from {found.patients.encoder or 'unnamed'} features"
    html = render_page(sections, title=title, kicker="cartopath regression", source=_SOURCE)
    write_text(folder / "index.html", html)
    return folder / "index.html"


def _summary(found: Regression) -> Section:
    genes, row = found.first.genes, found.arms.iloc[0]
    n_patients, n_genes = found.measured.shape
    best = genes.dropna(subset=["pearson"]).nlargest(1, "pearson")
    items = [
        KeyNumber(count(n_patients), "patients", f"{counted(n_slides(found), 'slide')}"),
        KeyNumber(count(n_genes), "genes", found.expression.panel),
        KeyNumber(count(row["n_bh"]), "predicted, q < 0.05", f"of {count(n_genes)}, by {found.first.arm.name}"),
        KeyNumber(number(row["median_pearson"]), "median r", f"{counted(row['n_above_03'], 'gene')} above 0.3"),
    ]
    if len(best):
        items.append(KeyNumber(number(best.iloc[0]["pearson"]), f"r of {best.iloc[0]['gene']}", "the best gene"))
    text = (
        "Every patient was predicted by models that never saw them. r is Pearson's correlation, over patients, of predicted and "
        "measured values, both in deviations from the mean of the patients that a model learned from: without that, predictions "
        "of nothing at all correlate with what is measured. q-values are Benjamini and Hochberg's over all genes of this page."
    )
    notes = [Paragraph(note, "remark") for note in (found.baseline_note, *found.expression.notes, *found.patients.notes)]
    return Section("summary", "Summary", (KeyNumbers(tuple(items)), Paragraph(text), Claims(tuple(_claims(found))), *notes))


def _claims(found: Regression) -> list[Claim]:
    row, n_genes = found.arms.iloc[0], found.measured.shape[1]
    # Holm's genes are beyond chance one by one; many genes are where shuffled measurements seldom give as many.
    shuffled = found.first.permuted.n_discovered
    chance = (1 + int((shuffled >= row["n_bh"]).sum())) / (1 + len(shuffled))
    claims = [
        Claim(
            "Better than chance",
            f"{count(row['n_bh'])} of {counted(n_genes, 'gene')} with a positive correlation and q < 0.05 "
            f"({count(row['n_holm'])} by Holm), {count(row['n_beat_permuted'])} better than shuffled measurements. Where "
            f"measurements are shuffled, so many genes are found with {p_equals(chance)}; at most "
            f"{counted(row['permuted_95'], 'gene')} in 95 % of {counted(len(shuffled), 'permutation')}.",
            *_of(Verdict("above chance", "good") if row["n_holm"] or (row["n_bh"] and chance < ALPHA) else NOTHING_FOUND),
        ),
        _baseline_claim(found),
    ]
    if found.control is not None:
        n = len(found.control.genes)
        honest = found.control.n_raw <= 0.05 * n + 3 * (0.05 * 0.95 * n) ** 0.5 and found.control.n_bh <= 0.02 * n
        claims.append(
            Claim(
                "Nothing gives nothing",
                f"{found.first.arm.name} trained on the measurements of other patients: {count(found.control.n_raw)} of "
                f"{counted(n, 'gene')} have p < 0.05 ({percent(found.control.n_raw / n)}; 5 % are chance), "
                f"{count(found.control.n_bh)} have q < 0.05.",
                *_of(Verdict("within chance", "good") if honest else Verdict("too many: look at the splits", "bad")),
            )
        )
    return claims


def _baseline_claim(found: Regression) -> Claim:
    row = found.arms.iloc[0]
    if not is_known(row.get("baseline_difference")):
        return Claim("Better than the baseline", "Not compared: no gene has a defined correlation.", *_of(UNDEFINED))
    low, high = row["baseline_difference_low"], row["baseline_difference_high"]
    between = f"95 % CI {interval(low, high)}, {p_equals(row['baseline_difference_p'])}" if is_known(low) else "no interval"
    text = (
        f"{found.first.arm.name} predicts {counted(row['n_beat_baseline'], 'gene')} better than {found.baseline} and "
        f"{count(row['n_below_baseline'])} worse (Williams' test, q < 0.05). Over all genes the median difference of r is "
        f"{signed(row['baseline_difference'])} ({between}; a bootstrap that draws patients with all their genes)."
    )
    verdict = Verdict("no difference found", "strong")
    if is_known(low) and (low > 0 or high < 0) and row["baseline_difference_p"] < ALPHA:
        verdict = Verdict("better", "good") if low > 0 else Verdict("worse: trust the baseline", "bad")
    return Claim("Better than the baseline", text, *_of(verdict))


def _of(verdict: Verdict) -> tuple[str, Tone]:
    return verdict.text, verdict.tone
