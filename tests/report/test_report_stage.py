"""The report is written anew when anything that it shows has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cartopath.report.stage import plan_report
from cartopath.study.config import StudyConfig
from cartopath.study.run import Study


@pytest.mark.parametrize("name", ["tables/matching.csv", "maps/S-01.png", "maps/receptors/panel_ER.png", "quality/S-01.jpg"])
def test_the_report_follows_every_file_that_it_shows(tmp_path: Path, name: str) -> None:
    study = Study(StudyConfig(), tmp_path)
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    keys = [plan_report(study)[0].key]
    for content in ("first", "second"):
        path.write_text(content)
        keys.append(plan_report(study)[0].key)
    assert len(set(keys)) == 3
