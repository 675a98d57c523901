"""Restyling on planted stains: what was planted is found, and the target is reached."""

import dataclasses

import numpy as np
import pytest

from cartopath.core.errors import ConfigError, StatisticsError
from cartopath.style import (
    METHODS,
    Hed,
    Macenko,
    MacenkoStyle,
    Reinhard,
    colour_distance,
    colour_statistics,
    fit_style,
    gradient_correlation,
    hed_amounts,
    restyle,
    vector_angle_degrees,
)

from .conftest import EOSIN, HAEMATOXYLIN, planted_tile

ANY_METHOD = pytest.mark.parametrize("method", METHODS)


def test_planted_stain_vectors_are_found(tile):
    style = Macenko().fit([tile])
    assert vector_angle_degrees(style.haematoxylin, tuple(HAEMATOXYLIN)) < 1.0
    assert vector_angle_degrees(style.eosin, tuple(EOSIN)) < 1.0


def test_planted_strengths_are_found(tile):
    density = -np.log((tile.reshape(-1, 3) + 1.0) / 241)
    amounts = np.linalg.lstsq(np.stack([HAEMATOXYLIN, EOSIN]).T, density.T, rcond=None)[0]
    assert Macenko().fit([tile]).strengths == pytest.approx(np.percentile(amounts, 99, axis=1), rel=0.02)


def test_macenko_agrees_with_a_computation_by_singular_values(tile):
    density = -np.log((tile.reshape(-1, 3).astype(float) + 1) / 241)
    dense = density[density.mean(axis=1) >= 0.15]
    _, _, axes = np.linalg.svd(dense - dense.mean(axis=0), full_matrices=False)
    plane = axes[:2] * np.sign(axes[:2].sum(axis=1, keepdims=True))
    angle = np.arctan2(dense @ plane[1], dense @ plane[0])
    ends = [np.cos(a) * plane[0] + np.sin(a) * plane[1] for a in np.percentile(angle, [1, 99])]
    haematoxylin, eosin = sorted((end / np.linalg.norm(end) for end in ends), key=lambda end: -end[0])
    style = Macenko().fit([tile])
    assert style.haematoxylin == pytest.approx(haematoxylin, abs=1e-6)
    assert style.eosin == pytest.approx(eosin, abs=1e-6)


def test_macenko_gives_a_tile_the_stain_vectors_of_the_target(tile, other):
    source, target = Macenko().fit([tile]), Macenko().fit([other])
    reached = Macenko().fit([Macenko().transform(tile, source, target)])
    assert vector_angle_degrees(reached.haematoxylin, target.haematoxylin) < 1.5
    assert vector_angle_degrees(reached.eosin, target.eosin) < 1.5
    assert reached.strengths == pytest.approx(target.strengths, rel=0.05)


def test_macenko_can_drop_what_the_stains_do_not_explain(tile, other):
    method = Macenko(keeps_residual=False)
    target = method.fit([other])
    made = method.transform(tile, method.fit([tile]), target)
    density = -np.log((made.reshape(-1, 3) + 1.0) / 241)
    across = np.cross(target.haematoxylin, target.eosin)
    assert np.abs(density @ across / np.linalg.norm(across)).max() < 0.02  # only rounding is left


@pytest.mark.parametrize("space", ["cielab", "l-alpha-beta"])
def test_reinhard_gives_a_tile_mean_and_spread_of_the_target(tile, other, space):
    method = Reinhard(space=space)
    target = method.fit([other])
    reached = method.fit([method.transform(tile, method.fit([tile]), target)])
    assert reached.mean == pytest.approx(target.mean, abs=0.03 * max(target.sd) + 0.01)
    assert reached.sd == pytest.approx(target.sd, rel=0.05)


def test_reinhard_in_cielab_reaches_the_statistics_that_are_measured(tile, other):
    made = restyle(tile, fit_style([tile], "reinhard"), fit_style([other], "reinhard"))
    assert colour_distance([made], [other]).mean < 0.5
    assert colour_statistics([made]).sd == pytest.approx(colour_statistics([other]).sd, rel=0.05)


def test_hed_gives_a_tile_the_amounts_of_the_target(tile, other):
    target = Hed().fit([other])
    reached = Hed().fit([Hed().transform(tile, Hed().fit([tile]), target)])
    assert reached.mean == pytest.approx(target.mean, abs=0.02)
    assert reached.sd == pytest.approx(target.sd, rel=0.05)


def test_amounts_of_one_pure_stain_are_its_density_and_nothing_else():
    vector = np.array([0.650, 0.704, 0.286]) / np.linalg.norm([0.650, 0.704, 0.286])
    pixel = np.rint(256 * np.exp(-1.5 * vector) - 1).astype(np.uint8)
    assert hed_amounts(pixel[None, None])[0, 0] == pytest.approx([1.5, 0, 0], abs=0.02)


@ANY_METHOD
def test_edges_are_kept(tile, other, method):
    assert gradient_correlation(tile, restyle(tile, fit_style([tile], method), fit_style([other], method))) > 0.9


