import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from cartopath.core.errors import ArtifactError
from cartopath.maps import Thumbnail, heterogeneity_map, render_heterogeneity_map, render_trait_map
from cartopath.maps.pictures import legend_entries
from cartopath.maps.sheet import Extent, scale_bar_um, scale_text, tissue_extent

PAIR = ["MKI67", "hsa-miR-17-5p"]
PINK, GREEN, BOTH, NEITHER = (240, 174, 205), (203, 235, 170), (222, 205, 188), (226, 228, 232)


@pytest.fixture
def votes():
    tensor = np.full((20, 30, 2), np.nan)
    tensor[2:18, 2:28] = 0
    tensor[2:8, 2:10, 0] = tensor[6:12, 8:16, 1] = 1
    return tensor


@pytest.fixture
def thumbnail():
    return Thumbnail(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8), width_um=30 * 256.0)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def share(picture, colour):
    return (picture == np.asarray(colour)).all(axis=-1).mean()


def test_every_combination_of_the_map_is_drawn_in_its_colour(votes):
    picture = pixels(render_heterogeneity_map(heterogeneity_map(votes, traits=PAIR), tile_um=256.0))
    shares = [share(picture, colour) for colour in (PINK, GREEN, BOTH, NEITHER)]
    counts = np.array([44, 44, 4, 324])
    assert np.array(shares) / shares[3] == pytest.approx(counts / counts[3], rel=0.2)


def test_missing_tiles_are_white_and_negative_ones_are_not(votes):
    mapped = heterogeneity_map(votes, traits=PAIR)
    less = heterogeneity_map(np.where(np.arange(30)[None, :, None] < 15, votes, np.nan), traits=PAIR)
    assert share(pixels(render_heterogeneity_map(mapped, tile_um=256.0)), NEITHER) > 0.2
    assert (
        share(pixels(render_heterogeneity_map(heterogeneity_map(np.full((9, 9, 2), np.nan), traits=PAIR), tile_um=1.0)), NEITHER)
        < 0.01
    )
    assert less.counts().sum() < mapped.counts().sum()


def test_tiles_lie_where_they_are(votes):
    tensor = np.full((10, 10, 2), np.nan)
    tensor[:] = 0
    tensor[0:5, 5:10, 0] = 1
    picture = pixels(render_heterogeneity_map(heterogeneity_map(tensor, traits=PAIR), tile_um=100.0))
    found = (picture == PINK).all(axis=-1)[:, : int(picture.shape[1] * 0.75)]
    rows, cols = np.nonzero(found)
    grey_rows, grey_cols = np.nonzero((picture == NEITHER).all(axis=-1)[:, : int(picture.shape[1] * 0.75)])
    assert rows.max() < np.median(grey_rows[grey_cols < cols.min()]) + 200
    assert cols.min() > grey_cols.min() + 200
    assert rows.min() <= grey_rows.min()


@pytest.mark.parametrize("with_thumbnail", [False, True])
def test_the_same_map_gives_the_same_bytes(votes, thumbnail, with_thumbnail):
    chosen = thumbnail if with_thumbnail else None
    drawn = {
        render_heterogeneity_map(heterogeneity_map(votes, traits=PAIR), tile_um=256.0, title="a", thumbnail=chosen)
        for _ in range(2)
    }
    scores = {
        render_trait_map(votes[..., 0], trait="MKI67", tile_um=256.0, thumbnail=chosen, positive=votes[..., 1]) for _ in range(2)
    }
    assert (len(drawn), len(scores)) == (1, 1)


def test_bytes_hold_no_version_and_no_time(votes):
    png = render_trait_map(votes[..., 0], trait="MKI67", tile_um=256.0)
    assert set(Image.open(io.BytesIO(png)).info) <= {"dpi"}


def test_a_thumbnail_is_drawn_beside_the_map(votes, thumbnail):
    mapped = heterogeneity_map(votes, traits=PAIR)
    alone = pixels(render_heterogeneity_map(mapped, tile_um=256.0))
    beside = pixels(render_heterogeneity_map(mapped, tile_um=256.0, thumbnail=thumbnail))
    assert beside.shape[1] > alone.shape[1] + 600


