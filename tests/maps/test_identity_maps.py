"""Identity and similarity maps of overlapping tiles (F49, F50)."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cartopath.core.errors import ArtifactError
from cartopath.core.geometry import RegionPx0
from cartopath.maps.dense_map import DenseGrid, dense_grid, dense_map
from cartopath.maps.dense_sheet import DensePiece
from cartopath.maps.identity_map import identity_values, patient_probabilities, render_identity_maps
from cartopath.maps.similarity_map import render_similarity_maps, similarity


def test_tiles_of_224_px_lie_45_px_apart() -> None:
    grid = dense_grid(RegionPx0(0, 0, 1600, 1600), window_px0=224)
    assert grid.step_px0 == 45
    assert (grid.n_rows, grid.n_cols) == (31, 31)


def test_every_tile_lies_within_its_region() -> None:
    grid = dense_grid(RegionPx0(1000, 50, 801, 1603), window_px0=448)
    corners = grid.corners_px0
    assert corners.min(axis=0).tolist() >= [1000, 50]
    assert (corners[:, 0] + 448).max() <= 1801
    assert (corners[:, 1] + 448).max() <= 1653


def test_a_region_smaller_than_a_tile_is_refused() -> None:
    with pytest.raises(ArtifactError, match="no tile of 224 px fits 200 x 900 px"):
        dense_grid(RegionPx0(0, 0, 200, 900), window_px0=224)


def test_a_planted_pattern_is_stitched_where_it_lies() -> None:
    region = RegionPx0(500, 300, 1600, 1600)
    grid = dense_grid(region, window_px0=224)
    middles = grid.corners_px0 + 112
    planted = ((middles[:, 0] < 1000) & (middles[:, 1] > 1500)).astype(float)
    found = dense_map(grid, planted)
    left, top, right, bottom = found.region_px0
    assert ((right - left) / 45, (bottom - top) / 45) == (31, 31)
    for x, y, expected in ((900, 1600, 1.0), (1100, 1600, 0.0), (900, 1400, 0.0), (650, 1750, 1.0)):
        assert found.values[int((y - top) // 45), int((x - left) // 45)] == expected


def test_tiles_without_tissue_leave_holes_and_shift_nothing() -> None:
    grid = DenseGrid(0, 0, 2, 2, 5, 1)
    found = dense_map(grid, [1.0, 2.0, 3.0], tissue=[True, False, True, True]).values
    assert np.isnan(found[0, 1])
    assert (found[0, 0], found[1, 0], found[1, 1]) == (1.0, 2.0, 3.0)


def test_probabilities_of_patients_sum_to_one() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(50, 207))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    patients = [f"p{n // 2}" for n in range(207)]
    names, summed = patient_probabilities(softmax, patients)
    assert len(names) == 104
    np.testing.assert_allclose(summed.sum(axis=1), 1.0, rtol=1e-12)


def test_the_pieces_of_a_patient_are_added_up() -> None:
    values = identity_values([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]], ["a", "b", "a"], "a")
    np.testing.assert_allclose(values, [0.7, 0.2])


def test_logits_are_no_probabilities() -> None:
    with pytest.raises(ArtifactError, match="do not sum to 1"):
        patient_probabilities([[2.0, -1.0]], ["a", "b"])


def test_a_patient_whom_the_network_never_saw_has_no_identity_map() -> None:
    with pytest.raises(ArtifactError, match="not trained on tissue of 'c'"):
        identity_values([[0.5, 0.5]], ["a", "b"], "c")


def test_a_tile_is_wholly_similar_to_itself() -> None:
    fingerprint = np.random.default_rng(1).normal(size=512)
    assert similarity(fingerprint[None] * 7.0, fingerprint)[0] == pytest.approx(1.0, abs=1e-12)


def test_similarity_is_one_minus_the_normalised_distance() -> None:
    tiles, region = np.eye(3), np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    mean = np.array([1.0, 1.0, 0.0]) / np.sqrt(2.0)
    expected = 1.0 - np.linalg.norm(np.eye(3) - mean, axis=1) / 2.0
    np.testing.assert_allclose(similarity(tiles, region), expected)


def _piece(value: float) -> DensePiece:
    region = RegionPx0(0, 0, 800, 800)
    grid = dense_grid(region, window_px0=224)
    picture = np.full((80, 80, 3), 180, np.uint8)
    maps = (dense_map(grid, np.full(grid.n_rows * grid.n_cols, value)),)
    return DensePiece("piece", "note", picture, region, 0.5, maps)


def _colours(png: bytes) -> set[tuple[int, int, int]]:
    with Image.open(io.BytesIO(png)) as image:
        assert max(image.size) <= 1200
        return {colour for _, colour in image.convert("RGB").getcolors(1 << 24) or [] if isinstance(colour, tuple)}  # type: ignore[misc]


def test_a_sure_tile_is_red_and_an_unsure_one_blue() -> None:
    from matplotlib import colormaps

    for value, name in ((1.0, "red"), (0.0, "blue")):
        shown = _colours(render_identity_maps([_piece(value)]))
        wanted = tuple(int(part) for part in colormaps["RdYlBu_r"](value, bytes=True)[:3])
        assert wanted in shown, name
        assert (wanted[0] > wanted[2]) == (value == 1.0)


def test_similarity_maps_are_drawn_the_same_twice() -> None:
    pieces = [_piece(value) for value in (0.3, 0.7)]
    assert render_similarity_maps(pieces) == render_similarity_maps(pieces)


def test_values_beyond_one_are_refused() -> None:
    with pytest.raises(ArtifactError, match="between 0 and 1"):
        render_identity_maps([_piece(1.2)])
