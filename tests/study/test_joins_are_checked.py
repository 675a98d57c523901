"""A run refuses tables that contradict each other, and forgets findings that are about something else."""

import numpy as np
import pandas as pd
import pytest

from cartopath.core.errors import TableError
from cartopath.study.inputs import ClinicalInput, MolecularInput, MolecularSource
from cartopath.study.run import Study
from cartopath.study.stages.identity import check_identity, forget_stale_check, remember_check
from cartopath.study.study_file import parse_config


@pytest.fixture
def tables(tmp_path):
    """Expression of ESR1 that follows ER status in 120 patients, and the clinical table."""
    rng = np.random.default_rng(0)
    patients = [f"TCGA-A1-{i:04}" for i in range(120)]
    positive = rng.random(120) < 0.7
    values = np.exp(5 + 2.5 * positive + rng.normal(size=120))
    expression = pd.DataFrame([values, rng.normal(9, 1, 120)], index=["ESR1", "MKI67"], columns=[f"{p}-01A" for p in patients])
    expression.to_csv(tmp_path / "expression.tsv", sep="\t", index_label="gene")
    status = np.where(positive, "Positive", "Negative")
    pd.DataFrame({"Patient ID": patients, "ER Status By IHC": status}).to_csv(tmp_path / "clinical.csv", index=False)
    return tmp_path


def _shuffle(folder):
    table = pd.read_csv(folder / "expression.tsv", sep="\t", index_col=0)
    table.columns = np.roll(table.columns, 40)
    table.to_csv(folder / "expression.tsv", sep="\t", index_label="gene")


def _check(folder, *, trust=False):
    molecular, clinical = MolecularInput((MolecularSource(folder / "expression.tsv"),)), ClinicalInput((folder / "clinical.csv",))
    return check_identity(molecular=molecular, clinical=clinical, trust=trust, out=folder / "identity.csv")


def test_a_right_join_goes_on(tables):
    assert _check(tables) == {"pairs": 1, "contradicted": 0}
    assert pd.read_csv(tables / "identity.csv")["code"].tolist() == ["identity-confirmed"]


def test_shuffled_barcodes_stop_a_run_with_the_way_out(tables):
    _shuffle(tables)
    with pytest.raises(TableError, match=r"suspected identity mix-up.*molecular\.trust_join: true"):
        _check(tables)


def test_who_knows_better_can_go_on(tables):
    _shuffle(tables)
    assert _check(tables, trust=True)["contradicted"] == 1


class TestFindingsOfACheck:
    @pytest.fixture
    def study(self, tables):
        content = {"traits": ["MKI67"], "molecular": {"table": "expression.tsv"}, "clinical": {"table": "clinical.csv"}}
        study = Study(parse_config(content), tables)
        study.layout.table("findings").parent.mkdir()
        study.layout.table("findings").write_text("severity,code,subject,message\n")
        remember_check(study)
        return study

    def test_stay_while_they_are_about_this_study(self, study):
        forget_stale_check(study)
        assert study.layout.table("findings").is_file()

    def test_go_when_a_table_has_changed(self, study, tables):
        _shuffle(tables)
        forget_stale_check(study)
        assert not study.layout.table("findings").is_file()

    def test_go_when_the_study_file_has_changed(self, study):
        changed = study.config.model_copy(update={"seed": 1})
        forget_stale_check(Study(changed, study.root))
        assert not study.layout.table("findings").is_file()
