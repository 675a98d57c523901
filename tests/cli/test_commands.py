"""The commands as a user runs them: what they print, what they leave, how they end."""

import json
import os
import shutil

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from cartopath.cli.main import app
from cartopath.study.study_file import read_config


@pytest.fixture
def cartopath():
    """Run a command and return its exit code and everything it printed."""

    def cartopath_(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, " ".join(result.output.split())

    return cartopath_


class TestInit:
    def test_makes_a_study_that_can_be_read(self, cartopath, tmp_path):
        code, printed = cartopath("init", tmp_path / "my-study")
        assert code == 0
        assert "then: cartopath check" in printed
        assert read_config(tmp_path / "my-study").name == "my-study"
        assert (tmp_path / "my-study" / "slides").is_dir()

    @pytest.mark.parametrize("name", ["2024", "no", "a: b", "#1", "naïve", 'say "x"', "null"])
    def test_takes_any_name_of_a_folder(self, cartopath, tmp_path, name):
        assert cartopath("init", tmp_path / name)[0] == 0
        assert read_config(tmp_path / name).name == name

    def test_here_takes_the_name_of_the_folder(self, cartopath, tmp_path, monkeypatch):
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        assert cartopath("init", ".")[0] == 0
        assert read_config(".").name == "here"

    def test_leaves_a_study_that_is_there_as_it_is(self, cartopath, tmp_path):
        (tmp_path / "study.yaml").write_text("traits: [A]")
        code, printed = cartopath("init", tmp_path)
        assert code == 1
        assert "there is a study already" in printed
        assert (tmp_path / "study.yaml").read_text() == "traits: [A]"

    @pytest.mark.parametrize(("folder", "file"), [("a.svs", "a.svs"), ("a.svs/deep/study", "a.svs"), ("study", "study/slides")])
    def test_names_the_file_that_is_in_the_way(self, cartopath, tmp_path, folder, file):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"")
        code, printed = cartopath("init", tmp_path / folder)
        assert code == 1
        assert f"cannot be a study folder, since {tmp_path / file} is a file" in printed


