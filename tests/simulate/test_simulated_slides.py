import hashlib

import numpy as np
import openslide
import pytest
import tifffile

from cartopath.core.errors import ConfigError, SlideError
from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.simulate import plan_specimen, render_region, simulate_slide, site_stain
from cartopath.simulate.pyramid import level_sizes, shrink, write_pyramid


def _specimen(width=900, height=700, *, mpp=0.5, slide_id="a slide", fractions=(0.4,), **more):
    return plan_specimen(3, slide_id, size_px0=SizePx0(width, height), mpp=mpp, fractions=fractions, **more)


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("mpp", [0.25, 0.4942, 1.0])
def test_openslide_opens_the_file_and_reads_its_resolution(tmp_path, mpp):
    simulate_slide(_specimen(500, 400, mpp=mpp), tmp_path / "slide.tif")

    with openslide.OpenSlide(tmp_path / "slide.tif") as slide:
        assert slide.properties["openslide.vendor"] == "generic-tiff"
        assert slide.dimensions == (500, 400)
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(mpp, rel=1e-9)
        assert float(slide.properties["openslide.mpp-y"]) == pytest.approx(mpp, rel=1e-9)


def test_the_file_says_that_it_is_simulated(tmp_path):
    simulate_slide(_specimen(), tmp_path / "slide.tif")

    with tifffile.TiffFile(tmp_path / "slide.tif") as file:
        assert "simulated" in file.pages[0].description


def test_the_file_holds_the_drawn_pixels_to_within_jpeg_loss(tmp_path):
    specimen = _specimen()
    simulate_slide(specimen, tmp_path / "slide.tif")

    with openslide.OpenSlide(tmp_path / "slide.tif") as slide:
        stored = np.asarray(slide.read_region((0, 0), 0, slide.dimensions).convert("RGB"), dtype=float)

    drawn = render_region(specimen, RegionPx0(0, 0, 900, 700)).astype(float)
    assert np.abs(stored - drawn).mean() < 4
    assert np.abs(stored.mean(axis=(0, 1)) - drawn.mean(axis=(0, 1))).max() < 0.5


def test_a_slide_does_not_depend_on_how_it_is_divided():
    specimen = _specimen(fractions=(0.4, 0.4, 0.3, 0.3))

    whole = render_region(specimen, RegionPx0(0, 0, 900, 700)).astype(int)
    parts = [[render_region(specimen, RegionPx0(x, y, 300, 350)) for x in (0, 300, 600)] for y in (0, 350)]

    joined = np.concatenate([np.concatenate(row, axis=1) for row in parts])
    # Rounding may differ by a step of the colour table, where a texture is looked up by its neighbour for a pixel or two.
    assert (np.abs(joined - whole) > 8).mean() < 1e-4


def test_an_unfocused_slide_does_not_depend_on_how_it_is_divided():
    specimen = _specimen(blur_um=3.0)

    whole = render_region(specimen, RegionPx0(200, 200, 400, 200)).astype(int)
    parts = [render_region(specimen, RegionPx0(x, 200, 200, 200)) for x in (200, 400)]

    assert np.abs(np.concatenate(parts, axis=1) - whole).max() <= 3


def test_an_unfocused_slide_has_less_fine_detail():
    sharp, soft = (render_region(_specimen(blur_um=blur), RegionPx0(300, 200, 256, 256)).astype(float) for blur in (0.0, 3.0))

    assert np.abs(np.diff(soft, axis=0)).mean() < 0.5 * np.abs(np.diff(sharp, axis=0)).mean()


def test_the_same_specimen_gives_the_same_bytes(tmp_path):
    for name in ("one.tif", "two.tif"):
        simulate_slide(_specimen(), tmp_path / name)

    assert _digest(tmp_path / "one.tif") == _digest(tmp_path / "two.tif")


def test_slides_of_other_names_differ(tmp_path):
    region = RegionPx0(200, 200, 128, 128)

    assert not np.array_equal(render_region(_specimen(), region), render_region(_specimen(slide_id="other"), region))


def test_a_slide_that_is_there_is_not_drawn_again(tmp_path):
    assert simulate_slide(_specimen(), tmp_path / "slide.tif")
    before = (tmp_path / "slide.tif").stat().st_mtime_ns

    assert not simulate_slide(_specimen(), tmp_path / "slide.tif")
    assert (tmp_path / "slide.tif").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "changed", [{"fractions": (0.5,)}, {"correlation_um": 90.0}, {"stain": site_stain(1, "other")}, {"blur_um": 1.0}]
)
def test_a_slide_of_another_specification_is_replaced(tmp_path, changed):
    simulate_slide(_specimen(300, 300), tmp_path / "slide.tif")

    assert simulate_slide(_specimen(300, 300, **changed), tmp_path / "slide.tif")


