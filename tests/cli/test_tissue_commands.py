"""`cartopath tissue` as a user runs it."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from cartopath.cli.main import app
from cartopath.cli.tissue.commands import parsed_legend
from cartopath.core.errors import ConfigError
from cartopath.core.rng import stream


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four pictures as slides, left half dark and right half light, with masks of the halves."""
    root = tmp_path_factory.mktemp("tissue")
    for name in ("slides", "masks"):
        (root / name).mkdir()
    mask = np.ones((40, 60), np.uint8)
    mask[:, 30:] = 2
    rows = []
    for number in range(4):
        light = np.where(np.repeat(np.repeat(mask, 8, 0), 8, 1)[..., None] == 1, 90, 180)
        noise = stream(0, "picture", number).normal(0, 15, (320, 480, 3))
        Image.fromarray((light + noise).clip(0, 255).astype(np.uint8)).save(root / "slides" / f"S{number}.png")
        Image.fromarray(mask).save(root / "masks" / f"S{number}.png")
        rows.append({"slide_id": f"S{number}", "path": f"S{number}.png", "patient_id": f"P{number}", "mpp": 1.0})
    pd.DataFrame(rows).to_csv(root / "slides.csv", index=False)
    return root


def cartopath(*words):
    result = CliRunner().invoke(app, ["tissue", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture(scope="module")
def trained(folder):
    small = ["--backbone", "test_resnet", "--tile-px", 16, "--mpp", 2, "--epochs", 3, "--tiles-per-type", 40, "--threads", 1]
    legend = ["--legend", "1=Tumor", "--legend", "2=Stroma"]
    where = [folder / "slides", folder / "masks", "-o", folder / "model", "--table", folder / "slides.csv"]
    return cartopath("train", *where, *small, *legend)


def test_training_says_how_good_the_model_is(trained, folder):
    code, printed = trained
    assert code == 0
    assert "4 annotated slides of 4 patients" in printed and "on 1 held out" in printed
    assert pd.read_csv(folder / "model" / "held_out.csv").set_index("type").loc["all", "accuracy"] > 0.9


def test_model_types_slides(trained, folder):
    slides = [folder / "slides" / f"S{number}.png" for number in range(2)]
    code, printed = cartopath("predict", folder / "model", *slides, "-o", folder / "out", "--mpp", 1, "--threads", 1)
    assert code == 0
    share = pd.read_csv(folder / "out" / "tissue.csv").set_index("slide_id").loc["S0", "epithelium"]
    assert f"S0 │ 150 │ {share:.0%}" in printed or f"S0 | 150 | {share:.0%}" in printed
    assert {path.name for path in (folder / "out").iterdir()} == {"S0.parquet", "S0.png", "S1.parquet", "S1.png", "tissue.csv"}


def test_slide_that_fails_ends_with_code_3(trained, folder):
    slides = [folder / "slides" / "S0.png", folder / "slides.csv"]
    code, printed = cartopath("predict", folder / "model", *slides, "-o", folder / "some", "--mpp", 1, "--threads", 1, "-q")
    assert code == 3 and "slides.csv" in printed


def test_masks_without_a_legend_are_refused_with_a_way_out(folder):
    where = [folder / "slides", folder / "masks", "-o", folder / "none", "--table", folder / "slides.csv"]
    code, printed = cartopath("train", *where)
    assert code == 1 and '--legend "1=epithelium"' in printed


def test_slips_are_noted_before_the_training(folder):
    small = ["--backbone", "test_resnet", "--tile-px", 16, "--mpp", 2, "--epochs", 1, "--tiles-per-type", 5, "--threads", 1]
    where = [folder / "slides", folder / "masks", "-o", folder / "noted", "--table", folder / "slides.csv"]
    names = ["--legend", "1=Tumor", "--legend", "2=Region", "--map", "Region=stromma", "--map", "Regoin=fat"]
    code, printed = cartopath("train", *where, *small, *names)
    assert code == 0
    assert printed.index("write 'stroma' if that is meant") < printed.index("epoch 1")
    assert "no annotation is called 'Regoin'" in printed


@pytest.mark.parametrize("word", ["1", "a=stroma"])
def test_legend_of_another_form_is_refused(word):
    with pytest.raises(ConfigError, match="--legend"):
        parsed_legend((word,))
