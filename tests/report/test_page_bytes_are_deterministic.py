"""Equal study folders give equal pages."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pytest

from cartopath.core.errors import ArtifactError
from cartopath.report import write_report


def test_equal_folders_in_different_places_give_equal_bytes(study: Path, page: str) -> None:
    assert write_report(study).read_text(encoding="utf-8") == page


def test_drawing_depends_on_nothing_of_the_caller_and_leaves_only_the_page(study: Path, page: str) -> None:
    before = {path for path in study.rglob("*") if path.is_file()}
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "path"}):
        settings = dict(mpl.rcParams)
        path = write_report(study)
        assert dict(mpl.rcParams) == settings
    assert path == study / "report" / "index.html"
    assert path.read_text(encoding="utf-8") == page
    assert {file for file in study.rglob("*") if file.is_file()} - before == {path}


def test_keeps_the_key_and_the_title(tmp_path: Path) -> None:
    html = write_report(tmp_path, title="My cohort", key="abc123").read_text(encoding="utf-8")
    assert "<h1>My cohort</h1>" in html
    assert '<meta name="cartopath-key" content="abc123">' in html


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such study folder"):
        write_report(tmp_path / "nowhere")
