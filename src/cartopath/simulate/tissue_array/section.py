"""One section of a core: a round specimen whose fields resemble those of the neighbouring sections."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from cartopath.core.geometry import SizePx0, SizeUm
from cartopath.core.rng import stream
from cartopath.simulate.fields import Floats, SmoothField, blend, draw_field
from cartopath.simulate.specimen import PlantedTrait, Specimen
from cartopath.simulate.staining import Stain
from cartopath.simulate.tissue import Tissue
from cartopath.simulate.tissue_array.identity import CoreIdentity

MARGIN = 1.12
"""Side of the square on which a core is drawn, in its diameters: room for a frayed outline."""


@dataclass(frozen=True, eq=False, slots=True)
class CoreTissue(Tissue):
    """The layout of a core: round, as the needle cut it."""

    def depth_um(self, x_um: Floats, y_um: Floats) -> NDArray[np.float32]:
        """Return about how far inside the outline each point of the grid lies, um, float32 (n_y, n_x)."""
        middle_x, middle_y = self.size_um.width / 2, self.size_um.height / 2
        away = np.hypot(np.asarray(x_um)[None, :] - middle_x, np.asarray(y_um)[:, None] - middle_y)
        depth = self.extent * min(middle_x, middle_y) - away
        depth += self.wobble_um * self.outline.on_grid(x_um, y_um) + 2.0 * self.edge.on_grid(x_um, y_um)
        limited: NDArray[np.float32] = depth.astype(np.float32)
        return limited


def core_section(
    identity: CoreIdentity, section: str, *, seed: int, core_um: float, likeness: float, mpp: float, stain: Stain, blur_um: float
) -> Specimen:
    """Return a section of a core as a specimen that `cartopath.simulate.render_region` draws.

    Args:
        identity: The core.
        section: Name of the section: the fields of each resemble a common one, the nuclei are its own.
        seed: Of the array.
        core_um: Diameter of the core.
        likeness: Correlation of a section's fields with the common ones.
        mpp: Of the scanner.
        stain: Of the section.
        blur_um: Of the scanner.
    """
    draw = partial(_field, seed, identity.core_id, section, likeness)
    quantile = NormalDist().inv_cdf
    side_px = round(MARGIN * core_um / mpp)
    size = SizePx0(side_px, side_px)
    tissue = CoreTissue(
        size_um=SizeUm(side_px * mpp, side_px * mpp),
        extent=1 / MARGIN,
        wobble_um=0.012 * core_um,
        outline=draw("outline", 0.2 * core_um),
        edge=draw("edge", 14.0),
        nests=draw("nests", identity.nest_um),
        nest_level=quantile(_share(1 - identity.nest_share)),
        septa=draw("septa", identity.septa_um),
        septum=identity.septum,
        fat=draw("fat", 50.0),
        fat_level=quantile(_share(1 - identity.fat_share)),
        swirl=(draw("swirl 1", 190.0), draw("swirl 2", 150.0)),
        fibre_angle=float(stream(seed, "fibre angle", identity.core_id).uniform(0, math.pi)),
        clefts=identity.clefts,
        cohesion=identity.cohesion,
    )
    traits = tuple(
        PlantedTrait(draw(f"trait {i}", identity.patch_um), quantile(_share(1 - fraction)))
        for i, fraction in enumerate(identity.fractions)
    )
    return Specimen(seed, f"{identity.core_id}/{section}", size, mpp, tissue, traits, stain, blur_um)


def _field(seed: int, core_id: str, section: str, likeness: float, name: str, length_um: float) -> SmoothField:
    common = draw_field(stream(seed, "core field", core_id, name), length_um)
    own = draw_field(stream(seed, "section field", core_id, section, name), length_um)
    return blend(common, own, likeness)


def _share(value: float) -> float:
    return min(max(value, 1e-6), 1 - 1e-6)
