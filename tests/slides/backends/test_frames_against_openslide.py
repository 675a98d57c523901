"""Every kind of frame has the pixels that OpenSlide shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from frame_writers import (
    APERIO,
    cut,
    jpeg2000,
    picture,
    rarely_subsampled_jpeg,
    rgb_jpeg,
    subsampled_jpeg2000,
    tables_apart,
    write_frames,
    ycbcr_jpeg,
)

SIZE = (700, 500)
STEPS = {"444": (1, 1), "422": (2, 1), "420": (2, 2)}


@pytest.fixture(scope="module")
def image():
    return picture(*SIZE)


def difference(direct, theirs, path: Path, level: int = 0) -> np.ndarray:
    """Ours minus theirs, of a whole level and a margin outside it; above and left of level 0 only, where pixels are whole."""
    ours, other = direct(path), theirs(path)
    width, height = other.level_dimensions[level]
    region = (-8 if level == 0 else 0, -8 if level == 0 else 0, level, width + 16, height + 16)
    return ours.read_region(*region).astype(int) - other.read_region(*region)


@pytest.mark.parametrize("colours", ["rgb", "444", "422", "420"])
@pytest.mark.parametrize("tables", ["shared tables", "own tables"])
@pytest.mark.parametrize("side", [240, 256, 512])
@pytest.mark.parametrize("bigtiff", [False, True], ids=["TIFF", "BigTIFF"])
def test_jpeg_frames_have_exactly_the_pixels_of_openslide(direct, theirs, tmp_path, image, colours, tables, side, bigtiff):
    encode = rgb_jpeg if colours == "rgb" else ycbcr_jpeg(colours)
    frames, shared = [encode(frame) for frame in cut(image, side)], None
    if tables == "shared tables":
        shared, frames = tables_apart(frames)
    path = write_frames(
        tmp_path / "a.tif",
        frames,
        SIZE,
        side=side,
        photometric="rgb" if colours == "rgb" else "ycbcr",
        subsampling=STEPS.get(colours, (1, 1)),
        tables=shared,
        bigtiff=bigtiff,
    )
    assert not difference(direct, theirs, path).any()


@pytest.mark.parametrize("colours", ["rgb", "422"])
def test_aperio_jpeg_frames_have_exactly_the_pixels_of_openslide(direct, theirs, tmp_path, image, colours):
    shared, frames = tables_apart([(rgb_jpeg if colours == "rgb" else ycbcr_jpeg(colours))(frame) for frame in cut(image, 240)])
    photometric = "rgb" if colours == "rgb" else "ycbcr"
    path = write_frames(
        tmp_path / "a.svs", frames, SIZE, side=240, photometric=photometric, subsampling=STEPS.get(colours, (1, 1)),
        tables=shared, description=APERIO,
    )  # fmt: skip
    assert theirs(path).properties["openslide.vendor"] == "aperio"
    assert not difference(direct, theirs, path).any()


def test_a_directory_that_says_ycbcr_outweighs_an_adobe_marker_that_says_rgb(direct, theirs, tmp_path, image):
    frames = [ycbcr_jpeg()(frame) for frame in cut(image, 256)]
    says_rgb = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
    path = write_frames(tmp_path / "a.tif", [frame[:2] + says_rgb + frame[20:] for frame in frames], SIZE, side=256)
    assert not difference(direct, theirs, path).any()


def test_progressive_frames_have_exactly_the_pixels_of_openslide(direct, theirs, tmp_path, image):
    import io

    from PIL import Image

    def encode(frame):
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "JPEG", progressive=True, quality=80)
        return file.getvalue()

    path = write_frames(tmp_path / "a.tif", [encode(frame) for frame in cut(image, 256)], SIZE, side=256, subsampling=(2, 2))
    assert not difference(direct, theirs, path).any()


@pytest.mark.parametrize("subsampling", ["440", "411"])
def test_jpeg_frames_of_unusual_subsampling_have_exactly_the_pixels_of_openslide(direct, theirs, tmp_path, image, subsampling):
    frames = [ycbcr_jpeg(subsampling)(frame) for frame in cut(image, 256)]
    assert not difference(direct, theirs, write_frames(tmp_path / "a.tif", frames, SIZE, side=256)).any()


def test_jpeg_frames_of_a_subsampling_that_the_fast_decoder_lacks_are_decoded_by_the_other(direct, theirs, tmp_path):
    frames = [rarely_subsampled_jpeg()]
    path = write_frames(tmp_path / "a.tif", frames, (144, 16), side=(16, 144), photometric="rgb")
    assert not difference(direct, theirs, path).any()
    full, small = (direct(path).read_region(0, 0, 0, 144 // n, 16 // n, shrink=n) for n in (1, 2))
    blocks = full.reshape(8, 2, 72, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - blocks).max() <= 0.5


@pytest.mark.parametrize("level", [0, 40], ids=["lossless", "lossy"])
@pytest.mark.parametrize("mct", [False, True], ids=["plain", "decorrelated"])
def test_rgb_jpeg2000_frames_have_exactly_the_pixels_of_openslide(direct, theirs, tmp_path, image, level, mct):
    frames = [jpeg2000(frame, mct=mct, level=level) for frame in cut(image, 256)]
    path = write_frames(tmp_path / "a.svs", frames, SIZE, side=256, compression=33005, photometric="rgb", description=APERIO)
    assert not difference(direct, theirs, path).any()
    if level == 0:
        assert np.array_equal(direct(path).read_region(0, 0, 0, *SIZE), image)


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
def test_ycbcr_jpeg2000_frames_have_exactly_the_pixels_of_openslide(direct, theirs, tmp_path, photometric):
    every_colour = np.random.default_rng(0).integers(0, 256, (500, 700, 3)).astype(np.uint8)
    frames = [jpeg2000(frame, mct=False) for frame in cut(every_colour, 256)]
    path = write_frames(
        tmp_path / "a.svs", frames, SIZE, side=256, compression=33003, photometric=photometric, description=APERIO
    )
    assert not difference(direct, theirs, path).any()


@pytest.mark.parametrize("steps", [(2, 1), (2, 2)])
def test_ycbcr_jpeg2000_frames_of_subsampled_colours_have_the_pixels_of_openslide_up_to_rounding(
    direct, theirs, tmp_path, image, steps
):
    frames = [subsampled_jpeg2000(frame, *steps) for frame in cut(image, 256)]
    path = write_frames(tmp_path / "a.svs", frames, SIZE, side=256, compression=33003, photometric="rgb", description=APERIO)
    assert np.abs(difference(direct, theirs, path)).max() <= 1


def test_registered_jpeg2000_frames_have_the_pixels_that_were_written(direct, tmp_path, image):
    frames = [jpeg2000(frame) for frame in cut(image, 256)]
    path = write_frames(tmp_path / "a.tif", frames, SIZE, side=256, compression=34712, photometric="rgb")
    assert np.array_equal(direct(path).read_region(0, 0, 0, *SIZE), image)


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "packbits", "zstd"])
@pytest.mark.parametrize("predictor", [False, True], ids=["values", "differences"])
@pytest.mark.parametrize("description", [None, APERIO], ids=["plain", "Aperio"])
def test_lossless_frames_have_exactly_the_pixels_of_openslide(
    direct, theirs, tmp_path, image, compression, predictor, description
):
    if predictor and compression in (None, "packbits"):
        pytest.skip("differences are stored by dictionary coders only")
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, image, tile=(256, 240), compression=compression, predictor=predictor, photometric="rgb", description=description,
        metadata=None,
    )  # fmt: skip
    assert not difference(direct, theirs, path).any()


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("compression", ["jpeg", "lzw"])
def test_greyscale_frames_have_exactly_the_pixels_of_openslide(direct, theirs, tmp_path, image, photometric, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image[..., 0], tile=(256, 256), compression=compression, photometric=photometric, metadata=None)
    assert not difference(direct, theirs, path).any()


@pytest.mark.parametrize("bits", [8, 16])
def test_palettes_of_either_depth_have_exactly_the_colours_of_openslide(direct, theirs, tmp_path, image, bits):
    palette = np.random.default_rng(0).integers(0, 2**bits, (3, 256)).astype(np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image[..., 0], tile=(256, 256), photometric="palette", colormap=palette, metadata=None)
    assert not difference(direct, theirs, path).any()


@pytest.mark.parametrize("meaning", ["unassalpha", "assocalpha"])
def test_transparent_frames_have_exactly_the_pixels_of_openslide(direct, theirs, tmp_path, image, meaning):
    alpha = np.zeros(image.shape[:2], np.uint8)
    alpha[:, 200:], alpha[:, 500:] = 128, 255
    colours = image if meaning == "unassalpha" else (image.astype(int) * alpha[..., None] // 255).astype(np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.dstack([colours, alpha]), tile=(256, 256), photometric="rgb", extrasamples=[meaning], metadata=None
    )  # fmt: skip
    assert not difference(direct, theirs, path).any()


@pytest.mark.parametrize("compression", ["jpeg", "deflate"])
def test_a_missing_frame_of_a_plain_tiff_is_white_as_in_openslide(direct, theirs, tmp_path, image, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image, tile=(256, 256), compression=compression, photometric="rgb", metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as file:
        tag = file.pages[0].tags["TileByteCounts"]
        tag.overwrite([0 if number == 1 else size for number, size in enumerate(tag.value)])
    assert (direct(path).read_region(256, 0, 0, 256, 256) == 255).all()
    assert not difference(direct, theirs, path).any()


@pytest.mark.parametrize("colours", ["rgb", "420"])
def test_every_level_of_an_ome_pyramid_has_the_pixels_of_another_reader(direct, theirs, tmp_path, image, colours):
    path = tmp_path / "a.ome.tif"
    options = {"tile": (256, 256), "compression": "jpeg", "photometric": "rgb", "metadata": None}
    options |= {"compressionargs": {"outcolorspace": "rgb"}} if colours == "rgb" else {"subsampling": (2, 2)}
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels '
        'SizeX="700" SizeY="500" SizeC="3" PhysicalSizeX="0.5"><TiffData IFD="0"/></Pixels></Image></OME>'
    )
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        writer.write(image, subifds=1, description=xml.encode(), **options)
        writer.write(np.ascontiguousarray(image[::2, ::2]), subfiletype=1, **options)
    ours = direct(path)
    assert ours.level_dimensions == (SIZE, (350, 250))
    assert not difference(direct, theirs, path).any()
    with tifffile.TiffFile(path) as file:
        assert np.array_equal(ours.read_region(0, 0, 1, 350, 250), file.pages[0].pages[0].asarray())


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name", ["CMU-1-Small-Region.svs", "TCGA-CR-7395-01A-01-TS1_nompp.svs", "TCGA-A1-A0SB-01Z-00-DX1_level2_tumour_mask.tiff"]
)
def test_whole_real_slides_have_exactly_the_pixels_of_openslide_at_every_level(direct, theirs, real_data, name):
    path = real_data / "slides" / name
    n_levels = len(theirs(path).level_dimensions)
    assert direct(path).level_dimensions == theirs(path).level_dimensions
    for level in range(n_levels):
        assert not difference(direct, theirs, path, level).any()


@pytest.mark.realdata
def test_a_large_real_slide_has_exactly_the_pixels_of_openslide_at_every_level(direct, theirs, real_data):
    path = real_data / "slides" / "TCGA-C8-A1HN-01Z-00-DX1.tif"
    ours, other = direct(path), theirs(path)
    assert not difference(direct, theirs, path, 2).any()
    for level, x, y in [(0, 5000, 9000), (0, 19456 - 600, 18432 - 500), (1, 4000, 4000), (1, 18000, 17000)]:
        region = (x // 4 * 4, y // 4 * 4, level, 900, 800)
        assert np.array_equal(ours.read_region(*region), other.read_region(*region))
