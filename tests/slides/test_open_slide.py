"""Opening slides: what opens, what is refused and how."""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cartopath.core.errors import SlideError
from cartopath.core.geometry import SizePx0
from cartopath.slides import open_slide


def open_descriptors() -> int:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no /proc here")
    return len(list(folder.iterdir()))


def test_an_open_slide_says_what_it_is(tissue_slide):
    with open_slide(tissue_slide) as slide:
        assert slide.path == tissue_slide
        assert slide.dimensions_px0 == SizePx0(2048, 2048)
        assert slide.level_dimensions == ((2048, 2048), (1024, 1024), (512, 512))
        assert slide.level_downsamples == (1.0, 2.0, 4.0)
        assert slide.backend == "direct"
        assert slide.mpp == pytest.approx(0.5)


def test_the_repr_names_file_size_resolution_and_its_source(tissue_slide):
    with open_slide(tissue_slide) as slide:
        assert repr(slide) == "<Slide tissue.tif: 2048 x 2048 px, 0.5 um/px (tiff.XResolution)>"


@pytest.mark.parametrize("name", ["with space.tif", "ünïcode-組織.tif", "new\nline.tif", "🔬.tif"])
def test_odd_names_open(tmp_path, write_slide, name):
    path = write_slide(tmp_path / name, np.full((256, 256, 3), 200, np.uint8), levels=1)
    with open_slide(path) as slide:
        assert slide.dimensions_px0 == SizePx0(256, 256)


def test_a_path_may_be_a_string(tissue_slide):
    with open_slide(str(tissue_slide)) as slide:
        assert slide.path == tissue_slide


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SlideError, match=r"nowhere\.svs: no such slide"):
        open_slide(tmp_path / "nowhere.svs")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(SlideError, match="a folder, not a slide file"):
        open_slide(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"I", b"II*\x00", b"MM\x00*\xff\xff\xff\xff", b"hello, this is no slide\n" * 50, bytes(4096)],
    ids=["empty", "one byte", "header only", "directory outside", "text", "zeros"],
)
def test_what_is_no_slide_is_refused_by_name(tmp_path, content):
    path = tmp_path / "odd.svs"
    path.write_bytes(content)
    with pytest.raises(SlideError, match=r"odd\.svs"):
        open_slide(path)


def test_a_slide_cut_anywhere_opens_or_gives_a_slide_error(tmp_path, tissue_slide):
    whole = tissue_slide.read_bytes()
    path = tmp_path / "cut.tif"
    for share in np.linspace(0.0, 0.999, 40):
        path.write_bytes(whole[: int(len(whole) * share)])
        try:
            with open_slide(path) as slide:
                slide.read_region(0, 0, 0, 512, 512)
                slide.thumbnail(256)
        except SlideError as error:
            assert "cut.tif" in str(error)


def test_damaged_headers_open_or_give_a_slide_error(tmp_path, write_slide, make_tissue):
    whole = write_slide(tmp_path / "whole.tif", make_tissue(256), compression="jpeg", tile=128).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "mutated.tif"
    outcomes = {"opened": 0, "refused": 0}
    for _ in range(300):
        content = bytearray(whole)
        for place in rng.integers(0, 1000, rng.integers(1, 9)):
            content[place] = rng.integers(0, 256)
        path.write_bytes(content)
        try:
            with open_slide(path, assume_mpp=0.5) as slide:
                slide.thumbnail(64)
                slide.read_region(0, 0, 0, 128, 128)
            outcomes["opened"] += 1
        except SlideError as error:
            assert "mutated.tif" in str(error)
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 20


def test_a_property_whose_name_is_no_text_is_left_out(tmp_path):
    path = tmp_path / "odd.svs"
    description = b"Aperio Image Library\r\n256x256|MPP = 0.25|Line\xffSkew = 1"
    how = {"tile": (256, 256), "compression": "jpeg", "photometric": "rgb", "metadata": None}
    tifffile.imwrite(path, np.zeros((256, 256, 3), np.uint8), description=description, **how)
    with open_slide(path) as slide:
        assert slide.mpp == 0.25


def test_refused_files_leak_no_descriptors(tmp_path, tissue_slide):
    path = tmp_path / "cut.tif"
    path.write_bytes(tissue_slide.read_bytes()[:100_000])

    def attempt() -> None:
        with pytest.raises(SlideError):
            open_slide(path)

    attempt()
    before = open_descriptors()
    for _ in range(20):
        attempt()
    assert open_descriptors() == before


def test_a_slide_without_resolution_is_closed_again(tmp_path, write_slide):
    path = write_slide(tmp_path / "nompp.tif", np.full((256, 256, 3), 200, np.uint8), None, levels=1)
    before = open_descriptors()
    for _ in range(5):
        with pytest.raises(SlideError):
            open_slide(path)
    assert open_descriptors() == before


def test_reading_after_closing_is_a_slide_error(tissue_slide):
    slide = open_slide(tissue_slide)
    slide.close()
    slide.close()
    with pytest.raises(SlideError, match="after it was closed"):
        slide.read_region(0, 0, 0, 8, 8)


def test_a_slide_cannot_be_sent_to_another_process(tissue_slide):
    with open_slide(tissue_slide) as slide, pytest.raises(TypeError, match="send its path"):
        ForkingPickler.dumps(slide)


def test_associated_images_are_never_asked_for(tissue_slide, monkeypatch):
    import openslide

    def refuse(self):
        raise AssertionError("label and macro images can carry patient names")

    monkeypatch.setattr(openslide.OpenSlide, "associated_images", property(refuse))
    with open_slide(tissue_slide) as slide:
        slide.thumbnail(64)
        slide.read_region(0, 0, 0, 8, 8)
