"""Micrometres per pixel: which source wins, and what happens without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cartopath.core.errors import ResolutionError, SlideError
from cartopath.slides import Resolution, open_slide
from cartopath.slides.resolution import resolve


def resolved(properties, *, stated=None, assumed=None):
    return resolve(properties, path=Path("a.svs"), stated=stated, assumed=assumed)


@pytest.fixture
def silent_slide(tmp_path, write_slide):
    return write_slide(tmp_path / "silent.tif", np.full((256, 256, 3), 200, np.uint8), None, levels=1)


def test_the_decoders_property_comes_first():
    properties = {
        "openslide.mpp-x": "0.25",
        "openslide.mpp-y": "0.25",
        "tiff.XResolution": "20000",
        "tiff.ResolutionUnit": "centimeter",
    }
    assert resolved(properties) == Resolution(0.25, "openslide.mpp-x", 0.25)


def test_aperio_without_the_decoders_property():
    assert resolved({"aperio.MPP": "0.2525"}) == Resolution(0.2525, "aperio.MPP", 0.2525)


@pytest.mark.parametrize(
    ("attributes", "mpp"),
    [
        ('PhysicalSizeX="0.46" PhysicalSizeY="0.46"', 0.46),
        ('PhysicalSizeX="460" PhysicalSizeXUnit="nm" PhysicalSizeY="460" PhysicalSizeYUnit="nm"', 0.46),
        ('PhysicalSizeX="0.00046" PhysicalSizeXUnit="mm"', 0.46),
        ('PhysicalSizeX="0.46" PhysicalSizeXUnit="µm"', 0.46),
    ],
)
def test_ome_metadata(attributes, mpp):
    found = resolved({"tiff.ImageDescription": f"<OME><Image><Pixels {attributes}/></Image></OME>"})
    assert found.source == "ome.PhysicalSizeX"
    assert found.mpp == pytest.approx(mpp)


def test_an_ome_length_in_pixels_is_no_length():
    with pytest.raises(ResolutionError):
        resolved({"tiff.ImageDescription": '<OME><Pixels PhysicalSizeX="1" PhysicalSizeXUnit="pixel"/></OME>'})


def test_the_size_of_an_ome_files_main_image_counts_not_that_of_its_label():
    image = '<Image Name="{}"><Pixels SizeX="{}" SizeY="100" PhysicalSizeX="{}"/></Image>'.format
    description = f"<OME>{image('label image', 9000, 15)}{image('slide', 5000, 0.5)}{image('crop', 50, 0.1)}</OME>"
    assert resolved({"tiff.ImageDescription": description}) == Resolution(0.5, "ome.PhysicalSizeX", 0.5)


@pytest.mark.parametrize("unit", ["micron", "um", "\\u00B5m", "µm"])
def test_imagej_says_its_unit_in_words(unit):
    properties = {
        "tiff.ImageDescription": f"ImageJ=1.53\nimages=1\nunit={unit}\n",
        "tiff.XResolution": "2",
        "tiff.ResolutionUnit": "none",
    }
    assert resolved(properties) == Resolution(0.5, "imagej.unit", 0.5)


def test_an_imagej_file_in_pixels_has_no_resolution():
    with pytest.raises(ResolutionError):
        resolved({"tiff.ImageDescription": "ImageJ=1.53\nunit=pixel\n", "tiff.XResolution": "2", "tiff.ResolutionUnit": "none"})


@pytest.mark.parametrize("source", ["png.pHYs", "jpeg.density"])
def test_the_density_of_a_picture_counts_only_on_the_scale_of_a_microscope(source):
    fine = {f"{source}-x": "50800", f"{source}-y": "50800"}
    assert resolved(fine) == Resolution(0.5, source, 0.5)
    for dpi in ("72", "96", "300", "1200"):
        with pytest.raises(ResolutionError, match="not between"):
            resolved({f"{source}-x": dpi, f"{source}-y": dpi})


@pytest.mark.parametrize(("unit", "per_unit"), [("centimeter", "20000"), ("inch", "50800")])
def test_tiff_tags(unit, per_unit):
    found = resolved({"tiff.XResolution": per_unit, "tiff.YResolution": per_unit, "tiff.ResolutionUnit": unit})
    assert found == Resolution(0.5, "tiff.XResolution", 0.5)


def test_a_tiff_resolution_without_a_unit_is_none():
    with pytest.raises(ResolutionError):
        resolved({"tiff.XResolution": "20000", "tiff.ResolutionUnit": "none"})


def test_the_tables_value_wins_and_what_the_file_says_is_kept_for_comparison():
    assert resolved({"openslide.mpp-x": "0.5"}, stated=0.25) == Resolution(0.25, "table", 0.5)


def test_an_assumed_value_never_overrules_the_file():
    assert resolved({"openslide.mpp-x": "0.5"}, assumed=0.25).mpp == 0.5


def test_an_assumed_value_is_used_and_named_when_nothing_else_is_known():
    assert resolved({}, assumed=0.25) == Resolution(0.25, "assume_mpp")


def test_without_any_source_the_error_names_all_ways_out():
    with pytest.raises(ResolutionError, match=r"a\.svs: it does not say .*`mpp` column.*slides\.assume_mpp.*--assume-mpp"):
        resolved({})


@pytest.mark.parametrize("power", ["openslide.objective-power", "aperio.AppMag"])
def test_the_error_passes_on_what_the_objective_suggests(power):
    with pytest.raises(ResolutionError, match=r"claims a 40x objective: usually near 0\.25"):
        resolved({power: "40"})


@pytest.mark.parametrize("value", ["0", "-0.5", "nan", "inf", "1e-9", "352.7", "0,25", "", "half"])
def test_impossible_values_in_the_file_do_not_count(value):
    with pytest.raises(ResolutionError):
        resolved({"openslide.mpp-x": value, "openslide.mpp-y": value})
    assert resolved({"openslide.mpp-x": value}, assumed=0.5).source == "assume_mpp"


def test_an_impossible_value_is_shown():
    with pytest.raises(ResolutionError, match=r"openslide\.mpp-x 352\.778 um is not between 0\.05 and 20"):
        resolved({"openslide.mpp-x": "352.778"})


def test_the_next_source_is_asked_when_the_first_is_impossible():
    assert resolved({"openslide.mpp-x": "352.778", "aperio.MPP": "0.5"}).source == "aperio.MPP"


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 0.04, 20.1])
def test_impossible_stated_and_assumed_values_are_refused(value):
    with pytest.raises(ResolutionError, match="stated are"):
        resolved({"openslide.mpp-x": "0.5"}, stated=value)
    with pytest.raises(ResolutionError, match="assume_mpp is"):
        resolved({}, assumed=value)


def test_pixels_that_are_not_square_are_refused_unless_the_table_states_a_value():
    properties = {"openslide.mpp-x": "0.5", "openslide.mpp-y": "0.51"}
    with pytest.raises(ResolutionError, match=r"not square \(openslide.mpp-x: 0.5 x 0.51 um\)"):
        resolved(properties)
    assert resolved(properties, stated=0.5) == Resolution(0.5, "table", None)


def test_pixels_within_one_percent_of_square_take_the_value_along_x():
    assert resolved({"openslide.mpp-x": "0.5", "openslide.mpp-y": "0.504"}).mpp == 0.5


def test_a_tiff_slide_has_its_tags_resolution(tmp_path, write_slide):
    path = write_slide(tmp_path / "a.tif", np.full((256, 256, 3), 200, np.uint8), 0.2525, levels=1)
    with open_slide(path) as slide:
        assert slide.mpp == pytest.approx(0.2525, rel=1e-5)
        assert slide.resolution.source == "tiff.XResolution"


def test_a_slide_file_with_oblong_pixels_is_refused(tmp_path, write_slide):
    path = write_slide(tmp_path / "a.tif", np.full((256, 256, 3), 200, np.uint8), 0.5, mpp_y=0.25, levels=1)
    with pytest.raises(ResolutionError, match="not square"):
        open_slide(path)


def test_an_ome_slide_without_tags_has_its_physical_size(tmp_path, write_slide):
    description = '<OME><Image><Pixels PhysicalSizeX="0.3" PhysicalSizeY="0.3"/></Image></OME>'
    path = write_slide(tmp_path / "a.tif", np.full((256, 256, 3), 200, np.uint8), None, levels=1, description=description)
    with open_slide(path) as slide:
        assert slide.resolution == Resolution(0.3, "ome.PhysicalSizeX", 0.3)


def test_a_silent_slide_file_is_an_error_and_can_be_helped(silent_slide):
    with pytest.raises(ResolutionError, match=r"silent\.tif"):
        open_slide(silent_slide)
    with open_slide(silent_slide, mpp=0.25) as stated, open_slide(silent_slide, assume_mpp=0.5) as assumed:
        assert (stated.mpp, stated.resolution.source) == (0.25, "table")
        assert (assumed.mpp, assumed.resolution.source) == (0.5, "assume_mpp")


def test_a_resolution_error_is_a_slide_error():
    assert issubclass(ResolutionError, SlideError)
