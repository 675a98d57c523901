"""The JPEG library by itself."""

import numpy as np
import pytest
import simplejpeg
import tifffile
from PIL import Image

import cartopath.benchmark.library as library
from cartopath.benchmark.library import jpeg_tables, library_decoder
from cartopath.benchmark.readers import Job
from cartopath.benchmark.sample import native_sample
from cartopath.slides import open_slide


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8).repeat(2, axis=0).repeat(2, axis=1)


@pytest.fixture
def with_tables(tmp_path, pixels):
    """A TIFF whose strips share their tables, as libtiff writes it."""
    Image.fromarray(pixels).save(tmp_path / "shared.tif", compression="jpeg", quality=90)
    return tmp_path / "shared.tif"


def decoded(path, monkeypatch):
    """Return the frames that the library decodes."""
    with open_slide(path, assume_mpp=0.5) as slide:
        job = Job(path, native_sample(slide, 128, n_tiles=16), 1, 0.5)
        size = slide.level_dimensions[0]
    kept = []
    decode = simplejpeg.decode_jpeg
    monkeypatch.setattr(library.simplejpeg, "decode_jpeg", lambda *a: kept.append(decode(*a)) or kept[-1])
    with library_decoder(job, jpeg_tables(path, size), "alone").opened() as work:
        assert work() == job.sample.n_tiles
    return kept


def test_every_frame_is_decoded_once(slide_40x, monkeypatch):
    kept = decoded(slide_40x, monkeypatch)
    assert len(kept) == 8 * 8
    assert {frame.shape for frame in kept} == {(64, 64, 3)}


def test_frames_that_share_tables_are_completed(with_tables):
    tables = jpeg_tables(with_tables, (512, 512))
    assert tables
    with tifffile.TiffFile(with_tables) as tiff:
        page = tiff.pages[0]
        expected = page.asarray()
        tiff.filehandle.seek(page.dataoffsets[0])
        strip = tiff.filehandle.read(page.databytecounts[0])
    found = simplejpeg.decode_jpeg(library._complete(strip, tables), "RGB")
    assert np.abs(found.astype(int) - expected[: len(found)]).max() <= 1


def test_other_compressions_have_no_tables(tmp_path, pixels):
    tifffile.imwrite(tmp_path / "lzw.tif", pixels, tile=(128, 128), photometric="rgb", compression="lzw")
    assert jpeg_tables(tmp_path / "lzw.tif", (512, 512)) is None


def test_what_is_no_tiff_has_no_tables(tmp_path):
    (tmp_path / "no.tif").write_bytes(b"no")
    assert jpeg_tables(tmp_path / "no.tif", (1, 1)) is None


def test_a_level_that_is_not_there_has_no_tables(slide_40x):
    assert jpeg_tables(slide_40x, (1, 1)) is None
    assert jpeg_tables(slide_40x, (1280, 1024)) == b""
