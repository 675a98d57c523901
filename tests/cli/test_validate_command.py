import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from cartopath.cli.main import app


@pytest.fixture
def folder(tmp_path):
    """One section of 5 x 5 spots with one gene that rises from left to right."""
    places = [(x, y) for y in range(5) for x in range(5)]
    for part in ("counts", "spots", "images"):
        (tmp_path / "st" / part).mkdir(parents=True)
    ids = [f"{x}x{y}" for x, y in places]
    counts = pd.DataFrame({"RISES": [10 + 20 * x for x, _ in places], "OTHER": [200 - 20 * x for x, _ in places]}, index=ids)
    counts.to_csv(tmp_path / "st" / "counts" / "A1.tsv", sep="\t")
    spots = pd.DataFrame([(x, y, 100 * x + 50, 100 * y + 50) for x, y in places], columns=["x", "y", "pixel_x", "pixel_y"])
    spots.to_csv(tmp_path / "st" / "spots" / "A1.tsv", sep="\t", index=False)
    Image.new("RGB", (500, 500), "white").save(tmp_path / "st" / "images" / "A1.png")
    maps = tmp_path / "map"
    maps.mkdir()
    pd.DataFrame({"RISES": np.array(places)[:, 0]}, index=ids).to_csv(maps / "A1.csv")
    return tmp_path


def test_existing_map_is_judged_by_the_spots(folder):
    result = CliRunner().invoke(app, ["validate", str(folder / "st"), "--map", str(folder / "map"), "-o", str(folder / "out")])
    assert result.exit_code == 0, result.output
    summary = pd.read_csv(folder / "out" / "summary.csv", index_col="way")
    assert summary.loc["map", "median_r"] > 0.95
    assert "best: RISES" in result.output and "null" in result.output


def test_one_section_is_not_enough_to_make_a_map(folder):
    result = CliRunner().invoke(app, ["validate", str(folder / "st"), "-o", str(folder / "out")])
    assert result.exit_code == 1
    assert "1 sections" in result.output and "--map" in result.output
    assert not (folder / "out").exists()


def test_folder_that_is_none_is_named(tmp_path):
    result = CliRunner().invoke(app, ["validate", str(tmp_path / "nowhere"), "-o", str(tmp_path / "out")])
    assert result.exit_code == 1 and "no such folder" in result.output
