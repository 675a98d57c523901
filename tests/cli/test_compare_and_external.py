"""`cartopath compare` and `cartopath external` as a user runs them: what they print, what they leave, how they end."""

import re
import shutil

import pandas as pd
import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from cartopath.cli import console as shared
from cartopath.cli.main import app


@pytest.fixture
def cartopath(monkeypatch):
    """Run a command on a terminal of 80 columns and return its exit code and the lines it printed."""

    def cartopath_(*words):
        for module in ("console", "compare", "external"):
            monkeypatch.setattr(f"cartopath.cli.{module}.console", Console(highlight=False, soft_wrap=True, width=80))
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output.splitlines()

    assert shared.OK == 0
    return cartopath_


@pytest.fixture(scope="module")
def arms(finished_study, made_once):
    """The finished study, and itself under a long name."""

    def fill(folder):
        shutil.copytree(finished_study, folder)
        for name in ("study.yaml", "study.lock.yaml"):
            content = yaml.safe_load((folder / name).read_text())
            (folder / name).write_text(yaml.safe_dump(content | {"name": "the-same-once-more-under-a-long-name"}))

    return finished_study, made_once("same_arm", fill)


class TestCompare:
    def test_prints_tables_that_fit_80_columns(self, cartopath, arms, tmp_path):
        code, lines = cartopath("compare", *arms, "-o", tmp_path)
        assert code == 0
        tables = [line for line in lines if "│" in line]
        assert len(tables) == 12  # ensemble and rounds of two studies and traits, and their maps
        assert max(map(len, tables)) <= 80
        assert not any(re.match(r"^ +│", line) for line in tables)  # No cell had to wrap.

    def test_finds_no_difference_between_a_study_and_itself(self, cartopath, arms, tmp_path):
        cartopath("compare", *arms, "-o", tmp_path)
        table = pd.read_csv(tmp_path / "comparison.csv")
        other = table[table["study"] != "small"]
        assert (other["auroc_difference"] == 0).all()
        assert (other["planted_p"] == 1).all()
        assert (other["map_agreement"] == 1).all()

    def test_leaves_a_page_that_loads_and_runs_nothing(self, cartopath, arms, tmp_path):
        cartopath("compare", *arms, "-o", tmp_path)
        page = (tmp_path / "index.html").read_text()
        assert "a difference needs 5 of each" in page
        assert "<script" not in page
        assert not re.search(r"(src|href)=\"(?!#|data:)", page)

    def test_says_what_keeps_studies_from_being_compared(self, cartopath, finished_study, tmp_path):
        code, lines = cartopath("compare", finished_study, finished_study, "-o", tmp_path / "out")
        assert code == 1
        assert "named twice" in " ".join(lines)
        assert not (tmp_path / "out").exists()


class TestExternal:
    @pytest.fixture(scope="class")
    @classmethod
    def cohort(cls, made_once, small_cohort, small_config, finished_study):
        """Two test patients of the study and a slide that cannot be read."""

        def fill(folder):
            folder.mkdir()
            splits = pd.read_parquet(finished_study / "cohort" / "splits.parquet")
            test = sorted(splits.loc[splits["set"] == "test", "patient_id"].unique())[:2]
            table = pd.read_csv(small_cohort / "slides.csv", dtype=str, keep_default_na=False)
            table = table[table["patient_id"].isin(test)]
            table["path"] = [(small_cohort / path).as_posix() for path in table["path"]]
            (folder / "broken.svs").write_bytes(b"no slide")
            broken = {"slide_id": "broken", "path": "broken.svs", "patient_id": "TCGA-BH-ZX01"}
            pd.concat([table, pd.DataFrame([broken])]).fillna("").to_csv(folder / "slides.csv", index=False)
            content = {name: small_config[name] for name in ("molecular", "clinical", "compute")}
            content |= {"slides": {"dir": ".", "table": "slides.csv"}, "labels": {"low": 49, "high": 51}}
            (folder / "study.yaml").write_text(yaml.safe_dump(content))

        return made_once("two_external_patients", fill)

    def test_ends_with_code_3_and_names_the_slide_that_failed(self, cartopath, finished_study, cohort, tmp_path):
        code, lines = cartopath("external", finished_study, cohort, "-o", tmp_path / "out", "-q")
        printed = "\n".join(lines)
        assert code == 3
        assert "failed" in printed
        assert "broken.svs" in printed
        weights = [line for line in lines if "weights.safetensors" in line]
        assert len(weights) == 4
        assert all(line.endswith(" same") for line in weights)
        page = (tmp_path / "out" / "index.html").read_text()
        assert "Slides that could not be scored." in page
        assert "<script" not in page
        assert max(len(line) for line in lines if "│" in line) <= 80
