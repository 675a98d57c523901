"""Regions of a section and their bulk profiles: all that a map may learn from the counts of a section.

A region is a block of spots on the array. Its bulk profile is what sequencing it as one piece would have given: the counts of its
spots added up. Learning sees `RegionLabels` and never a spot's own counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import LabelError
from cartopath.methods.spatial.section import Section

MIN_REGIONS = 3


@dataclass(frozen=True, eq=False)
class RegionLabels:
    """The regions of a section.

    Attributes:
        members: bool (n_regions, n_spots): which spots lie in which region.
        profiles: (n_regions, n_genes): log1p of the counts of a region, scaled to `depth`.
        yields: (n_regions,): log of the counts per spot of a region, all genes together.
        depth: The median over the spots of the section of all that was counted in one.
    """

    members: NDArray[np.bool_]
    profiles: NDArray[np.float64]
    yields: NDArray[np.float64]
    depth: float

    @property
    def n_spots(self) -> NDArray[np.float64]:
        """Spots of each region."""
        return np.asarray(self.members.sum(axis=1), dtype=np.float64)


def region_members(section: Section, *, size: int, min_spots: int) -> NDArray[np.bool_]:
    """Return which spots lie in which block of `size` x `size` pitches, blocks with fewer spots than `min_spots` left out.

    Returns:
        bool (n_regions, n_spots); a spot lies in one region or in none.

    Raises:
        LabelError: Fewer than three regions are left.
    """
    blocks = np.floor(section.grid / size + 1e-9).astype(int)
    names = [f"{x}_{y}" for x, y in blocks]
    members: NDArray[np.bool_] = np.array([[own == name for own in names] for name in sorted(set(names))], dtype=np.bool_)
    members = members[members.sum(axis=1) >= min_spots]
    if len(members) < MIN_REGIONS:
        raise LabelError(
            f"{section.name}: {len(members)} regions of {size} x {size} spots with at least {min_spots} spots; "
            f"{MIN_REGIONS} are needed, so take smaller ones"
        )
    return members


def region_labels(
    section: Section, genes: Sequence[str], members: NDArray[np.bool_], *, order: NDArray[np.intp] | None = None
) -> RegionLabels:
    """Return the bulk profiles of regions.

    Args:
        section: Where they lie.
        genes: Whose share of all counts is wanted.
        members: See `region_members`.
        order: For the null: the spot whose counts each spot gets.
    """
    counts, total = section.counts[list(genes)].to_numpy(np.float64), section.totals
    if order is not None:
        counts, total = counts[order], total[order]
    summed, totals = members @ counts, members @ total  # (n_regions, n_genes), (n_regions,)
    depth = section.depth
    profiles = np.log1p(summed / totals[:, None] * depth)
    return RegionLabels(members, profiles, np.log(totals / members.sum(axis=1)), depth)
