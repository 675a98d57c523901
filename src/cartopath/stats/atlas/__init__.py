"""The atlas of tiles (Rawat et al. 2020, figure 7; F57): which tiles, where in the plane, and the clusters to look at."""

from cartopath.stats.atlas.clusters import AtlasClusters, atlas_clusters
from cartopath.stats.atlas.embedding import EMBEDDINGS, embed
from cartopath.stats.atlas.sample import balanced_sample

__all__ = ["EMBEDDINGS", "AtlasClusters", "atlas_clusters", "balanced_sample", "embed"]
