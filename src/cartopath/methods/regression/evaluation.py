"""How well each gene is predicted by each arm: figures, corrections, permutations, and each arm beside others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.rng import stream
from cartopath.stats import (
    Calibration,
    Estimate,
    GeneComparison,
    PermutedGenes,
    benjamini_hochberg,
    calibration,
    compare_genes,
    gene_metrics,
    holm,
    permuted_genes,
)

ALPHA = 0.05
_RESAMPLES = 500
_CALIBRATED = 200_000
"""Values in a calibration at most: more change no digit of it."""


@dataclass(frozen=True, eq=False)
class Arm:
    """Out-of-fold predictions of one head or baseline.

    Attributes:
        name: `attention`, ..., `ridge` (on mean features) or `composition`.
        is_baseline: Whether it is there to be beaten.
        scores: (n_patients, n_genes) in deviations from the mean of the patients who trained, averaged over repeats.
        seconds: What it took in all calls together, evaluation apart; NaN where that is not known.
    """

    name: str
    is_baseline: bool
    scores: NDArray[np.float64]
    seconds: float


@dataclass(frozen=True, eq=False)
class Judged:
    """Everything that is said of one arm.

    Attributes:
        arm: The arm.
        genes: One row per gene, as in `genes.csv`.
        permuted: Beside shuffled measurements.
        against: Beside other arms, by their names: the baseline, and the first head.
        calibration: Over all genes; None where nothing was predicted.
    """

    arm: Arm
    genes: pd.DataFrame
    permuted: PermutedGenes
    against: Mapping[str, GeneComparison]
    calibration: Calibration | None


def judge(
    arm: Arm,
    measured: NDArray[np.float64],
    genes: pd.DataFrame,
    others: Sequence[Arm],
    baseline: str,
    *,
    groups: NDArray[np.int64] | None,
    seed: int,
) -> Judged:
    """Judge an arm.

    Args:
        arm: Its predictions.
        measured: (n_patients, n_genes) on the same scale, NaN for missing.
        genes: One row per gene: `gene, feature, group, direction`.
        others: Arms that it is compared with.
        baseline: Name of the one that it has to beat.
        groups: Fold of each patient, within which measurements are shuffled; None to shuffle among all.
        seed: Of the study.
    """
    found = gene_metrics(measured, arm.scores)
    permuted = permuted_genes(measured, arm.scores, groups=groups, rng=stream(seed, "regression", "permuted", arm.name))
    rows = genes.assign(arm=arm.name, n=found.n)
    for kind in ("pearson", "spearman"):
        p = getattr(found, f"{kind}_p")
        rows = rows.assign(
            **{name: getattr(found, name) for name in (kind, f"{kind}_low", f"{kind}_high", f"{kind}_p")},
            **{f"{kind}_q": benjamini_hochberg(p), f"{kind}_holm": holm(p)},
        )
    rows = rows.assign(r2=found.r2, mse=found.mse, slope=_slopes(measured, arm.scores))
    rows = rows.assign(permuted_p=permuted.p_value, permuted_q=benjamini_hochberg(permuted.p_value))
    rows = rows.assign(beats_permuted=(rows["permuted_q"] < ALPHA))
    against = {
        other.name: compare_genes(
            measured, other.scores, arm.scores, n_resamples=_RESAMPLES, rng=stream(seed, "regression", "against", other.name)
        )
        for other in others
        if other.name != arm.name
    }
    if baseline in against:
        rows = rows.assign(**_beside(against[baseline]))
    first = ["arm", "gene", "feature", "group", "direction"]
    rows = rows[[*first, *(column for column in rows.columns if column not in first)]]
    return Judged(arm, rows, permuted, against, _calibrated(measured, arm, seed))


def _beside(found: GeneComparison) -> dict[str, Any]:
    q = benjamini_hochberg(found.p_value)
    fields = {
        "baseline_pearson": found.first,
        "difference": found.difference,
        "difference_low": found.low,
        "difference_high": found.high,
        "difference_p": found.p_value,
        "difference_q": q,
    }
    return fields | {"beats_baseline": (q < ALPHA) & (found.difference > 0) & (found.second > 0)}


def _slopes(measured: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each gene the slope of measured on predicted values; NaN where every prediction is the same."""
    known = ~(np.isnan(measured) | np.isnan(scores))
    n = np.maximum(known.sum(axis=0), 1)
    x, y = np.where(known, scores, 0.0), np.where(known, measured, 0.0)
    x = np.where(known, x - x.sum(axis=0) / n, 0.0)
    spread = (x**2).sum(axis=0)
    return np.where(spread > 1e-12, (x * y).sum(axis=0) / np.where(spread > 1e-12, spread, 1.0), np.nan)


def _calibrated(measured: NDArray[np.float64], arm: Arm, seed: int) -> Calibration | None:
    """Return the calibration over all genes, or over some of a great many."""
    step = max(1, measured.size // _CALIBRATED)
    some = slice(None, None, step)
    y, x = measured[:, some], arm.scores[:, some]
    known = ~(np.isnan(y) | np.isnan(x))
    if not known.any():
        return None
    patients = np.broadcast_to(np.arange(len(y))[:, None], y.shape)
    rng = stream(seed, "regression", "calibration", arm.name)
    return calibration(y[known], x[known], patients[known], rng=rng)


def arm_row(judged: Judged, baseline: str, first: str) -> dict[str, Any]:
    """Return an arm in one row, as in `arms.csv`."""
    genes, arm = judged.genes, judged.arm
    is_good = genes["pearson"] > 0
    row: dict[str, Any] = {
        "arm": arm.name,
        "kind": "baseline" if arm.is_baseline else "head",
        "n_genes": len(genes),
        "median_pearson": genes["pearson"].median(),
        "median_spearman": genes["spearman"].median(),
        "median_r2": genes["r2"].median(),
        "n_raw": int((is_good & (genes["pearson_p"] < ALPHA)).sum()),
        "n_bh": int((is_good & (genes["pearson_q"] < ALPHA)).sum()),
        "n_holm": int((is_good & (genes["pearson_holm"] < ALPHA)).sum()),
        "n_above_03": int((genes["pearson"] > 0.3).sum()),
        "n_beat_permuted": int(genes["beats_permuted"].sum()),
        "permuted_median": float(np.median(judged.permuted.n_discovered)),
        "permuted_95": float(np.percentile(judged.permuted.n_discovered, 95)),
        "n_beat_baseline": int(genes["beats_baseline"].sum()) if "beats_baseline" in genes else None,
        "n_below_baseline": _n_below(genes) if "beats_baseline" in genes else None,
        "seconds": arm.seconds,
    }
    for name, other in (("baseline", baseline), ("first", first)):
        if other in judged.against:
            found = judged.against[other]
            row |= _estimate(f"{name}_difference", found.median_difference) | {f"{name}_difference_p": found.median_p}
    if judged.calibration is not None:
        row |= _estimate("slope", judged.calibration.slope) | _estimate("intercept", judged.calibration.intercept)
    return row


def _n_below(genes: pd.DataFrame) -> int:
    """Return how many genes the baseline predicts better."""
    return int(((genes["difference_q"] < ALPHA) & (genes["difference"] < 0) & (genes["baseline_pearson"] > 0)).sum())


def _estimate(name: str, estimate: Estimate) -> dict[str, Any]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
