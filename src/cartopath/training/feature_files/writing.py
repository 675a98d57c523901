"""Writing features as TRIDENT's and CLAM's readers expect them, contiguous, with cartopath's header."""

from __future__ import annotations

from pathlib import Path

from cartopath.core.errors import ArtifactError
from cartopath.store.embeddings import Embeddings, write_embeddings
from cartopath.training.feature_files.features import TileFeatures


def write_trident(found: TileFeatures, path: Path | str, *, key: str = "") -> None:
    """Write features laid out as TRIDENT lays its own out.

    Args:
        found: What to write; kept as float16.
        path: The file, best `features_<encoder>/<slide>.h5`.
        key: Of the task that made them.

    Raises:
        ArtifactError: The places, the size or the resolution of the tiles are not known, or a feature is no 16-bit number.
    """
    missing = [name for name in ("xy_px0", "window_px0", "mpp") if getattr(found, name) is None]
    if found.xy_px0 is None or found.window_px0 is None or found.mpp is None:
        raise ArtifactError(
            f"features of {found.slide_id}: {', '.join(missing)} not known, which a TRIDENT file states; read them with "
            "`mpp`, the micrometres per level-0 pixel of the slide"
        )
    size_px = found.size_px or found.window_px0
    embeddings = Embeddings(
        slide_id=found.slide_id,
        features=found.features,
        xy_px0=found.xy_px0,
        window_px0=found.window_px0,
        size_px=size_px,
        mpp=found.mpp,
        tile_mpp=found.window_px0 * found.mpp / size_px,
        encoder=found.encoder,
    )
    write_embeddings(embeddings, path, key=key, meta={"source_format": found.source_format, "notes": list(found.notes)})
