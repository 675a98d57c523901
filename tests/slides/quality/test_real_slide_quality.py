"""Real slides: pen is found, clean ones are left alone."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cartopath.slides import TileSpec, open_slide, tissue_mask
from cartopath.slides.quality import QUALITY_CLASSES, classify_thumbnail, quality_flags, slide_quality, tile_flags, tile_measures
from cartopath.slides.quality.covered import tissue_under_pen

pytestmark = pytest.mark.realdata
FLAWS = [name for name, one in QUALITY_CLASSES.items() if one.number > 1]


def classes_of(path, mpp):
    with Image.open(path) as image:
        picture = np.asarray(image.convert("RGB"))
    tissue = tissue_mask(picture)
    classes = classify_thumbnail(picture, mpp, tissue)
    return {name: classes == QUALITY_CLASSES[name].number for name in FLAWS}, tissue


@pytest.mark.parametrize(
    ("name", "mpp", "of_picture"),
    [
        ("diagnostic-slide-thumb-rgb.png", 40.0, (0.22, 0.34)),
        ("tcga-green-pen.png", 4.0, (0.14, 0.24)),
        ("tcga-red-pen.png", 4.0, (0.20, 0.32)),
        ("wsi-blue-pen.png", 40.0, (0.02, 0.05)),
    ],
)
def test_pen_is_found_on_real_thumbnails(real_data, name, mpp, of_picture):
    found, _ = classes_of(real_data / "slides" / "pen" / name, mpp)
    low, high = of_picture
    assert low <= found["pen"].mean() <= high


def test_tissue_under_pen_counts_although_the_tissue_mask_may_leave_it_out(real_data):
    found, tissue = classes_of(real_data / "slides" / "pen" / "tcga-green-pen.png", 4.0)
    covered = tissue_under_pen(tissue, found["pen"], 4.0)
    assert (found["pen"] & covered).sum() / covered.sum() > 0.1


@pytest.mark.parametrize(
    ("name", "mpp"),
    [("slides/pen/tcga-lung-rgb.png", 0.5)]
    + [(f"stain_refs/five_scanners/{scanner}.png", 8.0) for scanner in ("aperio", "leica", "nz2", "nz210", "3dhistech")],
)
def test_nothing_is_found_on_clean_thumbnails(real_data, name, mpp):
    found, _ = classes_of(real_data / name, mpp)
    assert [flaw for flaw in FLAWS if found[flaw].any()] == []


@pytest.mark.parametrize(
    ("name", "opened", "spec"),
    [
        ("slides/CMU-1-Small-Region.svs", {}, TileSpec()),
        ("slides/TCGA-CR-7395-01A-01-TS1_nompp.svs", {"assume_mpp": 0.25}, TileSpec()),
        ("slides/TCGA-C8-A1HN-01Z-00-DX1.tif", {}, TileSpec()),
        ("her2st/images/C2.jpg", {"mpp": 0.78}, TileSpec(size_px=256, mpp=1.0)),
    ],
)
def test_clean_slides_have_no_flag(real_data, name, opened, spec):
    with open_slide(real_data / name, **opened) as slide:
        quality = slide_quality(slide, spec, n_sample=16)
    assert quality_flags(pd.DataFrame([{"slide_id": name, **quality.measures}])).empty
    flags = tile_flags(quality.tiles)
    assert not flags[["pen", "dark", "blur", "coverslip", "saturated"]].any(axis=None)


def test_defocus_is_told_from_real_tiles_in_focus(real_data):
    from scipy import ndimage

    sharp, blurred = [], []
    with open_slide(real_data / "slides" / "CMU-1-Small-Region.svs") as slide:
        tiles = slide_quality(slide, TileSpec(), n_sample=0).tiles
        for x, y in zip(tiles["x_px0"], tiles["y_px0"], strict=True):
            tile = slide.read_region(x, y, 0, 512, 512)
            sharp.append(tile_measures(tile, 0.5).sharpness)
            soft = ndimage.gaussian_filter(tile.astype(np.float32), (6, 6, 0)).round().astype(np.uint8)
            blurred.append(tile_measures(soft, 0.5))
    assert np.mean([low.sharpness < high for low in blurred for high in sharp]) >= 0.95
    assert np.mean([one.blur >= 0.5 for one in blurred]) >= 0.95
