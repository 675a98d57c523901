"""Features of a study's slides as they are kept on disk: of all tiles, or of those that train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.store.embeddings import read_embeddings


def features_of(path: Path, tiles: pd.DataFrame) -> NDArray[Any]:
    """Return the features of all tiles of a slide, (n, n_features), in their order.

    Args:
        path: The embeddings of the slide.
        tiles: Its tile table.

    Raises:
        ArtifactError: The file is missing, damaged or of other tiles.
    """
    embeddings, _ = read_embeddings(path)
    if not np.array_equal(embeddings.xy_px0, tiles[["x_px0", "y_px0"]].to_numpy()):
        raise ArtifactError(f"{path}: holds features of other tiles than the tile table; delete it and run again")
    return embeddings.features


def training_features(path: Path, rows: list[int]) -> NDArray[np.float16]:
    """Return the fingerprints of the tiles that train, (n, n_features), from a file of all tiles or of just these.

    Args:
        path: The embeddings of a slide.
        rows: Rows of the slide's tile table.

    Raises:
        ArtifactError: The file is missing, damaged or of other tiles.
    """
    embeddings, header = read_embeddings(path)
    features: NDArray[np.float16] = embeddings.features
    if header.meta.get("tiles") == "all":
        if rows[-1] >= len(features):
            raise ArtifactError(f"{path}: holds {len(features)} tiles, the slide has more; delete it and run again")
        return features[rows]
    if len(features) != len(rows):
        raise ArtifactError(f"{path}: holds {len(features)} tiles of a sample of {len(rows)}; delete it and run again")
    return features