@ANY_METHOD
def test_colours_come_close_to_the_target(tile, other, method):
    made = restyle(tile, fit_style([tile], method), fit_style([other], method))
    assert colour_distance([made], [other]).mean < 0.35 * colour_distance([tile], [other]).mean


@ANY_METHOD
def test_a_tile_in_its_own_style_stays_as_it_is(tile, method):
    style = fit_style([tile], method)
    assert (restyle(tile, style, style) == tile).all()


@ANY_METHOD
def test_there_and_back_loses_little(tile, other, method):
    source, target = fit_style([tile], method), fit_style([other], method)
    back = restyle(restyle(tile, source, target), target, source)
    assert np.abs(back.astype(int) - tile).mean() < 1.5


@ANY_METHOD
def test_clear_glass_can_be_spared(tile, other, method, with_glass):
    styles = fit_style([tile], method), fit_style([other], method)
    made = restyle(with_glass(tile), *styles, spares_glass=True)
    assert np.abs(made[:, :20].astype(int) - (245, 244, 246)).max() <= 2


@ANY_METHOD
def test_glass_does_not_change_the_fit(tile, method, with_glass):
    quarter = tile[:, tile.shape[1] // 4 :]
    assert fit_style([with_glass(tile)], method) == fit_style([quarter], method)


@ANY_METHOD
def test_a_batch_is_restyled_like_its_tiles_one_by_one(tile, other, method):
    styles = fit_style([tile], method), fit_style([other], method)
    pair = np.stack([tile, tile[::-1]])
    assert (restyle(pair, *styles) == np.stack([restyle(one, *styles) for one in pair])).all()


@ANY_METHOD
def test_an_array_of_tiles_is_fitted_like_a_list_and_like_one_tile(tile, method):
    assert fit_style(np.stack([tile, tile]), method) == fit_style([tile, tile], method)
    assert fit_style(tile, method) == fit_style([tile], method)


@ANY_METHOD
def test_tiles_without_tissue_are_refused(method):
    with pytest.raises(StatisticsError, match=r"0 of 9,216 pixels in 1 tiles are tissue, and 1,000 are needed"):
        fit_style([np.full((96, 96, 3), 245, np.uint8)], method)


@ANY_METHOD
def test_black_padding_is_not_tissue(method):
    with pytest.raises(StatisticsError, match="tissue"):
        fit_style([np.zeros((96, 96, 3), np.uint8)], method)


@ANY_METHOD
def test_tissue_of_one_colour_is_refused(method):
    with pytest.raises(StatisticsError, match=r"colour|hue"):
        fit_style([np.full((96, 96, 3), (150, 90, 160), np.uint8)], method)


def test_a_single_stain_is_refused_by_macenko():
    with pytest.raises(StatisticsError, match="one hue"):
        Macenko().fit([planted_tile("single", HAEMATOXYLIN, HAEMATOXYLIN, (1.5, 1.5))])


def test_pale_tissue_is_refused_by_macenko():
    pale = np.full((96, 96, 3), (230, 219, 230), np.uint8)
    with pytest.raises(StatisticsError, match=r"0 of 9,216 tissue pixels have an optical density of 0\.15"):
        Macenko().fit([pale])


def test_more_pixels_than_are_kept_give_nearly_the_same_style(tile, monkeypatch):
    full = Macenko().fit([tile] * 4)
    monkeypatch.setattr("cartopath.style.tissue.MAX_FITTED_PX", 5000)
    assert Macenko().fit([tile] * 4).strengths == pytest.approx(full.strengths, rel=0.03)


def test_styles_of_different_methods_do_not_go_together(tile):
    with pytest.raises(ConfigError, match="from a macenko style to a hed style"):
        restyle(tile, fit_style([tile], "macenko"), fit_style([tile], "hed"))


def test_styles_of_different_spaces_do_not_go_together(tile):
    with pytest.raises(ConfigError, match="different colour spaces"):
        restyle(tile, Reinhard().fit([tile]), Reinhard(space="l-alpha-beta").fit([tile]))


def test_an_unknown_method_is_refused_with_the_closest_one(tile):
    with pytest.raises(ConfigError, match="closest: macenko"):
        fit_style([tile], "macenco")


@pytest.mark.parametrize("method", ["reinhard", "hed"])
def test_glass_is_restyled_with_the_tissue_unless_it_is_spared(tile, other, method, with_glass):
    made = restyle(with_glass(tile), fit_style([tile], method), fit_style([other], method))
    assert np.abs(made[:, :20].astype(int) - (245, 244, 246)).max() > 2


def test_what_is_no_tile_is_refused(tile):
    with pytest.raises(ValueError, match="uint8"):
        fit_style([tile.astype(float)])


def test_white_of_the_scanner_is_taken_over(tile):
    source = Macenko().fit([tile])
    target = dataclasses.replace(source, white=(250.0, 230.0, 210.0))
    assert isinstance(target, MacenkoStyle)
    glass = np.full((4, 4, 3), 240, np.uint8)
    assert Macenko().transform(glass, source, target)[0, 0].tolist() == [250, 230, 210]
