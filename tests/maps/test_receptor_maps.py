"""Receptor maps and the panel of outcomes (F55)."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cartopath.core.errors import ArtifactError
from cartopath.maps import Thumbnail
from cartopath.maps.outcome_panel import PanelSlide, ScoredSlide, render_outcome_panel, surest_slides
from cartopath.maps.receptor_map import NO_TISSUE, receptor_colours, receptor_scores, render_receptor_map


def test_minus_one_is_black_nothing_grey_and_one_white() -> None:
    black, grey, white = receptor_colours(np.array([[-1.0, 0.0, 1.0]]))[0]
    assert black.tolist() == [0, 0, 0]
    assert set(grey.tolist()) <= {127, 128}
    assert white.tolist() == [255, 255, 255]


def test_grey_rises_with_the_score() -> None:
    greys = receptor_colours(np.linspace(-1, 1, 201)[None])[0, :, 0].astype(int)
    assert (np.diff(greys) > 0).all()


def test_no_tissue_has_a_colour_that_no_score_has() -> None:
    assert tuple(receptor_colours(np.array([[np.nan]]))[0, 0].tolist()) == NO_TISSUE
    assert len(set(NO_TISSUE)) > 1


def test_score_files_are_turned_back_into_what_the_head_said() -> None:
    said = np.array([-1.0, -0.25, 0.0, 0.5, 1.0])
    np.testing.assert_allclose(receptor_scores((said + 1) / 2), said)


def test_a_score_beyond_one_is_refused() -> None:
    with pytest.raises(ArtifactError, match="between -1 and"):
        receptor_colours(np.array([[1.5]]))


def test_the_picture_holds_black_grey_and_white_tiles() -> None:
    values = np.array([[-1.0, 0.0], [1.0, np.nan]])
    with Image.open(io.BytesIO(render_receptor_map(values, trait="ER", tile_um=112.0))) as image:
        rgb = np.asarray(image.convert("RGB"))
    height, width = rgb.shape[:2]
    for colour in ((0, 0, 0), (128, 128, 128), NO_TISSUE):
        assert (rgb == colour).all(axis=2).sum() > 0.02 * height * width


SLIDES = [
    ScoredSlide("tp-weak", True, 0.1),
    ScoredSlide("tp-strong-b", True, 0.9),
    ScoredSlide("tp-strong-a", True, 0.9),
    ScoredSlide("fn", True, -0.3),
    ScoredSlide("tn", False, -0.7),
    ScoredSlide("fp", False, 0.4),
    ScoredSlide("undecided", False, 0.0),
]


def test_the_surest_slide_of_each_outcome_is_chosen() -> None:
    chosen = {kind: [one.slide_id for one in own] for kind, own in surest_slides(SLIDES).items()}
    assert chosen == {"TP": ["tp-strong-a"], "TN": ["tn"], "FP": ["fp"], "FN": ["fn"]}


def test_the_choice_does_not_depend_on_the_order() -> None:
    assert surest_slides(SLIDES[::-1], per_outcome=2) == surest_slides(SLIDES, per_outcome=2)


def _shown(slide: ScoredSlide) -> PanelSlide:
    values = np.full((6, 8), slide.score)
    thumbnail = Thumbnail(np.full((60, 80, 3), 200, np.uint8), width_um=800.0)
    return PanelSlide(slide, thumbnail, values, 100.0)


def test_a_panel_shows_every_outcome_there_is() -> None:
    chosen = surest_slides(SLIDES)
    whole = render_outcome_panel({kind: [_shown(one) for one in own] for kind, own in chosen.items()}, trait="ER")
    part = render_outcome_panel({"TP": [_shown(SLIDES[0])]}, trait="ER")
    sizes = [Image.open(io.BytesIO(png)).size for png in (whole, part)]
    assert sizes[0][1] > sizes[1][1]
    assert max(sizes[0]) <= 1200


def test_a_panel_of_nothing_is_refused() -> None:
    with pytest.raises(ArtifactError, match="no slide of any outcome"):
        render_outcome_panel({}, trait="ER")
