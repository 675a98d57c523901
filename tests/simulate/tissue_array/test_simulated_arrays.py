"""Simulated tissue microarrays: the same cores in every section, other nuclei, gaps, and places that are true."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cartopath.core.errors import ConfigError
from cartopath.core.geometry import RegionPx0
from cartopath.simulate import render_region
from cartopath.simulate.tissue_array import (
    FIRST_STYLE,
    SECOND_STYLE,
    ArraySpec,
    core_section,
    draw_identities,
    place_cores,
    simulate_arrays,
)
from cartopath.slides import open_slide

STYLES = (FIRST_STYLE.with_mpp(1.0), SECOND_STYLE.with_mpp(0.8))
SPEC = ArraySpec(n_patients=4, cores_per_patient=2, core_um=100, missing=0.13, styles=STYLES)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return simulate_arrays(SPEC, tmp_path_factory.mktemp("array"))


def section(identity, name="first", *, likeness=0.85, mpp=1.0):
    return core_section(identity, name, seed=0, core_um=100, likeness=likeness, mpp=mpp, stain=FIRST_STYLE.stain, blur_um=0.0)


def nests(specimen):
    at = np.arange(2.0, 110.0, 2.0)
    return specimen.tissue.nests.on_grid(at, at).ravel()


def test_sections_of_a_core_resemble_each_other_as_much_as_asked():
    found = [
        np.corrcoef(nests(section(identity, "a")), nests(section(identity, "b")))[0, 1]
        for identity in draw_identities(ArraySpec(n_patients=40, cores_per_patient=1))
    ]
    assert np.mean(found) == pytest.approx(0.85**2, abs=0.1)  # each has 0.85 of the common field


def test_sections_of_a_core_have_nuclei_of_their_own():
    identity = draw_identities(SPEC)[0]
    pictures = [render_region(section(identity, name, likeness=1.0), RegionPx0(30, 30, 50, 50)) for name in "aab"]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_cores_of_a_patient_are_more_alike_than_cores_of_others():
    spec = ArraySpec(n_patients=60, cores_per_patient=2)
    values = pd.DataFrame([dataclasses.asdict(identity) for identity in draw_identities(spec)]).drop(
        columns=["core_id", "patient_id"]
    )
    ranks = (values.rank() / len(values)).to_numpy()
    own = np.linalg.norm(ranks[0::2] - ranks[1::2], axis=1).mean()
    others = np.linalg.norm(ranks[0::2] - np.roll(ranks[1::2], 1, axis=0), axis=1).mean()
    assert own < 0.8 * others


def test_without_contrast_all_cores_have_the_same_properties():
    identities = draw_identities(ArraySpec(n_patients=5, contrast=0.0))
    assert len({(*identity.fractions, identity.nest_um, identity.septum) for identity in identities}) == 1


def test_arrays_of_other_names_hold_other_patients():
    first, second = (draw_identities(ArraySpec(name=name, n_patients=1))[0] for name in ("train", "test"))
    assert (first.patient_id, second.patient_id) == ("train-P001", "test-P001")
    assert first.fractions != second.fractions


def test_every_style_is_a_slide_with_its_resolution(arrays):
    for style in STYLES:
        with open_slide(arrays.slides[style.name]) as slide:
            assert slide.mpp == pytest.approx(style.mpp, rel=1e-4)


def test_a_core_lies_where_the_table_says_and_a_lost_one_is_glass(arrays):
    assert 0 < arrays.cores["is_missing"].sum() < len(arrays.cores)
    glass = {style.name: np.array(style.stain.white) * style.brightness for style in STYLES}
    for core in arrays.cores.itertuples():
        with open_slide(core.path) as slide:
            pixels = slide.read_region(core.x_px0, core.y_px0, 0, core.side_px0, core.side_px0)
        middle = pixels[core.side_px0 // 4 : -core.side_px0 // 4, core.side_px0 // 4 : -core.side_px0 // 4]
        assert (np.abs(np.median(middle, axis=(0, 1)) - glass[core.style]).max() < 12) == core.is_missing
        assert np.abs(pixels[:3, :3] - glass[core.style]).max() < 12  # a core is round


def test_an_outer_row_or_column_is_never_lost_entirely():
    spec = ArraySpec(n_patients=4, cores_per_patient=1, missing=1.0)
    _, placed = place_cores(draw_identities(spec), spec, FIRST_STYLE)
    kept = [(core.row, core.col) for core in placed if not core.is_missing]
    assert {row for row, _ in kept} == {col for _, col in kept} == {0, 1}


def test_squares_of_cores_lie_on_the_slide_and_apart_however_untidy():
    spec = ArraySpec(n_patients=20, cores_per_patient=1, jitter_um=500, core_um=100)
    size, placed = place_cores(draw_identities(spec), spec, FIRST_STYLE)
    assert all(core.square_px0.is_within(size) for core in placed)
    covered = np.zeros((size.height, size.width), int)
    for core in placed:
        square = core.square_px0
        covered[square.y + 1 : square.bottom - 1, square.x + 1 : square.right - 1] += 1
    assert covered.max() == 1


def test_cores_can_be_files_of_their_own(tmp_path, arrays):
    spec = dataclasses.replace(SPEC, n_patients=1, missing=0.0, styles=STYLES[:1])
    alone = simulate_arrays(spec, tmp_path, as_files=True)
    assert alone.slides == {}
    with open_slide(alone.cores["path"][0]) as slide:
        assert slide.dimensions_px0.width == alone.cores["side_px0"][0]
        pixels = slide.read_region(0, 0, 0, *slide.level_dimensions[0]).astype(int)
    core = arrays.cores.iloc[0]
    with open_slide(core["path"]) as slide:
        there = slide.read_region(core["x_px0"], core["y_px0"], 0, core["side_px0"], core["side_px0"])
    assert np.abs(pixels - there).mean() < 8  # the same picture, but for its JPEG frames


def test_what_is_there_is_not_drawn_again(arrays, tmp_path):
    spec = dataclasses.replace(SPEC, n_patients=1, styles=STYLES[:1])
    path = simulate_arrays(spec, tmp_path).slides["first"]
    before = path.stat().st_mtime_ns
    simulate_arrays(spec, tmp_path)
    assert path.stat().st_mtime_ns == before
    simulate_arrays(dataclasses.replace(spec, seed=1), tmp_path)
    assert path.stat().st_mtime_ns != before


def test_the_layout_names_core_and_patient_of_every_place(arrays):
    layout = arrays.layout()
    assert len(layout) == 8
    assert layout[0, 1] == ("array-P001-C2", "array-P001")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_patients": 0}, "'n_patients'"),
        ({"missing": 1.5}, "'missing'"),
        ({"pitch_um": 100.0, "core_um": 100.0}, "'pitch_um'"),
        ({"styles": (FIRST_STYLE, FIRST_STYLE)}, "'styles'"),
    ],
)
def test_impossible_arrays_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        ArraySpec(**changes)