def test_the_scale_of_scores_does_not_depend_on_the_slide():
    values = np.full((10, 10), 0.25)
    other = values.copy()
    other[0, 0] = 1.0
    first, second = (pixels(render_trait_map(one, trait="A", tile_um=100.0)) for one in (values, other))
    where = (slice(first.shape[0] // 2 - 5, first.shape[0] // 2 + 5), slice(300, 310))
    np.testing.assert_array_equal(first[where], second[where])


def test_brightness_rises_with_the_score():
    steps = [
        pixels(render_trait_map(np.full((9, 9), value), trait="A", tile_um=100.0))[400, 300].mean()
        for value in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert steps == sorted(steps)
    assert steps[-1] > steps[0] + 50


def test_no_tissue_is_white_and_a_score_of_zero_is_dark():
    values = np.full((9, 9), np.nan)
    values[:, :5] = 0.0
    picture = pixels(render_trait_map(values, trait="A", tile_um=100.0))
    assert picture[400, 100].mean() < 60
    assert share(picture, (255, 255, 255)) > 0.3


def test_positive_regions_are_outlined(votes):
    red = (232, 68, 42)
    plain = pixels(render_trait_map(votes[..., 0], trait="A", tile_um=256.0))
    outlined = pixels(render_trait_map(votes[..., 0], trait="A", tile_um=256.0, positive=votes[..., 0]))
    assert share(plain, red) == 0.0
    assert share(outlined, red) > 0.0005


def test_names_that_look_like_mathematics_are_printed_as_they_are(votes):
    mapped = heterogeneity_map(votes, traits=["a_$x", "$\\frac$"])
    assert render_heterogeneity_map(mapped, tile_um=256.0, title="slide_$1$_\\foo")
    assert render_trait_map(votes[..., 0], trait="$\\frac", tile_um=256.0, title="$")


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (60, 1), (3, 200)])
def test_any_shape_of_slide_fits_on_a_sheet(shape):
    picture = pixels(
        render_heterogeneity_map(heterogeneity_map(np.ones((*shape, 2)), traits=PAIR), tile_um=256.0, title="a slide")
    )
    assert max(picture.shape) < 3000
    assert share(picture, BOTH) > 0.001


def test_every_tile_of_a_large_map_has_a_pixel():
    tensor = np.zeros((400, 900, 2))
    tensor[200, ::2, 0] = 1
    assert share(pixels(render_heterogeneity_map(heterogeneity_map(tensor, traits=PAIR), tile_um=256.0)), PINK) * 1e6 > 200


def test_two_traits_always_have_four_entries():
    entries, _ = legend_entries(heterogeneity_map([[[1, 0]]], traits=PAIR))
    assert [entry.text for entry in entries] == ["MKI67 only  100%", "hsa-miR-17-5p only  0%", "Both  0%", "Neither  0%"]
    assert tuple(round(255 * part) for part in entries[0].colour) == PINK


def test_three_traits_list_what_is_there_most_frequent_first():
    entries, notes = legend_entries(heterogeneity_map([[[1, 1, 0]] * 3 + [[0, 0, 1]]], traits=list("ABC")))
    assert [entry.text for entry in entries] == ["A + B  75%", "C  25%", "None  0%"]
    assert notes == ["4 tiles"]


def test_a_long_legend_counts_what_it_leaves_out():
    codes = np.arange(1, 64)
    tensor = (codes[None, :, None] >> np.arange(6)) & 1
    entries, notes = legend_entries(heterogeneity_map(tensor, traits=list("ABCDEF")))
    assert len(entries) == 16
    assert notes[0].startswith("and 48 rarer combinations")


def test_all_fifteen_combinations_of_four_traits_are_listed():
    tensor = (np.arange(16)[None, :, None] >> np.arange(4)) & 1
    entries, notes = legend_entries(heterogeneity_map(tensor, traits=list("ABCD")))
    assert (len(entries), notes) == (16, ["16 tiles"])


@pytest.mark.parametrize(("width", "expected"), [(30_000, 10_000), (16_000, 5000), (1000, 200), (301, 100), (100, 20)])
def test_a_scale_bar_is_round_and_at_most_a_third(width, expected):
    assert scale_bar_um(width) == expected


def test_lengths_are_printed_with_their_unit():
    assert [scale_text(length) for length in (50.0, 500.0, 1000.0, 20_000.0)] == ["50 µm", "500 µm", "1 mm", "20 mm"]


def test_an_empty_map_shows_the_whole_grid():
    assert tissue_extent(np.zeros((4, 6), dtype=bool), 10.0) == Extent(0.0, 0.0, 60.0, 40.0)


@pytest.mark.parametrize(
    ("values", "positive", "message"),
    [
        (np.zeros((2, 2, 2)), None, "rows, cols"),
        (np.full((2, 2), 1.5), None, "between 0 and 1"),
        (np.full((2, 2), -0.1), None, "between 0 and 1"),
        (np.zeros((2, 2)), np.zeros((3, 3)), "votes have shape"),
    ],
)
def test_what_is_not_a_map_of_scores_is_refused(values, positive, message):
    with pytest.raises(ArtifactError, match=message):
        render_trait_map(values, trait="A", tile_um=1.0, positive=positive)


def test_a_thumbnail_is_a_colour_picture_of_a_known_width():
    with pytest.raises(ArtifactError, match="uint8"):
        Thumbnail(np.zeros((4, 4), dtype=np.uint8), width_um=1.0)
    with pytest.raises(ArtifactError, match="impossible"):
        Thumbnail(np.zeros((4, 4, 3), dtype=np.uint8), width_um=0.0)


def test_a_thumbnail_survives_as_png(thumbnail):
    np.testing.assert_array_equal(pixels(thumbnail.to_png()), thumbnail.image)
    assert thumbnail.height_um == pytest.approx(20 * 256.0)


def test_a_faded_thumbnail_is_light_and_without_colour(thumbnail):
    faded = thumbnail.faded()
    assert (faded[..., 0] == faded[..., 2]).all()
    assert faded.min() >= 110


def test_importing_maps_loads_no_drawing_library():
    code = (
        "import sys, cartopath.maps; print([name for name in ('matplotlib', 'torch', 'lifelines', 'PIL') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "[]"


def test_drawing_never_loads_pyplot():
    code = (
        "import sys, numpy as np; from cartopath.maps import *;"
        "render_trait_map(np.zeros((3, 3)), trait='A', tile_um=1.0); print('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "False"
