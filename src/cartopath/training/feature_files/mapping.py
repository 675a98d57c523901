"""Features that stay on disk: a contiguous file as an array of which only the rows are read that are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.training.feature_files.h5_access import locate_contiguous


def map_features(path: Path | str) -> NDArray[np.floating]:
    """Return the features of a slide as an array on disk, (n, d), read-only.

    What `cartopath embed`, the embed stage and `write_trident` write can be mapped; files in chunks, as TRIDENT and CLAM write
    theirs, have to be read whole or written anew.

    Args:
        path: The HDF5 file.

    Raises:
        ArtifactError: It is damaged, or its features lie in chunks or in another file.
    """
    path = Path(path)
    offset, dtype, shape = locate_contiguous(path)
    try:
        mapped: NDArray[np.floating] = np.memmap(path, dtype, mode="r", offset=offset, shape=shape)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: its features cannot be mapped ({error}); copy the file again") from error
    return mapped
