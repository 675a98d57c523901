"""Many features of tiles as points in the plane in which similar tiles lie close: PCA first, then t-SNE or UMAP."""

from __future__ import annotations

import importlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import ConfigError, StatisticsError
from cartopath.stats.inputs import choice, numbers

EMBEDDINGS = ("tsne", "umap")
N_COMPONENTS = 50
PERPLEXITY = 30.0
_FEWEST = 4


def embed(
    features: ArrayLike,
    *,
    method: str = "tsne",
    seed: int,
    n_components: int = N_COMPONENTS,
    perplexity: float = PERPLEXITY,
) -> NDArray[np.float64]:
    """Return a point in the plane for each row of features: the same for the same rows and seed, whatever the number of threads.

    The rows are reduced to their first principal components, and t-SNE or UMAP starts from there. Distances between far points
    mean nothing in either; only neighbours do.

    Args:
        features: (n, d) finite numbers, n at least 4.
        method: `tsne` (scikit-learn, Barnes-Hut), or `umap`, which needs the package umap-learn.
        seed: Of whatever chance there is.
        n_components: Principal components that are kept, or fewer where there are fewer rows or features.
        perplexity: About how many neighbours a point is to have; a third of the other points at most.

    Returns:
        (n, 2).

    Raises:
        ConfigError: umap-learn is asked for and not installed.
        StatisticsError: There is no such method, there are too few rows, or a value is missing.
    """
    choice(method, EMBEDDINGS, "method")
    rows = np.asarray(features, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < _FEWEST:
        raise StatisticsError(f"embed: needs features of at least {_FEWEST} tiles, (n, d); found an array of shape {rows.shape}")
    numbers(rows.ravel(), "embed: features")
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):  # Sums over threads depend on their number in the last digits, and neighbours on those.
        reduced = _principal_components(rows, n_components)
        return _tsne(reduced, seed, perplexity) if method == "tsne" else _umap(reduced, seed, perplexity)


def _principal_components(rows: NDArray[np.float64], n_components: int) -> NDArray[np.float64]:
    """(n, d) -> (n, at most n_components), each axis with its largest value positive, so that the sign is no chance."""
    from sklearn.decomposition import PCA

    n_kept = min(n_components, *rows.shape)
    reduced: NDArray[np.float64] = PCA(n_kept, svd_solver="full").fit_transform(rows)
    peak = reduced[np.abs(reduced).argmax(axis=0), np.arange(n_kept)]
    return reduced * np.where(peak < 0, -1.0, 1.0)


def _tsne(rows: NDArray[np.float64], seed: int, perplexity: float) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE

    start = np.zeros((len(rows), 2))
    start[:, : min(2, rows.shape[1])] = rows[:, :2]
    spread = float(start[:, 0].std())
    start *= 1e-4 / spread if spread > 0 else 0.0  # As openTSNE does: small, so that the early steps can move points.
    tsne = TSNE(
        2, perplexity=min(perplexity, (len(rows) - 1) / 3), init=start.astype(np.float32), random_state=seed % 2**32, n_jobs=1
    )
    return np.asarray(tsne.fit_transform(rows), dtype=np.float64)


def _umap(rows: NDArray[np.float64], seed: int, perplexity: float) -> NDArray[np.float64]:
    try:
        umap = importlib.import_module("umap")
    except ImportError as error:
        raise ConfigError("the atlas by UMAP needs the package umap-learn: pip install umap-learn, or choose 'tsne'") from error
    n_neighbors = int(max(2, min(perplexity, len(rows) - 1)))
    reducer = umap.UMAP(n_components=2, n_neighbors=n_neighbors, random_state=seed % 2**32, n_jobs=1)
    return np.asarray(reducer.fit_transform(rows), dtype=np.float64)
