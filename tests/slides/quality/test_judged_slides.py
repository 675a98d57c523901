"""Whole slides, from the file to the measures."""

import numpy as np
import pandas as pd
import pytest

from cartopath.core.errors import SlideError
from cartopath.core.geometry import SizePx0
from cartopath.simulate import plan_specimen, simulate_slide, site_stain
from cartopath.simulate.artefacts import simulate_flawed_slide
from cartopath.slides import TileSpec, open_slide, plan_tiles, slide_tissue, tile_grid
from cartopath.slides.quality import (
    MEASURES,
    QUALITY_CLASSES,
    TILE_FLAGS,
    quality_flags,
    quality_picture,
    slide_quality,
    tile_flags,
)

SPEC = TileSpec(size_px=64, mpp=1.0)
COLUMNS = ["col", "row", "x_px0", "y_px0", "tissue_fraction", *TILE_FLAGS, "sharpness", "is_sampled"]


def specimen(seed=1):
    return plan_specimen(seed, f"judged {seed}", size_px0=SizePx0(600, 520), mpp=1.0, fractions=(0.4,))


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    path = tmp_path_factory.mktemp("clean") / "clean.tif"
    simulate_slide(specimen(), path)
    return path


@pytest.fixture(scope="module")
def flawed(tmp_path_factory):
    """A slide with a green stroke, half of it out of focus, and where."""
    path = tmp_path_factory.mktemp("flawed") / "flawed.tif"
    return path, simulate_flawed_slide(specimen(), path, "blur", "green pen", seed=3)


def judged(path, **how):
    with open_slide(path) as slide:
        return slide_quality(slide, SPEC, **how)


def test_a_clean_slide_has_all_measures_and_no_flag(clean):
    quality = judged(clean)
    assert list(quality.measures) == list(MEASURES)
    assert not tile_flags(quality.tiles).any(axis=None)
    assert quality_flags(pd.DataFrame([{"slide_id": "clean", **quality.measures}])).empty


def test_tissue_and_tiles_are_those_that_a_tile_plan_considers(clean):
    quality = judged(clean)
    with open_slide(clean) as slide:
        assert np.array_equal(quality.tissue, slide_tissue(slide, tile_grid(slide, SPEC).window_px0).mask)
        plan = plan_tiles(slide, SPEC)
    assert list(quality.tiles.columns) == COLUMNS
    assert len(quality.tiles) == plan.counts["background"] + plan.counts["kept"]
    assert set(zip(plan.table["col"], plan.table["row"], strict=True)) <= set(
        zip(quality.tiles["col"], quality.tiles["row"], strict=True)
    )


def test_pen_flags_the_tiles_under_it(flawed):
    path, truth = flawed
    tiles = judged(path, n_sample=None).tiles
    share = np.array(
        [truth["green pen"][y : y + 64, x : x + 64].mean() for x, y in zip(tiles["x_px0"], tiles["y_px0"], strict=True)]
    )
    assert tiles["pen"].to_numpy() == pytest.approx(share, abs=0.3)  # the edge of the stroke is 20 um off: a third of a tile
    assert tile_flags(tiles)["pen"][share > 0.3].all()
    assert not tile_flags(tiles)["pen"][share == 0].any()


def test_blurred_tiles_are_less_sharp_than_all_others(flawed):
    path, truth = flawed
    tiles = judged(path, n_sample=None).tiles
    share = np.array([truth["blur"][y : y + 64, x : x + 64].mean() for x, y in zip(tiles["x_px0"], tiles["y_px0"], strict=True)])
    is_measured = tiles["sharpness"].notna() & (tiles["pen"] == 0)
    assert tiles["sharpness"][is_measured & (share == 1)].max() < tiles["sharpness"][is_measured & (share == 0)].min()


