"""The clusters of an atlas that are worth looking at: the most negative and the most positive ones, with tiles of many patients.

Rawat et al. 2020 chose twelve centres by hand. Here a rule chooses them [A33]: k-means divides the plane, as finely as
leaves twelve clusters with tiles of enough patients; of these the six with the lowest and the six with the highest mean score are
taken. Centres picked by hand are taken as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Names, names_of, numbers, same_length

if TYPE_CHECKING:
    import pandas as pd

N_CLUSTERS = 12
N_TILES = 5
_TILES_PER_CLUSTER = 25
_MOST_CLUSTERS = 48
_FEWER = 0.8


@dataclass(frozen=True, eq=False)
class AtlasClusters:
    """What was found in an atlas.

    Attributes:
        clusters: One row per chosen cluster: `cluster` (1 to 12, lowest mean score first), `side` (`negative` or `positive`),
            `x`, `y` of its centre, `mean_score`, `n_tiles`, `n_patients`.
        picks: One row per tile to be shown: `cluster`, `rank` (1 is nearest), `row` (of the points), `distance` to the centre.
        assignment: (n,) chosen cluster of each point, 0 for the points of clusters that were not chosen.
    """

    clusters: pd.DataFrame
    picks: pd.DataFrame
    assignment: NDArray[np.int64]


def atlas_clusters(
    points: ArrayLike,
    scores: ArrayLike,
    patients: Names,
    *,
    seed: int,
    n_clusters: int = N_CLUSTERS,
    n_tiles: int = N_TILES,
    centres: ArrayLike | None = None,
) -> AtlasClusters:
    """Return the most negative and the most positive clusters of an atlas, and the tiles nearest to their centres.

    The tiles of a cluster are its own, each of another patient: of every patient the nearest, of these the `n_tiles` nearest.
    Fewer clusters come back where fewer have tiles of `n_tiles` patients; a cluster is on one side only.

    Args:
        points: (n, 2), as of `embed`.
        scores: (n,) of the tiles.
        patients: (n,) of the tiles.
        seed: Of k-means.
        n_clusters: How many, half of them negative.
        n_tiles: Tiles per cluster.
        centres: (m, 2) picked by hand, instead of k-means; every point belongs to the nearest, and all of them are taken.

    Raises:
        StatisticsError: The lengths differ, or a value is missing.
    """
    import pandas as pd

    places, score = np.asarray(points, dtype=np.float64), numbers(scores, "atlas_clusters: scores")
    if places.ndim != 2 or places.shape[1] != 2:
        raise StatisticsError(f"The 'points' parameter of atlas_clusters must be of shape (n, 2). Got {places.shape} instead.")
    names = names_of(patients, "atlas_clusters: patients")
    same_length(points=places, scores=score, patients=names)
    if centres is None:
        middles, member = _divided(places, names, seed, n_clusters, n_tiles)
    else:
        middles = np.asarray(centres, dtype=np.float64).reshape(-1, 2)
        member = _distances(places, middles).argmin(axis=1)
    found = _described(places, score, names, middles, member)
    chosen = _chosen(found, n_clusters, n_tiles) if centres is None else _sided(found)
    numbered = chosen.sort_values(["mean_score", "k"], ignore_index=True)
    numbered.insert(0, "cluster", np.arange(1, len(numbered) + 1))
    assignment = np.zeros(len(places), dtype=np.int64)
    picks = []
    for row in numbered.itertuples(index=False):
        own = np.flatnonzero(member == row.k)
        assignment[own] = row.cluster
        picks.append(_nearest(own, places, middles[row.k], names, n_tiles).assign(cluster=row.cluster))
    columns = ["cluster", "rank", "row", "distance"]
    table = pd.concat(picks, ignore_index=True)[columns] if picks else pd.DataFrame(columns=columns)
    return AtlasClusters(numbered.drop(columns="k"), table, assignment)


def _divided(
    points: NDArray[np.float64], names: NDArray[np.str_], seed: int, n_clusters: int, n_patients: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Divide the plane into about one cluster per 25 points, at most 48, or into fewer until enough of them have enough patients.

    Where no division has enough such clusters, the one is taken whose number of them, times the share of the points that lie in
    them, is highest: many clusters, and few points that are passed over.
    """
    k = min(len(np.unique(points, axis=0)), max(n_clusters, min(_MOST_CLUSTERS, len(points) // _TILES_PER_CLUSTER)))
    best = _k_means(points, k, seed)
    is_fit = _is_fit(best[1], names, n_patients)
    most = is_fit.sum() * is_fit[best[1]].mean()
    while is_fit.sum() < n_clusters and (k := int(k * _FEWER)) > 1:
        found = _k_means(points, k, seed)
        is_fit = _is_fit(found[1], names, n_patients)
        if (worth := is_fit.sum() * is_fit[found[1]].mean()) > most:
            best, most = found, worth
    return best


def _is_fit(member: NDArray[np.int64], names: NDArray[np.str_], n_patients: int) -> NDArray[np.bool_]:
    """Which clusters have tiles of enough patients, (n_clusters,)."""
    return np.array([len(np.unique(names[member == number])) >= n_patients for number in range(member.max() + 1)])


def _k_means(points: NDArray[np.float64], k: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):
        fitted = KMeans(k, n_init=4, random_state=seed % 2**32).fit(points)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64), np.asarray(fitted.labels_, dtype=np.int64)


def _described(
    points: NDArray[np.float64],
    scores: NDArray[np.float64],
    names: NDArray[np.str_],
    middles: NDArray[np.float64],
    member: NDArray[np.int64],
) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for k, (x, y) in enumerate(middles):
        own = member == k
        n_patients = len(np.unique(names[own]))
        mean = float(scores[own].mean()) if own.any() else np.nan
        rows.append({"k": k, "x": x, "y": y, "mean_score": mean, "n_tiles": int(own.sum()), "n_patients": n_patients})
    return pd.DataFrame(rows)


def _chosen(found: pd.DataFrame, n_clusters: int, n_tiles: int) -> pd.DataFrame:
    """The clusters with enough patients whose mean scores are most extreme, half from either end."""
    import pandas as pd

    enough = found[found["n_patients"] >= n_tiles].sort_values(["mean_score", "k"], ignore_index=True)
    n_low = min((n_clusters + 1) // 2, (len(enough) + 1) // 2)
    n_high = min(n_clusters // 2, len(enough) - n_low)
    low, high = enough.iloc[:n_low], enough.iloc[len(enough) - n_high :]
    return pd.concat([low.assign(side="negative"), high.assign(side="positive")], ignore_index=True)


def _sided(found: pd.DataFrame) -> pd.DataFrame:
    """Centres picked by hand, those below the median on the negative side."""
    filled = found[found["n_tiles"] > 0]
    return filled.assign(side=np.where(filled["mean_score"] < filled["mean_score"].median(), "negative", "positive"))


def _nearest(
    own: NDArray[np.int64], points: NDArray[np.float64], middle: NDArray[np.float64], names: NDArray[np.str_], n_tiles: int
) -> pd.DataFrame:
    import pandas as pd

    distance = _distances(points[own], middle[None, :])[:, 0]
    order = np.lexsort((own, distance))
    _, first = np.unique(names[own[order]], return_index=True)  # of every patient the nearest
    best = order[np.sort(first)][:n_tiles]
    return pd.DataFrame({"rank": np.arange(1, len(best) + 1), "row": own[best], "distance": distance[best]})


def _distances(points: NDArray[np.float64], middles: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.spatial.distance import cdist

    distances: NDArray[np.float64] = cdist(points, middles)
    return distances
