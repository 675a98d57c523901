"""Where the nuclei of a region are, and what the planted traits make of them.

Nuclei sit on a jittered triangular lattice that is drawn in chunks, each from its own random stream, so that a region has the
same nuclei whichever block is drawn first. A trait changes the cells of its region in its own way, by its position in the list:

0. proliferation: twice as many nuclei, and dark, even ones (hyperchromatic);
1. large pale nuclei with a visible rim and nucleoli (vesicular) in a more eosinophilic cytoplasm;
2. many small, round, dark nuclei between the others (lymphocytes);
3. long nuclei that lie along the fibres, stronger fibres, and a bluish (myxoid) matrix between them.

Where several traits meet, their changes meet too: 0 with 1 gives dense vesicular nuclei with more chromatin, 1 with 3 long ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.rng import stream
from cartopath.simulate.fields import Floats
from cartopath.simulate.nuclei import (
    EPITHELIAL,
    HYPERCHROMATIC,
    KINDS,
    LONG_SPINDLE,
    LYMPHOCYTE,
    N_DIRECTIONS,
    N_VARIANTS,
    SPINDLE,
    VESICULAR,
    VESICULAR_SPINDLE,
)
from cartopath.simulate.specimen import Specimen

_CHUNK = 16  # sites per side of a chunk
_CELL_PITCH_UM = 9.2
_LYMPHOCYTE_PITCH_UM = 7.6
_ROW = math.sqrt(3) / 2


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """Nuclei of a region; every array has one entry per nucleus.

    Attributes:
        x_um: Position.
        y_um: Position.
        kind: Index into `nuclei.KINDS`.
        direction: Index of its direction, 0..N_DIRECTIONS - 1.
        variant: Index of its picture, 0..N_VARIANTS - 1.
        strength: Factor on its haematoxylin.
    """

    x_um: Floats
    y_um: Floats
    kind: NDArray[np.int64]
    direction: NDArray[np.int64]
    variant: NDArray[np.int64]
    strength: NDArray[np.float32]

    def only(self, kept: NDArray[np.bool_]) -> Cells:
        """Return the nuclei for which `kept` is true."""
        return Cells(*(getattr(self, name)[kept] for name in Cells.__slots__))


def cells_within(specimen: Specimen, x_um: tuple[float, float], y_um: tuple[float, float]) -> Cells:
    """Return the nuclei whose middle lies in the rectangle from `x_um[0]` to `x_um[1]` and `y_um[0]` to `y_um[1]`."""
    parts = [_tissue_cells(specimen, x_um, y_um), _lymphocytes(specimen, x_um, y_um)]
    return Cells(*(np.concatenate([getattr(part, name) for part in parts]) for name in Cells.__slots__))


def _tissue_cells(specimen: Specimen, x_um: tuple[float, float], y_um: tuple[float, float]) -> Cells:
    x, y, chance, order = lattice_sites(specimen, "cells", _CELL_PITCH_UM, x_um, y_um)
    nest = specimen.tissue.nest_at(x, y)
    positive = [trait.at(x, y) for trait in specimen.traits]
    dense, pale, _, long = (positive[i] if i < len(positive) else np.zeros(len(x), bool) for i in range(4))
    share = np.where(dense, 0.95, 0.44) * np.where(pale, 0.7, 1.0) * np.where(nest > 0.5, 1.0, np.where(dense, 0.72, 0.5))
    kept = (order < share) & _solid_at(specimen, x, y)
    spindle = (nest <= 0.5) | long
    kind = np.select(
        [pale & spindle, pale, long, spindle & ~dense, dense],
        [KINDS.index(k) for k in (VESICULAR_SPINDLE, VESICULAR, LONG_SPINDLE, SPINDLE, HYPERCHROMATIC)],
        KINDS.index(EPITHELIAL),
    )
    strength = np.exp(0.16 * (chance[:, 1] + chance[:, 2] + chance[:, 3] - 1.5)) * np.where(dense & (pale | long), 1.45, 1.0)
    free = chance[:, 4] * N_DIRECTIONS
    aligned = specimen.tissue.fibre_angle_at(x, y) * (N_DIRECTIONS / math.pi) + (chance[:, 4] - 0.5) * np.where(long, 1.0, 2.5)
    direction = np.where(spindle, np.round(aligned), free).astype(np.int64) % N_DIRECTIONS
    variant = (chance[:, 5] * N_VARIANTS).astype(np.int64)
    return Cells(x, y, kind.astype(np.int64), direction, variant, strength.astype(np.float32)).only(kept)


def _lymphocytes(specimen: Specimen, x_um: tuple[float, float], y_um: tuple[float, float]) -> Cells:
    x, y, chance, order = lattice_sites(specimen, "lymphocytes", _LYMPHOCYTE_PITCH_UM, x_um, y_um)
    infiltrated = specimen.traits[2].at(x, y) if len(specimen.traits) > 2 else np.zeros(len(x), bool)
    # A few lymphocytes wander everywhere, more of them in stroma than in nests.
    resident = np.where(specimen.tissue.nest_at(x, y) > 0.5, 0.004, 0.018)
    kept = (order < np.where(infiltrated, 0.5, resident)) & _solid_at(specimen, x, y)
    direction = (chance[:, 4] * N_DIRECTIONS).astype(np.int64)
    variant = (chance[:, 5] * N_VARIANTS).astype(np.int64)
    strength = (0.85 + 0.3 * chance[:, 1]).astype(np.float32)
    kind = np.full(len(x), KINDS.index(LYMPHOCYTE), np.int64)
    return Cells(x, y, kind, direction, variant, strength).only(kept)


def lattice_sites(
    specimen: Specimen, name: str, pitch_um: float, x_um: tuple[float, float], y_um: tuple[float, float]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Sites of a jittered triangular lattice in a rectangle: x, y, six uniform numbers each, and an even order of thinning."""
    side_x, side_y = _CHUNK * pitch_um, _CHUNK * pitch_um * _ROW
    row, column = np.divmod(np.arange(_CHUNK * _CHUNK), _CHUNK)
    xs, ys, chances, orders = [], [], [], []
    for chunk_y in range(math.floor(y_um[0] / side_y - 0.1), math.floor(y_um[1] / side_y + 0.1) + 1):
        for chunk_x in range(math.floor(x_um[0] / side_x - 0.1), math.floor(x_um[1] / side_x + 0.1) + 1):
            chance = stream(specimen.seed, name, specimen.slide_id, chunk_x, chunk_y).random((_CHUNK * _CHUNK, 8))
            i, j = chunk_x * _CHUNK + column, chunk_y * _CHUNK + row
            xs.append((i + 0.5 * (j & 1) + 0.62 * (chance[:, 6] - 0.5)) * pitch_um)
            ys.append((j + 0.62 * (chance[:, 7] - 0.5)) * pitch_um * _ROW)
            # A low-discrepancy sequence over the lattice thins evenly, the random part hides that it is one.
            orders.append((0.7548776662 * i + 0.5698402910 * j + 0.35 * chance[:, 0]) % 1.0)
            chances.append(chance[:, :6])
    x, y = np.concatenate(xs), np.concatenate(ys)
    here = (x >= x_um[0]) & (x < x_um[1]) & (y >= y_um[0]) & (y < y_um[1])
    return x[here], y[here], np.concatenate(chances)[here], np.concatenate(orders)[here]


def _solid_at(specimen: Specimen, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Not in fat; the outline is cut when the region is coloured."""
    return specimen.tissue.fat.at(x, y) < specimen.tissue.fat_level - 0.05
