"""Who is in which set is decided once; a cohort that changes is told so."""

import shutil

import pandas as pd
import pytest

from cartopath.core.errors import SplitError
from cartopath.study.run import Study


@pytest.fixture
def cohort(small_cohort, tmp_path):
    """A slide table that a test may change, with 22 of the 24 patients in use."""
    table = pd.read_csv(small_cohort / "slides.csv", dtype=str, keep_default_na=False)
    table["path"] = [(small_cohort / path).as_posix() for path in table["path"]]
    path = tmp_path / "slides.csv"

    def write(*excluded):
        table["exclude"] = ["pen marks" if row in excluded else "" for row in range(len(table))]
        table.to_csv(path, index=False)
        return path.as_posix()

    return write


@pytest.fixture
def study(cohort, write_study, run, tmp_path):
    study = write_study(tmp_path / "study", slides={"table": cohort(0, 1)})
    run(study, until="splits")
    return study


def drawn(study):
    return pd.read_parquet(study.layout.splits)


def test_a_new_patient_is_refused_with_the_way_out(study, cohort, run):
    before = study.layout.splits.read_bytes()
    cohort(0)
    with pytest.raises(SplitError, match=r"drawn for 22 patients; 1 are new and 0 are gone \(TCGA-.*\).*--redraw-splits"):
        run(study)
    assert study.layout.splits.read_bytes() == before


def test_a_patient_who_is_gone_is_refused_with_the_way_out(study, cohort, run):
    cohort(0, 1, 2)
    with pytest.raises(SplitError, match=r"0 are new and 1 are gone .*--redraw-splits"):
        run(study)


def test_a_new_patient_is_divided_when_asked_for(study, cohort, run):
    cohort(0)
    redrawing = Study(study.config, study.root, redraw_splits=True)
    assert run(redrawing, until="splits").done["splits"] == {"all"}
    assert drawn(study)["patient_id"].nunique() == 23


def test_asking_for_new_splits_of_an_unchanged_cohort_keeps_them(study, run):
    redrawing = Study(study.config, study.root, redraw_splits=True)
    assert "splits" not in run(redrawing, until="splits").done


def test_another_rule_in_the_study_file_needs_no_asking(study, write_study, run, cohort):
    changed = write_study(study.root, slides={"table": cohort(0, 1)}, splits={"validation": 0.2})
    assert run(changed, until="splits").done["splits"] == {"all"}


def test_a_second_slide_of_a_known_patient_needs_no_asking(study, cohort, run):
    table = pd.read_csv(study.path(study.config.slides.table), dtype=str, keep_default_na=False)
    second = table.iloc[[5]].assign(slide_id=table["slide_id"][5].replace("DX1", "DX2"))
    copy = study.root / "second.tif"
    shutil.copy(table["path"][5], copy)
    pd.concat([table, second.assign(path=copy.as_posix())]).to_csv(study.path(study.config.slides.table), index=False)
    before = study.layout.splits.read_bytes()
    assert set(run(study, until="splits").done) == {"cohort", "quality"}
    assert study.layout.splits.read_bytes() == before


def test_the_same_study_elsewhere_draws_the_same(study, cohort, write_study, run, tmp_path):
    other = write_study(tmp_path / "other", slides={"table": cohort(0, 1)})
    run(other, until="splits")
    pd.testing.assert_frame_equal(drawn(other), drawn(study))


def test_every_patient_is_once_in_every_round_and_tested_in_all_or_none(study):
    splits = drawn(study)
    assert (splits.groupby(["round", "patient_id"]).size() == 1).all()
    is_test = splits["set"].eq("test").groupby(splits["patient_id"])
    assert (is_test.nunique() == 1).all()
