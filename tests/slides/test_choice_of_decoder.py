"""Which decoder reads a slide, and why: directly wherever that is known to be right, by OpenSlide in any doubt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cartopath.core.errors import SlideError
from cartopath.slides.backends import openslide_backend
from cartopath.slides.backends.opening import open_backend

APERIO = "Aperio Image Library v12\r\n{width}x{height} (128x128)|AppMag = 40|MPP = 0.2525"


@pytest.fixture
def decoder():
    """`decoder(path)` is the name of the decoder that opens a slide and why it does."""

    def decoder_(path: Path) -> tuple[str, str]:
        backend = open_backend(path)
        backend.close()
        return backend.name, backend.reason

    return decoder_


def write_aperio(path, image, *, levels=2, compression="jpeg", extra=()):
    with tifffile.TiffWriter(path) as writer:
        for level in range(levels):
            shown = image[:: 4**level, :: 4**level]
            size = {"width": shown.shape[1], "height": shown.shape[0]}
            about = {"description": APERIO.format(**size), "metadata": None, "photometric": "rgb"}
            writer.write(shown, tile=(128, 128), compression=compression, subfiletype=1 if level else 0, **about)
        for other in extra:
            writer.write(other, tile=(128, 128), compression=compression, photometric="rgb", metadata=None)
    return path


def forget_frame(path: Path, *, page: int) -> Path:
    """Say of the second frame of a level that it has no bytes."""
    with tifffile.TiffFile(path, mode="r+b") as file:
        tag = file.pages[page].tags["TileByteCounts"]
        tag.overwrite([0 if number == 1 else size for number, size in enumerate(tag.value)])
    return path


@pytest.mark.parametrize(
    ("compression", "words"), [("jpeg", "JPEG"), ("jpeg2000", "JPEG 2000"), ("lzw", "LZW"), (None, "uncompressed")]
)
def test_a_tiled_tiff_is_decoded_directly(decoder, tmp_path, write_slide, make_tissue, compression, words):
    path = write_slide(tmp_path / "a.tif", make_tissue(512), compression=compression, tile=128)
    assert decoder(path) == ("direct", f"tiled TIFF, {words} frames decoded directly")


def test_a_sound_aperio_slide_is_decoded_directly(decoder, tmp_path, make_tissue):
    assert decoder(write_aperio(tmp_path / "a.svs", make_tissue(1024))) == ("direct", "tiled TIFF, JPEG frames decoded directly")


@pytest.mark.parametrize("page", [0, 1])
def test_openslide_paints_what_is_missing_in_an_aperio_slide(decoder, tmp_path, make_tissue, page):
    path = forget_frame(write_aperio(tmp_path / "a.svs", make_tissue(1024)), page=page)
    assert decoder(path) == ("openslide", f"a frame of level {page} is missing, which OpenSlide paints from another level")


def test_a_missing_frame_of_another_tiff_is_white_for_both(decoder, tmp_path, write_slide, make_tissue):
    path = forget_frame(write_slide(tmp_path / "a.tif", make_tissue(512), tile=128, levels=1), page=0)
    assert decoder(path)[0] == "direct"
    ours, theirs = open_backend(path), openslide_backend.OpenSlideBackend(path)
    assert np.array_equal(ours.read_region(0, 0, 0, 512, 512), theirs.read_region(0, 0, 0, 512, 512))
    ours.close()
    theirs.close()


@pytest.mark.parametrize("suffix", ["tif", "svs"])
def test_what_openslide_shows_otherwise_is_left_to_it(decoder, tmp_path, make_tissue, suffix):
    about = {"description": APERIO.format(width=256, height=256)} if suffix == "svs" else {}
    rotated = [(274, "H", 1, 3, True)]
    path = tmp_path / f"a.{suffix}"
    tifffile.imwrite(path, make_tissue(256), tile=(128, 128), photometric="rgb", metadata=None, extratags=rotated, **about)
    assert decoder(path) == ("openslide", "it is stored rotated or mirrored")


def test_what_openslide_cannot_read_is_decoded_directly_whatever_the_doubt(decoder, tmp_path, make_tissue):
    path, rotated = tmp_path / "a.tif", [(274, "H", 1, 3, True)]
    tifffile.imwrite(path, make_tissue(256), rowsperstrip=16, photometric="rgb", metadata=None, extratags=rotated)
    assert decoder(path) == ("direct", "striped TIFF, uncompressed frames decoded directly")


def test_an_aperio_slide_with_levels_that_only_one_of_both_sees_is_left_to_openslide(decoder, tmp_path, make_tissue):
    odd = np.zeros((60, 200, 3), np.uint8)  # Tiled, and of other proportions than the slide.
    path = write_aperio(tmp_path / "a.svs", make_tissue(1024), extra=[odd])
    name, reason = decoder(path)
    assert (name, reason) == ("openslide", "OpenSlide finds other levels in it than the decoder of TIFF")


def test_an_aperio_slide_that_openslide_refuses_is_decoded_directly(decoder, tmp_path, make_tissue):
    path = write_aperio(tmp_path / "a.svs", make_tissue(1024), compression="webp")
    assert decoder(path) == ("direct", "tiled TIFF, WebP frames decoded directly; OpenSlide refuses the file")


def test_a_compression_that_cannot_be_decoded_here_is_left_to_openslide(decoder, tmp_path, write_slide, make_tissue, monkeypatch):
    monkeypatch.setattr("cartopath.slides.backends.tiff_backend.READABLE", {1})
    path = write_slide(tmp_path / "a.tif", make_tissue(512), tile=128, compression="jpeg")
    assert decoder(path) == ("openslide", "compression 7 of TIFF tag 259 cannot be decoded")


@pytest.mark.parametrize("vendor", ["hamamatsu", "leica", "ventana", "philips", "trestle", "mirax", "zeiss", "sakura"])
def test_layouts_of_their_own_are_left_to_openslide(decoder, tmp_path, write_slide, make_tissue, monkeypatch, vendor):
    monkeypatch.setattr(openslide_backend, "detected_vendor", lambda path: vendor)
    path = write_slide(tmp_path / "a.tif", make_tissue(512), tile=128, compression="jpeg")
    assert decoder(path) == ("openslide", f"the layout of {vendor} is its own")


def test_a_picture_says_that_it_is_one(decoder, tmp_path, make_tissue):
    from PIL import Image

    path = tmp_path / "a.png"
    Image.fromarray(make_tissue(256)).save(path)
    assert decoder(path) == ("image", "a plain picture, decoded as a whole")


def test_no_library_sees_a_file_before_its_declared_sizes_are_checked(tmp_path, write_slide, make_tissue, monkeypatch):
    path = write_slide(tmp_path / "a.tif", make_tissue(512), tile=128, levels=1)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["TileWidth"].overwrite(1 << 24)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("opened before its sizes were checked")

    monkeypatch.setattr(tifffile, "TiffFile", refuse)
    monkeypatch.setattr(openslide_backend, "detected_vendor", refuse)
    with pytest.raises(SlideError, match=r"a\.tif: .*tile width"):
        open_backend(path)


def test_labels_and_macros_are_not_read(tmp_path, make_tissue):
    path = write_aperio(tmp_path / "a.svs", make_tissue(1024))
    with tifffile.TiffWriter(path, append=True) as writer:
        for name in ("label", "macro"):
            picture = np.zeros((300, 200, 3), np.uint8)
            writer.write(picture, rowsperstrip=16, compression="lzw", photometric="rgb", description=f"Aperio\r\n{name} 200x300",
                         metadata=None, subfiletype=9 if name == "macro" else 1)  # fmt: skip
    with tifffile.TiffFile(path) as file:
        aside = [place for page in list(file.pages)[2:] for place in zip(page.dataoffsets, page.databytecounts, strict=True)]
    assert aside
    content = bytearray(path.read_bytes())
    for start, size in aside:
        content[start : start + size] = b"\xff" * size
    path.write_bytes(content)
    backend = open_backend(path)
    assert (backend.name, backend.level_dimensions) == ("direct", ((1024, 1024), (256, 256)))
    backend.close()


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CMU-1-Small-Region.svs", "tiled TIFF, JPEG frames decoded directly"),
        ("TCGA-C8-A1HN-01Z-00-DX1.tif", "tiled TIFF, JPEG frames decoded directly"),
        ("TCGA-CR-7395-01A-01-TS1_nompp.svs", "tiled TIFF, JPEG 2000 frames decoded directly"),
        ("kidney-48-5.tif", "striped TIFF, uncompressed frames decoded directly"),
    ],
)
def test_real_slides_are_decoded_directly(decoder, real_data, name, reason):
    assert decoder(real_data / "slides" / name) == ("direct", reason)
