"""The whole measurement of reading, on a slide of a moment."""

import contextlib
import dataclasses

import numpy as np
import pytest
from PIL import Image

import cartopath.benchmark.reading as reading
from cartopath.benchmark.peers import PEERS, Peer
from cartopath.benchmark.probe import Readable
from cartopath.benchmark.reading import measure_reading
from cartopath.benchmark.results import Absent, Measure
from cartopath.benchmark.subject import Settings
from cartopath.core.errors import SlideError
from cartopath.slides import Slide

SETTINGS = Settings(threads=2, size_px=64, mpp=0.5, seconds=0.1, n_tiles=16)
OPENSLIDE = PEERS[:1]


@pytest.fixture(scope="module")
def result(slide_40x):
    return measure_reading(slide_40x, SETTINGS, peers=[*OPENSLIDE, dataclasses.replace(OPENSLIDE[0], name="Absent", packages=())])


def test_every_line_of_the_table_is_there(result):
    assert [row.key for row in result.measures] == [
        "stream_of_decoder_on_grid",
        "decoder_on_grid",
        "stream_of_decoder_off_grid",
        "decoder_off_grid",
        "stream_over_openslide",
        "stream_over_openslide",  # the one that is absent
        "scaled_over_resizing",
        "scaled_of_decoder",
        "fast_over_lanczos",
        "threads",
    ]


def test_ratios_are_those_of_the_rates_side_by_side(result):
    for row in result.measures:
        if isinstance(row, Measure):
            assert row.ratio.low <= row.ratio.median <= row.ratio.high
            assert row.rate > 0 and row.reference_rate > 0


def test_a_library_that_is_absent_is_said_to_be(result):
    assert result.measures[5] == Absent("stream_over_openslide", "Absent", "not installed")


def test_pixels_of_other_libraries_are_compared(result):
    assert "pixels" in result.measures[4].note


def test_facts_for_advice_are_there(result):
    assert result.is_direct
    assert result.backend == "direct"
    assert result.n_candidates > 0
    assert result.scaled_gain > 0
    assert result.stream_rate > 0 and result.stream_rate_alone > 0 and result.decode_rate > 0
    assert result.disk_rate is None or result.disk_rate > 0


def test_goals_are_those_that_were_asked_for(slide_40x):
    asked = dataclasses.replace(SETTINGS, over_openslide=1e-9, over_resizing=1e9)
    by_key = {row.key: row for row in measure_reading(slide_40x, asked, peers=OPENSLIDE).measures}
    assert by_key["stream_over_openslide"].is_reached is True
    assert by_key["scaled_over_resizing"].is_reached is False
    assert by_key["threads"].is_reached is None


def test_nothing_is_said_of_scaled_decoding_where_a_level_is_near(slide_40x):
    near = dataclasses.replace(SETTINGS, mpp=1.0, n_tiles=4)
    result = measure_reading(slide_40x, near, peers=())
    assert result.scaled_gain is None
    assert "fast_over_lanczos" not in {row.key for row in result.measures}


def test_a_slide_without_frames_is_measured_as_far_as_possible(slide_40x, monkeypatch):
    monkeypatch.setattr(Slide, "frames", None)
    result = measure_reading(slide_40x, SETTINGS, peers=OPENSLIDE)
    assert not result.is_direct
    assert result.decode_rate is None and result.disk_rate is None
    absent = [row.key for row in result.measures if isinstance(row, Absent)]
    assert absent == ["stream_of_decoder_on_grid", "stream_of_decoder_off_grid"]


def test_a_library_that_fails_on_the_slide_costs_its_line_only(slide_40x):
    @contextlib.contextmanager
    def reader(path):
        raise ValueError("no such format")
        yield

    failing = Peer("Failing", "json", ("numpy",), "none", reader)
    row = measure_reading(slide_40x, SETTINGS, peers=[failing]).measures[4]
    assert row == Absent("stream_over_json", "Failing", "cannot read it (no such format)")


