"""The composition of tissue: nuclei that were drawn are counted, slides that cannot be read are named."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cartopath.methods.regression import Inputs, Settings
from cartopath.methods.regression.composition import NAMES, nuclei_per_mm2, read_composition
from cartopath.methods.regression.patients import read_patients

from .conftest import write_slide

PINK, PURPLE = (235, 190, 215), (95, 70, 150)


def tissue(size, n_nuclei, rng, *, um_per_pixel=1.0):
    """A pink picture with round purple nuclei, 7 um wide, none near another."""
    picture = Image.new("RGB", (size, size), PINK)
    pen = ImageDraw.Draw(picture)
    step = int(14 / um_per_pixel)
    places = rng.permutation([(x, y) for x in range(step, size - step, step) for y in range(step, size - step, step)])
    for x, y in places[:n_nuclei]:
        radius = 3.5 / um_per_pixel
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=PURPLE)
    return picture


@pytest.mark.parametrize("n_nuclei", [0, 20, 120])
@pytest.mark.parametrize("um_per_pixel", [0.5, 1.0])
def test_nuclei_are_counted(n_nuclei, um_per_pixel):
    size = int(256 / um_per_pixel)
    pixels = np.asarray(tissue(size, n_nuclei, np.random.default_rng(0), um_per_pixel=um_per_pixel))
    assert nuclei_per_mm2(pixels, um_per_pixel) * 0.256**2 == pytest.approx(n_nuclei, rel=0.15, abs=0.5)


@pytest.fixture
def patients(tmp_path):
    """Two patients with a slide each of 512 um, the second with many nuclei, and their tiles."""
    rng = np.random.default_rng(0)
    xy = np.zeros((40, 3), np.float16)
    for number, n_nuclei in enumerate((20, 400)):
        (tmp_path / "slides").mkdir(exist_ok=True)
        tissue(2048, n_nuclei, rng, um_per_pixel=0.25).save(tmp_path / "slides" / f"P{number}.png")
        write_slide(tmp_path / "h5" / f"P{number}.h5", f"P{number}", xy)
    (tmp_path / "slides.csv").write_text("slide_id,path,patient_id,mpp\nP0,P0.png,P0,0.25\nP1,P1.png,P1,0.25\n")
    return read_patients(Inputs(features=tmp_path / "h5", table=tmp_path), Settings(), ["P0", "P1"])


def test_every_patient_has_colour_and_density(patients, tmp_path):
    found = read_composition(patients, tmp_path / "slides", tmp_path / "slides.csv")
    assert found.reason == ""
    few, many = (dict(zip(NAMES, row, strict=True)) for row in found.vectors)
    assert many["nuclei_per_mm2"] > 5 * few["nuclei_per_mm2"]
    assert many["haematoxylin"] > few["haematoxylin"]
    assert few["red"] == pytest.approx(PINK[0], abs=12)


def test_slides_that_are_not_there_leave_a_reason(patients, tmp_path):
    (tmp_path / "slides" / "P1.png").unlink()
    found = read_composition(patients, tmp_path / "slides", tmp_path / "slides.csv")
    assert found.vectors is None
    assert "tiles of 1 of 2 patients cannot be read" in found.reason


def test_no_folder_of_slides_is_a_reason(patients):
    assert read_composition(patients, None, None).reason == "no folder of slides was given (--slide-dir)"
