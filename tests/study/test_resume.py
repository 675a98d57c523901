"""Running again does nothing; what is gone or damaged is made again, and nothing else."""

import json

import pytest

from cartopath.core.errors import ArtifactError, ConfigError
from cartopath.study.ledger import read_ledger
from cartopath.study.run import Study

TRAIT = "hsa-miR-17-5p"


def contents(root, *folders):
    return {path.relative_to(root): path.read_bytes() for name in folders for path in (root / name).rglob("*") if path.is_file()}


def first(root, pattern):
    return sorted(root.glob(pattern))[0]


def test_a_second_run_does_nothing(copied_study, run):
    before = contents(copied_study, "tables", "models", "scores", "maps", "cohort", "report")
    ran = run(Study.read(copied_study))
    assert (dict(ran.done), ran.failed) == ({}, {})
    assert ran.kept == sum(1 for _ in (copied_study / "receipts").rglob("*.json"))
    assert contents(copied_study, "tables", "models", "scores", "maps", "cohort", "report") == before


FILES = {
    "cohort/slides.parquet": "cohort",
    "cohort/values.parquet": "cohort",
    "cohort/splits.parquet": "splits",
    f"cohort/labels/{TRAIT}.parquet": "labels",
    "tiles/*.parquet": "tiles",
    "cache/*.npy": "cache",
    f"models/*/{TRAIT}/round_1/weights.safetensors": "train",
    f"models/*/{TRAIT}/ensemble.json": "ensemble",
    f"scores/*/{TRAIT}/*.parquet": "predict",
    "tables/metrics.csv": "evaluate",
    "tables/labels.csv": "bookkeeping",
    "maps/*_heterogeneity.png": "maps",
    "tables/hti.csv": "heterogeneity",
    "tables/cox.csv": "survival",
    "report/index.html": "report",
}


@pytest.mark.parametrize("pattern", FILES)
def test_a_file_that_is_gone_is_made_again_and_nothing_else(quick_copy, run, pattern):
    path = first(quick_copy, pattern)
    before = path.read_bytes()
    path.unlink()
    ran = run(Study.read(quick_copy))
    assert {stage: len(tasks) for stage, tasks in ran.done.items()} == {FILES[pattern]: 1}
    assert path.read_bytes() == before


@pytest.mark.parametrize("pattern", [pattern for pattern in FILES if FILES[pattern] != "splits"])
def test_a_file_that_is_torn_is_made_again_and_nothing_else(quick_copy, run, pattern):
    path = first(quick_copy, pattern)
    before = path.read_bytes()
    path.write_bytes(before[:-1])
    ran = run(Study.read(quick_copy))
    assert {stage: len(tasks) for stage, tasks in ran.done.items()} == {FILES[pattern]: 1}
    assert path.read_bytes() == before


def test_torn_splits_are_never_drawn_anew_unasked(quick_copy, run):
    path = quick_copy / "cohort" / "splits.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=r"splits\.parquet: not a readable Parquet file .*delete it and run again"):
        run(Study.read(quick_copy))


def test_a_network_that_is_trained_again_is_the_same_to_the_byte(copied_study, run):
    folder = first(copied_study, f"models/*/{TRAIT}/round_0")
    before = contents(copied_study, "models", "tables")
    (folder / "weights.safetensors").unlink()
    assert dict(run(Study.read(copied_study)).done) == {"train": {f"{TRAIT} round 0"}}
    assert contents(copied_study, "models", "tables") == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"key": "another"}'])
def test_a_damaged_receipt_counts_as_none(quick_copy, run, content):
    receipt = first(quick_copy, "receipts/evaluate/*.json")
    before = receipt.read_bytes()
    receipt.write_bytes(content)
    assert set(run(Study.read(quick_copy)).done) == {"evaluate"}
    assert receipt.read_bytes() == before


def test_what_a_kill_left_half_written_long_ago_is_swept(quick_copy, run):
    import os

    half = quick_copy / "scores" / ".cartopath-0123456789ab.parquet"
    half.write_bytes(b"half")
    os.utime(half, (0, 0))
    run(Study.read(quick_copy))
    assert not half.exists()


def test_what_another_machine_is_writing_is_left_alone(quick_copy, run):
    half = quick_copy / "scores" / ".cartopath-0123456789ab.parquet"
    half.write_bytes(b"half")
    run(Study.read(quick_copy))
    assert half.exists()


def test_a_study_can_be_moved(quick_copy, run, tmp_path):
    moved = quick_copy.rename(tmp_path / "elsewhere")
    assert dict(run(Study.read(moved)).done) == {}


