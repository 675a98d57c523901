"""A map against what was measured in the spots: one correlation per gene and section.

How much was counted in a spot moves all genes together, so a map of nothing but that agrees with most of them. Beside each
correlation stands the one that is left between spots of equal totals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import TableError
from cartopath.methods.spatial.section import Section

GOOD_R = 0.3
Array = NDArray[np.float64]


def most_counted(sections: Sequence[Section], n_genes: int) -> list[str]:
    """Return the genes with most counts over all sections, most first, of those that every section has.

    Raises:
        TableError: No gene is in all sections.
    """
    shared = sorted(set.intersection(*(set(section.counts.columns) for section in sections)))
    if not shared:
        raise TableError(f"{sections[0].name} and {sections[-1].name} share no gene; are genes called alike everywhere?")
    totals = sum(section.counts[shared].sum() for section in sections)
    return [str(gene) for gene in pd.Series(totals).sort_values(ascending=False).index[:n_genes]]


def measured(section: Section, genes: Sequence[str]) -> pd.DataFrame:
    """Return log1p of the counts of spots scaled to the section's median depth, spots x genes."""
    shares = section.counts[list(genes)].div(section.totals, axis=0)
    return pd.DataFrame(np.log1p(shares * section.depth))


def correlations(predicted: Array, truth: Array) -> Array:
    """Return Pearson's r over spots for each gene; 0 where either does not vary.

    Args:
        predicted: (n_spots, n_genes).
        truth: (n_spots, n_genes).

    >>> correlations(np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[0.0, 3.0], [2.0, 1.0]])).tolist()
    [1.0, 0.0]
    """
    predicted, truth = predicted - predicted.mean(axis=0), truth - truth.mean(axis=0)
    size = np.sqrt((predicted**2).sum(axis=0) * (truth**2).sum(axis=0))
    defined = size > 1e-9
    return np.where(defined, (predicted * truth).sum(axis=0) / np.where(defined, size, 1.0), 0.0)


def without_totals(values: Array, totals: Array) -> Array:
    """Return what of values a parabola in the log of the totals does not explain.

    Args:
        values: (n_spots, n_genes).
        totals: (n_spots,): all that was counted in each spot.
    """
    logs = np.log(totals)
    curve = np.stack([np.ones_like(logs), logs, logs**2], axis=1)
    return np.asarray(values - curve @ np.linalg.lstsq(curve, values, rcond=None)[0])


@dataclass(frozen=True, eq=False)
class Scores:
    """How well one way of making maps does.

    Attributes:
        name: Of the way.
        r: Pearson's r, genes x sections.
        r_equal: The same between spots of equal totals.
    """

    name: str
    r: pd.DataFrame
    r_equal: pd.DataFrame

    @property
    def by_gene(self) -> pd.Series:
        """The mean over sections, one per gene."""
        return self.r.mean(axis=1)

    @property
    def median(self) -> float:
        """The median over genes of the mean over sections."""
        return float(self.by_gene.median())

    @property
    def median_equal(self) -> float:
        """The median over genes of the mean over sections between spots of equal totals."""
        return float(self.r_equal.mean(axis=1).median())

    @property
    def n_good(self) -> int:
        """How many genes lie above 0.3 in the mean over sections."""
        return int((self.by_gene > GOOD_R).sum())

    @property
    def by_section(self) -> dict[str, float]:
        """The median over genes in each section."""
        return {str(name): float(value) for name, value in self.r.median().items()}


def scores(name: str, maps: Mapping[str, Array], sections: Sequence[Section], genes: Sequence[str]) -> Scores:
    """Return the scores of maps.

    Args:
        name: How they were made.
        maps: (n_spots, n_genes) of each section, in the order of its spots and of `genes`; NaN where a spot is not shown.
        sections: What was measured.
        genes: Which.
    """
    r, r_equal = pd.DataFrame(index=list(genes)), pd.DataFrame(index=list(genes))
    for section in sections:
        truth, made = measured(section, genes), maps[section.name]
        shown = np.isfinite(made).all(axis=1)
        both, totals = (made[shown], truth.to_numpy()[shown]), section.totals[shown]
        r[section.name] = correlations(*both)
        r_equal[section.name] = correlations(*(without_totals(values, totals) for values in both))
    return Scores(name, r, r_equal)


def mean_scores(name: str, repeats: Sequence[Scores]) -> Scores:
    """Return the mean of correlations over repeats."""
    r, r_equal = ([getattr(one, which) for one in repeats] for which in ("r", "r_equal"))
    return Scores(name, sum(r[1:], start=r[0]) / len(r), sum(r_equal[1:], start=r_equal[0]) / len(r))
