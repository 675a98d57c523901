"""Slides whose frames are used over and over."""

import numpy as np
import openslide
import pytest
import tifffile

from cartopath.benchmark.generated import GeneratedSlide, write_generated_slide
from cartopath.core.errors import ConfigError
from cartopath.core.geometry import SizePx0


def test_openslide_sees_the_levels_and_the_resolution(slide_40x):
    with openslide.OpenSlide(slide_40x) as slide:
        assert slide.level_dimensions == ((1280, 1024), (320, 256))
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(0.25, rel=1e-5)


def test_a_coarser_level_shows_what_the_finest_shows(slide_40x):
    with openslide.OpenSlide(slide_40x) as slide:
        finest = np.asarray(slide.read_region((0, 0), 0, (1280, 1024)).convert("RGB"), float)
        coarser = np.asarray(slide.read_region((0, 0), 1, (320, 256)).convert("RGB"), float)
    shrunk = finest.reshape(256, 4, 320, 4, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - coarser).mean() < 6  # 34 where levels are moved by eight pixels


def test_a_huge_slide_takes_a_few_megabytes(tmp_path):
    write_generated_slide(tmp_path / "huge.tif", GeneratedSlide(SizePx0(50_000, 50_000), frame_px=64, downsamples=(1, 64)))
    assert (tmp_path / "huge.tif").stat().st_size < 20e6
    with tifffile.TiffFile(tmp_path / "huge.tif") as file:
        page = file.pages[0]
        assert page.shape == (50_000, 50_000, 3)
        assert len(set(page.dataoffsets)) == 257


def test_about_the_share_that_was_asked_for_shows_tissue(tmp_path):
    write_generated_slide(
        tmp_path / "s.tif", GeneratedSlide(SizePx0(1024, 1024), frame_px=64, downsamples=(1,), tissue_share=0.25)
    )
    with tifffile.TiffFile(tmp_path / "s.tif") as file:
        sizes = np.asarray(file.pages[0].databytecounts)
    assert (sizes > sizes.min()).mean() == pytest.approx(0.25, abs=0.01)


def test_other_seeds_make_other_slides_of_the_same_frames(tmp_path):
    offsets = []
    for seed in (1, 2):
        write_generated_slide(
            tmp_path / "s.tif", GeneratedSlide(SizePx0(1024, 1024), frame_px=64, downsamples=(1,), tissue_share=1.0, seed=seed)
        )
        with openslide.OpenSlide(tmp_path / "s.tif") as slide:
            offsets.append(np.asarray(slide.read_region((0, 0), 0, (64, 64))))
    assert (offsets[0] != offsets[1]).any()


@pytest.mark.parametrize(("subsampling", "stated"), [("420", (2, 2)), ("422", (2, 1)), ("444", (1, 1))])
def test_colours_are_stored_as_asked(tmp_path, subsampling, stated):
    spec = GeneratedSlide(SizePx0(128, 128), frame_px=64, downsamples=(1,), subsampling=subsampling)
    write_generated_slide(tmp_path / "s.tif", spec)
    with tifffile.TiffFile(tmp_path / "s.tif") as file:
        assert file.pages[0].subsampling == stated


@pytest.mark.parametrize("downsamples", [(1, 3), (1, 128)])
def test_levels_that_frames_cannot_be_put_together_for_are_refused(downsamples):
    with pytest.raises(ConfigError, match="powers of two"):
        GeneratedSlide(SizePx0(128, 128), frame_px=64, downsamples=downsamples)