def test_what_is_being_measured_is_said(slide_40x):
    said = []
    measure_reading(slide_40x, SETTINGS, peers=(), said=said.append)
    assert said == [
        "whether tiles can be decoded",
        "tiles on the grid of frames",
        "tiles off the grid of frames",
        "other libraries",
        "tiles of a study",
    ]


def test_the_decoder_is_said_before_anything_is_measured(slide_40x):
    said = []
    measure_reading(
        slide_40x, SETTINGS, peers=(), opened=lambda backend, reason: said.append((backend, reason)), said=said.append
    )
    assert said[0] == ("direct", said[0][1]) and "JPEG" in said[0][1]
    assert said.count(said[0]) == 1


def test_one_thread_is_not_compared_with_one_thread(slide_40x):
    result = measure_reading(slide_40x, dataclasses.replace(SETTINGS, threads=1), peers=())
    assert "threads" not in {row.key for row in result.measures}
    assert result.stream_rate_alone == result.stream_rate
    assert result.threads_gain == 1.0


def test_the_gain_of_threads_is_that_of_the_table(result):
    row = result.measures[-1]
    assert (row.name, row.reference) == ("2 threads", "1 thread")
    assert result.threads_gain == row.ratio.median


def test_no_goal_is_held_against_tiles_that_are_resampled(slide_40x):
    by_key = {row.key: row for row in measure_reading(slide_40x, dataclasses.replace(SETTINGS, mpp=0.52), peers=()).measures}
    assert by_key["stream_of_decoder_on_grid"].goal == 0.8
    assert by_key["scaled_of_decoder"].goal is None
    assert by_key["scaled_over_resizing"].goal is None


def test_fewer_tiles_are_read_where_time_is_short(slide_40x, monkeypatch):
    counted = []
    stream = reading.stream
    monkeypatch.setattr(reading, "stream", lambda job, name: counted.append(job.sample.n_tiles) or stream(job, name))
    measure_reading(slide_40x, dataclasses.replace(SETTINGS, n_tiles=320, seconds=1e-6), peers=())
    assert set(counted) == {16}


def test_a_slide_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SlideError, match="no such slide"):
        measure_reading(tmp_path / "none.svs", SETTINGS)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """What is found of a picture that OpenSlide cannot open."""
    path = tmp_path_factory.mktemp("picture") / "core.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)).save(path)
    return measure_reading(path, dataclasses.replace(SETTINGS, assume_mpp=0.5), peers=OPENSLIDE)


def test_openslide_is_said_to_be_unable(plain):
    absent = {row.key: row.reason for row in plain.measures if isinstance(row, Absent)}
    assert "cannot read it" in absent["stream_over_openslide"]
    assert "cannot read it" in absent["scaled_over_resizing"]


def test_why_it_is_read_as_it_is_can_be_told(plain):
    assert (plain.backend, plain.is_direct) == ("image", False)
    assert plain.reason


@pytest.fixture(scope="module")
def damaged(damaged_40x):
    return measure_reading(damaged_40x, SETTINGS, peers=OPENSLIDE)


def test_damaged_frames_do_not_end_the_measurement(damaged):
    by_key = {row.key: row for row in damaged.measures}
    assert isinstance(by_key["stream_of_decoder_on_grid"], Measure)
    assert isinstance(by_key["stream_over_openslide"], Absent)


def test_tiles_that_cannot_be_decoded_are_counted(damaged, result):
    assert damaged.read.n_tiles == 32
    assert 0 < damaged.read.n_unreadable < 32
    assert result.read == Readable(32, 0)


def test_a_damaged_slide_reaches_and_misses_no_goal(damaged):
    assert all(row.goal is None for row in damaged.measures if isinstance(row, Measure))


def test_a_slide_of_which_nothing_can_be_decoded_is_an_error(slide_40x, monkeypatch):
    monkeypatch.setattr(reading, "readable", lambda job, seconds: Readable(16, 16))
    with pytest.raises(SlideError, match="none of the 32 tiles that were read can be decoded; run cartopath check"):
        measure_reading(slide_40x, SETTINGS, peers=())
