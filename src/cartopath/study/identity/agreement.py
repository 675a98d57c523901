"""What biology must show when molecular and clinical table speak of the same patients, held against what it shows.

A gene follows the receptor it encodes, and XIST and Y-chromosome genes follow sex. Where these come out near chance, barcodes
were shuffled or tables joined wrongly: no error, no missing value, and every later result is noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cartopath.cohort import Clinical, Finding, MolecularTable, match_column, receptor_status
from cartopath.core.errors import StatusError, TraitError
from cartopath.core.rng import stream
from cartopath.stats import Estimate, auroc_ci

MIN_PER_CLASS = 8
"""Patients of each class below which nothing can be said."""

NEAR_CHANCE = 0.65
"""An AUROC below this contradicts the join; right joins of TCGA-BRCA give 0.95 (ER), 0.95 (PR) and 0.78 to 0.82 (HER2)."""

RIGHT_JOIN = 0.8
"""What a right join gives: few patients, whose interval still reaches it, contradict nothing."""

_RECEPTOR_GENES = {"ER": "ESR1", "PR": "PGR", "HER2": "ERBB2"}
SEX_GENES = {"XIST": "female", "RPS4Y1": "male"}
"""Genes that only one sex expresses."""

_SEX_COLUMNS = ("Sex", "Gender")
_SEX_WORDS = {"f": "female", "female": "female", "woman": "female", "m": "male", "male": "male", "man": "male"}


@dataclass(frozen=True)
class Agreement:
    """How well a gene tells apart what it should.

    Attributes:
        gene: The gene.
        status: What it should tell apart.
        auroc: How well it does, over the patients that both tables know.
    """

    gene: str
    status: str
    auroc: Estimate

    @property
    def is_near_chance(self) -> bool:
        """Whether it does hardly better than chance, or worse."""
        return self.auroc.value is not None and self.auroc.value < NEAR_CHANCE

    @property
    def is_borne_out(self) -> bool:
        """Whether it does what a right join gives, with enough patients to rule out chance."""
        value, low = self.auroc.value, self.auroc.low
        return value is not None and low is not None and value >= RIGHT_JOIN and low >= NEAR_CHANCE

    @property
    def is_contradiction(self) -> bool:
        """Whether it is near chance, with enough patients to rule out a right join."""
        return self.is_near_chance and self.auroc.high is not None and self.auroc.high < RIGHT_JOIN


def marker_genes(molecular: MolecularTable) -> pd.DataFrame:
    """Read the genes that follow a receptor or sex, those that the table holds, in one pass: patients by genes."""
    held = []
    for gene in (*_RECEPTOR_GENES.values(), *SEX_GENES):
        try:
            molecular.find(gene)
        except TraitError:
            continue
        held.append(gene)
    return molecular.read(held) if held else pd.DataFrame(index=pd.Index(molecular.patients))


def agreements(markers: pd.DataFrame, clinical: Clinical) -> Iterator[Agreement]:
    """Yield every pair of a gene and a status that both tables hold for enough patients.

    Args:
        markers: From `marker_genes`.
        clinical: The clinical table.
    """
    for status, gene in _RECEPTOR_GENES.items():
        try:
            words = receptor_status(clinical, status)
        except (TraitError, StatusError):
            continue
        yield from _agreement(markers, gene, f"{status} status", words.map({"hi": 1.0, "lo": 0.0}))
    sexes = stated_sex(clinical)
    if sexes is not None:
        for gene, sex in SEX_GENES.items():
            yield from _agreement(markers, gene, f"{sex} sex", sexes.map({"female": 0.0, "male": 0.0} | {sex: 1.0}))


def stated_sex(clinical: Clinical) -> pd.Series | None:
    """Return `female`, `male` or NA by patient, or None where the table has no column for it."""
    column = next((found for name in _SEX_COLUMNS if (found := match_column(clinical.table.columns, name))), None)
    if column is None:
        return None
    return clinical.table[column].astype("string").str.strip().str.lower().map(_SEX_WORDS)


def _agreement(markers: pd.DataFrame, gene: str, status: str, is_positive: pd.Series) -> Iterator[Agreement]:
    if gene not in markers:
        return
    both = pd.DataFrame({"value": markers[gene], "status": is_positive}).dropna()
    n_positive = int(both["status"].sum())
    if min(n_positive, len(both) - n_positive) < MIN_PER_CLASS:
        return
    rng = stream(0, "identity", gene)
    estimate = auroc_ci(both["status"].to_numpy(dtype=int), both["value"].to_numpy(dtype=np.float64), rng=rng, n_resamples=500)
    yield Agreement(gene, status, estimate)


def agreement_findings(molecular: MolecularTable, pairs: Sequence[Agreement]) -> Iterator[Finding]:
    """Yield a finding for every pair: an error where it contradicts the join, otherwise a note on what it shows.

    One pair that is borne out vouches for the join: another near chance is then biology, such as HER2 among luminal tumours.
    """
    is_borne_out = any(pair.is_borne_out for pair in pairs)
    for pair in pairs:
        measured = f"{pair.gene} against {pair.status}: AUROC {pair.auroc}"
        subject = molecular.path.name
        if pair.is_contradiction and not is_borne_out:
            message = (
                f"suspected identity mix-up. {measured}, where a right join gives about 0.8 to 1: the sample names of this "
                "table or the patients of the clinical table are probably shuffled"
            )
            yield Finding("error", "identity-contradicted", subject, message)
        elif pair.is_near_chance:
            why = "other pairs bear the join out" if is_borne_out else "too few patients to tell"
            yield Finding("info", "identity-undecided", subject, f"{measured}: {why}")
        elif pair.is_borne_out:
            yield Finding("info", "identity-confirmed", subject, measured)
        else:
            message = f"{measured}: better than chance, and less than the 0.8 that would bear the join out beyond doubt"
            yield Finding("info", "identity-not-contradicted", subject, message)
