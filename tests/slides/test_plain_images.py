"""PNG and JPEG pictures are slides once somebody states their micrometres per pixel."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from cartopath.core.errors import ResolutionError, SlideError, TileError
from cartopath.slides import TileSpec, open_slide, plan_tiles, read_tiles


@pytest.fixture(scope="module")
def picture(make_tissue):
    return make_tissue(1100)[:900]


def saved(path, image, **how):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **how)
    return path


@pytest.mark.parametrize("name", ["core.png", "core.jpg", "named like a slide.svs"])
def test_a_picture_has_the_pixels_that_another_reader_sees(tmp_path, picture, name):
    path = saved(tmp_path / name, picture, format="JPEG" if name.endswith("jpg") else "PNG")
    with Image.open(path) as image:
        expected = np.asarray(image)
    with open_slide(path, mpp=0.5) as slide:
        assert slide.backend == "image"
        assert slide.dimensions_px0.width, slide.dimensions_px0.height == (1100, 900)
        assert np.array_equal(slide.read_region(0, 0, 0, 1100, 900), expected)
        assert np.array_equal(slide.read_region(700, 500, 0, 99, 101), expected[500:601, 700:799])


def test_what_lies_outside_the_picture_is_white(tmp_path, picture):
    with open_slide(saved(tmp_path / "a.png", picture), mpp=0.5) as slide:
        region = slide.read_region(-10, 880, 0, 40, 50)
        assert (region[:, :10] == 255).all()
        assert (region[20:] == 255).all()
        assert np.array_equal(region[:20, 10:], picture[880:, :30])
        for x, y in ((-1000, 0), (0, -1000), (5000, 0), (0, 5000)):
            assert (slide.read_region(x, y, 1, 20, 30) == 255).all()


def test_coarse_levels_are_averages_of_blocks(tmp_path, picture):
    with open_slide(saved(tmp_path / "a.png", picture), mpp=0.5) as slide:
        assert slide.level_dimensions == ((1100, 900), (275, 225))
        assert slide.level_downsamples == (1.0, 4.0)
        expected = picture.reshape(225, 4, 275, 4, 3).mean(axis=(1, 3))
        assert np.abs(slide.read_region(0, 0, 1, 275, 225) - expected).max() <= 1
        part = slide.read_region(400, 200, 1, 50, 40)
        assert np.abs(part - expected[50:90, 100:150]).max() <= 1


def test_levels_reach_the_border_of_a_picture_of_odd_size(tmp_path):
    image = np.full((1027, 1025, 3), 90, np.uint8)
    with open_slide(saved(tmp_path / "a.png", image), mpp=0.5) as slide:
        assert slide.level_dimensions[1] == (257, 257)
        assert (slide.read_region(0, 0, 1, 257, 257) == 90).all()


def with_transparency(picture):
    image = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    image[:100, :, 3] = 0
    return Image.fromarray(image)


def test_transparent_parts_are_white(tmp_path, picture):
    with open_slide(saved(tmp_path / "a.png", with_transparency(picture)), mpp=0.5) as slide:
        region = slide.read_region(0, 0, 0, 1100, 900)
    assert (region[:100] == 255).all()
    assert np.array_equal(region[100:], picture[100:])


def test_a_transparent_colour_of_a_palette_is_white(tmp_path):
    image = Image.fromarray(np.repeat([[0, 1, 2]], 3, axis=0).astype(np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    with open_slide(saved(tmp_path / "a.png", image, transparency=1), mpp=0.5) as slide:
        assert slide.read_region(0, 0, 0, 3, 1).tolist() == [[[10, 20, 30], [255, 255, 255], [70, 80, 90]]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
def test_other_kinds_of_pixels_become_rgb(tmp_path, mode):
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    grey = np.where(np.arange(64) < 32, 0, 255).astype(np.uint8)[None].repeat(64, axis=0)
    if mode == "I;16":
        saved(path, Image.fromarray(grey.astype(np.uint16) * 257))
    else:
        saved(path, Image.fromarray(grey).convert("RGB").convert(mode))
    with open_slide(path, mpp=0.5) as slide:
        region = slide.read_region(0, 0, 0, 64, 64)
    assert np.abs(region.astype(int) - grey[..., None]).max() <= 3


def test_orientation_tags_do_not_move_coordinates(tmp_path, picture):
    exif = Image.Exif()
    exif[274] = 6
    with open_slide(saved(tmp_path / "a.png", picture, exif=exif), mpp=0.5) as slide:
        assert slide.dimensions_px0.width == 1100
        assert np.array_equal(slide.read_region(0, 0, 0, 20, 20), picture[:20, :20])


@pytest.mark.parametrize(("suffix", "dpi"), [("png", 72), ("png", 300), ("jpg", 72), ("jpg", 96), ("jpg", 300), ("jpg", None)])
def test_the_density_that_programs_write_without_thinking_is_no_resolution(tmp_path, picture, suffix, dpi):
    path = saved(tmp_path / f"a.{suffix}", picture, **({"dpi": (dpi, dpi)} if dpi else {}))
    with pytest.raises(ResolutionError, match=r"`mpp` column"):
        open_slide(path)
    with open_slide(path, assume_mpp=0.5) as slide:
        assert slide.resolution.source == "assume_mpp"


@pytest.mark.parametrize(("suffix", "source"), [("png", "png.pHYs"), ("jpg", "jpeg.density")])
def test_a_density_on_the_scale_of_a_microscope_is_believed_and_named(tmp_path, picture, suffix, source):
    with open_slide(saved(tmp_path / f"a.{suffix}", picture, dpi=(50_800, 50_800))) as slide:
        assert slide.resolution.source == source
        assert slide.mpp == pytest.approx(0.5, rel=1e-4)


def test_a_picture_is_decoded_once_however_many_threads_read_it(tmp_path, picture, monkeypatch):
    from cartopath.slides.backends import image_backend

    decode, decoded = image_backend._rgb_on_white, []
    monkeypatch.setattr(image_backend, "_rgb_on_white", lambda image: decoded.append(image) or decode(image))
    with open_slide(saved(tmp_path / "a.png", picture), mpp=0.5) as slide:
        assert not decoded
        with ThreadPoolExecutor(4) as pool:
            regions = list(pool.map(lambda n: slide.read_region(n, n, 0, 50, 50), range(40)))
    assert len(decoded) == 1
    assert all(np.array_equal(region, picture[n : n + 50, n : n + 50]) for n, region in enumerate(regions))


def test_decoded_pictures_are_held_within_a_bound_and_dropped_at_the_end(tmp_path, picture, monkeypatch):
    from cartopath.slides.backends import image_backend
    from cartopath.slides.backends.pixel_cache import PixelCache

    held = PixelCache(5_000_000)  # one of the pictures and a half
    monkeypatch.setattr(image_backend, "_shared_cache", lambda process_id: held)
    paths = [saved(tmp_path / f"{n}.png", picture) for n in range(3)]
    slides = [open_slide(path, mpp=0.5) for path in paths]
    for slide in slides * 2:
        assert np.array_equal(slide.read_region(5, 5, 0, 50, 50), picture[5:55, 5:55])
        assert 0 < held.n_bytes <= 5_000_000
    for slide in slides:
        slide.close()
    assert held.n_bytes == 0


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr("cartopath.slides.backends.image_backend.MAX_IMAGE_PX", 10_000)
    with pytest.raises(SlideError, match=r"a\.png: a picture of 101 x 100 px; up to 10,000 px .*vips tiffsave"):
        open_slide(saved(tmp_path / "a.png", np.zeros((100, 101, 3), np.uint8)), mpp=0.5)


def test_a_large_picture_gives_no_warning(tmp_path, monkeypatch, picture):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600_000)
    path = saved(tmp_path / "a.png", picture)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_slide(path, mpp=0.5) as slide:
            assert slide.thumbnail(100).shape == (82, 100, 3)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_cut_picture_is_a_slide_error_since_it_can_only_be_decoded_as_a_whole(tmp_path, picture, name):
    path = saved(tmp_path / name, picture)
    path.write_bytes(path.read_bytes()[:20_000])
    with (
        open_slide(path, mpp=0.5) as slide,
        pytest.raises(SlideError, match=r"damaged and can only be decoded as a whole") as got,
    ):
        slide.thumbnail(100)
    assert not isinstance(got.value, TileError)


def test_damaged_pictures_open_or_give_a_slide_error(tmp_path, make_tissue):
    rng = np.random.default_rng(0)
    outcomes = {"opened": 0, "refused": 0}
    for suffix in ("png", "jpg"):
        whole = saved(tmp_path / f"whole.{suffix}", make_tissue(96)).read_bytes()
        path = tmp_path / f"mutated.{suffix}"
        for _ in range(300):
            content = bytearray(whole)
            for place in rng.integers(0, min(700, len(whole)), rng.integers(1, 6)):
                content[place] = rng.integers(0, 256)
            path.write_bytes(content)
            try:
                with open_slide(path, assume_mpp=0.5) as slide:
                    slide.thumbnail(64)
                outcomes["opened"] += 1
            except SlideError as error:
                assert "mutated" in str(error)
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 20


def test_a_closed_picture_is_a_slide_error(tmp_path, picture):
    slide = open_slide(saved(tmp_path / "a.png", picture), mpp=0.5)
    slide.close()
    slide.close()
    with pytest.raises(SlideError, match="after it was closed"):
        slide.read_region(0, 0, 0, 8, 8)


def test_a_picture_is_tiled_like_any_slide(tmp_path, picture, write_slide):
    spec = TileSpec(size_px=64, mpp=0.5)
    with open_slide(saved(tmp_path / "a.png", picture), mpp=0.5) as slide:
        plan = plan_tiles(slide, spec, threads=3)
    with open_slide(write_slide(tmp_path / "a.tif", picture, levels=1)) as slide:
        other = plan_tiles(slide, spec)
    assert plan.counts["kept"] == other.counts["kept"] > 40
    assert plan.table[["col", "row"]].equals(other.table[["col", "row"]])


@pytest.mark.realdata
def test_the_photograph_of_a_section_is_a_slide_like_any_other(real_data):
    path = real_data / "her2st" / "images" / "C2.jpg"
    with pytest.raises(ResolutionError, match=r"C2\.jpg: .*jpeg\.density 352\.778 um"):
        open_slide(path)
    with open_slide(path, mpp=0.78) as slide:
        assert slide.backend == "image"
        assert slide.dimensions_px0.width == 9274
        plan = plan_tiles(slide, TileSpec(size_px=256, mpp=0.78), threads=2)
        tiles = read_tiles(slide, plan.table[["x_px0", "y_px0"]].to_numpy()[:4], window_px0=256, size_px=256)
    assert plan.counts["kept"] > 200
    assert plan.stain.green < min(plan.stain.red, plan.stain.blue)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(path) as image:
            for (x, y), tile in zip(plan.table[["x_px0", "y_px0"]].to_numpy()[:4].tolist(), tiles, strict=True):
                assert np.array_equal(tile, np.asarray(image.crop((x, y, x + 256, y + 256))))
