"""The study of the guide to the simulated cohort can be copied: it names what is there, and tiles are those of the truth."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from cartopath.simulate import CohortSpec
from cartopath.study.run import Study

GUIDE = (Path(__file__).parents[1] / "docs" / "simulated_cohort.md").read_text(encoding="utf-8")


@pytest.fixture
def study(small_cohort, tmp_path):
    """The study file as the guide prints it, beside a small cohort."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    shutil.copytree(small_cohort, tmp_path / "cohort")
    (tmp_path / "cohort" / "study.yaml").write_text(text, encoding="utf-8")
    return Study.read(tmp_path / "cohort")


def test_it_reads_slides_tables_and_traits_of_such_a_cohort(study, run):
    assert run(study, until="cohort").failed == {}
    assert tuple(study.config.trait_names) == CohortSpec().traits


def test_its_tiles_are_those_on_which_traits_are_planted(study):
    assert (study.config.tiles.size_px, study.config.tiles.mpp) == (CohortSpec().tile_size_px, CohortSpec().tile_mpp)
