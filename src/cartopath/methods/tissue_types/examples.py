"""Tiles of annotated slides, and how much of each is of which type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import SlideError, TrainingError
from cartopath.core.geometry import window_px0
from cartopath.core.rng import stream
from cartopath.methods.tissue_types.annotated import AnnotatedSlide, Vocabulary, common_types, read_annotation
from cartopath.methods.tissue_types.glass import glass_notes
from cartopath.methods.tissue_types.label_map import LabelMap
from cartopath.methods.tissue_types.names import ordered_types
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.slides import open_slide, read_tiles
from cartopath.slides.grid import MAX_UPSCALING


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSpec:
    """Which tiles are taken as examples.

    Attributes:
        min_annotated: Share of a tile that must be annotated.
        tiles_per_type: At most so many tiles of a slide that are mostly of one type.
        max_tiles: At most so many of all slides together, which bounds memory.
        seed: Of the draw.
    """

    min_annotated: float = 0.75
    tiles_per_type: int = 150
    max_tiles: int = 20_000
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Examples:
    """Annotated tiles.

    Attributes:
        pixels: uint8 (n, size, size, 3).
        shares: (n, n_types) share of each type in what is annotated of the tile; rows sum to 1.
        types: Names of the types.
        slide_ids: (n,) slide of each tile.
        patients: (n,) patient of each tile.
        notes: What was left out of annotations, and what looks wrong with them, in words.
    """

    pixels: NDArray[np.uint8]
    shares: NDArray[np.float64]
    types: tuple[str, ...]
    slide_ids: NDArray[np.str_]
    patients: NDArray[np.str_]
    notes: tuple[str, ...] = ()

    def rows(self, rows: NDArray[np.bool_]) -> Examples:
        """Return some of the tiles."""
        return Examples(self.pixels[rows], self.shares[rows], self.types, self.slide_ids[rows], self.patients[rows], self.notes)


def gather_examples(
    slides: Sequence[AnnotatedSlide], network: FingerprintSpec, *, spec: ExampleSpec, vocabulary: Vocabulary, threads: int = 2
) -> Examples:
    """Return tiles of annotated slides: of each slide and type the same number as far as there are so many.

    Tiles lie on a grid of half their width. A tile counts for the type that most of it is.

    Args:
        slides: With their annotations.
        network: Says how large tiles are and how fine.
        spec: Which tiles.
        vocabulary: How annotations are to be understood.
        threads: That decode.

    Raises:
        SlideError: A slide cannot be read, or is coarser than the tiles.
        TableError: An annotation cannot be read, or is of another slide.
        TrainingError: Fewer than two types are annotated, no tile is annotated well enough, or a type shows nothing but glass.
    """
    labels = [_labels(slide, network, vocabulary) for slide in slides]
    types = ordered_types(common_types(labels))
    if len(types) < 2:
        raise TrainingError(f"only {', '.join(types)} is annotated; a model of tissue types needs two types at least")
    per_type = max(1, min(spec.tiles_per_type, spec.max_tiles // (len(slides) * len(types))))
    parts = [
        _read(slide, own.renumbered(types), network, spec, per_type, threads) for slide, own in zip(slides, labels, strict=True)
    ]
    pixels, shares = (np.concatenate([part[i] for part in parts]) for i in range(2))
    if not len(pixels):
        raise TrainingError(
            f"no tile of {network.size_um:g} um is annotated to {spec.min_annotated:.0%}; annotate larger regions, or use "
            f"smaller tiles"
        )
    counts = [len(part[0]) for part in parts]
    slide_ids, patients = (np.repeat(names, counts) for names in zip(*((s.slide_id, s.patient_id) for s in slides), strict=True))
    notes = (
        *(f"{slide.slide_id}: {note}" for slide, own in zip(slides, labels, strict=True) for note in own.notes),
        *vocabulary.names.remarks({name for own in labels for name in own.names}),
        *glass_notes(pixels, shares, types, slide_ids),
    )
    return Examples(pixels, shares, types, slide_ids, patients, notes)


def _labels(slide: AnnotatedSlide, network: FingerprintSpec, vocabulary: Vocabulary) -> LabelMap:
    with open_slide(slide.path, mpp=slide.stated_mpp, assume_mpp=slide.assume_mpp) as handle:
        window = own_window(network, handle.mpp, slide.path)
        return read_annotation(slide, handle, window_px0=window, vocabulary=vocabulary)


def own_window(network: FingerprintSpec, slide_mpp: float, path: Path) -> int:
    """Return how many level-0 pixels of a slide a tile of the network is wide.

    Raises:
        SlideError: The slide is coarser than the tiles.
    """
    if slide_mpp > network.mpp * MAX_UPSCALING:
        raise SlideError(f"{path}: {slide_mpp:.4g} um per pixel is coarser than the model's tiles, {network.mpp:.4g}")
    return window_px0(network.size_px, network.mpp, slide_mpp)


def _read(
    slide: AnnotatedSlide, labels: LabelMap, network: FingerprintSpec, spec: ExampleSpec, per_type: int, threads: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The pixels of the drawn tiles of a slide, and their shares."""
    with open_slide(slide.path, mpp=slide.stated_mpp, assume_mpp=slide.assume_mpp) as handle:
        window = own_window(network, handle.mpp, slide.path)
        xy_px0 = _corners(labels, window)
        shares = labels.shares(xy_px0, window)
        rng = stream(spec.seed, "tissue examples", slide.slide_id)
        rows = _drawn(shares, spec.min_annotated, per_type, rng)
        pixels = read_tiles(handle, xy_px0[rows], window_px0=window, size_px=network.size_px, threads=threads)
    return pixels, shares[rows] / shares[rows].sum(axis=1, keepdims=True)


def _corners(labels: LabelMap, window: int) -> NDArray[np.int64]:
    """Upper left corners on a grid of half a tile, all tiles within the slide, (n, 2)."""
    step = max(1, window // 2)
    x, y = (np.arange(0, side - window + 1, step) for side in (labels.dimensions_px0.width, labels.dimensions_px0.height))
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.int64)


def _drawn(shares: NDArray[np.float64], min_annotated: float, per_type: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of tiles that are annotated well enough, at most so many of each type that most of a tile is."""
    fit = np.flatnonzero(shares.sum(axis=1) >= min_annotated)
    most = shares[fit].argmax(axis=1)
    chosen = []
    for number in range(shares.shape[1]):
        own = fit[most == number]
        chosen.append(own if len(own) <= per_type else rng.choice(own, per_type, replace=False))
    rows: NDArray[np.int64] = np.sort(np.concatenate(chosen)).astype(np.int64)
    return rows
