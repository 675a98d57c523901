import io

import numpy as np
import pytest
from PIL import Image

from cartopath.core.errors import ArtifactError
from cartopath.maps import PAPER_BANDS, PanelMap, heterogeneity_map, panel_rows, render_heterogeneity_panel

PAIR = ["MKI67", "hsa-miR-17-5p"]


def one(hti, name="slide", traits=PAIR, shape=(8, 12)):
    tensor = np.zeros((*shape, len(traits)))
    tensor[: shape[0] // 2, :, 0] = 1
    return PanelMap(name, hti, heterogeneity_map(tensor, traits=traits), 256.0)


def test_rows_rise_in_heterogeneity_and_so_do_the_maps_within():
    values = np.random.default_rng(0).random(15)
    rows = panel_rows([one(value) for value in values])
    assert [shown.hti for row in rows for shown in row.maps] == sorted(values)
    assert [len(row.maps) for row in rows] == [5, 5, 5]


def test_the_bands_of_the_paper_hold_what_lies_in_them():
    rows = panel_rows([one(value) for value in (0.0, 0.1, 0.2, 0.4, 0.6, 0.7, 0.95, 1.0)], bands=PAPER_BANDS)
    assert [[shown.hti for shown in row.maps] for row in rows] == [[0.0, 0.1], [0.4, 0.6], [0.95, 1.0]]


def test_a_homogeneous_slide_is_not_lost():
    assert panel_rows([one(0.0)])[0].maps[0].hti == 0.0


def test_too_many_maps_are_thinned_evenly_with_both_ends():
    (row,) = panel_rows([one(value) for value in np.linspace(0, 0.1, 21)], bands=[(0.0, 0.1)])
    assert [round(shown.hti, 3) for shown in row.maps] == [0.0, 0.025, 0.05, 0.075, 0.1]


def test_few_maps_need_one_row():
    assert [len(row.maps) for row in panel_rows([one(0.2), one(0.4)])] == [2]


def test_equal_indices_are_ordered_by_name():
    rows = panel_rows([one(0.5, "b"), one(0.5, "a")])
    assert [shown.name for shown in rows[0].maps] == ["a", "b"]


def test_the_order_given_does_not_change_the_picture():
    maps = [one(value, f"s{value}") for value in (0.1, 0.5, 0.9)]
    assert render_heterogeneity_panel(maps) == render_heterogeneity_panel(maps[::-1])


def test_an_empty_band_is_drawn_as_such():
    assert render_heterogeneity_panel([one(0.5)], bands=PAPER_BANDS)


def test_maps_are_drawn_at_one_scale():
    small, large = one(0.1, shape=(10, 10)), one(0.9, shape=(20, 20))
    picture = np.asarray(Image.open(io.BytesIO(render_heterogeneity_panel([small, large]))).convert("RGB"))
    pink = (picture == (240, 174, 205)).all(axis=-1)
    columns = np.flatnonzero(pink[: int(picture.shape[0] * 0.75)].any(axis=0))
    widths = [len(part) for part in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)]
    assert widths[1] / widths[0] == pytest.approx(2.0, rel=0.05)


def test_more_than_two_traits_share_one_legend():
    traits = list("ABC")
    assert render_heterogeneity_panel([one(0.2, traits=traits), one(0.3, traits=traits)], title="three_$traits")


def test_maps_of_different_traits_are_refused():
    with pytest.raises(ArtifactError, match="different traits"):
        render_heterogeneity_panel([one(0.2), one(0.3, traits=["A", "B"])])


def test_a_panel_needs_a_map():
    with pytest.raises(ArtifactError, match="no maps"):
        render_heterogeneity_panel([])
