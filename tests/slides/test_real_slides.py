"""Real slides: what opens, what is refused, and what the tissue and the tiles look like."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from PIL import Image

from cartopath.core.errors import ResolutionError, SlideError
from cartopath.slides import Resolution, TileSpec, open_slide, plan_tiles, read_tiles, slide_tissue, stain_statistics, tissue_mask

pytestmark = pytest.mark.realdata

FLAT = (245, 245, 245)


@pytest.fixture(scope="module")
def breast(real_data):
    with open_slide(real_data / "slides" / "TCGA-C8-A1HN-01Z-00-DX1.tif") as slide:
        yield slide


@pytest.fixture(scope="module")
def is_flat(breast):
    """Which 512 px cells of the slide are the flat filling: bool (36, 38)."""
    level = breast.read_region(0, 0, 2, 1216, 1152)  # 32 x 32 px per cell
    cells = (np.abs(level.astype(int) - FLAT) <= 2).all(axis=-1).reshape(36, 32, 38, 32)
    return cells[:, 6:26, :, 6:26].all(axis=(1, 3))  # the coarse level's JPEG smears neighbours into the rim


def test_the_breast_slide_says_its_resolution(breast):
    assert breast.resolution.source == "tiff.XResolution"
    assert breast.mpp == pytest.approx(0.5)


def test_the_flat_filling_holds_no_tissue_and_the_real_tiles_do(breast, is_flat):
    mask = slide_tissue(breast, 512).mask
    share = mask[:1152, :1216].reshape(36, 32, 38, 32).mean(axis=(1, 3))
    assert (~is_flat).sum() == 616
    assert share[is_flat].max() < 0.15  # the smeared rim
    assert share[is_flat].mean() < 0.05
    assert np.median(share[~is_flat]) > 0.95
    assert (share[~is_flat] >= 0.1).mean() > 0.97


def test_exactly_the_tiles_that_the_paper_kept_are_kept(breast, is_flat):
    plan = plan_tiles(breast, TileSpec(), threads=2)
    counts = plan.counts
    assert (counts["grid"], counts["edge"], counts["kept"]) == (36 * 38, 0, 616)
    assert counts["background"] < 60  # next to nothing of the filling was decoded
    kept = np.zeros_like(is_flat)
    kept[plan.table.row, plan.table.col] = True
    assert np.array_equal(kept, ~is_flat)  # the very tiles that the paper's own tiling kept


@pytest.fixture(scope="module")
def breast_tiles(breast, is_flat):
    """Level-0 corners and pixels of seven real tiles."""
    rows, cols = np.nonzero(~is_flat)
    corners = np.stack([cols, rows], axis=1)[::100] * 512
    return corners, read_tiles(breast, corners, window_px0=512, size_px=512, threads=2)


def test_the_breast_slide_is_stained_like_h_and_e(breast_tiles):
    stain = stain_statistics(breast_tiles[1])
    assert 0.05 < stain.haematoxylin < 1.0
    assert 0.05 < stain.eosin < 1.0
    assert stain.green < stain.red
    assert stain.green < stain.blue


def test_native_tiles_of_the_breast_slide_are_those_of_openslide(breast, breast_tiles):
    import openslide

    with openslide.OpenSlide(str(breast.path)) as reference:
        for (x, y), tile in zip(breast_tiles[0].tolist(), breast_tiles[1], strict=True):
            expected = np.asarray(reference.read_region((x, y), 0, (512, 512)).convert("RGB"))
            assert np.array_equal(tile, expected)


def test_an_aperio_slide_with_label_and_macro(real_data):
    with open_slide(real_data / "slides" / "CMU-1-Small-Region.svs") as slide:
        assert slide.resolution == Resolution(0.499, "aperio.MPP", 0.499)
        plan = plan_tiles(slide, TileSpec())
        assert plan.grid.window_px0 == 513
        assert plan.counts == {"grid": 30, "edge": 10, "no_tissue": 5, "flawed": 0, "unreadable": 0, "background": 10, "kept": 5}
        assert plan.table[["col", "row"]].to_numpy().tolist() == [[2, 1], [2, 2], [2, 3], [1, 4], [2, 4]]


def test_a_real_slide_without_resolution_is_refused_and_can_be_helped(real_data):
    path = real_data / "slides" / "TCGA-CR-7395-01A-01-TS1_nompp.svs"
    with pytest.raises(ResolutionError, match=r"nompp\.svs: it does not say .*--assume-mpp"):
        open_slide(path)
    with open_slide(path, assume_mpp=0.5) as slide:
        assert slide.resolution == Resolution(0.5, "assume_mpp")
        assert plan_tiles(slide, TileSpec()).counts["kept"] > 10


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken.svs", "TIFF: not a TIFF file.*; OpenSlide: .*; image: not a PNG or JPEG picture"),
        ("small_dicom.dcm", "Couldn't get image flavor"),
        ("smalltif.tif", "16-bit samples"),
        ("pen", "a folder, not a slide file"),
    ],
)
def test_odd_files_are_refused_with_the_reason(real_data, name, words):
    with pytest.raises(SlideError, match=rf"{name.replace('.', chr(92) + '.')}: .*{words}"):
        open_slide(real_data / "slides" / name, mpp=0.5)


@pytest.mark.parametrize(
    ("pattern", "backend"),
    [
        ("slides/*.svs", "direct"),
        ("slides/kidney-48-5.tif", "direct"),
        ("slides/*_div8.tif", "direct"),
        ("slides/*.jpg", "image"),
        ("slides/pen/*.png", "image"),
        ("monuseg/images/*.tif", "direct"),
        ("stain_refs/*.png", "image"),
        ("stain_refs/five_scanners/*.png", "image"),
    ],
)
def test_every_real_picture_opens_once_its_resolution_is_stated(real_data, pattern, backend):
    paths = [path for path in sorted(real_data.glob(pattern)) if path.name != "broken.svs"]
    assert paths
    for path in paths:
        with pytest.raises(ResolutionError) if "CMU" not in path.name else contextlib.nullcontext():
            open_slide(path).close()
        with open_slide(path, mpp=0.5) as slide:
            assert slide.backend == backend
            assert slide.thumbnail(64).min() < 250


@pytest.mark.parametrize("name", ["boxes_0.dcm", "small.svs"])
def test_small_fixtures_open(real_data, name):
    with open_slide(real_data / "slides" / "fixtures" / name) as slide:
        assert slide.mpp == 0.499
        assert slide.thumbnail(8).shape[2] == 3


def test_a_file_written_at_72_dpi_is_not_believed(real_data):
    with pytest.raises(ResolutionError, match=r"tiff\.XResolution 352\.778 um"):
        open_slide(real_data / "slides" / "fixtures" / "boxes.tiff")


@pytest.fixture(scope="module")
def whole_slide(real_data):
    """A whole TCGA slide at about 16 um/px, with its tumour mask on the same raster."""
    folder = real_data / "slides"
    with (
        Image.open(folder / "TCGA-A1-A0SB-01Z-00-DX1_level2.jpg") as picture,
        Image.open(folder / "TCGA-A1-A0SB-01Z-00-DX1_level2_tumour_mask.tiff") as tumour,
    ):
        size = (picture.width // 4, picture.height // 4)
        return np.asarray(picture.resize(size, Image.Resampling.BOX)), np.asarray(tumour.resize(size)) > 0


def test_the_tumour_of_a_whole_slide_is_tissue_and_its_glass_is_not(whole_slide):
    picture, tumour = whole_slide
    mask = tissue_mask(picture)
    assert mask[tumour].mean() > 0.9  # it includes a hole
    assert mask[850:1200, 550:625].mean() < 0.05
    assert 0.1 < mask.mean() < 0.3


def test_a_bleached_whole_slide_keeps_its_tissue(whole_slide):
    picture, _ = whole_slide
    pale = (245 * (np.clip(picture / 245, 1e-3, 1) ** 0.3)).round().astype(np.uint8)
    strong, weak = tissue_mask(picture), tissue_mask(pale)
    assert (strong & weak).sum() / (strong | weak).sum() >= 0.9
