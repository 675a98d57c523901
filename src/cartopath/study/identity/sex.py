"""Patients whose sex genes are those of the other sex, where these genes tell the sexes apart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cartopath.cohort import Clinical
from cartopath.study.identity.agreement import MIN_PER_CLASS, SEX_GENES, stated_sex
from cartopath.study.identity.profiles import compressed

SEPARATES = 5.0
"""Standard deviations between the medians of the sexes above which single patients are judged by a gene."""

OTHER_SEX = 0.75
"""How far, from the median of the stated sex (0) to that of the other (1), a gene must lie to speak for the other."""

LACKING = 0.5
"""The gene of the stated sex is lacking below this part of the way up to its median."""


def contradicted_sex(markers: pd.DataFrame, clinical: Clinical) -> list[tuple[str, str]]:
    """Return patients and their stated sex where they express what only the other sex does and lack what theirs does.

    Tumours lose genes of the X and the Y chromosome: lacking one's own gene alone contradicts nothing.

    Args:
        markers: From `marker_genes`.
        clinical: The clinical table.
    """
    sexes = stated_sex(clinical)
    if sexes is None:
        return []
    speaks = {sex: _speaks_for(markers, gene, sex, sexes) for gene, sex in SEX_GENES.items()}
    found = []
    for sex, other in (("female", "male"), ("male", "female")):
        foreign, own = speaks[other], speaks[sex]
        if foreign is None:
            continue
        wrong = foreign.index[(foreign >= OTHER_SEX) & (sexes.reindex(foreign.index) == sex)]
        if own is not None:
            wrong = wrong[(own.reindex(wrong) <= LACKING).to_numpy(dtype=bool)]
        found += [(str(patient), sex) for patient in wrong]
    return sorted(found)


def _speaks_for(markers: pd.DataFrame, gene: str, sex: str, sexes: pd.Series) -> pd.Series | None:
    """Return how much each patient expresses a gene: 0 like the sex that does not, 1 like `sex`; None if it does not separate."""
    if gene not in markers:
        return None
    values = markers[gene].dropna()
    stated = sexes.reindex(values.index).dropna()
    values = values[stated.index]
    has_gene = stated == sex
    if min(has_gene.sum(), (~has_gene).sum()) < MIN_PER_CLASS:
        return None
    values = pd.Series(compressed(values.to_numpy(dtype=np.float64)), values.index)
    without, with_gene = values[~has_gene], values[has_gene]
    apart = with_gene.median() - without.median()
    if apart <= SEPARATES * max(_deviation(without), _deviation(with_gene)):
        return None
    return (values - without.median()) / apart


def _deviation(values: pd.Series) -> float:
    """Return a standard deviation that a few mistaken patients do not change."""
    return 1.4826 * float((values - values.median()).abs().median())
