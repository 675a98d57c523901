"""Finding the cores of an array slide: every core at its place and number, with gaps, tilt and untidiness."""

import dataclasses
import functools

import numpy as np
import pytest

from cartopath.core.errors import SlideError, TrainingError
from cartopath.core.geometry import RegionPx0
from cartopath.simulate.tissue_array import FIRST_STYLE, SECOND_STYLE, ArraySpec, simulate_arrays
from cartopath.slides import open_slide
from cartopath.training.fingerprint.cores import find_cores
from cartopath.training.fingerprint.making_pieces import PieceFile, SlideOfPatient, array_pieces, file_pieces, region_pieces

STYLES = (FIRST_STYLE.with_mpp(2.0), SECOND_STYLE.with_mpp(1.6))
SPEC = ArraySpec(
    n_patients=12, cores_per_patient=2, core_um=200, missing=0.15, jitter_um=8, stain_variation=0, styles=STYLES, seed=3
)


@pytest.fixture(scope="module")
def simulate(tmp_path_factory):
    @functools.cache
    def simulate_(**changes):
        return simulate_arrays(dataclasses.replace(SPEC, **changes), tmp_path_factory.mktemp("array"))

    return simulate_


def truth(arrays, style):
    rows = arrays.cores[(arrays.cores["style"] == style) & ~arrays.cores["is_missing"]]
    return {
        (core.row, core.col): ((core.x_px0 + core.side_px0 / 2) * core.mpp, (core.y_px0 + core.side_px0 / 2) * core.mpp)
        for core in rows.itertuples()
    }


def middle_um(core, mpp):
    window = core.window_px0
    return (window.x + window.width / 2) * mpp, (window.y + window.height / 2) * mpp


@pytest.mark.parametrize(
    "changes",
    [{}, {"tilt_deg": 4.0}, {"tilt_deg": -3.0, "jitter_um": 15.0}, {"missing": 0.4}, {"missing": 0.0, "pitch_um": 400.0}],
    ids=["gaps", "tilted", "untidy", "many gaps", "wide"],
)
def test_every_core_is_found_at_its_place_and_nothing_else(simulate, changes):
    arrays = simulate(**changes)
    for style in STYLES:
        with open_slide(arrays.slides[style.name]) as slide:
            grid = find_cores(slide, core_um=200)
            found = {(core.row, core.col): middle_um(core, slide.mpp) for core in grid.cores}
        expected = truth(arrays, style.name)
        assert found.keys() == expected.keys()
        off = [np.hypot(*np.subtract(found[place], expected[place])) for place in expected]
        assert max(off) < 25
        assert set(grid.missing) >= {place for place in arrays.layout() if place not in expected}
        assert grid.tilt_deg == pytest.approx(changes.get("tilt_deg", 0.0), abs=1.0)
        assert grid.pitch_um == pytest.approx([changes.get("pitch_um", 270.0)] * 2, rel=0.03)


def test_windows_have_the_size_that_was_asked_for(simulate):
    with open_slide(simulate().slides["first"]) as slide:
        cores = find_cores(slide, core_um=200, window_um=160).cores
    assert {(core.window_px0.width, core.window_px0.height) for core in cores} == {(80, 80)}
    assert all(0.5 < core.tissue_um2 / (np.pi * 100**2) < 1.3 for core in cores)


def test_a_single_row_has_numbers_too(tmp_path):
    spec = ArraySpec(n_patients=2, cores_per_patient=1, core_um=200, styles=STYLES[:1])
    with open_slide(simulate_arrays(spec, tmp_path).slides["first"]) as slide:
        grid = find_cores(slide, core_um=200)
    assert [(core.row, core.col) for core in grid.cores] == [(0, 0), (0, 1)]


def test_a_wrong_diameter_is_told(simulate):
    with open_slide(simulate().slides["first"]) as slide:
        for core_um in (60, 400, 800, 2000):
            with pytest.raises(SlideError, match=rf"tissue \d+ um wide where cores were said to be {core_um} um|no cores"):
                find_cores(slide, core_um=core_um)


def test_sections_of_a_core_meet_in_one_piece_whatever_is_lost(simulate):
    arrays = simulate()
    pieces = array_pieces(arrays.slides, arrays.layout(), core_um=200)
    present = arrays.cores[~arrays.cores["is_missing"]].groupby("core_id")["style"].apply(set)
    assert {piece.piece_id: {picture.style for picture in piece.pictures} for piece in pieces} == present.to_dict()
    assert {len(styles) for styles in present} == {1, 2}  # or nothing would have been lost


def test_a_layout_of_another_size_is_refused(simulate):
    arrays = simulate()
    layout = {place: names for place, names in arrays.layout().items() if place[0] < 3}
    with pytest.raises(TrainingError, match="the layout has 3 x 5"):
        array_pieces(arrays.slides, layout, core_um=200)


def test_a_core_where_the_layout_names_none_is_told(simulate):
    arrays = simulate(missing=0.0)
    layout = {place: names for place, names in arrays.layout().items() if place != (1, 1)}
    with pytest.raises(TrainingError, match=r"row, column \(1, 1\)"):
        array_pieces(arrays.slides, layout, core_um=200)


def test_core_files_become_pieces_by_name(tmp_path):
    spec = ArraySpec(n_patients=2, cores_per_patient=1, core_um=100, styles=STYLES)
    cores = simulate_arrays(spec, tmp_path, as_files=True).cores
    files = [
        PieceFile(piece_id=core.core_id, patient_id=core.patient_id, path=core.path, style=core.style)
        for core in cores.itertuples()
    ]
    pieces = file_pieces(files)
    assert [(piece.patient_id, len(piece.pictures)) for piece in pieces] == [("array-P001", 2), ("array-P002", 2)]
    assert pieces[0].pictures[0].window_px0 == RegionPx0(0, 0, 56, 56)
    assert [picture.mpp for picture in pieces[0].pictures] == pytest.approx([2.0, 1.6], rel=1e-3)


def test_a_piece_of_two_patients_is_refused(tmp_path):
    spec = ArraySpec(n_patients=1, cores_per_patient=1, core_um=100, styles=STYLES[:1])
    path = simulate_arrays(spec, tmp_path, as_files=True).cores["path"][0]
    files = [PieceFile(piece_id="a", patient_id=patient, path=path, style=patient) for patient in "AB"]
    with pytest.raises(TrainingError, match="'A' and to 'B'"):
        file_pieces(files)


def test_regions_of_whole_slides_are_full_of_tissue_and_apart(small_cohort):
    paths = sorted((small_cohort / "slides").glob("*.tif"))[:2]
    slides = [SlideOfPatient(slide_id=path.stem, patient_id=f"P{i}", path=path) for i, path in enumerate(paths)]
    pieces = region_pieces(slides, region_um=100, regions_per_slide=3)
    assert [piece.patient_id for piece in pieces] == ["P0"] * 3 + ["P1"] * 3
    assert len({(p.pictures[0].path, p.pictures[0].window_px0) for p in pieces}) == 6
    for piece in pieces:
        with open_slide(piece.pictures[0].path) as slide:
            window = piece.pictures[0].window_px0
            pixels = slide.read_region(window.x, window.y, 0, window.width, window.height)
        assert (pixels.mean(axis=2) < 225).mean() > 0.6
    assert region_pieces(slides, region_um=100, regions_per_slide=3) == pieces
