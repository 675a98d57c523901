"""How well patients are told apart by their tiles of one tissue type alone (Rawat et al. 2020, figure 6; F56).

A patient's score is the mean score of the tiles that count: those of one type, or all of them. So the row `all` is the pooled
AUROC itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.discrimination import auroc_ci
from cartopath.stats.estimate import Estimate
from cartopath.stats.inputs import Names, binary, names_of, numbers, same_length

ALL = "all"


@dataclass(frozen=True)
class TissueAuroc:
    """The AUROC of patients by their tiles of one type.

    Attributes:
        tissue: The type, or `all`.
        auroc: Over the patients that have enough such tiles.
        same_patients: Over the same patients by all their tiles: what the type is to be compared with.
        n_positive: Positive patients among them.
        n_without: Patients left out because they have too few such tiles.
        n_tiles: Tiles that count.
    """

    tissue: str
    auroc: Estimate
    same_patients: Estimate
    n_positive: int
    n_without: int
    n_tiles: int


def auroc_by_tissue(
    patients: Names,
    labels: ArrayLike,
    scores: ArrayLike,
    tissue: Names,
    *,
    types: Sequence[str],
    rng: np.random.Generator,
    min_tiles: int = 1,
    n_resamples: int = 2000,
) -> list[TissueAuroc]:
    """Return the AUROC of patients by the mean score of their tiles of each type, and of all types together (F56).

    Args:
        patients: (n_tiles,) patient of each tile.
        labels: (n_tiles,) booleans or 0 and 1, the patient's; the tiles of a patient must agree.
        scores: (n_tiles,) score of each tile.
        tissue: (n_tiles,) type of each tile; types that are not in `types` count among all only.
        types: The types to look at, in the order of the result; `all` comes last.
        rng: Where chance comes from: intervals resample patients.
        min_tiles: Patients with fewer tiles of a type are left out of its row, and counted.
        n_resamples: Bootstrap samples.

    Raises:
        StatisticsError: The lengths differ, a value is missing, a tile has no patient, the tiles of a patient have different
            labels, or a type is called `all`.

    >>> found = auroc_by_tissue(list("aabbcc"), [1, 1, 0, 0, 0, 0], [0.9, 0.1, 0.2, 0.3, 0.8, 0.4], list("xyxyxy"),
    ...                         types=["x", "y"], rng=np.random.default_rng(0), n_resamples=0)
    >>> [(one.tissue, one.auroc.value, one.n_tiles) for one in found]
    [('x', 1.0, 3), ('y', 0.0, 3), ('all', 0.5, 6)]
    """
    score, positive = numbers(scores, "auroc_by_tissue: scores"), binary(labels, "auroc_by_tissue: labels")
    owners, kinds = names_of(patients, "auroc_by_tissue: patients"), names_of(tissue, "auroc_by_tissue: tissue")
    same_length(patients=owners, labels=positive, scores=score, tissue=kinds)
    if ALL in types:
        raise StatisticsError(f"auroc_by_tissue: {ALL!r} stands for all types together; call the type something else")
    unique, owner = np.unique(owners, return_inverse=True)
    truth = _patient_labels(unique, owner, positive)
    pooled = _patient_means(owner, score, np.ones(len(score), bool), len(unique))
    seed = int(rng.integers(2**63))  # The same resamples for every row, so that rows over the same patients agree exactly.
    found = []
    for name in (*types, ALL):
        counts = np.ones(len(score), bool) if name == ALL else kinds == name
        n_own = np.bincount(owner[counts], minlength=len(unique))
        has = n_own >= (1 if name == ALL else max(1, min_tiles))
        used = counts & has[owner]
        own_auroc, same = (
            auroc_ci(truth[has], values[has], unique[has], n_resamples=n_resamples, rng=np.random.default_rng(seed))
            for values in (_patient_means(owner, score, used, len(unique)), pooled)
        )
        found.append(TissueAuroc(name, own_auroc, same, int(truth[has].sum()), int((~has).sum()), int(used.sum())))
    return found


def _patient_labels(unique: NDArray[np.str_], owner: NDArray[np.int64], positive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if (unique == "").any():
        raise StatisticsError("auroc_by_tissue: a tile has no patient; leave it out first")
    n, n_positive = np.bincount(owner, minlength=len(unique)), np.bincount(owner, weights=positive, minlength=len(unique))
    mixed = unique[(n_positive > 0) & (n_positive < n)]
    if mixed.size:
        raise StatisticsError(f"auroc_by_tissue: tiles of one patient have different labels ({', '.join(mixed[:3])})")
    return n_positive > 0


def _patient_means(
    owner: NDArray[np.int64], scores: NDArray[np.float64], counts: NDArray[np.bool_], n_patients: int
) -> NDArray[np.float64]:
    """Mean score of each patient over the tiles that count, (n_patients,); NaN where there is none."""
    total = np.bincount(owner[counts], weights=scores[counts], minlength=n_patients)
    n = np.bincount(owner[counts], minlength=n_patients)
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = total / n
    return means
