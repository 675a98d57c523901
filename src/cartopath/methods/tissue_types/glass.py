"""Regions that somebody marked as tissue and that show empty glass, as when a drawing is of another slide or level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TrainingError
from cartopath.slides.plan import background_fraction

GLASS = 0.95
"""A tile of which this share of the values is near white shows glass."""
_EMPTY_TYPES = ("background",)
_PALE_TYPES = ("fat",)
"""The cells of fat are as empty as glass, and a tile can lie within one: only all tiles of fat together say something."""
_MOST_NAMED = 3


def glass_notes(
    pixels: NDArray[np.uint8], shares: NDArray[np.floating], types: Sequence[str], slide_ids: NDArray[np.str_]
) -> tuple[str, ...]:
    """Return in words which types have examples on glass: how many, and on which slides most.

    Args:
        pixels: uint8 (n, size, size, 3) of the examples.
        shares: (n, n_types) of each type; a tile counts for the type that most of it is.
        types: Their names.
        slide_ids: (n,) whose tiles they are.

    Raises:
        TrainingError: All examples of a type that is not background are.
    """
    is_glass = np.array([background_fraction(tile) >= GLASS for tile in pixels], bool)
    most, notes = shares.argmax(axis=1), []
    for number, name in enumerate(types):
        own = most == number
        n_own, n_glass = int(own.sum()), int((own & is_glass).sum())
        if name in _EMPTY_TYPES or not n_glass:
            continue
        where = _where(slide_ids[own & is_glass])
        if n_glass == n_own:
            raise TrainingError(
                f"{name}: all {n_own:,} tiles annotated as it show empty glass ({where}); the annotation may be of another "
                f"slide, or drawn on a smaller level: draw it anew, or call it background"
            )
        if name not in _PALE_TYPES:
            notes.append(f"{name}: {n_glass:,} of the {n_own:,} tiles annotated as it show empty glass ({where})")
    return tuple(notes)


def _where(slide_ids: NDArray[np.str_]) -> str:
    names, counts = np.unique(slide_ids, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    named = [f"{names[i]} {counts[i]:,}" for i in order[:_MOST_NAMED]]
    return ", ".join([*named, *(["..."] if len(names) > _MOST_NAMED else [])])
