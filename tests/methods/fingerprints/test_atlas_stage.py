"""The atlas of a small study of fingerprints."""

from __future__ import annotations

import pandas as pd
import pytest
from PIL import Image

from cartopath.methods.fingerprints import atlas, atlas_layout
from cartopath.study.run import Study
from cartopath.study.stages.mapping import held_out_patients


@pytest.fixture(scope="module")
def drawn(fingerprints_study, tmp_path_factory):
    """The study with its atlas drawn, in a copy."""
    import shutil

    root = shutil.copytree(fingerprints_study, tmp_path_factory.mktemp("atlas") / "study")
    study = Study.read(root)
    (task,) = atlas.plan_atlas(study)
    task.function(**task.arguments)
    return study, task


def test_points_are_tiles_of_patients_that_trained_no_head(drawn):
    study, _ = drawn
    points = pd.read_csv(study.layout.table("atlas"))
    for trait, own in points.groupby("trait"):
        assert set(own["patient_id"]) <= held_out_patients(study, [trait])


def test_scores_run_from_minus_one_to_one_and_are_those_of_the_tiles(drawn):
    study, _ = drawn
    points = pd.read_csv(study.layout.table("atlas"))
    first = points.iloc[0]
    scores = pd.read_parquet(study.layout.scores("fingerprints", first["trait"], first["slide_id"]))
    own = scores[(scores["col"] == first["col"]) & (scores["row"] == first["row"])]["score"].iloc[0]
    assert first["score"] == pytest.approx(2 * own - 1, abs=1e-6)


def test_shown_tiles_of_a_cluster_are_of_five_patients(drawn):
    study, _ = drawn
    points = pd.read_csv(study.layout.table("atlas"))
    shown = points.dropna(subset=["rank"])
    assert len(shown) > 0
    for _, own in shown.groupby(["trait", "cluster"]):
        assert own["patient_id"].nunique() == len(own) == 5


def test_every_file_of_the_task_is_there(drawn):
    _, task = drawn
    assert all(path.is_file() for path in task.outputs)
    for path in task.outputs:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert picture.size[0] <= 1200


def test_atlas_is_the_same_when_it_is_drawn_again(drawn):
    _, task = drawn
    before = [path.read_bytes() for path in task.outputs]
    task.function(**task.arguments)
    assert [path.read_bytes() for path in task.outputs] == before


def test_bounded_atlas_takes_tiles_of_all_patients(drawn, monkeypatch):
    _, task = drawn
    monkeypatch.setattr(atlas_layout, "MOST_TILES", 20)
    (trait, slides), *_ = task.arguments["slides"].items()
    points, _ = atlas_layout.lay_out(trait, slides, seed=0)
    counts = points["patient_id"].value_counts()
    assert len(points) == 20 and counts.max() - counts.min() <= 1


def test_pictures_of_traits_that_are_gone_are_removed(drawn):
    study, _ = drawn
    old = study.layout.root / "maps" / "atlas" / "OLD.png"
    old.touch()
    atlas.plan_atlas(study)
    assert not old.exists()


def test_method_without_fingerprints_has_no_atlas(finished_study):
    assert atlas.plan_atlas(Study.read(finished_study)) == []
