"""`cartopath regress` from the command line: one small cohort, and the messages of what cannot be done."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cartopath.cli.main import app
from cartopath.training.feature_files import TileFeatures, read_features, write_trident

runner = CliRunner()


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Twenty patients with a slide each, called like the patient, in TRIDENT's layout, and three genes."""
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(0)
    levels = rng.normal(size=20)
    for i, level in enumerate(levels):
        features = rng.normal(size=(15, 4)).astype(np.float32)
        features[:, 0] += 2 * level
        xy = np.column_stack([np.arange(15), np.zeros(15, int)]) * 512
        tiles = TileFeatures(
            slide_id=f"P{i:02d}", features=features, xy_px0=xy, window_px0=512, size_px=256, mpp=0.25, encoder="made"
        )
        write_trident(tiles, folder / "features" / f"P{i:02d}.h5")
    counts = np.exp(np.column_stack([levels, rng.normal(size=(20, 2))]) + 3).round(2)
    table = pd.DataFrame(counts.T, index=pd.Index(["TP53", "LYZ", "WARS"], name="gene"), columns=[f"P{i:02d}" for i in range(20)])
    table.to_csv(folder / "expression.csv")
    return folder


def regress(cohort, out, *more):
    return runner.invoke(app, ["regress", str(cohort / "features"), str(cohort / "expression.csv"), "-o", str(out), "-q", *more])


def test_a_regression_prints_what_it_found_and_writes_a_page(cohort, tmp_path):
    result = regress(cohort, tmp_path, "--genes", "TP53,WARS", "--head", "mean", "--epochs", "4", "--no-control")
    assert result.exit_code == 0, result.output
    assert "20 patients, 2 genes, 4 features of made" in result.output
    assert "ridge" in result.output and "WARS1" in result.output
    assert max(map(len, result.output.partition("best genes")[0].splitlines()[:-1])) <= 80
    header = next(line for line in result.output.splitlines() if line.strip().startswith("by"))
    assert header.split("┃")[-1].strip() == "s"
    assert (tmp_path / "index.html").is_file()
    assert set(pd.read_csv(tmp_path / "genes.csv")["gene"]) == {"TP53", "WARS1"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--genes", "TP35"], "TP35 (closest: TP53"),
        (["--genes", "LYX"], "LYX is a misprint of LYZ"),
        (["--head", "atention"], "expected some of attention"),
        (["--folds", "8"], "20 patients"),
        (["--attention", "LYZ", "--genes", "TP53"], "--attention LYZ: not among the 1 genes"),
        (["--attention", "WARS1x"], "closest to WARS1x: WARS"),
    ],
)
def test_what_cannot_be_done_is_one_message(cohort, tmp_path, more, message):
    result = regress(cohort, tmp_path, *more)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--genes", "TP35"], "TP35 (closest: TP53"),
        (["--genes", "pam05"], "did you mean pam50"),
        (["--attention", "TP35"], "--attention TP35: not among the 3 genes"),
        (["--also", "nowhere"], "nowhere: no such folder of feature files"),
    ],
)
def test_misspelt_names_are_told_before_features_are_read(cohort, tmp_path, monkeypatch, more, message):
    monkeypatch.setattr("cartopath.methods.regression.running.read_patients", lambda *_, **__: pytest.fail("features were read"))
    result = regress(cohort, tmp_path, *more)
    assert result.exit_code == 1
    assert message in result.output


def test_features_that_are_not_there_are_named(cohort, tmp_path):
    result = runner.invoke(app, ["regress", str(tmp_path / "none"), str(cohort / "expression.csv"), "-o", str(tmp_path), "-q"])
    assert result.exit_code == 1
    assert "no such folder of feature files" in result.output


def test_a_damaged_file_costs_itself_and_is_named(cohort, tmp_path):
    shutil.copytree(cohort / "features", tmp_path / "features")
    (tmp_path / "features" / "P03.h5").write_bytes(b"no HDF5 at all")
    words = [str(tmp_path / "features"), str(cohort / "expression.csv"), "-o", str(tmp_path / "out"), "--genes", "TP53", "-q"]
    result = runner.invoke(app, ["regress", *words, "--head", "mean", "--epochs", "2", "--no-control", "--folds", "4"])
    assert result.exit_code == 3
    assert "19 patients" in result.output and "P03.h5: not readable" in result.output
    left_out = pd.read_csv(tmp_path / "out" / "left_out.csv").set_index(["what", "name"])["reason"]
    assert "P03.h5: not readable" in left_out["slide", "P03"]
    assert left_out["patient", "P03"] == "none of its slides takes part (P03)"


def test_patients_without_a_feature_file_are_counted_and_listed(cohort, tmp_path):
    shutil.copytree(cohort / "features", tmp_path / "features")
    for name in ("P04", "P11"):
        (tmp_path / "features" / f"{name}.h5").unlink()
    words = [str(tmp_path / "features"), str(cohort / "expression.csv"), "-o", str(tmp_path / "out"), "--genes", "TP53", "-q"]
    result = runner.invoke(app, ["regress", *words, "--head", "mean", "--epochs", "2", "--no-control", "--folds", "4"])
    assert result.exit_code == 0
    sentence = "2 of 20 patients of the table have no feature file (P04, P11)"
    assert sentence in result.output and sentence in (tmp_path / "out" / "index.html").read_text()
    left_out = pd.read_csv(tmp_path / "out" / "left_out.csv").to_numpy().tolist()
    assert left_out == [["patient", "P04", "no feature file"], ["patient", "P11", "no feature file"]]


def test_where_files_are_too_few_the_message_says_what_became_of_the_others(cohort, tmp_path):
    shutil.copytree(cohort / "features", tmp_path / "features")
    (tmp_path / "features" / "P04.h5").unlink()
    (tmp_path / "features" / "P03.h5").write_bytes(b"no HDF5 at all")
    result = runner.invoke(
        app, ["regress", str(tmp_path / "features"), str(cohort / "expression.csv"), "-o", str(tmp_path), "-q"]
    )
    assert result.exit_code == 1
    assert "18 patients with features and measurements cannot be divided into 5 folds" in result.output
    assert "1 of 20 patients of the table has no feature file (P04); 1 file cannot be used (the first: " in result.output


def test_a_file_of_another_width_costs_itself_and_is_named_with_both_widths(cohort, tmp_path):
    shutil.copytree(cohort / "features", tmp_path / "features")
    wide = read_features(cohort / "features" / "P07.h5")
    write_trident(replace(wide, features=np.tile(wide.features, 2)), tmp_path / "features" / "P07.h5")
    words = [str(tmp_path / "features"), str(cohort / "expression.csv"), "-o", str(tmp_path / "out"), "--genes", "TP53", "-q"]
    result = runner.invoke(app, ["regress", *words, "--head", "mean", "--epochs", "2", "--no-control", "--folds", "4"])
    assert result.exit_code == 3
    assert "P07.h5: 8 numbers per tile of made, where 19 of 20 files hold 4 numbers per tile of made" in result.output
    assert "19 patients" in result.output


def test_a_log_says_how_far_a_regression_is(cohort, tmp_path, monkeypatch):
    words = [str(cohort / "features"), str(cohort / "expression.csv"), "-o", str(tmp_path), "--genes", "TP53", "--head", "mean"]
    printed = runner.invoke(app, ["regress", *words, "--epochs", "2", "--no-control"]).output
    assert "features: 20 of 20" in printed
    assert "below" in printed
