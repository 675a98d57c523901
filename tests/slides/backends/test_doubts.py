"""A structure names what OpenSlide would show otherwise, and names nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from frame_writers import APERIO, cut, jpeg2000, picture, rgb_jpeg, subsampled_jpeg2000, write_frames, ycbcr_jpeg

from cartopath.core.errors import SlideError
from cartopath.slides import open_slide
from cartopath.slides.backends.tiff_structure import read_structure

SIZE = (300, 200)


@pytest.fixture(scope="module")
def image():
    return picture(*SIZE)


def differs(direct, theirs, path) -> bool:
    region = (0, 0, 0, *SIZE)
    return not np.array_equal(direct(path).read_region(*region), theirs(path).read_region(*region))


def jpegs(path, image, encode, photometric):
    return write_frames(path, [encode(frame) for frame in cut(image, 256)], SIZE, side=256, photometric=photometric)


def written(path, image, **how):
    tifffile.imwrite(path, image, **{"tile": (256, 256), "photometric": "rgb", "metadata": None} | how)
    return path


def test_frames_that_call_themselves_ycbcr_under_an_rgb_directory_are_a_doubt(direct, theirs, tmp_path, image):
    path = jpegs(tmp_path / "a.tif", image, ycbcr_jpeg(), "rgb")
    assert read_structure(path).doubt == "its directory says RGB and its frames say YCbCr"
    assert differs(direct, theirs, path)


def test_frames_that_call_themselves_ycbcr_are_shown_as_ycbcr_where_openslide_is_not_asked(direct, tmp_path, image):
    path = jpegs(tmp_path / "a.tif", image, ycbcr_jpeg(), "rgb")
    assert np.abs(direct(path).read_region(0, 0, 0, *SIZE).astype(int) - image).mean() < 10


def test_rgb_jpeg2000_frames_with_subsampled_colours_are_a_doubt(direct, theirs, tmp_path, image):
    frames = [subsampled_jpeg2000(frame, 2, 1) for frame in cut(image, 256)]
    path = write_frames(tmp_path / "a.svs", frames, SIZE, side=256, compression=33005, photometric="rgb", description=APERIO)
    assert read_structure(path).doubt == "its directory says RGB and its frames say YCbCr"
    assert differs(direct, theirs, path)


@pytest.mark.parametrize("steps", [(1, 2), (4, 1), (4, 4)])
def test_jpeg2000_frames_whose_colours_the_codec_cannot_enlarge_are_refused_for_openslide_to_read(tmp_path, image, steps):
    frames = [subsampled_jpeg2000(frame, *steps) for frame in cut(image, 256)]
    path = write_frames(tmp_path / "a.svs", frames, SIZE, side=256, compression=33003, photometric="rgb", description=APERIO)
    with pytest.raises(SlideError, match=r"a\.svs: JPEG 2000 whose colours have neither all nor half of the resolution"):
        read_structure(path)
    with open_slide(path) as slide:
        assert slide.backend == "openslide"


def test_a_fourth_channel_of_unknown_meaning_is_a_doubt(direct, theirs, tmp_path, image):
    with_more = np.dstack([image, np.full(image.shape[:2], 100, np.uint8)])
    path = written(tmp_path / "a.tif", with_more, extrasamples=["unspecified"])
    assert read_structure(path).doubt == "it does not say what its fourth channel is"
    assert differs(direct, theirs, path)


@pytest.mark.parametrize("orientation", [2, 3, 4, 6, 8])
def test_an_orientation_is_a_doubt(direct, theirs, tmp_path, image, orientation):
    path = written(tmp_path / "a.tif", image, extratags=[(274, "H", 1, orientation, True)])
    assert read_structure(path).doubt == "it is stored rotated or mirrored"
    assert differs(direct, theirs, path)


@pytest.mark.parametrize(("encode", "photometric"), [(rgb_jpeg, "rgb"), (ycbcr_jpeg(), "ycbcr"), (ycbcr_jpeg("420"), "ycbcr")])
def test_usual_jpeg_frames_are_no_doubt(tmp_path, image, encode, photometric):
    assert read_structure(jpegs(tmp_path / "a.tif", image, encode, photometric)).doubt == ""


@pytest.mark.parametrize("compression", [33003, 33005])
def test_usual_jpeg2000_frames_are_no_doubt(tmp_path, image, compression):
    frames = [subsampled_jpeg2000(frame, 2, 1) if compression == 33003 else jpeg2000(frame) for frame in cut(image, 256)]
    options = {"compression": compression, "photometric": "rgb", "description": APERIO}
    assert read_structure(write_frames(tmp_path / "a.svs", frames, SIZE, side=256, **options)).doubt == ""


def test_planes_of_jpeg_are_no_doubt(direct, theirs, tmp_path, image):
    path = written(tmp_path / "a.tif", np.moveaxis(image, -1, 0), planarconfig=2, compression="jpeg")
    assert read_structure(path).doubt == ""
    assert not differs(direct, theirs, path)


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["CMU-1-Small-Region.svs", "TCGA-CR-7395-01A-01-TS1_nompp.svs", "TCGA-C8-A1HN-01Z-00-DX1.tif"])
def test_real_slides_are_no_doubt(real_data, name):
    assert read_structure(real_data / "slides" / name).doubt == ""
