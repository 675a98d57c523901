from itertools import combinations as pairs

import numpy as np
import pytest

from cartopath.core.errors import ArtifactError, StatisticsError
from cartopath.maps import combination_colours, heterogeneity_map, legend_names, trait_colours

PAIR = ["MKI67", "hsa-miR-17-5p"]


def lab(rgb):
    """Return CIE Lab under D65, for distances as the eye sees them."""
    linear = np.where(rgb <= 0.04045 * 255, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    xyz = (
        linear @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T / [0.9505, 1.0, 1.089]
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def smallest_distance(colours):
    values = lab(np.asarray(colours, dtype=float))
    return min(np.linalg.norm(first - second) for first, second in pairs(values, 2))


def test_the_breast_pair_has_the_colours_of_the_paper():
    neither, first, second, both = combination_colours(PAIR).tolist()
    assert (first, second) == ([240, 174, 205], [203, 235, 170])
    assert both == [222, 205, 188]
    assert neither == [226, 228, 232]


def test_the_lung_pair_has_the_colours_of_the_paper():
    colours = combination_colours(["KRAS|3845", "hsa-miR-17-5p"]).tolist()
    assert colours[1:3] == [[177, 215, 235], [198, 164, 147]]
    assert colours[3] == [188, 190, 191]


def test_a_trait_keeps_its_colour_at_another_place():
    assert trait_colours(["ESR1", "MKI67"])[1] == trait_colours(["MKI67", "ESR1"])[0]


def test_no_two_of_ten_traits_share_a_colour():
    names = ["hsa-miR-17-5p", "MKI67", "FOXA1", "MYC", "hsa-miR-29a-3p", "ESR1", "CD24", "FOXC1", "ERBB2"]
    assert len(set(trait_colours(names))) == len(names)


def test_more_traits_than_colours_still_have_one_each():
    assert len(trait_colours([f"G{number}" for number in range(25)])) == 25


SETS = [PAIR, ["KRAS", "hsa-miR-17-5p"], ["A", "B"], ["A", "B", "C"], ["MKI67", "ESR1", "KRAS"], list("ABCD")]


@pytest.mark.parametrize("traits", SETS, ids="+".join)
def test_combinations_can_be_told_apart(traits):
    # In CIE Lab 2.3 is just noticeable.
    assert smallest_distance(combination_colours(traits).tolist()) > 13


@pytest.mark.parametrize("traits", SETS, ids="+".join)
def test_no_tissue_can_be_told_from_every_tile(traits):
    for colour in combination_colours(traits).tolist():
        assert smallest_distance([[255, 255, 255], colour]) > 9


def test_more_traits_are_darker():
    colours = combination_colours(["A", "B", "C", "D"]).astype(int)
    lightness = lab(colours.astype(float))[:, 0]
    for code in range(1, 16):
        for trait in range(4):
            if not code >> trait & 1:
                assert lightness[code | 1 << trait] < lightness[code]


def test_colours_do_not_depend_on_what_the_slide_shows():
    without_both = heterogeneity_map([[[1, 0], [0, 1], [0, 0]]], traits=PAIR)
    with_all = heterogeneity_map([[[1, 0], [0, 1], [0, 0], [1, 1]]], traits=PAIR)
    np.testing.assert_array_equal(without_both.rgba()[0, :3], with_all.rgba()[0, :3])
    np.testing.assert_array_equal(without_both.colours, with_all.colours)


def test_no_tissue_is_transparent_and_negative_is_not():
    rgba = heterogeneity_map([[[np.nan, np.nan], [0, 0]]], traits=PAIR).rgba()
    assert rgba[0, :, 3].tolist() == [0, 255]
    assert rgba[0, 1, :3].tolist() == [226, 228, 232]


def test_the_index_is_the_first_plus_twice_the_second():
    found = heterogeneity_map(np.array([[[0, 0], [1, 0]], [[0, 1], [1, 1]]], dtype=bool), traits=PAIR)
    assert found.index.tolist() == [[0, 1], [2, 3]]
    assert found.names == ("Neither", "MKI67 only", "hsa-miR-17-5p only", "Both")


def test_a_tissue_mask_hides_what_lies_outside():
    found = heterogeneity_map(np.ones((1, 2, 2), dtype=bool), traits=PAIR, tissue=[[True, False]])
    assert found.index.tolist() == [[3, -1]]


def test_combinations_present_come_most_frequent_first():
    tensor = [[[0, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0], [np.nan] * 3]]
    found = heterogeneity_map(tensor, traits=["A", "B", "C"])
    assert [found.names[code] for code in found.present()] == ["C", "A + B"]
    assert found.counts().tolist() == [1, 0, 0, 1, 2, 0, 0, 0]


def test_names_of_three_traits_say_which():
    assert legend_names(["A", "B", "C"])[0b110] == "B + C"


def test_another_number_of_names_is_refused():
    with pytest.raises(ArtifactError, match=r"\(rows, cols, 1\) for MKI67"):
        heterogeneity_map(np.zeros((2, 2, 2)), traits=["MKI67"])


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ArtifactError, match="tissue has shape"):
        heterogeneity_map(np.zeros((2, 2, 2)), traits=PAIR, tissue=np.ones((3, 3)))


def test_scores_are_refused():
    with pytest.raises(StatisticsError, match="binarise first"):
        heterogeneity_map(np.full((2, 2, 2), 0.7), traits=PAIR)
