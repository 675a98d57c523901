"""`cartopath benchmark` as a user runs it."""

import dataclasses
import io
import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

import cartopath.cli.benchmark as command
from cartopath.benchmark.command import SlideBenchmark
from cartopath.benchmark.generated import GeneratedSlide, write_generated_slide
from cartopath.benchmark.race import Ratio
from cartopath.benchmark.results import Absent, Measure
from cartopath.cli.main import app
from cartopath.core.errors import SlideError
from cartopath.core.geometry import SizePx0


@pytest.fixture(scope="module")
def slide(made_once):
    def fill(folder):
        folder.mkdir()
        write_generated_slide(folder / "40x.tif", GeneratedSlide(SizePx0(1024, 1024), mpp=0.25, frame_px=64, downsamples=(1, 4)))

    return made_once("benchmark_command_slide", fill) / "40x.tif"


def cartopath(*words):
    result = CliRunner().invoke(app, ["benchmark", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture(scope="module")
def ran(slide, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "benchmark.json"
    return *cartopath(slide, "--seconds", "1", "--tile-px", "64", "--threads", "2", "--out", out), out


def test_prints_the_table(ran):
    code, printed, _ = ran
    assert code == 0
    assert "40x.tif: read by direct" in printed
    assert "2 threads, 64 px tiles" in printed
    for word in ("bare decoder", "OpenSlide", "left / right", "(quartiles)", "0.8 "):
        assert word in printed


def test_says_what_reads_the_slide_before_it_measures(ran):
    steps = ["read by direct", "measuring: whether tiles", "measuring: tiles on the grid", "measuring: other lib", "2 threads,"]
    places = [ran[1].index(step) for step in steps]
    assert places == sorted(places)


def test_writes_what_it_measured(ran):
    content = json.loads(ran[2].read_text())
    assert content["header"]["kind"] == "benchmark"
    assert content["slide"] == "40x.tif"
    assert content["settings"]["threads"] == 2
    assert {"processor", "cores", "versions"} <= set(content["machine"])
    keys = {row["key"] for row in content["measures"]}
    assert {"stream_of_decoder_on_grid", "stream_over_openslide", "scaled_over_resizing"} <= keys
    assert content["facts"]["backend"] == "direct"
    assert content["facts"]["n_unreadable"] == 0 < content["facts"]["n_read"]
    assert all({"code", "text"} == set(advice) for advice in content["advice"])


def test_a_slide_that_is_not_there_is_one_message(tmp_path):
    code, printed = cartopath(tmp_path / "none.svs")
    assert code == 1
    assert "error:" in printed and "no such slide" in printed
    assert "Traceback" not in printed


def test_a_file_that_is_no_slide_is_one_message(tmp_path):
    (tmp_path / "notes.txt").write_text("no slide")
    code, printed = cartopath(tmp_path / "notes.txt")
    assert code == 1
    assert "error:" in printed and "notes.txt" in printed


def test_tiles_larger_than_the_slide_are_one_message(slide):
    code, printed = cartopath(slide, "--tile-px", "2048", "--seconds", "1")
    assert code == 1
    assert "use a smaller --tile-px" in printed


@pytest.mark.parametrize("words", [("--threads", "0"), ("--tile-px", "7"), ("--mpp", "0.01"), ("--seconds", "0")])
def test_impossible_options_are_wrong_usage(slide, words):
    assert cartopath(slide, *words)[0] == 2


class TestPrinted:
    """What is printed of given results."""

    @pytest.fixture
    def printed(self, slide, monkeypatch):
        def printed_(measures, advice=(), **facts):
            plain = command.benchmark_slide(slide, command.Settings(threads=1, size_px=64, seconds=0.1, n_tiles=4), peers=())
            found = dataclasses.replace(
                plain, measures=tuple(measures), advice=tuple(advice), facts=dataclasses.replace(plain.facts, **facts)
            )
            monkeypatch.setattr(command, "benchmark_slide", lambda *a, **k: found)
            return cartopath(slide)[1]

        return printed_

    def test_says_whether_a_goal_is_reached(self, printed):
        row = Measure("a", "what", 50.0, "tiles", "stream", "decoder", 100.0, Ratio(0.5, 0.4, 0.6), 0.5)
        assert "0.5 met" in printed([row])
        assert "0.6 missed" in printed([dataclasses.replace(row, goal=0.6)])

    def test_names_what_could_not_be_measured_once_per_reason(self, printed):
        rows = [Absent("a", "one", "not installed"), Absent("b", "two", "not installed"), Absent("c", "three", "broken")]
        said = printed(rows)
        assert "not measured: one, two: not installed" in said
        assert "not measured: three: broken" in said

    def test_says_how_many_tiles_are_damaged(self, printed):
        assert "7 of 1,000 tiles cannot be decoded" in printed([], n_unreadable=7, n_read=1000)
        assert "cannot be decoded" not in printed([], n_unreadable=0)

    @pytest.mark.parametrize(("threads", "said"), [(1, " 1 thread, "), (2, " 2 threads, ")])
    def test_counts_threads(self, printed, threads, said):
        assert said in printed([], threads=threads)


def test_says_why_another_decoder_reads_the_slide(monkeypatch, slide):
    def stand_in(path, settings, *, networks, opened, said):
        opened("openslide", "its frames [all] overlap")
        said("nothing")
        raise SlideError("enough")

    monkeypatch.setattr(command, "benchmark_slide", stand_in)
    assert "40x.tif: read by openslide (its frames [all] overlap) measuring: nothing" in cartopath(slide)[1]


def test_the_table_fits_eighty_columns(monkeypatch):
    ratio = Ratio(4.58, 4.49, 4.72)
    rows = [
        Measure("a", "level 0 off grid", 383.0, "tiles", "bare decoder", "simplejpeg", 392.0, ratio),
        Measure("b", "level 0 off grid", 383.0, "tiles", "stream", "OpenSlide", 87.1, ratio, 5.0),
        Measure("c", "0.5 um/px at 1/2", 383.0, "tiles", "stream", "bare decoder", 434.0, ratio, 6.5),
        Measure("d", "0.5 um/px at 1/2", 383.0, "tiles", "stream", "OpenSlide + resize", 87.1, ratio),
    ]
    monkeypatch.setattr(command, "console", Console(width=80, file=io.StringIO(), soft_wrap=True))
    command._print_table(rows)
    lines = command.console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    cells = [[cell.strip() for cell in line.split("│")] for line in lines]
    assert cells[0] == ["what is read", "left", "right", "tiles/s", "ratio", "goal"]
    assert cells[2] == ["level 0 off grid", "bare decoder", "simplejpeg", "383 / 392", "4.58 (4.49-4.72)", ""]
    assert cells[3] == ["level 0 off grid", "stream", "OpenSlide", "383 / 87", "4.58 (4.49-4.72)", "5 missed"]
    assert [line[2] for line in cells[5:]] == ["OpenSlide +", "resize"]


def test_exit_codes_are_listed():
    assert "0 measured; 1 the slide cannot be read; 2 wrong usage" in cartopath("--help")[1]


def test_networks_are_measured_when_asked(slide, monkeypatch):
    asked = {}

    def stand_in(path, settings, *, networks, **calls):
        asked["networks"] = [network.backbone for network in networks]
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "benchmark_slide", stand_in)
    assert cartopath(slide, "--networks")[0] == 130
    assert asked["networks"] == ["resnet34", "inception_v3"]
    cartopath(slide)
    assert asked["networks"] == []


def test_a_benchmark_with_networks_gives_their_advice(slide):
    from cartopath.benchmark.command import benchmark_slide
    from cartopath.models import NetworkSpec

    found = benchmark_slide(
        slide,
        command.Settings(threads=1, size_px=64, seconds=0.2, n_tiles=49),
        networks=[NetworkSpec(backbone="test_resnet", size_px=64, pool="avg")],
        peers=(),
    )
    assert isinstance(found, SlideBenchmark)
    assert {"feeding", "cache"} <= {advice.code for advice in found.advice}


@pytest.mark.parametrize("location", ["http://localhost:1/slide.svs", "memory://slide.svs"])
def test_a_slide_at_a_url_is_to_be_copied_first(location):
    code, printed = cartopath(location)
    assert code == 1
    assert "copy the slide here" in printed


def test_a_goal_that_is_missed_is_told(slide):
    from cartopath.benchmark.command import benchmark_slide

    settings = command.Settings(threads=1, size_px=64, seconds=0.1, n_tiles=16, over_resizing=1e9)
    missed = benchmark_slide(slide, settings, peers=()).facts.missed
    assert ("0.5 um/px at 1/2", 1e9) in [(one.what, one.goal) for one in missed]
