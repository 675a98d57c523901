"""The pictures of an atlas: its points and the sheet of its tiles."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cartopath.core.rng import stream
from cartopath.maps.atlas import SCORE_COLOURS, patient_colours, render_atlas, score_colours
from cartopath.maps.atlas_sheet import SheetCluster, SheetTile, render_atlas_sheet, shortened


def pixels_of(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def atlas(scores, **options) -> bytes:
    points = stream(0, "points").normal(0, 1, (len(scores), 2))
    clusters = pd.DataFrame({"cluster": [1], "x": [0.0], "y": [0.0]})
    return render_atlas(points, scores, [f"p{i % 7}" for i in range(len(scores))], clusters, title="ER", **options)


def near(pixels: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many pixels outside the colour bar have nearly this colour."""
    left = pixels[:, : int(0.46 * pixels.shape[1])].astype(int)
    return int((np.abs(left - colour).max(axis=2) < 45).sum())


def test_scores_are_blue_green_and_red():
    blue, green, red = score_colours([-1, 0, 1])
    assert blue.argmax() == 2 and green.argmax() == 1 and red.argmax() == 0


def test_scores_between_have_colours_between():
    assert score_colours([0.5])[0] == pytest.approx((np.array(SCORE_COLOURS[1]) + SCORE_COLOURS[2]) / 2 / 255)


@pytest.mark.parametrize(("score", "place"), [(-1.0, 0), (0.0, 1), (1.0, 2)])
def test_points_have_the_colour_of_their_score(score, place):
    counts = [near(pixels_of(atlas([score] * 60)), colour) for colour in SCORE_COLOURS]
    assert int(np.argmax(counts)) == place and counts[place] > 200


def test_equal_atlases_are_equal_bytes_of_modest_size():
    scores = np.linspace(-1, 1, 50)
    first, second = atlas(scores, note="50 tiles"), atlas(scores, note="50 tiles")
    assert first == second
    assert pixels_of(first).shape[1] <= 1200


def test_patients_have_colours_of_their_own_whatever_their_order():
    names = [f"p{i:02}" for i in range(30)]
    assert len(set(patient_colours(names).values())) == 30
    assert patient_colours(names) == patient_colours(names[::-1])


def sheet(*clusters: SheetCluster) -> np.ndarray:
    return pixels_of(render_atlas_sheet(clusters, title="ER", tile_um=112))


def cluster(number: int, side: str, grey: int) -> SheetCluster:
    pixels = np.full((20, 20, 3), grey, np.uint8)
    return SheetCluster(number, side, 0.1, tuple(SheetTile(pixels, f"slide {i}", 0.0) for i in range(5)))


def test_negative_clusters_are_left_and_positive_ones_right():
    drawn = sheet(cluster(1, "negative", 11), cluster(2, "positive", 99))
    where = [np.flatnonzero((drawn == grey).all(axis=2).sum(axis=0) > 50) / drawn.shape[1] for grey in (11, 99)]
    assert where[0].max() < 0.5 < where[1].min()


def test_every_tile_is_on_the_sheet():
    drawn = sheet(*(cluster(i + 1, ("negative", "positive")[i // 6], 10 + 9 * i) for i in range(12)))
    sizes = [int((drawn == 10 + 9 * i).all(axis=2).sum()) for i in range(12)]
    assert min(sizes) > 5 * 80 * 80


def test_sheet_without_clusters_is_drawn():
    assert sheet().shape[2] == 3


def test_long_names_keep_their_ends():
    short = shortened("patient-0001-section-17-stain-HE-scanner-2-rescan")
    assert len(short) <= 25 and short.startswith("patient") and short.endswith("rescan")


def test_names_of_patients_are_written_as_large_as_they_fit():
    def height_of_name(name: str) -> int:
        tile = SheetTile(np.full((20, 20, 3), 255, np.uint8), name, 0.0)
        drawn = sheet(SheetCluster(1, "negative", 0.1, (tile,)))
        nothing = sheet(SheetCluster(1, "negative", 0.1, (SheetTile(tile.pixels, " ", 0.0),)))
        return int(np.ptp(np.flatnonzero((drawn.min(axis=2) < 128).any(axis=1) & (nothing.min(axis=2) > 200).all(axis=1))))

    assert height_of_name("HHHHHHHHHHHH") > 1.2 * height_of_name("HHHHHHHHHHHHHHHHHHHHHHHH")
