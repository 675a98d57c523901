"""The commands with slides at URLs, as a user types them."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from cartopath.cli.main import app


@pytest.fixture
def url(small_cohort, serve, tmp_path):
    """A folder with two slides of the small cohort at a URL."""
    folder = tmp_path / "served"
    folder.mkdir()
    for path in sorted((small_cohort / "slides").iterdir())[:2]:
        (folder / path.name).write_bytes(path.read_bytes())
    return serve(folder)


def test_a_folder_at_a_url_is_checked_like_any(url, tmp_path):
    found = CliRunner().invoke(app, ["check", url, "-q", "--workers", "0", "--out", str(tmp_path / "out")])
    assert "2 slides opened" in found.output, found.output
    table = pd.read_csv(tmp_path / "out" / "check.csv")
    assert table["path"].str.startswith(url).all()
    assert table["backend_reason"].tolist() == ["tiled TIFF, JPEG frames decoded directly, at a URL"] * 2
