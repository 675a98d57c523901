"""A study whose slides lie at URLs: the same tiles as with files, looked at once, and done again when a slide changes."""

from __future__ import annotations

import os

import pandas as pd
import pytest
import yaml

from cartopath.cli.run import study_stages
from cartopath.slides import read_tile_plan
from cartopath.study.ledger import read_ledger
from cartopath.study.run import Study, run_study


@pytest.fixture(scope="module")
def two_slides(small_cohort):
    """Two slides of the cohort and their patients."""
    table = pd.read_csv(small_cohort / "slides.csv").head(2)
    return [(small_cohort / path, slide, patient) for path, slide, patient in
            table[["path", "slide_id", "patient_id"]].itertuples(index=False)]  # fmt: skip


@pytest.fixture
def make_study(tmp_path, two_slides, small_config):
    """`make_study(name, locations, workers=0)` is a study whose table gives these locations for the two slides."""

    def make(name, locations, *, workers=0, **slides):
        folder = tmp_path / name
        folder.mkdir()
        rows = [{"slide_id": slide, "patient_id": patient, "path": location}
                for (_, slide, patient), location in zip(two_slides, locations, strict=True)]  # fmt: skip
        pd.DataFrame(rows).to_csv(folder / "slides.csv", index=False)
        config = {**small_config, "slides": {"table": "slides.csv", **slides}}
        config["compute"] = {**config["compute"], "workers": workers}
        (folder / "study.yaml").write_text(yaml.safe_dump(config))
        return Study.read(folder)

    return make


def tile_tables(study):
    return {path.stem: read_tile_plan(path) for path in sorted((study.root / "tiles").glob("*.parquet"))}


@pytest.mark.parametrize("workers", [0, 1])
def test_slides_at_urls_are_tiled_like_files(make_study, two_slides, serve, workers):
    paths = [path for path, _, _ in two_slides]
    url = serve(paths[0].parent)
    local = make_study("local", [path.as_uri() for path in paths])
    remote = make_study("remote", [f"{url}/{path.name}" for path in paths], workers=workers)
    for study in (local, remote):
        stages = [stage for stage in study_stages(study) if stage.name in ("cohort", "quality", "tiles", "cache")]
        assert run_study(study, stages).failed == []
    here, there = tile_tables(local), tile_tables(remote)
    assert list(here) == list(there) == sorted(slide for _, slide, _ in two_slides)
    for name, (table, meta) in here.items():
        assert table.equals(there[name][0])
        assert len(meta["sha256"]) == 64
        assert there[name][1]["sha256"] == ""
        assert there[name][1]["backend"] == "direct"
    caches = [sorted((study.root / "cache").rglob("*.npy")) for study in (local, remote)]
    assert [path.read_bytes() for path in caches[0]] == [path.read_bytes() for path in caches[1]] != []
    entries = [entry for entry in read_ledger(remote.root / "ledger.jsonl") if entry["stage"] == "tiles"]
    assert [entry["figures"]["backend_reason"].endswith("at a URL") for entry in entries] == [True, True]


def test_a_slide_at_a_url_is_done_again_only_when_it_changes(make_study, two_slides, serve, run, tmp_path):
    served = tmp_path / "served"
    served.mkdir()
    for path, _, _ in two_slides:
        (served / path.name).write_bytes(path.read_bytes())
    url = serve(served)
    study = make_study("remote", [f"{url}/{path.name}" for path, _, _ in two_slides])
    assert len(run(study, until="quality").done["quality"]) == 2
    assert run(study, until="quality").done["quality"] == set()
    changed = served / two_slides[0][0].name
    os.utime(changed, (0, 0))
    assert run(study, until="quality").done["quality"] == {two_slides[0][1]}


def test_a_url_that_leads_nowhere_is_a_slide_that_fails(make_study, two_slides, serve, run):
    url = serve(two_slides[0][0].parent)
    study = make_study("remote", [f"{url}/{two_slides[0][0].name}", f"{url}/gone.tif"])
    ran = run(study, until="quality")
    assert ran.done["quality"] == {two_slides[0][1]}
    assert f"{url}/gone.tif: no such slide" in ran.failed[f"quality {two_slides[1][1]}"]


def test_a_folder_of_slides_may_be_a_url(make_study, two_slides, serve, run):
    url = serve(two_slides[0][0].parent)
    study = make_study("remote", [path.name for path, _, _ in two_slides], dir=url)
    assert len(run(study, until="quality").done["quality"]) == 2


def test_a_whole_study_of_slides_at_urls_has_the_numbers_of_their_files(
    quick_study, write_study, small_cohort, small_config, serve, run, tmp_path, quick
):
    slides = {**small_config["slides"], "dir": serve(small_cohort / "slides")}
    study = write_study(tmp_path / "study", slides=slides)
    assert run(study).failed == {}
    ours, theirs = study.root / "tables", quick_study / "tables"
    names = sorted(path.name for path in theirs.glob("*.csv"))
    assert names
    for name in names:
        here, there = (pd.read_csv(folder / name) for folder in (theirs, ours))
        says_where = [column for column in here if column in ("path", "backend_reason")]
        pd.testing.assert_frame_equal(there.drop(columns=says_where), here.drop(columns=says_where), obj=name)