def test_a_damaged_file_is_replaced(tmp_path):
    (tmp_path / "slide.tif").write_bytes(b"II*\0torn")

    assert simulate_slide(_specimen(300, 300), tmp_path / "slide.tif")
    openslide.OpenSlide(tmp_path / "slide.tif").close()


def test_the_border_is_glass_and_the_middle_is_tissue():
    picture = render_region(_specimen(1600, 1600, fractions=()), RegionPx0(0, 0, 1600, 1600)).astype(float)

    border = np.concatenate([picture[:8].reshape(-1, 3), picture[:, -8:].reshape(-1, 3)])
    middle = picture[500:1100, 500:1100]
    assert border.min() > 220
    assert (middle.min(axis=2) < 200).mean() > 0.8
    # Eosin and haematoxylin: green is absorbed most.
    assert middle[..., 1].mean() < middle[..., 0].mean() - 20
    assert middle[..., 1].mean() < middle[..., 2].mean() - 20


def test_beyond_the_slide_there_is_glass():
    picture = render_region(_specimen(), RegionPx0(2000, 2000, 64, 64))

    assert picture.min() > 220


@pytest.mark.parametrize("size", [(1, 1), (255, 257), (1025, 300), (1500, 1201), (4200, 1100)])
def test_every_level_is_the_average_of_the_finest(tmp_path, size):
    full = np.random.default_rng(0).integers(0, 256, size=(size[1], size[0], 3), dtype=np.uint8)
    full = np.asarray(full // 8 + 100, dtype=np.uint8)
    full[: size[1] // 2] += 80

    def draw(region):
        return full[region.y : region.bottom, region.x : region.right]

    write_pyramid(tmp_path / "a.tif", SizePx0(*size), mpp=0.5, draw=draw)

    expected = full
    with openslide.OpenSlide(tmp_path / "a.tif") as slide:
        assert list(slide.level_dimensions) == level_sizes(SizePx0(*size))
        for level, (width, height) in enumerate(slide.level_dimensions):
            stored = np.asarray(slide.read_region((0, 0), level, (width, height)).convert("RGB"), dtype=float)
            if level:
                expected = shrink(expected)
            assert expected.shape == stored.shape
            assert np.abs(expected - stored).mean() < 12 / 2**level
            assert np.abs(expected.mean(axis=(0, 1)) - stored.mean(axis=(0, 1))).max() < 1.5


def test_all_levels_are_tiled_by_256(tmp_path):
    simulate_slide(_specimen(1200, 1100), tmp_path / "slide.tif")

    with tifffile.TiffFile(tmp_path / "slide.tif") as file:
        assert [page.tile for page in file.pages] == [(256, 256)] * 2
        assert [page.tags["NewSubfileType"].value if "NewSubfileType" in page.tags else 0 for page in file.pages] == [0, 1]


def test_pixels_of_the_wrong_size_are_refused(tmp_path):
    with pytest.raises(SlideError, match=r"asked for uint8 pixels of shape \(100, 100, 3\) at \(0, 0\)"):
        write_pyramid(tmp_path / "a.tif", SizePx0(100, 100), mpp=0.5, draw=lambda region: np.zeros((5, 5, 3), np.uint8))
    assert not (tmp_path / "a.tif").exists()


def test_a_slide_without_pixels_is_refused(tmp_path):
    with pytest.raises(SlideError, match="cannot write a slide of 0 x 10 px"):
        write_pyramid(tmp_path / "a.tif", SizePx0(0, 10), mpp=0.5, draw=lambda region: np.zeros((1, 1, 3), np.uint8))


def test_sites_stain_differently_and_variation_0_makes_them_alike():
    region = RegionPx0(300, 200, 200, 200)

    def colours(variation):
        stains = [site_stain(0, site, variation=variation) for site in ("A2", "BH", "E2")]
        return np.array([render_region(_specimen(stain=stain), region).mean(axis=(0, 1)) for stain in stains])

    assert np.ptp(colours(1.0), axis=0).max() > 3
    assert np.ptp(colours(0.0), axis=0).max() == 0


def test_more_traits_than_morphologies_are_refused():
    with pytest.raises(ConfigError, match="5 traits asked for; only 4"):
        _specimen(fractions=(0.1,) * 5)


def test_a_share_beyond_one_is_refused():
    with pytest.raises(ConfigError, match=r"a slide: .* 0\.\.1, found 1\.2"):
        _specimen(fractions=(1.2,))
