"""Patients whose sex genes are those of the other sex, where these genes tell the sexes apart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cartopath.cohort import Clinical, MolecularTable
from cartopath.core.errors import TraitError
from cartopath.stats import auroc
from cartopath.study.identity.agreement import MIN_PER_CLASS, SEX_GENES, stated_sex

SEPARATES = 0.9
"""AUROC of a gene above which single patients are judged by it."""

OTHER_SEX = 0.6
"""How far, from the median of the stated sex (0) to that of the other (1), a gene must lie to speak for the other."""


def contradicted_sex(molecular: MolecularTable, clinical: Clinical) -> list[tuple[str, str]]:
    """Return patients and their stated sex where they express what only the other sex does and lack what theirs does.

    Tumours lose genes of the X and the Y chromosome: lacking one's own gene alone contradicts nothing.
    """
    sexes = stated_sex(clinical)
    if sexes is None:
        return []
    speaks = {sex: _speaks_for(molecular, gene, sex, sexes) for gene, sex in SEX_GENES.items()}
    found = []
    for sex, other in (("female", "male"), ("male", "female")):
        foreign, own = speaks[other], speaks[sex]
        if foreign is None:
            continue
        wrong = foreign.index[(foreign >= OTHER_SEX) & (sexes.reindex(foreign.index) == sex)]
        if own is not None:
            wrong = wrong[(own.reindex(wrong) <= 1 - OTHER_SEX).to_numpy(dtype=bool)]
        found += [(str(patient), sex) for patient in wrong]
    return sorted(found)


def _speaks_for(molecular: MolecularTable, gene: str, sex: str, sexes: pd.Series) -> pd.Series | None:
    """Return how much each patient expresses a gene: 0 like the sex that does not, 1 like `sex`; None if it does not separate."""
    try:
        values = molecular.read([gene])[gene].dropna()
    except TraitError:
        return None
    stated = sexes.reindex(values.index).dropna()
    values = values[stated.index]
    has_gene = stated == sex
    if min(has_gene.sum(), (~has_gene).sum()) < MIN_PER_CLASS:
        return None
    if values.min() >= 0 and values.max() > 50:
        values = np.log2(values + 1)
    if auroc(has_gene.to_numpy(dtype=int), values.to_numpy(dtype=np.float64)) < SEPARATES:
        return None
    without, with_gene = values[~has_gene].median(), values[has_gene].median()
    return (values - without) / (with_gene - without)