def test_pen_and_blur_flag_the_slide(flawed):
    quality = judged(flawed[0], n_sample=None)
    flags = quality_flags(pd.DataFrame([{"slide_id": "flawed", **quality.measures}]))
    assert {"pen", "blur"} <= set(flags["flag"])
    assert (quality.map == QUALITY_CLASSES["blur"].number).any()


def test_only_sampled_tiles_are_decoded_and_the_same_seed_takes_the_same(clean):
    first, again, other = judged(clean, n_sample=9), judged(clean, n_sample=9, threads=3), judged(clean, n_sample=9, seed=1)
    assert first.tiles["is_sampled"].sum() == 9
    assert first.tiles.loc[~first.tiles["is_sampled"], ["blur", "stain", "saturated", "sharpness"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(first.tiles, again.tiles)
    assert first.measures == again.measures
    assert not first.tiles["is_sampled"].equals(other.tiles["is_sampled"])


def test_tiles_that_cannot_be_decoded_are_counted(clean, monkeypatch):
    from cartopath.slides.quality import assess

    def without_the_left(function, slide, xy_px0, **how):
        for xy, found in zip(xy_px0, map_tiles(function, slide, xy_px0, **how), strict=True):
            yield None if xy[0] < 192 else found

    map_tiles = assess.map_tiles
    monkeypatch.setattr(assess, "map_tiles", without_the_left)
    quality = judged(clean, n_sample=None)
    lost = quality.tiles["x_px0"] < 192
    assert quality.measures["unreadable_share"] == pytest.approx(lost.mean())
    assert quality.tiles.loc[lost, "sharpness"].isna().all()
    assert quality.tiles.loc[~lost, "sharpness"].notna().any()


def test_a_slide_without_tissue_is_measured_and_has_no_tile(tmp_path):
    import tifffile

    noise = np.random.default_rng(0).integers(242, 246, (300, 400, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "glass.tif", noise, tile=(128, 128), photometric="rgb", metadata=None)
    with open_slide(tmp_path / "glass.tif", mpp=1.0) as slide:
        quality = slide_quality(slide, SPEC)
    assert quality.tiles.empty
    assert list(quality.tiles.columns) == COLUMNS
    assert quality.measures["tissue_mm2"] == 0
    flags = quality_flags(pd.DataFrame([{"slide_id": "glass", **quality.measures}]))
    assert flags["flag"].tolist() == ["little-tissue"]


def test_a_slide_too_coarse_for_the_tiles_is_an_error(clean):
    with open_slide(clean, mpp=4.0) as slide, pytest.raises(SlideError, match="too coarse"):
        slide_quality(slide, SPEC)


def test_the_picture_marks_flaws_and_leaves_the_rest(flawed):
    quality = judged(flawed[0])
    picture = quality_picture(quality, max_px=200)
    assert picture.dtype == np.uint8
    assert max(picture.shape[:2]) == 200
    whole = quality_picture(quality, max_px=10_000)
    assert whole.shape == quality.thumbnail.shape
    is_plain = quality.map <= QUALITY_CLASSES["tissue"].number
    assert np.array_equal(whole[is_plain], quality.thumbnail[is_plain])
    assert (whole[quality.map == QUALITY_CLASSES["pen"].number] != quality.thumbnail[quality.map == 2]).any(axis=-1).mean() > 0.9


def test_no_slide_of_a_clean_cohort_with_stains_of_several_sites_is_flagged(tmp_path):
    rows = []
    for seed in range(10):
        stain = site_stain(seed % 3, f"site {seed % 3}")
        slide = plan_specimen(seed, f"clean {seed}", size_px0=SizePx0(400, 400), mpp=1.0, fractions=(0.4,), stain=stain)
        simulate_slide(slide, tmp_path / f"{seed}.tif")
        quality = judged(tmp_path / f"{seed}.tif")
        assert not tile_flags(quality.tiles).any(axis=None)
        rows.append({"slide_id": str(seed), **quality.measures})
    assert quality_flags(pd.DataFrame(rows)).empty
