"""The guide of all inputs names everything there is: a format, finding, flag or column that is added is added there, too."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cartopath.cohort.clinical import CLINICAL_FORMATS
from cartopath.cohort.findings import FINDING_CODES, findings_table
from cartopath.cohort.matrices.registry import MATRIX_FORMATS
from cartopath.cohort.receptors import RECEPTORS
from cartopath.cohort.slide_lists.slide_files import PICTURE_SUFFIXES, SLIDE_SUFFIXES
from cartopath.cohort.slide_lists.slide_table import SLIDE_COLUMNS
from cartopath.cohort.survival_status import ENDPOINTS
from cartopath.slides.quality import TILE_FLAGS, QualityLimits, quality_flags
from cartopath.study.check.slides import LookedAt, slide_verdicts
from cartopath.study.config import StudyConfig
from cartopath.study.run import Study
from cartopath.study.stages.quality import measured_quality
from cartopath.study.study_file import parse_config

GUIDE = (Path(__file__).parents[1] / "docs" / "inputs.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
NO_FLAGS = quality_flags(pd.DataFrame(columns=["slide_id"]))


def section(title: str) -> str:
    """Return the text below a heading, up to the next one of the same level."""
    below = GUIDE.split(f"\n## {title}\n", 1)[1]
    return below.split("\n## ", 1)[0]


def rows(title: str) -> dict[str, list[str]]:
    """Return the rows of all tables of a section by their first word in backticks."""
    lines = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in section(title).splitlines() if line.startswith("| `")]
    return {cells[0].strip().split("`")[1]: [cell.strip() for cell in cells] for cells in lines}


def test_every_molecular_format_has_a_row():
    assert [format_.name for format_ in MATRIX_FORMATS] == list(rows("Expression tables"))


def test_every_clinical_format_has_a_row():
    assert {format_.name for format_ in CLINICAL_FORMATS} <= set(rows("Clinical tables"))


def test_every_endpoint_has_a_row():
    assert set(ENDPOINTS) <= set(rows("Clinical tables"))


@pytest.mark.parametrize("receptor", RECEPTORS)
def test_every_receptor_is_there(receptor):
    assert f"\n| {receptor} |" in section("Clinical tables")


@pytest.mark.parametrize("suffix", (*SLIDE_SUFFIXES, *PICTURE_SUFFIXES))
def test_every_suffix_is_there(suffix):
    assert re.search(rf"(?<!\w){re.escape(suffix)}(?!\w)", section("Which slides there are"))


def test_every_finding_has_a_row_and_no_other():
    assert list(rows("Findings")) == sorted(FINDING_CODES)


def test_every_severity_is_one_of_three():
    words = {word for cells in rows("Findings").values() for word in re.findall(r"error|warning|info", cells[1])}
    assert words == {"error", "warning", "info"}


def test_columns_of_the_check_are_those_that_it_writes(tmp_path):
    nothing, study = pd.DataFrame(columns=list(SLIDE_COLUMNS)), Study(StudyConfig(), tmp_path)
    written = list(slide_verdicts(study, nothing, LookedAt([], {}), measured_quality(study.layout, []), NO_FLAGS).columns)
    described = list(rows("`cartopath check`"))
    assert described[described.index("slide_id") :] == written


@pytest.mark.parametrize("column", (*findings_table([]).columns, *NO_FLAGS.columns))
def test_columns_of_the_other_tables_are_named(column):
    assert f"`{column}`" in section("`cartopath check`")


def test_every_flag_of_a_tile_has_its_limits():
    limits, described = QualityLimits(), rows("Slide quality")
    for flag in TILE_FLAGS:
        assert described[flag][3].startswith(f"{100 * limits.tile_share[flag]:g} %"), flag
    for flag, share in limits.slide_share.items():
        assert described[flag][4].startswith(f"{100 * share:g} %"), flag
    assert f"{limits.pen_mm2:g} mm²" in described["pen"][4]
    assert f"{limits.little_tissue_mm2:g} mm²" in described["little-tissue"][4]


def test_flags_that_can_be_dropped_come_first():
    assert tuple(rows("Slide quality"))[: len(TILE_FLAGS)] == TILE_FLAGS


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_parts_of_a_study_file(example):
    parse_config(yaml.safe_load(example))


def test_links_lead_to_headings():
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", GUIDE, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= anchors
