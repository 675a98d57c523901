"""What a feature file says, whoever wrote it: features, where their tiles lie, how large they are, and what had to be assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError

_TEN_FOLD_UM = 10.0
"""Micrometres per pixel at a magnification of 1: 10x is 1 um per pixel."""
_INFINITY, _MINUS_INFINITY = np.int16(0x7C00), np.uint16(0xFC00)
"""Bits of 16-bit numbers."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TileFeatures:
    """Features of the tiles of one slide.

    Attributes:
        slide_id: Which slide: the name of the file, unless it was given.
        features: (n, d), one row per tile; float16 or float32, as in the file.
        xy_px0: (n, 2) int64: x and y of the tiles' upper left corners in level-0 pixels; None where too little is known for that.
        window_px0: Side of a tile in level-0 pixels; None where that is not known.
        xy_um: (n, 2) float64: the same corners in micrometres; None where the resolution is not known.
        tile_um: Side of a tile in micrometres; None where that is not known.
        size_px: Side of a tile as the encoder saw it, in pixels; None where the file does not say.
        mpp: Micrometres per level-0 pixel; None where nothing says it.
        encoder: Name of the network that made them, "" where the file does not say.
        source_format: Who wrote it, as one of `FORMATS`.
        notes: What was assumed because the file does not say it, as sentences.
    """

    slide_id: str
    features: NDArray[np.floating]
    xy_px0: NDArray[np.int64] | None = None
    window_px0: int | None = None
    xy_um: NDArray[np.float64] | None = None
    tile_um: float | None = None
    size_px: int | None = None
    mpp: float | None = None
    encoder: str = ""
    source_format: str = ""
    notes: tuple[str, ...] = ()

    @property
    def n_tiles(self) -> int:
        """How many tiles there are."""
        return len(self.features)

    @property
    def n_features(self) -> int:
        """Length of the features of a tile."""
        return int(self.features.shape[1])


def completed(found: TileFeatures, *, magnification: float | None = None) -> TileFeatures:
    """Return features with what follows from what is known: micrometres from pixels, pixels from micrometres, sizes from spacing.

    Args:
        found: What a file says.
        magnification: Nominal one of level 0: what is left where nothing gives a resolution.

    Raises:
        ArtifactError: Features and coordinates do not belong together, or a feature is no number.
    """
    _check(found)
    if found.mpp is None and magnification is not None and magnification > 0:
        note = f"{_TEN_FOLD_UM / magnification:g} um per pixel taken from the nominal magnification {magnification:g}"
        found = _noted(replace(found, mpp=_TEN_FOLD_UM / magnification), note)
    if found.window_px0 is None and found.tile_um is not None and found.mpp is not None:
        found = replace(found, window_px0=round(found.tile_um / found.mpp))
    if found.xy_px0 is None and found.xy_um is not None and found.mpp is not None:
        found = replace(found, xy_px0=np.rint(found.xy_um / found.mpp).astype(np.int64))
    if found.window_px0 is None and found.xy_px0 is not None and (step := spacing(found.xy_px0)):
        found = _noted(replace(found, window_px0=step), f"tiles taken to be {step} level-0 pixels wide, the step between them")
    return _in_micrometres(found)


def _in_micrometres(found: TileFeatures) -> TileFeatures:
    mpp = found.mpp
    if mpp is None:
        return found
    if found.xy_um is None and found.xy_px0 is not None:
        found = replace(found, xy_um=(found.xy_px0 * mpp).astype(np.float64))
    if found.tile_um is None and found.window_px0 is not None:
        found = replace(found, tile_um=found.window_px0 * mpp)
    return found


def _noted(found: TileFeatures, note: str) -> TileFeatures:
    return replace(found, notes=(*found.notes, note))


def _check(found: TileFeatures) -> None:
    shape = found.features.shape
    if len(shape) != 2 or 0 in shape:
        raise ArtifactError(
            f"{found.slide_id}: features of shape {shape}; expected (n, d), a row per tile. A single vector is the embedding of "
            "a whole slide: give the file of its tiles"
        )
    for name, places in (("coordinates", found.xy_px0), ("coordinates", found.xy_um)):
        if places is not None and places.shape != (len(found.features), 2):
            raise ArtifactError(
                f"{found.slide_id}: {name} of shape {places.shape} for {len(found.features)} tiles; they belong to other features"
            )
    if not _is_finite(found.features):
        n_bad = int((~np.isfinite(found.features)).any(axis=1).sum())
        raise ArtifactError(
            f"{found.slide_id}: the features of {n_bad} of {len(found.features)} tiles are no numbers; compute them again with "
            "higher precision"
        )


def _is_finite(features: NDArray[np.floating]) -> bool:
    """Whether all are numbers: 16-bit ones by their bits, which takes a tenth of the time.

    Of the bits as integers with a sign, infinity and what is no number come last; without a sign, those with a minus do.
    """
    if features.dtype == np.float16:
        return bool(features.view(np.int16).max() < _INFINITY) and bool(features.view(np.uint16).max() < _MINUS_INFINITY)
    return bool(np.isfinite(features).all())


def spacing(xy: NDArray[np.integer]) -> int | None:
    """Return the step of the grid that tiles lie on, in the unit of `xy`; None for a single tile.

    It is the most frequent distance between neighbouring columns or rows: single tiles off the grid change nothing.

    >>> spacing(np.array([[0, 0], [256, 0], [512, 0], [256, 256]]))
    256
    """
    steps = np.concatenate([np.diff(np.unique(xy[:, axis])) for axis in (0, 1)])
    if not len(steps):
        return None
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])
