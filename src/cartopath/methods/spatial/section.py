"""A section of spatial transcriptomics: its image, its spots, and what was counted in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cartopath.core.errors import TableError

MIN_SPOTS = 20


@dataclass(frozen=True, eq=False)
class Section:
    """One section with everything in the same order of spots.

    Attributes:
        name: What it is called; names its files.
        image: The picture.
        counts: Raw counts, spots x genes; the index holds the ids of the spots.
        grid: (n_spots, 2): where spots lie on the array, in spot pitches.
        centres_px: (n_spots, 2): x and y of their centres, in pixels of the picture.
        pitch_um: Micrometres from a spot to its nearest neighbour.
        notes: What had to be left out.
    """

    name: str
    image: Path
    counts: pd.DataFrame
    grid: NDArray[np.float64]
    centres_px: NDArray[np.float64]
    pitch_um: float
    notes: tuple[str, ...] = ()

    @property
    def pitch_px(self) -> float:
        """The median distance from a spot to its nearest neighbour, in pixels of the picture."""
        distances, _ = cKDTree(self.centres_px).query(self.centres_px, k=2)
        return float(np.median(distances[:, 1]))

    @property
    def mpp(self) -> float:
        """Micrometres per pixel of the picture, out of the pitch of the spots."""
        return self.pitch_um / self.pitch_px

    @cached_property
    def totals(self) -> NDArray[np.float64]:
        """All that was counted in each spot, (n_spots,)."""
        return np.asarray(self.counts.to_numpy().sum(axis=1, dtype=np.float64))

    @property
    def depth(self) -> float:
        """The median over spots of all that was counted in one."""
        return float(np.median(self.totals))


def checked(section: Section, *, where: Path) -> Section:
    """Return a section without its empty spots, or refuse it.

    Args:
        section: As read.
        where: The file that messages name.

    Raises:
        TableError: Spots are too few, named twice or in the same place; counts are no counts.
    """
    counts = section.counts
    doubled = counts.index[counts.index.duplicated()]
    if len(doubled):
        raise TableError(f"{where}: spot {doubled[0]!r} is there twice; every spot must have one row")
    values = counts.to_numpy()
    if not _are_counts(values):
        raise TableError(
            f"{where}: not raw counts (whole numbers, none negative); give the matrix before it was scaled or logged"
        )
    if not np.isfinite(section.centres_px).all() or not np.isfinite(section.grid).all():
        raise TableError(f"{where}: some spots have no position")
    full = section.totals > 0
    if full.sum() < MIN_SPOTS:
        raise TableError(f"{where}: {int(full.sum())} spots with counts and a position; at least {MIN_SPOTS} are needed")
    if len(np.unique(section.centres_px[full], axis=0)) < full.sum():
        raise TableError(f"{where}: several spots have the same pixel position; is the right column read as x and y?")
    n_empty = int((~full).sum())
    notes = (*section.notes, f"{n_empty} spots without a single count left out") if n_empty else section.notes
    kept = {"counts": counts.loc[full], "grid": section.grid[full], "centres_px": section.centres_px[full]}
    return replace(section, **kept, notes=notes) if n_empty else section


def _are_counts(values: NDArray[np.generic]) -> bool:
    if np.issubdtype(values.dtype, np.integer):
        return not bool((values < 0).any())  # type: ignore[operator]
    if not np.issubdtype(values.dtype, np.floating):
        return False
    return bool(np.isfinite(values).all() and (values >= 0).all() and (values == np.round(values)).all())  # type: ignore[operator, arg-type]
