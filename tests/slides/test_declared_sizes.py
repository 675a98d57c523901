"""Files that declare sizes no slide has are refused before a library allocates memory for them; see also tests/slides/cases."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile

from cartopath.core.errors import SlideError
from cartopath.slides import open_slide
from cartopath.slides.declared.sizes import check_declared_sizes

WIDTH, LENGTH, TILE_WIDTH, TILE_LENGTH, HAMAMATSU = 256, 257, 322, 323, 65420


@pytest.fixture(params=[False, True], ids=["TIFF", "BigTIFF"])
def honest(request, tmp_path, write_slide):
    image = np.random.default_rng(0).integers(0, 255, (512, 512, 3), np.uint8)
    return write_slide(tmp_path / "edited.tif", image, bigtiff=request.param, levels=2)


def edit(path, tags, value, *, page=0, kind=4, count=1):
    """Overwrite tags of a directory in the file's bytes."""
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        is_big = tiff.is_bigtiff
        offsets = [tiff.pages[page].tags[tag].offset for tag in tags]
    for offset in offsets:
        struct.pack_into("<H", content, offset + 2, kind)
        struct.pack_into("<Q" if is_big else "<I", content, offset + 4, count)
        struct.pack_into("<I", content, offset + (12 if is_big else 8), value)
    path.write_bytes(content)


def test_an_honest_slide_passes(honest):
    check_declared_sizes(honest)


def test_a_file_that_is_no_tiff_passes(tmp_path):
    path = tmp_path / "note.txt"
    path.write_bytes(b"II am no TIFF")
    check_declared_sizes(path)


@pytest.mark.parametrize("side", [16_384, 1 << 20, 1 << 30])
def test_absurd_tiles_are_refused_before_the_decoder_ends_the_process(honest, side):
    edit(honest, (TILE_WIDTH, TILE_LENGTH), side)
    with pytest.raises(SlideError, match=r"edited\.tif: TIFF directory 0 declares tile"), open_slide(honest) as slide:
        slide.read_region(0, 0, 0, 100, 100)


def test_absurd_tiles_of_a_later_level_are_refused(honest):
    edit(honest, (TILE_WIDTH, TILE_LENGTH), 1 << 20, page=1)
    with pytest.raises(SlideError, match="directory 1 declares tile"):
        open_slide(honest)


@pytest.mark.parametrize(("tag", "name"), [(WIDTH, "image width"), (LENGTH, "image length"), (TILE_WIDTH, "tile width")])
@pytest.mark.parametrize("value", [0, 2_000_001, 2**32 - 1])
def test_impossible_sides_are_refused(honest, tag, name, value):
    edit(honest, (tag,), value)
    with pytest.raises(SlideError, match=f"declares {name} {value:,}; expected 1 to 2,000,000"):
        open_slide(honest)


def test_a_size_of_a_type_that_holds_no_whole_number_is_refused(honest):
    edit(honest, (TILE_WIDTH,), 256, kind=11)
    with pytest.raises(SlideError, match="declares a size as 1 values of type 11"):
        open_slide(honest)


def test_a_size_with_several_values_is_refused(honest):
    edit(honest, (TILE_WIDTH,), 256, count=1000)
    with pytest.raises(SlideError, match="declares a size as 1,000 values"):
        open_slide(honest)


def test_more_tiles_than_bytes_are_refused(honest):
    edit(honest, (324,), 8, count=2**31)
    with pytest.raises(SlideError, match="declares 2,147,483,648 tile offsets in a file of"):
        open_slide(honest)


def test_directories_in_a_loop_are_refused(tmp_path):
    path = tmp_path / "loop.tif"
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, 64) for tag in (WIDTH, LENGTH))
    path.write_bytes(struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", 2) + entries + struct.pack("<I", 8))
    with pytest.raises(SlideError, match="form a loop at byte 8"):
        check_declared_sizes(path)


def test_big_endian_files_are_understood(tmp_path):
    path = tmp_path / "motorola.tif"
    tifffile.imwrite(path, np.zeros((64, 64, 3), np.uint8), byteorder=">", tile=(64, 64), photometric="rgb")
    check_declared_sizes(path)


@pytest.mark.parametrize("name", ["hamamatsu.ndpi", "renamed.tif"])
def test_hamamatsu_pointers_of_eight_bytes_are_known_by_content(name, tmp_path):
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, 100_000) for tag in (WIDTH, LENGTH, HAMAMATSU))
    content = struct.pack("<2sHQ", b"II", 42, 12) + struct.pack("<H", 3) + entries + struct.pack("<Q", 0)
    path = tmp_path / name
    path.write_bytes(content)
    check_declared_sizes(path)
    path.write_bytes(content[:-4])
    with pytest.raises(SlideError, match="cut off"):
        check_declared_sizes(path)


def test_pointers_of_four_bytes_in_a_file_called_ndpi_are_understood(tmp_path):
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, 100_000) for tag in (WIDTH, LENGTH))
    path = tmp_path / "other.ndpi"
    path.write_bytes(struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", 2) + entries + struct.pack("<I", 0))
    check_declared_sizes(path)


def test_absurd_tiles_in_a_subifd_are_refused(tmp_path):
    path = tmp_path / "pyramid.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(np.zeros((128, 128, 3), np.uint8), tile=(64, 64), photometric="rgb", subifds=1)
        writer.write(np.zeros((64, 64, 3), np.uint8), tile=(64, 64), photometric="rgb", subfiletype=1)
    check_declared_sizes(path)
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[0].pages[0].tags[TILE_WIDTH].offset
    content = bytearray(path.read_bytes())
    struct.pack_into("<HII", content, offset + 2, 4, 1, 1_500_000)
    path.write_bytes(content)
    with pytest.raises(SlideError, match="directory 1 declares tiles of 1,500,000 x 64 px"):
        check_declared_sizes(path)


def test_a_tile_of_more_bytes_than_the_file_is_refused_only_for_decoders_that_allocate_it(tmp_path):
    path = tmp_path / "noise.tif"
    noise = np.random.default_rng(0).integers(0, 255, (512, 512, 3), np.uint8)
    tifffile.imwrite(path, noise, tile=(256, 256), photometric="rgb", compression="deflate")
    with tifffile.TiffFile(path) as tiff:
        sizes = tiff.pages[0].tags[325]
    assert sizes.dtype == 4
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, sizes.valueoffset, 2**31)
    path.write_bytes(content)
    check_declared_sizes(path)
    with pytest.raises(SlideError, match=r"declares a tile of 2,147,483,648 bytes in a file of"):
        check_declared_sizes(path, frames=True)


def test_dicom_sequences_inside_each_other_end_somewhere(tmp_path):
    opening = struct.pack("<HH2sHI", 0x0040, 0x0555, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    path = tmp_path / "nested.dcm"
    path.write_bytes(bytes(128) + b"DICM" + 5000 * opening)
    with pytest.raises(SlideError, match="nested more than 32 deep"):
        check_declared_sizes(path)


def test_dicom_sequences_of_undefined_length_are_walked_through(tmp_path):
    opening = struct.pack("<HH2sHI", 0x0040, 0x0555, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    closing = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    path = tmp_path / "sequence.dcm"
    path.write_bytes(bytes(128) + b"DICM" + 3 * opening + 3 * closing + struct.pack("<HH2sH", 0x0048, 0x0006, b"UL", 4))
    with pytest.raises(SlideError, match=r"element \(0048,0006\) is cut off"):
        check_declared_sizes(path)
