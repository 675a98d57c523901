"""Pairs of slides side by side, each with the similarity of its tiles to the other."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from cartopath.core.errors import ArtifactError
from cartopath.maps import Thumbnail
from cartopath.maps.slide_pairs import PairedSlide, SlidePair, render_slide_pairs


def slide(values: tuple[float, ...]) -> PairedSlide:
    thumbnail = Thumbnail(np.full((60, 120, 3), 240, np.uint8), width_um=1200.0)
    corners = np.array([(100.0 * n, 100.0) for n in range(len(values))])
    return PairedSlide("slide", thumbnail, corners, 100.0, np.array(values))


def test_each_tile_has_the_colour_of_its_similarity() -> None:
    png = render_slide_pairs([SlidePair("look alike", slide((0.0, 0.7)), slide((1.0, 1.0)))])
    with Image.open(io.BytesIO(png)) as picture:
        assert max(picture.size) <= 1200
        shown = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
    for value in (0.0, 0.7, 1.0):
        colour = 255 * np.array(colormaps["viridis"](value)[:3])
        assert (np.abs(shown - colour).max(axis=1) <= 1).sum() > 100


def test_every_pair_takes_a_row() -> None:
    pair = SlidePair("look alike", slide((0.2,)), slide((0.9,)))
    one, two = (Image.open(io.BytesIO(render_slide_pairs([pair] * n))).height for n in (1, 2))
    assert two > one + 100


def test_pairs_are_drawn_the_same_twice() -> None:
    pairs = [SlidePair("look alike", slide((0.2, 0.4)), slide((0.9, 0.3)))]
    assert render_slide_pairs(pairs) == render_slide_pairs(pairs)


def test_no_pair_is_refused() -> None:
    with pytest.raises(ArtifactError, match="no pairs"):
        render_slide_pairs([])


def test_a_similarity_beyond_one_is_refused() -> None:
    with pytest.raises(ArtifactError, match="between 0 and 1"):
        render_slide_pairs([SlidePair("look alike", slide((1.1,)), slide((0.9,)))])
