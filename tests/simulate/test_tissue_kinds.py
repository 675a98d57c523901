import numpy as np
import pytest

from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.simulate import plan_specimen, render_region
from cartopath.simulate.tissue_kinds import TISSUE_KINDS, tissue_kinds


@pytest.fixture(scope="module")
def specimen():
    return plan_specimen(3, "slide", size_px0=SizePx0(600, 500), mpp=1.0, fractions=(0.5,))


def test_mask_covers_the_slide(specimen):
    assert tissue_kinds(specimen, pitch_um=4.0).shape == (125, 150)


def test_every_point_has_a_kind(specimen):
    assert set(np.unique(tissue_kinds(specimen))) <= set(range(1, len(TISSUE_KINDS) + 1))


def test_kinds_agree_with_the_layout(specimen):
    kinds = tissue_kinds(specimen, pitch_um=4.0)
    x, y = np.arange(150) * 4.0 + 2, np.arange(125) * 4.0 + 2
    assert ((kinds == 2) | (kinds == 3) == specimen.tissue.solid(x, y)).mean() > 0.99


def test_background_is_light_and_nests_are_violet_in_the_picture(specimen):
    kinds = tissue_kinds(specimen, pitch_um=1.0)
    picture = render_region(specimen, RegionPx0(0, 0, 600, 500)).astype(float)
    glass, nests, stroma = (picture[kinds == kind].mean(axis=0) for kind in (1, 2, 3))
    assert glass.min() > 225
    assert nests[0] < stroma[0]  # Haematoxylin takes red away.
