"""The demonstration from end to end on a tiny cohort: it runs, compares, prints, and admits what it did not recover."""

import shutil

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from cartopath.cli.main import app
from cartopath.core.errors import ConfigError
from cartopath.demo import simulated
from cartopath.demo.simulated import demo_config, demo_spec, prepare_demo
from cartopath.simulate import CohortSpec
from cartopath.study.config import METHODS
from cartopath.study.run import Silent
from cartopath.study.study_file import parse_config


class TestTheDemo:
    def test_studies_the_traits_that_its_cohort_is_planted_with(self):
        config, spec = parse_config(yaml.safe_load(demo_config(seed=0))), demo_spec(effect=3.0, seed=0)
        assert tuple(config.trait_names) == spec.traits
        assert (config.tiles.size_px, config.tiles.mpp) == (spec.tile_size_px, spec.tile_mpp)

    def test_has_one_seed_for_the_cohort_and_the_study(self):
        assert parse_config(yaml.safe_load(demo_config(seed=7))).seed == demo_spec(effect=3.0, seed=7).seed == 7

    def test_plants_the_effect_it_is_asked_for(self):
        assert demo_spec(effect=0.0, seed=0).effect == 0.0

    def test_leaves_a_study_of_the_user_alone(self, tmp_path):
        (tmp_path / "study.yaml").write_text("traits: [MKI67]\n")
        with pytest.raises(ConfigError, match="holds a study of your own"):
            prepare_demo(tmp_path, effect=3.0, seed=0, workers=1, watcher=Silent())
        assert (tmp_path / "study.yaml").read_text() == "traits: [MKI67]\n"

    @pytest.mark.parametrize("method", METHODS)
    def test_of_every_method_differs_in_the_method_alone(self, method):
        first, own = (parse_config(yaml.safe_load(demo_config(seed=3, method=name))) for name in ("tile_classifier", method))
        assert own.method.name == method
        assert own.model_dump(exclude={"method"}) == first.model_dump(exclude={"method"})

    def test_of_another_method_keeps_its_folder(self, tmp_path):
        (tmp_path / "study.yaml").write_text(demo_config(seed=0, method="attention"))
        with pytest.raises(ConfigError, match="holds the demo by attention; choose another folder for that by fingerprints"):
            prepare_demo(tmp_path, effect=3.0, seed=0, workers=1, watcher=Silent(), method="fingerprints")


@pytest.fixture
def small_demo(monkeypatch, small_cohort, tmp_path):
    """A demo of 24 patients and two networks; its slides are drawn already."""

    def spec(*, effect, seed, n_patients=24):
        return CohortSpec(n_patients=n_patients, slide_um=(350.0, 350.0), irregular=False, effect=effect, seed=seed)

    def config(*, seed, method):
        content = yaml.safe_load(demo_config(seed=seed))
        content["labels"] = {"low": 40, "high": 60}
        content["splits"] = {"test": 0.25, "validation": 0.25, "rounds": 1}
        content["method"] = {"backbone": "test_resnet", "pool": "avg"}
        content["training"] = {"max_chunks": 2, "validations_per_epoch": 2, "batch_size": 8}
        content["compute"] = {"accelerator": "cpu"}
        return f"{demo_config(seed=seed).splitlines()[0]}\n{yaml.safe_dump(content)}"

    monkeypatch.setattr(simulated, "demo_spec", spec)
    monkeypatch.setattr(simulated, "demo_config", config)
    return shutil.copytree(small_cohort, tmp_path / "demo")


def test_a_tiny_demo_runs_to_its_end_and_admits_what_it_did_not_recover(small_demo, monkeypatch):
    monkeypatch.delattr("cartopath.study.executors.DaskExecutor")  # With --workers 0 nothing may ask for it.
    words = ["demo", "--out", str(small_demo), "--workers", "0", "--quiet"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1, result.output  # Two chunks of training recover nothing.
    table = pd.read_csv(small_demo / "tables" / "recovery.csv", dtype=str)
    assert len(table) == 6
    assert "false" in set(table["holds"])
    assert (small_demo / "report" / "index.html").is_file()
    printed = " ".join(result.output.split())
    assert "planted and recovered" in printed
    assert "survival by HTI: log-rank p" in printed
    assert "0 tasks failed" in printed
    assert f"report: {small_demo / 'report' / 'index.html'}" in printed

    before = {path: path.stat().st_mtime_ns for path in small_demo.rglob("*.csv")}
    assert CliRunner().invoke(app, words).exit_code == 1
    assert {path: path.stat().st_mtime_ns for path in small_demo.rglob("*.csv")} == before
