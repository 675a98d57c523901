"""Missing, empty, damaged and undefined results are named, never hidden and never fatal."""

from __future__ import annotations

import dataclasses
import html as entities
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from cartopath.report import write_report
from cartopath.report.blocks import Section
from cartopath.report.results import StudyResults, read_results
from cartopath.report.schemas import SCHEMAS
from cartopath.report.sections.cohort import cohort_section, findings_section
from cartopath.report.sections.cox import cox_section
from cartopath.report.sections.groups import groups_section
from cartopath.report.sections.heterogeneity import heterogeneity_section
from cartopath.report.sections.performance import performance_section
from cartopath.report.sections.provenance import failures_section, provenance_section
from cartopath.report.sections.scores import scores_section
from cartopath.report.sections.summary import summary_section
from cartopath.report.sections.survival import survival_section
from cartopath.report.sections.training import training_section

Edit = Callable[[str, Callable[[pd.DataFrame], pd.DataFrame]], Path]
OPTIONAL = {"published", "recovery", "hti_group_patients", "quality_flags"}


def words(value: object) -> str:
    """Return all text of a section, down to its cells and captions."""
    if isinstance(value, str):
        return value
    if dataclasses.is_dataclass(value):
        return " ".join(words(getattr(value, field.name)) for field in dataclasses.fields(value))
    return " ".join(words(part) for part in value) if isinstance(value, tuple) else ""


def section_text(study: Path, *sections: Callable[[StudyResults], Section | None]) -> str:
    """Return the text of some sections, without drawing the rest of the page."""
    results = read_results(study)
    return " ".join(" ".join(words(make(results)) for make in sections).split())


