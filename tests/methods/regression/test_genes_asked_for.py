"""Which genes are predicted: all that are expressed, a panel, or names; as logarithms."""

import numpy as np
import pandas as pd
import pytest

from cartopath.core.errors import TableError, TraitError
from cartopath.methods.regression.asked_genes import find_asked
from cartopath.methods.regression.expression import open_table, read_expression
from cartopath.methods.regression.settings import Inputs, Settings

PATIENTS = [f"P{i}" for i in range(10)]


@pytest.fixture
def inputs(tmp_path):
    """Counts of six genes: one silent, one expressed in a single patient, one with a missing value."""
    rng = np.random.default_rng(0)
    counts = pd.DataFrame(rng.integers(1, 900, size=(6, 10)), columns=PATIENTS, dtype=float)
    counts.index = pd.Index(["TP53", "LYZ", "WARS", "SILENT", "RARE", "GAPPY"], name="gene")
    counts.loc["SILENT"] = 0
    counts.loc["RARE"] = [0] * 9 + [40]
    counts.loc["GAPPY", "P3"] = np.nan
    counts.to_csv(tmp_path / "counts.csv")
    return Inputs(features=tmp_path, table=tmp_path / "counts.csv")


def read(inputs, **settings):
    table, asked = open_table(inputs), Settings(**settings)
    return read_expression(table, find_asked(table, asked, inputs), asked, PATIENTS)


def test_all_genes_are_those_that_are_expressed(inputs):
    found = read(inputs)
    assert found.values.columns.tolist() == ["TP53", "LYZ", "WARS", "GAPPY"]
    assert dict(found.left_out.to_numpy()) == {
        "SILENT": "the same in all patients",
        "RARE": "above its lowest value in 10% of patients",
    }


def test_counts_become_logarithms_and_missing_values_stay(inputs):
    found = read(inputs)
    counts = pd.read_csv(inputs.table, index_col=0).T
    assert found.values["TP53"].to_numpy() == pytest.approx(np.log1p(counts["TP53"].to_numpy()))
    assert np.isnan(found.values.loc["P3", "GAPPY"])
    assert found.transform == "log(1 + x) of counts"


def test_values_that_are_logarithms_are_left_as_they_are(inputs, tmp_path):
    table = pd.DataFrame(
        np.random.default_rng(1).normal(size=(4, 10)), columns=PATIENTS, index=pd.Index(list("ABCD"), name="gene")
    )
    table.to_csv(tmp_path / "logs.csv")
    found = read(Inputs(features=tmp_path, table=tmp_path / "logs.csv"))
    assert found.values.T.to_numpy() == pytest.approx(table.to_numpy())
    assert found.transform.startswith("values as in the table")


def test_a_panel_leaves_out_what_the_table_lacks_and_says_so(inputs):
    found = read(inputs, genes="Graziani_2022")
    assert found.genes[["gene", "feature", "group"]].to_numpy().tolist() == [
        ["LYZ", "LYZ", "training"],
        ["TP53", "TP53", "attention"],
        ["WARS1", "WARS", "both"],
    ]
    assert len(found.left_out) == 32
    assert found.left_out["reason"].str.startswith("not in the table").all()


def test_genes_that_are_named_are_kept_however_rare(inputs):
    assert read(inputs, genes="TP53, RARE").values.columns.tolist() == ["TP53", "RARE"]


def test_a_name_that_is_not_there_is_refused_with_the_closest(inputs):
    with pytest.raises(TraitError, match=r"TP35 \(closest: TP53"):
        read(inputs, genes="TP35,LYZ")


def test_a_misprint_of_the_paper_is_refused(inputs):
    with pytest.raises(TraitError, match="LYX is a misprint of LYZ"):
        read(inputs, genes="LYX")


def test_a_file_of_genes_is_read(inputs, tmp_path):
    (tmp_path / "mine.txt").write_text("LYZ\nNOT1\n")
    found = read(inputs, genes=str(tmp_path / "mine.txt"))
    assert (found.panel, found.values.columns.tolist()) == ("mine", ["LYZ"])


def test_nothing_to_predict_is_an_error(inputs):
    with pytest.raises(TableError, match="none of 1 genes can be predicted"):
        read(inputs, genes="SILENT")


def test_a_misspelt_panel_is_answered_with_the_panel_that_is_meant(inputs):
    with pytest.raises(TraitError, match="did you mean pam50"):
        read(inputs, genes="pam05")


def test_a_gene_of_a_file_that_the_table_lacks_is_a_note(inputs, tmp_path):
    (tmp_path / "genes.txt").write_text("TP53\nCDH1\n")
    assert "1 of 2 genes not in the table: CDH1" in " ".join(read(inputs, genes=str(tmp_path / "genes.txt")).notes)


class TestNotes:
    """What a table holds beside what is read of it is said."""

    @pytest.fixture
    def odd(self, tmp_path):
        """Two patients with a normal sample, one with a second vial; one symbol with two rows, one name that is there twice."""
        tumours = [f"TCGA-A1-A0S{i}-01A" for i in range(8)]
        samples = [*tumours, "TCGA-A1-A0S0-11A", "TCGA-A1-A0S1-11A", "TCGA-A1-A0S2-01B"]
        rng = np.random.default_rng(0)
        genes = ["TP53|7157", "LYZ|4069", "SLC35E2|9906", "SLC35E2|728661", "TWICE|1", "TWICE|1"]
        counts = pd.DataFrame(rng.integers(1, 900, (6, 11)), columns=samples, index=pd.Index(genes, name="gene"), dtype=float)
        counts.to_csv(tmp_path / "odd.csv")
        return Inputs(features=tmp_path, table=tmp_path / "odd.csv")

    def notes(self, inputs, genes):
        table = open_table(inputs)
        settings = Settings(genes=genes)
        return read_expression(table, find_asked(table, settings, inputs), settings, table.patients)

    def test_normal_and_second_samples_are_counted(self, odd):
        (note,) = [note for note in self.notes(odd, "all").notes if "samples" in note]
        assert note.startswith("3 of 11 samples do not count")
        assert "2 normal tissue" in note
        assert "1 another sample of the patient was chosen; of 1 patient with several (TCGA-A1-A0S2) one counts" in note

    def test_names_of_several_rows_are_named(self, odd):
        notes = " ".join(self.notes(odd, "all").notes)
        assert "are there several times cannot be told apart and are left out: 1 (TWICE|1)" in notes
        assert "go by their full names (SLC35E2|9906): 1 (SLC35E2)" in notes

    def test_a_gene_of_a_panel_that_has_two_rows_is_no_missing_gene(self, odd, tmp_path):
        (tmp_path / "mine.csv").write_text("gene\nTP53\nSLC35E2\n")
        left_out = self.notes(odd, str(tmp_path / "mine.csv")).left_out
        assert dict(left_out.to_numpy()) == {"SLC35E2": "stands for 2 rows of the table"}

    def test_a_plain_table_has_no_notes(self, inputs):
        assert not read(inputs).notes
