"""TIFF slides that OpenSlide refuses or sees only in part: which levels they have, and that every pixel is right."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile

from cartopath.core.errors import SlideError, TileError
from cartopath.slides import TileSpec, open_slide, plan_tiles
from cartopath.slides.backends.openslide_backend import OpenSlideBackend
from cartopath.slides.backends.tiff_backend import TiffBackend
from cartopath.slides.backends.tiff_structure import read_structure

OME = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    '<Image ID="Image:0" Name="{name}"><Pixels SizeX="{width}" SizeY="{height}" SizeC="{channels}" SizeZ="1" SizeT="1" '
    'Type="uint8" PhysicalSizeX="0.25" PhysicalSizeXUnit="µm" PhysicalSizeY="0.25" PhysicalSizeYUnit="µm">'
    '<TiffData IFD="{ifd}"/></Pixels></Image>{more}</OME>'
)


@pytest.fixture(scope="module")
def picture():
    """Noise on slow waves, no side a multiple of a tile: uint8 (701, 933, 3)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:701, 0:933]
    waves = np.stack([np.sin(x / 40), np.cos(y / 30), np.sin((x + y) / 50)], axis=-1)
    return (128 + 90 * waves + rng.integers(-20, 20, (701, 933, 1))).round().astype(np.uint8)