class TestErrors:
    """An error that was foreseen is one message, without a traceback, and code 1."""

    @pytest.mark.parametrize("command", ["check", "run", "stages", "report"])
    def test_a_study_that_is_not_there(self, cartopath, tmp_path, command):
        code, printed = cartopath(command, tmp_path / "nothing")
        assert code == 1
        assert printed.startswith("error: ")
        assert "no such study file; make one with `cartopath init`" in printed
        assert "Traceback" not in printed

    @pytest.mark.parametrize("name", ["nothing", "nothing.yaml"])
    def test_a_check_of_what_is_not_there_says_so_whatever_its_options(self, cartopath, tmp_path, name):
        code, printed = cartopath("check", tmp_path / name, "-o", tmp_path / "out")
        assert code == 1
        assert f"{tmp_path / name}: there is no such folder and no such study file" in printed
        assert not (tmp_path / "out").exists()

    def test_a_study_file_that_is_wrong(self, cartopath, tmp_path):
        (tmp_path / "study.yaml").write_text("traits: [A]\nsplit: {}\n")
        code, printed = cartopath("run", tmp_path)
        assert code == 1
        assert "unknown key 'split': did you mean 'splits'?" in printed

    def test_a_message_with_brackets_is_printed_as_it_is(self, cartopath, tmp_path):
        (tmp_path / "study.yaml").write_text("traits: [A]\nname: [bold]\n")
        code, printed = cartopath("run", tmp_path)
        assert code == 1
        assert "found ['bold']" in printed

    def test_a_stage_that_is_not_there(self, cartopath, copied_study):
        code, printed = cartopath("run", copied_study, "--until", "tile")
        assert code == 1
        assert "did you mean 'tiles'?" in printed

    def test_a_trait_that_is_not_there(self, cartopath, copied_study):
        code, printed = cartopath("run", copied_study, "--trait", "MKI76")
        assert (code, printed) == (1, "error: --trait MKI76: the study has MKI67")

    def test_a_round_that_is_not_there(self, cartopath, copied_study):
        code, printed = cartopath("run", copied_study, "--round", "2")
        assert (code, printed) == (1, "error: --round 2: the study has rounds 0 to 1")

    def test_a_model_that_is_not_there(self, cartopath, tmp_path):
        code, printed = cartopath("predict", tmp_path / "none", tmp_path / "slide.svs", "-o", tmp_path / "out")
        assert code == 1
        assert "no trained networks" in printed

    def test_an_interrupt_says_how_to_go_on(self, cartopath, copied_study, monkeypatch):
        def interrupted(*args, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("cartopath.cli.run.run_study", interrupted)
        code, printed = cartopath("run", copied_study)
        assert code == 130
        assert "the same command goes on where this one ended" in printed

    def test_a_bug_is_not_hidden(self, cartopath, copied_study, monkeypatch):
        def buggy(*args, **options):
            raise ZeroDivisionError

        monkeypatch.setattr("cartopath.cli.run.run_study", buggy)
        with pytest.raises(ZeroDivisionError):
            cartopath("run", copied_study)


class TestRun:
    def test_of_a_finished_study_keeps_everything(self, cartopath, copied_study):
        code, printed = cartopath("run", copied_study, "--quiet", "--workers", "0")
        n = sum(1 for _ in (copied_study / "receipts").rglob("*.json"))
        assert code == 0
        assert f"0 tasks done, {n} kept, 0 failed" in printed
        assert "report:" in printed

    def test_takes_the_study_file_as_well_as_its_folder(self, cartopath, copied_study):
        assert cartopath("run", copied_study / "study.yaml", "-q", "--workers", "0")[0] == 0

    def test_shows_bars_unless_it_is_told_not_to(self, cartopath, copied_study):
        assert "train" in cartopath("run", copied_study, "--workers", "0")[1]
        assert "train" not in cartopath("run", copied_study, "--workers", "0", "-q")[1]

    def test_that_fails_in_part_lists_the_reasons_and_is_code_3(self, cartopath, tmp_path, small_cohort, write_study):
        table = pd.read_csv(small_cohort / "slides.csv", dtype=str, keep_default_na=False)[:6]
        table["path"] = [(small_cohort / path).as_posix() for path in table["path"]]
        (tmp_path / "broken.svs").write_bytes(b"no slide")
        table.loc[6] = {"slide_id": "broken", "path": (tmp_path / "broken.svs").as_posix(), "patient_id": "TCGA-A1-0001"}
        table.fillna("").to_csv(tmp_path / "slides.csv", index=False)
        write_study(tmp_path / "study", slides={"table": (tmp_path / "slides.csv").as_posix()})
        code, printed = cartopath("run", tmp_path / "study", "--until", "tiles", "-q")
        assert code == 3
        assert "1 failed" in printed
        assert "quality broken" in printed
        assert "broken.svs" in printed
        entries = [json.loads(line) for line in (tmp_path / "study" / "ledger.jsonl").read_text().splitlines()]
        assert [entry["task"] for entry in entries if entry["outcome"] == "failed"] == ["broken"]

    def test_that_cannot_go_on_is_code_1(self, cartopath, tmp_path, write_study):
        write_study(tmp_path / "study", traits=["MKI76"])
        code, printed = cartopath("run", tmp_path / "study", "-q")
        assert code == 1
        assert "error: cohort: values: no trait 'MKI76'" in printed

    def test_with_new_patients_points_at_the_flag_and_goes_on_with_it(self, cartopath, copied_study, small_cohort, write_study):
        table = pd.read_csv(small_cohort / "slides.csv", dtype=str, keep_default_na=False)[:-1]
        table["path"] = [(small_cohort / path).as_posix() for path in table["path"]]
        table.to_csv(copied_study / "slides.csv", index=False)
        write_study(copied_study, slides={"table": "slides.csv"})
        code, printed = cartopath("run", copied_study, "-q", "--until", "splits")
        assert code == 1
        assert "--redraw-splits" in printed
        assert cartopath("run", copied_study, "-q", "--until", "splits", "--redraw-splits")[0] == 0

    def test_with_a_scheduler_that_does_not_answer_is_code_1(self, cartopath, tmp_path, write_study, monkeypatch):
        monkeypatch.setattr("cartopath.study.executors._CONNECT_S", 1)
        write_study(tmp_path / "study")
        code, printed = cartopath("run", tmp_path / "study", "-q", "--scheduler", "tcp://127.0.0.1:9")
        assert code == 1
        assert "no Dask scheduler answers at tcp://127.0.0.1:9" in printed


def test_stages_lists_them_in_order(cartopath, finished_study):
    code, printed = cartopath("stages", finished_study)
    assert code == 0
    names = ["cohort", "splits", "labels", "tiles", "train", "predict", "evaluate", "maps", "survival", "report"]
    places = [printed.index(f" {name} ") for name in names]
    assert places == sorted(places)


def test_report_writes_it_anew(cartopath, copied_study):
    (copied_study / "report" / "index.html").unlink()
    code, printed = cartopath("report", copied_study)
    assert code == 0
    assert (copied_study / "report" / "index.html").is_file()
    assert "index.html" in printed


class TestCheck:
    def test_of_a_cohort_that_is_not_ready_names_the_reasons_and_is_code_1(self, cartopath, tmp_path, write_study):
        write_study(tmp_path / "study", traits=["MKI76"])
        code, printed = cartopath("check", tmp_path / "study", "-q", "--workers", "0")
        assert code == 1
        assert "error MKI76: no trait 'MKI76'" in printed
        assert "[trait-unusable]" in printed
        assert "not ready: " in printed

    def test_of_a_cohort_that_is_ready_is_code_0(self, cartopath, tmp_path, small_config):
        content = {key: value for key, value in small_config.items() if key not in ("clinical", "survival")}
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
        code, printed = cartopath("check", tmp_path, "-q", "--workers", "0")
        assert code == 0
        assert "24 slides opened; resolution: 24 from tiff.XResolution" in printed
        assert "ready with reservations" in printed

    def test_survives_a_slide_that_kills_its_process(self, cartopath, tmp_path, small_config, small_cohort, monkeypatch):
        """With worker processes, whatever a C library does stays in one of them."""
        table = pd.read_csv(small_cohort / "slides.csv", dtype=str, keep_default_na=False)[:4]
        table["path"] = [(small_cohort / path).as_posix() for path in table["path"]]
        table.to_csv(tmp_path / "slides.csv", index=False)
        content = {key: value for key, value in small_config.items() if key not in ("clinical", "survival")}
        content["slides"] = {**content["slides"], "table": "slides.csv"}
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
        victim = table["slide_id"][2]

        def kills(**arguments):
            if victim in str(arguments["path"]):
                os.abort()
            for path in arguments["outputs"].values():
                path.parent.mkdir(exist_ok=True)
                path.touch()
            return dict.fromkeys(("mpp", "width_px0", "height_px0", "tissue_mm2"), 1) | {"mpp_source": "x", "backend": "x"}

        monkeypatch.setattr("cartopath.study.stages.quality.judge_slide", kills)
        code, printed = cartopath("check", tmp_path, "-q", "--workers", "1")
        assert code == 1
        assert f"error {victim}: its worker process was killed" in printed
        assert "3 slides opened" in printed


class TestPredict:
    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, finished_study):
        return finished_study / "models" / "tile_classifier"

    @pytest.fixture
    def slide(self, small_cohort, tmp_path):
        return shutil.copy(sorted((small_cohort / "slides").iterdir())[0], tmp_path / "new.tif")

    def test_prints_a_row_per_slide_and_where_everything_is(self, cartopath, model, slide, tmp_path):
        code, printed = cartopath("predict", model, slide, "-o", tmp_path / "out", "--workers", "0", "-q")
        assert code == 0
        assert "1 tasks done, 0 kept, 0 failed" in printed
        assert "hti" in printed
        assert str(tmp_path / "out" / "predictions.csv") in printed
        assert (tmp_path / "out" / "predictions.csv").is_file()

    def test_with_a_slide_that_cannot_be_read_is_code_3(self, cartopath, model, slide, tmp_path):
        (tmp_path / "broken.svs").write_bytes(b"no slide")
        words = ["predict", model / "MKI67", slide, tmp_path / "broken.svs", "-o", tmp_path / "out", "--workers", "0", "-q"]
        code, printed = cartopath(*words)
        assert code == 3
        assert "apply broken" in printed
        assert len(pd.read_csv(tmp_path / "out" / "predictions.csv")) == 1

    def test_prints_its_warnings(self, cartopath, model, slide, tmp_path):
        words = ["predict", model / "MKI67", slide, "-o", tmp_path / "out", "--mpp", "0.25", "--workers", "0", "-q"]
        code, printed = cartopath(*words)
        assert code == 0
        assert "warning: new: scanned at 0.25 um/px, the training slides at 0.4942 to 0.5" in printed


