"""Restyling real stains: structure is kept and the colours of the target are reached."""

import numpy as np
import pytest
from PIL import Image

from cartopath.style import METHODS, fit_style, restyle, transfer_quality, vector_angle_degrees

pytestmark = pytest.mark.realdata

FIVE = "stain_refs/five_scanners"
PAIRS = {
    "scanners Aperio and NanoZoomer": (f"{FIVE}/aperio.png", f"{FIVE}/nz210.png"),
    "scanners Leica and 3DHistech": (f"{FIVE}/leica.png", f"{FIVE}/3dhistech.png"),
    "laboratories": ("stain_refs/example1.png", "stain_refs/example2.png"),
    "normalisation targets": ("stain_refs/torchstain_source.png", "stain_refs/torchstain_target.png"),
    "sites breast and prostate": (
        "monuseg/images/TCGA-AR-A1AK-01Z-00-DX1.tif",
        "monuseg/images/TCGA-CH-5767-01Z-00-DX1.tif",
    ),
    "sites of one organ": ("monuseg/images/TCGA-G9-6348-01Z-00-DX1.tif", "monuseg/images/TCGA-G9-6363-01Z-00-DX1.tif"),
}


@pytest.fixture(params=PAIRS)
def pair(request, real_data):
    return [np.asarray(Image.open(real_data / name).convert("RGB"))[:236, :236] for name in PAIRS[request.param]]


@pytest.mark.parametrize("method", METHODS)
def test_structure_is_kept_and_the_target_comes_closer(pair, method):
    for source, target in (pair, pair[::-1]):
        made = restyle(source, fit_style([source], method), fit_style([target], method))
        quality = transfer_quality([source], [made], [target])
        assert quality.gradient_correlation >= 0.88
        assert quality.after.mean < quality.before.mean


def test_reinhard_reaches_the_mean_and_spread_of_the_target(pair):
    for source, target in (pair, pair[::-1]):
        made = restyle(source, fit_style([source], "reinhard"), fit_style([target], "reinhard"))
        quality = transfer_quality([source], [made], [target])
        assert quality.gradient_correlation >= 0.9
        assert quality.after.mean < 4
        assert quality.after.sd < 4


def test_macenko_reaches_the_stain_vectors_of_the_target(pair):
    for source, target in (pair, pair[::-1]):
        wanted = fit_style([target], "macenko")
        reached = fit_style([restyle(source, fit_style([source], "macenko"), wanted)], "macenko")
        assert vector_angle_degrees(reached.haematoxylin, wanted.haematoxylin) < 6
        assert vector_angle_degrees(reached.eosin, wanted.eosin) < 12
