import numpy as np
import openslide
import pytest

from cartopath.core.errors import SlideError
from cartopath.core.geometry import SizePx0
from cartopath.simulate import simulate_large_slide

pytestmark = pytest.mark.xdist_group("simulated large slide")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "large.tif"
    simulate_large_slide(path, SizePx0(9000, 7000), mpp=1.0)
    return path


def test_openslide_opens_it_with_its_pyramid_and_resolution(path):
    with openslide.OpenSlide(path) as slide:
        assert slide.level_dimensions == ((9000, 7000), (2250, 1750), (562, 437))
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(1.0)


def test_it_is_a_bigtiff(path):
    assert path.read_bytes()[:4] == b"II+\0"


def test_half_of_it_is_tissue(path):
    with openslide.OpenSlide(path) as slide:
        thumbnail = np.asarray(slide.read_region((0, 0), 2, slide.level_dimensions[2]).convert("RGB"), dtype=int)

    assert (np.ptp(thumbnail, axis=2) > 15).mean() == pytest.approx(0.5, abs=0.06)
    assert thumbnail[:20].min() > 230


@pytest.mark.parametrize("level", [1, 2])
def test_coarser_levels_show_what_the_finest_shows(path, level):
    with openslide.OpenSlide(path) as slide:
        factor = 4**level
        fine = np.asarray(slide.read_region((2560, 1024), 0, (2048, 2048)).convert("RGB"), dtype=float)
        side = 2048 // factor
        coarse = np.asarray(slide.read_region((2560, 1024), level, (side, side)).convert("RGB"), dtype=float)

    averaged = fine.reshape(side, factor, side, factor, 3).mean(axis=(1, 3))
    assert np.abs(averaged - coarse).mean() < 9


def test_the_same_seed_gives_the_same_bytes(path, tmp_path):
    simulate_large_slide(tmp_path / "again.tif", SizePx0(9000, 7000), mpp=1.0)

    assert (tmp_path / "again.tif").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("size", [(100, 100), (256, 256), (1, 5000)])
def test_small_and_odd_sizes_work_too(tmp_path, size):
    simulate_large_slide(tmp_path / "a.tif", SizePx0(*size), mpp=1.0, tissue_share=1.0)

    with openslide.OpenSlide(tmp_path / "a.tif") as slide:
        assert slide.dimensions == size


def test_an_impossible_share_is_refused(tmp_path):
    with pytest.raises(SlideError, match=r"tissue share of 1\.5"):
        simulate_large_slide(tmp_path / "a.tif", SizePx0(100, 100), tissue_share=1.5)