@pytest.fixture
def tiff():
    """`tiff(path)` opens a file with the TIFF decoder until the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda path: stack.enter_context(contextlib.closing(TiffBackend(path)))


def halved(image):
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    return image[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3)).round().astype(np.uint8)


def write(path, image, **how):
    tifffile.imwrite(path, image, **{"photometric": "rgb", "metadata": None} | how)
    return path


def write_ome(path, image, *, levels=3, name="slide", channels=3, ifd=0, more="", before=(), tile=(128, 128)):
    height, width = image.shape[:2]
    xml = OME.format(name=name, width=width, height=height, channels=channels, ifd=ifd, more=more).encode()
    how = {"photometric": "rgb", "metadata": None, "compression": "deflate"}
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        for number, other in enumerate(before):
            writer.write(other, **how, description=xml if number == 0 else None)
        writer.write(image, **how, tile=tile, subifds=levels - 1, description=None if before else xml)
        for _ in range(levels - 1):
            image = halved(image)
            writer.write(image, **how, tile=tile, subfiletype=1)
    return path


@pytest.fixture(scope="module")
def ome_path(tmp_path_factory, picture):
    return write_ome(tmp_path_factory.mktemp("ome") / "slide.ome.tif", picture)


def windows(width, height):
    """Regions inside, across the borders of frames, past every border and wholly outside: x, y, width, height."""
    return [
        (0, 0, width, height),
        (100, 90, 60, 70),
        (127, 127, 3, 3),
        (-30, -20, 100, 90),
        (width - 20, height - 10, 50, 40),
        (width + 5, 3, 10, 10),
        (-50, -50, 20, 20),
    ]


def on_white(image, x, y, width, height):
    """The reference: a region of an array, white outside."""
    padded = np.full((height, width, 3), 255, np.uint8)
    rows = slice(max(0, y), max(0, min(image.shape[0], y + height)))
    cols = slice(max(0, x), max(0, min(image.shape[1], x + width)))
    part = image[rows, cols]
    if part.size:
        padded[rows.start - y : rows.stop - y, cols.start - x : cols.stop - x] = part
    return padded


def assert_shows(backend, level, image):
    """Every region of a level is what the reference array holds, whatever thread asks."""
    downsample = backend.level_downsamples[level]
    asked = windows(image.shape[1], image.shape[0])

    def read(region):
        x, y, width, height = region
        return backend.read_region(round(x * downsample), round(y * downsample), level, width, height)

    with ThreadPoolExecutor(4) as pool:
        for region, at_once, alone in zip(asked, pool.map(read, asked), map(read, asked), strict=True):
            expected = on_white(image, *region)
            assert np.array_equal(alone, expected), region
            assert np.array_equal(at_once, expected), region


@pytest.mark.parametrize("compression", [None, "deflate", "lzw", "packbits", "zstd"])
@pytest.mark.parametrize("layout", ["tiles", "strips", "one strip", "planar tiles", "planar strips"])
@pytest.mark.parametrize("predictor", [False, True])
def test_lossless_pixels_are_those_that_were_written(tiff, tmp_path, picture, compression, layout, predictor):
    if predictor and compression in (None, "packbits"):
        pytest.skip("differences are stored by dictionary coders only")
    how = {"tiles": {"tile": (112, 144)}, "strips": {"rowsperstrip": 37}, "one strip": {"rowsperstrip": 701}}
    how |= {"planar tiles": {"tile": (112, 144)}, "planar strips": {"rowsperstrip": 37}}
    is_planar = layout.startswith("planar")
    image = np.moveaxis(picture, -1, 0) if is_planar else picture
    path = tmp_path / "a.tif"
    write(path, image, compression=compression, predictor=predictor, planarconfig=2 if is_planar else 1, **how[layout])
    backend = tiff(path)
    assert_shows(backend, 0, picture)


def test_lzma_is_read_too(tiff, tmp_path, picture):
    assert_shows(tiff(write(tmp_path / "a.tif", picture, tile=(112, 144), compression="lzma")), 0, picture)


@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_both_byte_orders_and_both_pointer_sizes(tiff, tmp_path, picture, is_big, byteorder):
    path = write(tmp_path / "a.tif", picture, tile=(128, 128), bigtiff=is_big, byteorder=byteorder, compression="deflate")
    assert_shows(tiff(path), 0, picture)


@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000", "webp"])
@pytest.mark.parametrize("layout", [{"tile": (112, 144)}, {"rowsperstrip": 48}], ids=["tiles", "strips"])
def test_lossy_pixels_are_those_of_another_reader(tiff, tmp_path, picture, compression, layout):
    path = write(tmp_path / "a.tif", picture, compression=compression, **layout)
    assert_shows(tiff(path), 0, tifffile.imread(path))


@pytest.mark.parametrize("colours", [{"colorspace": "rgb", "outcolorspace": "rgb"}, {}], ids=["RGB", "YCbCr"])
@pytest.mark.parametrize("subsampling", [(1, 1), (2, 2)])
def test_jpeg_tiles_are_those_of_openslide(tiff, tmp_path, picture, colours, subsampling):
    if colours and subsampling != (1, 1):
        pytest.skip("RGB is not subsampled")
    path = write(
        tmp_path / "a.tif", picture, tile=(112, 144), compression="jpeg", subsampling=subsampling, compressionargs=colours
    )
    ours, theirs = tiff(path), OpenSlideBackend(path)
    for x, y, width, height in windows(933, 701):
        difference = ours.read_region(x, y, 0, width, height).astype(int) - theirs.read_region(x, y, 0, width, height)
        assert np.abs(difference).max() <= 1
    theirs.close()


def test_greyscale_inverted_greyscale_and_palettes_become_rgb(tiff, tmp_path, picture):
    grey = picture[..., 0]
    for photometric, expected in (("minisblack", grey), ("miniswhite", 255 - grey)):
        backend = tiff(write(tmp_path / f"{photometric}.tif", grey, photometric=photometric, tile=(64, 64)))
        assert_shows(backend, 0, np.repeat(expected[..., None], 3, axis=2))
    palette = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16)
    path = write(tmp_path / "palette.tif", grey, photometric="palette", colormap=palette * 257)
    assert_shows(tiff(path), 0, palette.T.astype(np.uint8)[grey])


@pytest.mark.parametrize("meaning", ["unassalpha", "assocalpha", "unspecified"])
def test_transparent_parts_are_white(tiff, tmp_path, picture, meaning):
    alpha = np.zeros(picture.shape[:2], np.uint8)
    alpha[:, 300:], alpha[:, 600:] = 128, 255
    stored = picture if meaning != "assocalpha" else (picture.astype(int) * alpha[..., None] // 255).astype(np.uint8)
    path = write(tmp_path / "a.tif", np.dstack([stored, alpha]), extrasamples=[meaning], tile=(128, 128))
    found = tiff(path).read_region(0, 0, 0, 933, 701)
    assert np.array_equal(found[:, 600:], picture[:, 600:])
    if meaning == "unspecified":
        assert np.array_equal(found, picture)
    else:
        assert (found[:, :300] == 255).all()
        half = picture[:, 300:600] * (128 / 255) + 255 - 128
        assert np.abs(found[:, 300:600] - half).max() <= 2


def test_an_ome_pyramid_has_all_its_levels_and_its_physical_size(ome_path, picture):
    with open_slide(ome_path) as slide:
        assert slide.backend == "direct"
        assert slide.level_dimensions == ((933, 701), (466, 350), (233, 175))
        assert slide.level_downsamples == pytest.approx((1, 933 / 466, 933 / 233), rel=3e-3)
        assert (slide.mpp, slide.resolution.source) == (0.25, "ome.PhysicalSizeX")
        assert np.array_equal(slide.read_region(100, 100, 0, 64, 64), picture[100:164, 100:164])


def test_every_level_of_an_ome_pyramid_shows_what_was_written(tiff, ome_path):
    backend = tiff(ome_path)
    with tifffile.TiffFile(ome_path) as file:
        for level, page in enumerate([file.pages[0], *file.pages[0].pages]):
            assert_shows(backend, level, page.asarray())


def test_a_pyramid_in_further_directories_has_all_its_levels(tmp_path, picture):
    path = tmp_path / "a.tif"
    images = [picture, halved(picture), halved(halved(picture))]
    with tifffile.TiffWriter(path) as writer:
        for number, image in enumerate(images):
            writer.write(image, tile=(128, 128), compression="webp", compressionargs={"lossless": True}, photometric="rgb",
                         subfiletype=1 if number else 0, metadata=None)  # fmt: skip
    with open_slide(path, mpp=0.5) as slide:
        assert slide.backend == "direct"
        assert slide.level_dimensions == ((933, 701), (466, 350), (233, 175))
        for level, image in enumerate(images):
            assert_shows(slide._backend, level, image)


def test_a_region_starts_at_the_nearest_pixel_of_a_level_that_is_not_an_even_fraction(tiff, ome_path):
    backend = tiff(ome_path)
    with tifffile.TiffFile(ome_path) as file:
        image = file.pages[0].pages[1].asarray()
    for x in (1, 7, 100, 128, 200):
        x_px0 = round(x * backend.level_downsamples[2])
        assert np.array_equal(backend.read_region(x_px0, 0, 2, 20, 20), image[:20, x : x + 20])


LABEL = np.full((300, 400, 3), (1, 254, 3), np.uint8)


@pytest.mark.parametrize("words", ["label 400x300", "Aperio Image Library\r\nmacro 400x300", "Thumbnail", "Overview image"])
def test_an_image_that_calls_itself_a_label_is_neither_slide_nor_level(tiff, tmp_path, words):
    image = np.zeros((1200, 1600, 3), np.uint8)  # of the label's proportions, four times its size
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(
            LABEL.repeat(6, axis=0).repeat(6, axis=1), tile=(128, 128), photometric="rgb", description=words, metadata=None
        )
        writer.write(image, tile=(128, 128), photometric="rgb", metadata=None, compression="deflate")
        writer.write(LABEL, tile=(128, 128), photometric="rgb", description=words, metadata=None, subfiletype=1)
    structure = read_structure(path)
    assert [(level.width, level.height) for level in structure.levels] == [(1600, 1200)]
    assert not tiff(path).read_region(0, 0, 0, 1600, 1200).any()


def test_a_plain_tiff_whose_label_openslide_would_take_for_a_level_is_read_without_it(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.zeros((1200, 1600, 3), np.uint8), tile=(128, 128), photometric="rgb", metadata=None)
        writer.write(LABEL, tile=(128, 128), photometric="rgb", description="label", metadata=None, subfiletype=1)
    with openslide.OpenSlide(str(path)) as theirs:
        assert theirs.level_count == 2
    with open_slide(path, mpp=0.5) as slide:
        assert slide.level_dimensions == ((1600, 1200),)
        assert not slide.thumbnail(400).any()


def test_a_striped_thumbnail_of_a_tiled_slide_is_no_level(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.zeros((1200, 1600, 3), np.uint8), tile=(128, 128), photometric="rgb", metadata=None)
        writer.write(LABEL, rowsperstrip=16, photometric="rgb", metadata=None, subfiletype=1)
    assert len(read_structure(path).levels) == 1


def test_a_file_with_nothing_but_a_label_is_refused(tmp_path):
    path = write(tmp_path / "a.tif", LABEL, description="label 400x300")
    with pytest.raises(SlideError, match=r"a\.tif: it holds nothing but label"):
        open_slide(path, mpp=0.5)


def test_the_main_image_of_an_ome_file_is_found_behind_its_label(tmp_path, picture):
    more = (
        '<Image ID="Image:1" Name="label image"><Pixels SizeX="4000" SizeY="3000" SizeC="3" PhysicalSizeX="9">'
        '<TiffData IFD="0"/></Pixels></Image>'
    )
    path = write_ome(tmp_path / "a.ome.tif", picture, ifd=1, more=more, before=[LABEL])
    with open_slide(path) as slide:
        assert slide.level_dimensions[0] == (933, 701)
        assert slide.mpp == 0.25
        assert np.array_equal(slide.read_region(0, 0, 0, 933, 701), picture)


@pytest.mark.parametrize(
    ("image", "how", "words"),
    [
        (np.zeros((200, 200, 3), np.uint16), {"photometric": "rgb"}, "16-bit samples"),
        (np.zeros((200, 200), np.float32), {"photometric": "minisblack"}, "floating-point samples"),
        (np.zeros((5, 200, 200), np.uint8), {"photometric": "minisblack"}, "5 greyscale planes of one size: fluorescence"),
        (np.zeros((200, 200, 5), np.uint8), {"photometric": "minisblack", "planarconfig": 1}, "5 channels"),
        (np.zeros((200, 200, 4), np.uint8), {"photometric": "separated"}, "4 channels of colour space SEPARATED"),
    ],
    ids=["16 bit", "float", "planes", "channels", "CMYK"],
)
@pytest.mark.parametrize("tiling", [{"tile": (64, 64)}, {}], ids=["tiled", "strips"])
def test_what_is_no_brightfield_picture_is_refused_and_said_to_be_so(tmp_path, image, how, words, tiling):
    path = write(tmp_path / "a.tif", image, **how, **tiling)
    with pytest.raises(SlideError, match=rf"a\.tif: {words}"):
        open_slide(path, mpp=0.5)


def test_channels_of_an_ome_file_are_not_taken_for_colours(tmp_path):
    xml = OME.format(name="IF", width=200, height=200, channels=4, ifd=0, more="").encode()
    path = tmp_path / "a.ome.tif"
    write(path, np.zeros((200, 200), np.uint8), photometric="minisblack", tile=(64, 64), description=xml)
    with pytest.raises(SlideError, match="4 greyscale planes of one size: fluorescence"):
        open_slide(path)


def test_a_frame_that_the_file_does_not_hold_is_white(tiff, tmp_path, picture):
    path = write(tmp_path / "a.tif", picture, tile=(128, 128), compression="webp", compressionargs={"lossless": True})
    forget_frame(path, 1)
    found = tiff(path).read_region(0, 0, 0, 384, 128)
    assert (found[:, 128:256] == 255).all()
    assert np.array_equal(found[:, :128], picture[:128, :128])


def forget_frame(path: Path, index: int) -> None:
    with tifffile.TiffFile(path, mode="r+b") as file:
        tag = file.pages[0].tags["TileByteCounts"]
        tag.overwrite([0 if number == index else size for number, size in enumerate(tag.value)])


def test_a_frame_of_another_size_than_declared_is_an_error_and_fills_no_memory(tiff, tmp_path, picture):
    path = write(tmp_path / "a.tif", picture, tile=(128, 128), compression="jpeg")
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        start = file.pages[0].dataoffsets[0]
    frame_header = content.index(b"\xff\xc0", start)
    content[frame_header + 5 : frame_header + 9] = b"\xff\xdc\xff\xdc"  # 65,500 x 65,500
    path.write_bytes(content)
    with pytest.raises(TileError, match="not of the size that its directory declares"):
        tiff(path).read_region(0, 0, 0, 10, 10)


def test_a_frame_that_grows_without_end_is_an_error_and_fills_no_memory(tiff, tmp_path):
    path = write(tmp_path / "a.tif", np.zeros((4096, 4096, 3), np.uint8), tile=(4096, 4096), compression="deflate")
    with tifffile.TiffFile(path, mode="r+b") as file:
        for name in ("TileWidth", "TileLength", "ImageWidth", "ImageLength"):
            file.pages[0].tags[name].overwrite(64)
    with pytest.raises(TileError, match="cannot decode 64 x 64 px"):
        tiff(path).read_region(0, 0, 0, 64, 64)


def test_a_huge_uncompressed_strip_is_read_in_parts(tiff, tmp_path, picture, monkeypatch):
    monkeypatch.setattr("cartopath.slides.backends.tiff_structure._PART_OF_STRIP_BYTES", 50_000)
    path = write(tmp_path / "a.tif", picture, rowsperstrip=701)
    (level,) = read_structure(path).levels
    assert level.frame_height * level.width * 3 <= 50_000
    assert_shows(tiff(path), 0, picture)


def test_a_huge_compressed_strip_is_refused_with_a_way_out(tmp_path, picture, monkeypatch):
    monkeypatch.setattr("cartopath.slides.backends.tiff_structure.MAX_TILE_PX", 500_000)
    path = write(tmp_path / "a.tif", picture, rowsperstrip=701, compression="deflate")
    with pytest.raises(SlideError, match=r"compressed as one strip; .*vips tiffsave"):
        open_slide(path, mpp=0.5)


def test_decoded_frames_are_kept_within_a_bound_and_dropped_at_the_end(tiff, ome_path):
    first, second = tiff(ome_path), tiff(ome_path)
    cache = first._cache
    assert cache is second._cache
    before = cache.n_bytes
    first.read_region(0, 0, 0, 933, 701)
    assert cache.n_bytes - before == 933 * 701 * 3
    first.close()
    assert cache.n_bytes == before
    second.close()


def test_a_file_that_nothing_opens_gives_every_reason_on_one_line(tmp_path):
    path = tmp_path / "a.svs"
    path.write_bytes(b"hello, this is no slide\n" * 50)
    with pytest.raises(SlideError) as caught:
        open_slide(path)
    words = str(caught.value)
    assert "\n" not in words
    assert words.index("TIFF: not a TIFF file") < words.index("; OpenSlide: ") < words.index("; image: not a PNG or JPEG")
    assert words.count("a.svs") == 1


def test_an_aperio_slide_in_a_compression_that_openslide_lacks_keeps_its_resolution(tmp_path, picture):
    description = "Aperio Image Library v12\r\n933x701 (128x128)|AppMag = 40|MPP = 0.2525"
    path = write(tmp_path / "a.svs", picture, tile=(128, 128), compression="webp", description=description)
    with open_slide(path) as slide:
        assert (slide.backend, slide.mpp, slide.resolution.source) == ("direct", 0.2525, "aperio.MPP")


@pytest.mark.parametrize("unit", ["CENTIMETER", "INCH"])
def test_resolution_tags_are_read(tmp_path, picture, unit):
    per_unit = {"CENTIMETER": 40_000, "INCH": 101_600}[unit]
    path = write(tmp_path / "a.tif", picture, rowsperstrip=16, resolution=(per_unit, per_unit), resolutionunit=unit)
    with open_slide(path) as slide:
        assert (slide.resolution.source, slide.mpp) == ("tiff.XResolution", pytest.approx(0.25))


def test_an_imagej_file_has_the_resolution_that_imagej_shows(tmp_path, picture):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture, imagej=True, resolution=(4, 4), metadata={"unit": "um", "axes": "YXS"})
    with open_slide(path) as slide:
        assert (slide.resolution.source, slide.mpp) == ("imagej.unit", pytest.approx(0.25))
        assert np.array_equal(slide.read_region(0, 0, 0, 933, 701), picture)


def test_no_descriptor_is_left_open(tmp_path, ome_path):
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no /proc here")
    refused = write(tmp_path / "a.tif", np.zeros((200, 200, 3), np.uint16))
    before = len(list(folder.iterdir()))
    for _ in range(5):
        with open_slide(ome_path) as slide:
            slide.read_region(0, 0, 1, 50, 50)
        with pytest.raises(SlideError):
            open_slide(refused, mpp=0.5)
    assert len(list(folder.iterdir())) == before


def test_reading_after_closing_is_a_slide_error(ome_path):
    slide = open_slide(ome_path)
    slide.close()
    slide.close()
    with pytest.raises(SlideError, match="after it was closed"):
        slide.read_region(0, 0, 0, 8, 8)


def test_damaged_files_open_or_give_a_slide_error(tmp_path, picture):
    rng = np.random.default_rng(0)
    kinds = [{"tile": (64, 64), "compression": "jpeg"}, {"rowsperstrip": 16, "compression": "lzw", "predictor": True}]
    bases = [write(tmp_path / f"{n}.tif", picture[:256, :256], **how).read_bytes() for n, how in enumerate(kinds)]
    path = tmp_path / "mutated.tif"
    outcomes = {"opened": 0, "refused": 0}
    for number in range(400):
        content = bytearray(bases[number % 2])
        for place in rng.integers(0, 1000, rng.integers(1, 9)):
            content[place] = rng.integers(0, 256)
        path.write_bytes(content)
        try:
            with contextlib.closing(TiffBackend(path)) as backend:
                width, height = backend.level_dimensions[0]
                backend.read_region(0, 0, 0, min(width, 256), min(height, 256))
            outcomes["opened"] += 1
        except SlideError as error:
            assert "mutated.tif" in str(error)
            assert "\n" not in str(error)
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 40


def test_strip_images_are_tiled_like_any_slide(tmp_path, make_tissue):
    path = write(tmp_path / "a.tif", make_tissue(1024), rowsperstrip=16, compression="lzw")
    with open_slide(path, mpp=0.5) as slide:
        plan = plan_tiles(slide, TileSpec(size_px=128, mpp=0.5), threads=3)
    assert plan.backend == "direct"
    assert plan.counts["kept"] > 15


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["CMU-1-Small-Region.svs", "TCGA-C8-A1HN-01Z-00-DX1.tif", "TCGA-CR-7395-01A-01-TS1_nompp.svs"])
def test_real_slides_have_the_pixels_of_openslide_at_every_level(tiff, real_data, name):
    path = real_data / "slides" / name
    rng = np.random.default_rng(0)
    ours = tiff(path)
    with openslide.OpenSlide(str(path)) as theirs:
        assert ours.level_dimensions == theirs.level_dimensions
        assert ours.level_downsamples == theirs.level_downsamples
        for level, downsample in enumerate(theirs.level_downsamples):
            width, height = (min(side, 700) for side in theirs.level_dimensions[level])
            corners = [(0, 0)]
            if downsample.is_integer():  # OpenSlide interpolates between the pixels of other levels
                corners += [
                    tuple((rng.integers(0, side) * downsample).astype(int)) for side in [theirs.level_dimensions[level]] * 4
                ]
            for x, y in corners:
                expected = np.asarray(theirs.read_region((int(x), int(y)), level, (width, height)))
                inside = expected[..., 3] == 255
                found = ours.read_region(int(x), int(y), level, width, height)
                assert np.array_equal(found[inside], expected[inside][:, :3])
                assert (found[~inside] == 255).all()


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["slides/kidney-48-5.tif", "monuseg/images/TCGA-A7-A13E-01Z-00-DX1.tif"])
def test_real_strip_images_have_the_pixels_of_another_reader(real_data, name):
    path = real_data / name
    with open_slide(path, mpp=0.25) as slide:
        assert slide.backend == "direct"
        assert_shows(slide._backend, 0, tifffile.imread(path))
