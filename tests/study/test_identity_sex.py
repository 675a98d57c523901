"""Single patients whose genes are those of the other sex."""

import numpy as np
import pandas as pd
import pytest

from cartopath.cohort import open_molecular, read_clinical
from cartopath.core.rng import stream
from cartopath.study.identity import identity_findings, marker_genes
from cartopath.study.identity.sex import contradicted_sex

N = 40


@pytest.fixture
def tables(tmp_path):
    """Make 20 women and 20 men with their genes; `stated` and `genes` change single patients."""

    def tables_(*, stated=None, genes=None, without=(), words=("Female", "Male"), spread=0.2):
        rng = stream(0, "sex")
        patients = [f"P{number:02}" for number in range(N)]
        is_male = np.arange(N) >= N // 2
        table = {"XIST": np.where(is_male, 1.0, 10.0), "RPS4Y1": np.where(is_male, 10.0, 1.0)}
        table = {gene: values + spread * rng.standard_normal(N) for gene, values in table.items()}
        for (gene, number), value in (genes or {}).items():
            table[gene][number] = value
        kept = {gene: values for gene, values in table.items() if gene not in without}
        pd.DataFrame({**kept, "ACTB": rng.random(N)}, index=patients).T.to_csv(tmp_path / "e.csv", index_label="gene")
        sexes = np.where(is_male, words[1], words[0]).astype(object)
        for number, word in (stated or {}).items():
            sexes[number] = word
        pd.DataFrame({"patient_id": patients, "Sex": sexes}).to_csv(tmp_path / "c.csv", index=False)
        return open_molecular(tmp_path / "e.csv"), read_clinical(tmp_path / "c.csv")

    return tables_


def contradicted(tables):
    molecular, clinical = tables
    return contradicted_sex(marker_genes(molecular), clinical)


def test_right_sexes_contradict_nothing(tables):
    assert contradicted(tables()) == []


def test_patients_stated_as_the_other_sex_are_listed(tables):
    assert contradicted(tables(stated={2: "Male", 30: "Female"})) == [("P02", "male"), ("P30", "female")]


def test_losing_the_gene_of_ones_own_sex_contradicts_nothing(tables):
    assert contradicted(tables(genes={("XIST", 2): 1.0, ("RPS4Y1", 30): 1.0})) == []


def test_having_both_genes_contradicts_nothing(tables):
    assert contradicted(tables(genes={("XIST", 30): 10.0})) == []


def test_one_gene_alone_speaks_against_the_sex_that_lacks_it(tables):
    changed = tables(stated={2: "Male", 30: "Female"}, without=("RPS4Y1",))
    assert contradicted(changed) == [("P02", "male")]


def test_genes_that_do_not_separate_the_sexes_are_not_asked(tables):
    assert contradicted(tables(stated={2: "Male"}, spread=20.0)) == []


@pytest.mark.parametrize("words", [("F", "M"), ("female", "male"), (" FEMALE ", "MALE")])
def test_sex_may_be_written_in_short(tables, words):
    assert contradicted(tables(words=words, stated={2: words[1]})) == [("P02", "male")]


def test_words_for_no_sex_count_for_neither(tables):
    assert contradicted(tables(stated={2: "Missing", 3: "Mixed"})) == []


def test_they_are_a_warning_that_names_them(tables):
    molecular, clinical = tables(stated={2: "Male"})
    found = {finding.code: finding for finding in identity_findings([molecular], clinical)}
    assert found["sex-contradicted"].severity == "warning"
    assert "of 1 patient are those of the other sex than stated (P02 is male)" in found["sex-contradicted"].message
    assert found["identity-confirmed"].message.startswith("RPS4Y1 against male sex")
