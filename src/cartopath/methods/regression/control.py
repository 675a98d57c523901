"""What the whole procedure makes of nothing: a head trained on the measurements of other patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.rng import stream
from cartopath.stats import GeneMetrics, benjamini_hochberg

MOST_GENES = 200
"""Genes that are enough to see whether nothing gives nothing."""


@dataclass(frozen=True, eq=False)
class Shuffled:
    """Measurements of some genes, moved to other patients.

    Attributes:
        places: (n_some,) places of the genes among all.
        values: (n_patients, n_some); every patient has all measurements of one other.
    """

    places: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Control:
    """What was found in shuffled measurements.

    Attributes:
        genes: Names of the genes.
        metrics: Of predictions of heads that were trained on shuffled measurements.
        n_raw: Genes with a two-sided p-value below 0.05, of either sign; 5 % are expected.
        n_bh: Genes with a q-value (BH) below 0.05 and a positive correlation; none is expected.
    """

    genes: tuple[str, ...]
    metrics: GeneMetrics
    n_raw: int
    n_bh: int


def shuffle(values: NDArray[np.float64], seed: int) -> Shuffled:
    """Return measurements moved to other patients, of 200 genes at most.

    Args:
        values: (n_patients, n_genes).
        seed: Of the study.
    """
    rng = stream(seed, "regression", "control")
    n_patients, n_genes = values.shape
    places = np.arange(n_genes) if n_genes <= MOST_GENES else np.sort(rng.choice(n_genes, MOST_GENES, replace=False))
    return Shuffled(places, values[rng.permutation(n_patients)][:, places])


def control_of(genes: Sequence[str], metrics: GeneMetrics) -> Control:
    """Return what the figures of shuffled genes say."""
    q = benjamini_hochberg(metrics.pearson_p)
    return Control(
        genes=tuple(genes),
        metrics=metrics,
        n_raw=int((metrics.pearson_p < 0.05).sum()),
        n_bh=int(((q < 0.05) & (metrics.pearson > 0)).sum()),
    )