class TestCheckOfAFolder:
    @pytest.fixture
    def slides(self, small_cohort, tmp_path):
        (tmp_path / "scans").mkdir()
        shutil.copy(next((small_cohort / "slides").iterdir()), tmp_path / "scans" / "one.tif")
        return tmp_path / "scans"

    def test_needs_no_study_and_no_number_of_workers(self, cartopath, slides, monkeypatch):
        monkeypatch.chdir(slides.parent)
        code, printed = cartopath("check", slides, "-q")
        assert code == 0
        assert "1 slide opened" in printed
        assert (slides.parent / "scans-check" / "check.html").is_file()

    def test_from_within_the_folder_writes_beside_it(self, cartopath, slides, monkeypatch):
        monkeypatch.chdir(slides)
        assert cartopath("check", ".", "-q", "--workers", "0")[0] == 0
        assert (slides.parent / "scans-check" / "check.csv").is_file()

    def test_writes_to_the_current_folder_and_says_so_before_it_opens_a_slide(self, cartopath, slides, monkeypatch):
        (slides.parent / "elsewhere").mkdir()
        monkeypatch.chdir(slides.parent / "elsewhere")
        where = slides.parent / "elsewhere" / "scans-check"
        _, printed = cartopath("check", slides, "-q", "--workers", "0")
        assert printed.startswith(f"{slides}: a folder of slides, without a study; the check is written to {where}")
        assert (where / "check.csv").is_file()

    def test_of_a_link_takes_the_name_that_was_typed(self, cartopath, slides, monkeypatch):
        (slides.parent / "batch").symlink_to(slides)
        monkeypatch.chdir(slides.parent)
        assert cartopath("check", "batch", "-q", "--workers", "0")[0] == 0
        assert (slides.parent / "batch-check" / "check.csv").is_file()

    def test_beside_a_study_file_points_at_the_study(self, cartopath, slides, monkeypatch):
        monkeypatch.chdir(slides.parent)
        assert "is a study" not in cartopath("check", "scans", "-q", "--workers", "0")[1]
        (slides.parent / "study.yaml").write_text("slides: {dir: scans}\n")
        printed = cartopath("check", "scans", "-q", "--workers", "0")[1]
        assert f"{slides.parent} is a study; `cartopath check` of it joins the tables, too" in printed

    def test_of_another_folder_of_the_same_name_asks_where_to_write(self, cartopath, slides, monkeypatch):
        shutil.copytree(slides, slides.parent / "other" / "scans")
        monkeypatch.chdir(slides.parent)
        again = ["-q", "--workers", "0"]
        assert cartopath("check", slides, *again)[0] == 0
        assert cartopath("check", slides, *again)[0] == 0
        code, printed = cartopath("check", slides.parent / "other" / "scans", *again)
        assert code == 1
        assert f"{slides}-check: holds the check of {slides}; name another folder with --out" in printed
        assert cartopath("check", slides.parent / "other" / "scans", "--out", "scans-check", *again)[0] == 0

    def test_with_a_slide_that_cannot_be_used_is_code_3(self, cartopath, slides, monkeypatch):
        (slides / "cut.svs").write_bytes(b"no slide")
        monkeypatch.chdir(slides.parent)
        code, printed = cartopath("check", slides, "-q", "--workers", "0")
        assert code == 3
        assert "1 slide cannot be used" in printed

    def test_of_a_single_file_is_told_what_to_give(self, cartopath, slides):
        code, printed = cartopath("check", slides / "one.tif")
        assert code == 1
        assert "give the folder it lies in, with --pattern 'one.tif'" in printed