def page_text(study: Path) -> str:
    """Return the text of the whole page."""
    page = write_report(study).read_text(encoding="utf-8")
    page = re.sub(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+", "", page)
    return " ".join(entities.unescape(re.sub(r"<[^>]+>", "", page)).replace("\N{NO-BREAK SPACE}", " ").split())


def test_an_empty_folder_gives_a_page_that_names_every_stage(tmp_path: Path) -> None:
    text = page_text(tmp_path)
    assert "This study has no result tables yet" in text
    for name in set(SCHEMAS) - OPTIONAL - {"correlations", "findings"}:
        assert f"tables/{name}.csv is missing; the stage {SCHEMAS[name].stage} writes it" in text


def test_sections_that_do_not_apply_are_left_out(study: Path) -> None:
    for name in OPTIONAL:
        (study / "tables" / f"{name}.csv").unlink()
    text = page_text(study)
    assert "Planted truth" not in text
    assert "Published AUROCs" not in text


def test_tables_with_a_header_only_are_named(study: Path) -> None:
    for path in (study / "tables").glob("*.csv"):
        pd.read_csv(path, dtype=str).iloc[:0].to_csv(path, index=False)
    text = page_text(study)
    for name in set(SCHEMAS) - OPTIONAL - {"correlations", "findings"}:
        assert f"tables/{name}.csv has no rows" in text


def test_tables_without_any_byte_are_named(study: Path) -> None:
    for path in (study / "tables").glob("*.csv"):
        path.write_bytes(b"")
    assert "tables/metrics.csv cannot be read" in page_text(study)


def test_tables_that_are_not_text_are_named(study: Path) -> None:
    (study / "tables" / "hti.csv").write_bytes(b"\xff\xfe\x00slide_id\x80")
    assert "tables/hti.csv cannot be read" in section_text(study, groups_section, heterogeneity_section)


def test_a_word_where_a_number_belongs_is_named_with_its_place(edit: Edit) -> None:
    study = edit("rounds", lambda rows: rows.assign(rank="first"))
    assert "tables/rounds.csv is damaged (line 2, column rank: 'first' is not a number)" in section_text(study, training_section)


def test_tables_that_lack_columns_are_drawn_as_far_as_they_go(study: Path) -> None:
    for path in (study / "tables").glob("*.csv"):
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        rows[rows.columns[: max(1, len(rows.columns) // 2)]].to_csv(path, index=False)
    assert "Provenance" in page_text(study)


def test_cells_without_values_are_drawn_as_far_as_they_go(study: Path) -> None:
    for path in (study / "tables").glob("*.csv"):
        name = path.stem
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        numbers = [c for c in rows.columns if c in SCHEMAS[name].numbers or c.startswith(("share_", "round_"))]
        rows.assign(**dict.fromkeys(numbers, "")).to_csv(path, index=False)
    text = page_text(study)
    assert not re.search(r"(?<![A-Za-z])nan(?![A-Za-z])", text)


def test_an_undefined_auroc_says_why(edit: Edit) -> None:
    reason = "only one class among 3 slides"

    def undefine(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(value="", low="", high="", reason=reason)

    text = section_text(edit("metrics", undefine), summary_section, performance_section)
    assert re.search(rf"AUROC undefined on (\d+) held-out slides of \1 patients \(\d+ high, \d+ low\): {reason}\.", text)
    assert f"undefined {reason}" in text


def test_an_auroc_that_may_be_chance_is_reported_as_not_found(edit: Edit) -> None:
    text = section_text(edit("metrics", lambda rows: rows.assign(value="0.61", low="0.44", high="0.78")), summary_section)
    assert "AUROC 0.61 (95 % CI 0.44–0.78)" in text
    assert "no association found" in text
    assert "above chance" not in text


def test_an_auroc_below_chance_asks_to_check_the_labels(edit: Edit) -> None:
    assert "below chance: check the labels" in section_text(
        edit("metrics", lambda rows: rows.assign(value="0.2", low="0.1", high="0.3")), summary_section
    )


def test_an_auroc_without_interval_claims_nothing(edit: Edit) -> None:
    text = section_text(edit("metrics", lambda rows: rows.assign(low="", high="")), summary_section)
    assert "no interval: nothing to claim" in text
    assert "above chance" not in text


def test_survival_that_does_not_differ_is_reported_as_not_found(edit: Edit) -> None:
    text = section_text(
        edit("survival_tests", lambda rows: rows.iloc[:1].assign(p_value="0.41")), summary_section, survival_section
    )
    assert "HTI cut at 0.5: log-rank p = 0.41" in text
    assert "survival differs" not in text


def test_survival_that_could_not_be_tested_says_why(edit: Edit) -> None:
    def undefine(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.iloc[:1].assign(p_value="", statistic="", reason="the study has no clinical table")

    text = section_text(edit("survival_tests", undefine), summary_section, survival_section)
    assert "log-rank test undefined: the study has no clinical table." in text
    assert "undefined: the study has no clinical table" in text


def test_a_cox_model_that_did_not_converge_says_so(edit: Edit) -> None:
    def undefine(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(covariate="", hazard_ratio="", low="", high="", p_value="", warning="no events in the low group")

    text = section_text(edit("cox", undefine), cox_section)
    assert "undefined: see the note" in text
    assert "no events in the low group" in text


def test_a_study_of_one_trait_needs_no_heterogeneity(study: Path) -> None:
    for name in ("labels", "metrics", "slide_scores", "learning_curves", "rounds"):
        path = study / "tables" / f"{name}.csv"
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        rows[rows["trait"] == "MKI67"].to_csv(path, index=False)
    (study / "study.lock.yaml").write_text("name: one\ntraits: [{name: MKI67}]\n")
    assert "the study has one trait; heterogeneity needs two" in section_text(study, heterogeneity_section)


def test_tables_of_different_runs_are_noticed(edit: Edit) -> None:
    study = edit("slide_scores", lambda rows: rows.assign(ensemble=[f"{1 - float(value):.6f}" for value in rows["ensemble"]]))
    assert "The two tables are not from the same run" in section_text(study, scores_section)


def test_a_flow_that_does_not_add_up_is_noticed(edit: Edit) -> None:
    assert "do not add up" in section_text(edit("cohort_flow", lambda rows: rows.assign(lost_slides="7")), cohort_section)


def test_a_flow_that_adds_up_is_not_remarked_on(study: Path) -> None:
    assert "do not add up" not in section_text(study, cohort_section)


def test_a_damaged_cartography_is_named_and_the_others_drawn(study: Path) -> None:
    damaged = sorted((study / "maps").glob("*.ome.tif"))
    for path in damaged[:20]:
        path.write_bytes(b"not a TIFF")
    text = section_text(study, heterogeneity_section)
    assert "Cartographies that could not be drawn: maps/" in text
    assert "Heterogeneity maps in rows of low, middle and high HTI" in text


def test_damaged_pictures_are_left_out(study: Path) -> None:
    for path in (study / "maps").glob("*_MKI67.png"):
        path.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    assert "Molecular cartography of one slide" in section_text(study, heterogeneity_section)


def test_no_maps_at_all_names_the_stages_that_make_them(study: Path) -> None:
    for path in (study / "maps").iterdir():
        path.unlink()
    assert "Heterogeneity maps: nothing to show" in section_text(study, heterogeneity_section)


def test_a_check_that_did_not_end_is_said_to_be_missing(study: Path) -> None:
    (study / "tables" / "findings.csv").unlink()
    text = section_text(study, findings_section)
    assert "no check of this study file and these tables has come to its end" in text
    assert "`cartopath check` goes on where it was interrupted" in text


def test_one_run_started_once(study: Path) -> None:
    (study / "ledger.jsonl").write_text('{"outcome": "started", "time": "2026-01-02T03:04:05+00:00"}\n')
    assert "1 run, started 2026-01-02T03:04:05+00:00." in section_text(study, provenance_section)


def test_torn_and_foreign_ledger_lines_are_counted(study: Path) -> None:
    with (study / "ledger.jsonl").open("a") as file:
        file.write('["not an object"]\n{"stage": "tiles", "ta')
    assert "2 lines of the ledger could not be read" in section_text(study, provenance_section)


def test_a_task_that_failed_and_then_succeeded_is_no_failure(study: Path) -> None:
    line = '{"stage": "tiles", "task": "TCGA-ZX-0003-01Z-00-DX1", "outcome": "done", "seconds": 1.0}\n'
    with (study / "ledger.jsonl").open("a") as file:
        file.write(line)
    assert "No task of the last run failed." in section_text(study, failures_section)


def test_a_damaged_configuration_still_gives_a_page(study: Path) -> None:
    (study / "study.lock.yaml").write_text("name: [unclosed\n")
    assert "Study: molecular cartography" in page_text(study)


def test_long_lists_of_lost_slides_are_cut_and_say_so(edit: Edit) -> None:
    def lose(rows: pd.DataFrame) -> pd.DataFrame:
        lost = rows[rows["status"] == "failed"].iloc[:1]
        many = [lost.assign(slide_id=f"slide-{i:04d}") for i in range(260)]
        return pd.concat([rows[rows["status"] == "used"], *many])

    assert "60 more in the file." in section_text(edit("slides", lose), cohort_section)