def test_a_study_with_its_slides_inside_can_be_moved(small_cohort, write_study, run, quick, tmp_path):
    import shutil

    root = tmp_path / "study"
    shutil.copytree(small_cohort / "slides", root / "slides")
    study = write_study(root, slides={"dir": "slides", "table": None})
    run(study, until="tiles")
    moved = root.rename(tmp_path / "elsewhere")
    assert dict(run(Study.read(moved), until="tiles").done) == {}


class TestTheLedger:
    def test_has_a_line_for_every_task_that_ran(self, finished_study):
        entries = list(read_ledger(finished_study / "ledger.jsonl"))
        done = {(entry["stage"], entry["task"]) for entry in entries if entry["outcome"] == "done"}
        receipts = list((finished_study / "receipts").rglob("*.json"))
        assert len(done) == len(receipts) > 100
        assert all(entry["key"] and entry["seconds"] >= 0 for entry in entries if entry["outcome"] == "done")

    def test_opens_every_run_with_the_versions_of_what_results_depend_on(self, finished_study):
        entry = next(read_ledger(finished_study / "ledger.jsonl"))
        assert (entry["stage"], entry["outcome"], entry["seed"]) == ("run", "started", 0)
        assert {"python", "cartopath", "numpy", "torch", "timm", "openslide-bin", "lifelines"} <= set(entry["versions"])

    def test_grows_and_is_never_rewritten(self, quick_copy, run):
        before = (quick_copy / "ledger.jsonl").read_bytes()
        first(quick_copy, "tables/cox.csv").unlink()
        run(Study.read(quick_copy))
        after = (quick_copy / "ledger.jsonl").read_bytes()
        assert after.startswith(before)
        assert len(after.splitlines()) == len(before.splitlines()) + 2  # the run, and the task

    def test_is_read_past_a_line_that_a_kill_left_unfinished(self, tmp_path):
        lines = ['{"stage": "tiles"}', '{"stage": "tra', "[1]", '{"stage": "maps"}']
        (tmp_path / "ledger.jsonl").write_text("\n".join(lines))
        assert [entry["stage"] for entry in read_ledger(tmp_path / "ledger.jsonl")] == ["tiles", "maps"]

    def test_of_a_study_that_never_ran_is_empty(self, tmp_path):
        assert list(read_ledger(tmp_path / "ledger.jsonl")) == []


def test_the_lock_spells_out_every_default(finished_study):
    import yaml

    from cartopath.study.study_file import parse_config

    lock = yaml.safe_load((finished_study / "study.lock.yaml").read_text())
    config = Study.read(finished_study).config
    assert parse_config(lock) == config
    assert lock["training"]["plateau_patience"] == 10
    assert json.dumps(lock) == json.dumps(config.model_dump(mode="json"))


class TestRunningAPart:
    def test_stops_after_the_stage_that_was_asked_for(self, tmp_path, write_study, run, quick):
        ran = run(write_study(tmp_path / "study"), until="labels")
        assert set(ran.done) == {"cohort", "quality", "splits", "labels"}

    def test_refuses_a_stage_that_is_not_there_and_names_the_closest(self, tmp_path, write_study, run):
        with pytest.raises(ConfigError, match=r"no stage 'trian'; did you mean 'train'\? stages: cohort, quality, splits"):
            run(write_study(tmp_path / "study"), until="trian")

    def test_of_one_trait_trains_and_scores_that_one_and_ends_there(self, tmp_path, copy_tiles, write_study, run, quick):
        copy_tiles(tmp_path / "study")
        ran = run(write_study(tmp_path / "study"), traits=(TRAIT,))
        assert ran.done["train"] == {f"{TRAIT} round 0", f"{TRAIT} round 1"}
        assert len(ran.done["predict"]) == 24
        assert not ran.done.keys() & {"evaluate", "maps", "report"}

    def test_of_one_round_trains_that_one_and_ends_there(self, tmp_path, copy_tiles, write_study, run, quick):
        copy_tiles(tmp_path / "study")
        ran = run(write_study(tmp_path / "study"), rounds=(1,))
        assert ran.done["train"] == {"MKI67 round 1", f"{TRAIT} round 1"}
        assert not ran.done.keys() & {"ensemble", "predict", "report"}

    def test_after_part_is_the_whole(self, tmp_path, copy_tiles, write_study, run, quick, quick_study):
        copy_tiles(tmp_path / "study")
        study = write_study(tmp_path / "study")
        run(study, rounds=(1,))
        run(study, traits=("MKI67",))
        ran = run(study)
        assert ran.done["train"] == {f"{TRAIT} round 0"}
        assert contents(study.root, "tables") == contents(quick_study, "tables")
