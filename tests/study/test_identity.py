"""Shuffled barcodes give no error and no missing value: only biology tells, and only with patients enough."""

import numpy as np
import pandas as pd
import pytest

from cartopath.cohort import open_molecular, read_clinical
from cartopath.core.rng import stream
from cartopath.stats import Estimate
from cartopath.study.identity import MIN_PER_CLASS, Agreement, agreements, identity_findings, marker_genes


@pytest.fixture
def tables(tmp_path):
    """Make an expression and a clinical table; each gene follows its receptor by `signal`, with patients shuffled or not."""

    def tables_(n, *, signal=3.0, signals=None, shuffle=False, n_negative=None, columns=("ER Status By IHC",)):
        rng = stream(0, "tables", n)
        patients = [f"TCGA-A1-{i:04d}" for i in range(n)]
        n_negative = n // 3 if n_negative is None else n_negative
        genes = {"ER Status By IHC": "ESR1", "PR status by ihc": "PGR", "IHC-HER2": "ERBB2", "Sex": "XIST"}
        words = {"Sex": ("Female", "Male")}
        clinical, expression = {"Patient ID": patients, "Age": 50}, {"ACTB": rng.random(n)}
        for column in columns:
            is_positive = np.arange(n) >= n_negative
            rng.shuffle(is_positive)
            positive, negative = words.get(column, ("Positive", "Negative"))
            clinical[column] = np.where(is_positive, positive, negative)
            strength = (signals or {}).get(column, signal)
            expression[genes[column]] = 100 + 10 * (strength * is_positive + rng.standard_normal(n))
        order = rng.permutation(n) if shuffle else np.arange(n)
        matrix = pd.DataFrame(expression, index=[f"{patients[i]}-01A" for i in order]).T
        matrix.to_csv(tmp_path / "expression.csv", index_label="gene")
        pd.DataFrame(clinical).to_csv(tmp_path / "clinical.csv", index=False)
        return open_molecular(tmp_path / "expression.csv"), read_clinical(tmp_path / "clinical.csv")

    return tables_


def findings(tables):
    molecular, clinical = tables
    return identity_findings([molecular], clinical)


def agreements_of(tables):
    molecular, clinical = tables
    return agreements(marker_genes(molecular), clinical)


def codes(tables):
    return {finding.message.split(" against")[0].split(". ")[-1]: finding.code for finding in findings(tables)}


def test_a_right_join_is_confirmed(tables):
    assert codes(tables(120)) == {"ESR1": "identity-confirmed"}


def test_shuffled_barcodes_contradict_the_join_and_say_so(tables):
    finding = next(findings(tables(300, shuffle=True)))
    assert (finding.severity, finding.code) == ("error", "identity-contradicted")
    assert finding.message.startswith("suspected identity mix-up. ESR1 against ER status: AUROC 0.")
    assert "n=300" in finding.message


def test_weak_evidence_is_not_called_a_confirmation(tables):
    assert codes(tables(300, signal=0.8)) == {"ESR1": "identity-not-contradicted"}


@pytest.mark.parametrize(
    ("value", "low", "is_borne_out"), [(0.95, 0.9, True), (0.79, 0.75, False), (0.9, 0.6, False), (None, None, False)]
)
def test_a_join_is_borne_out_by_a_high_auroc_that_chance_does_not_reach(value, low, is_borne_out):
    assert Agreement("ESR1", "ER status", Estimate(value, low, 0.99, 50)).is_borne_out is is_borne_out


def test_few_patients_with_a_wide_interval_contradict_nothing(tables):
    small = tables(20, signal=0.3, n_negative=MIN_PER_CLASS)
    pair = next(agreements_of(small))
    assert pair.auroc.value < 0.65
    assert pair.auroc.high > 0.8
    assert codes(small) == {"ESR1": "identity-undecided"}


def test_fewer_patients_than_that_are_not_even_asked(tables):
    assert list(agreements_of(tables(40, n_negative=MIN_PER_CLASS - 1))) == []


@pytest.mark.parametrize(
    ("value", "high", "is_contradiction"),
    [(0.5, 0.6, True), (0.64, 0.79, True), (0.64, 0.81, False), (0.66, 0.7, False), (None, None, False), (0.5, None, False)],
)
def test_a_contradiction_needs_an_interval_below_what_a_right_join_gives(value, high, is_contradiction):
    assert Agreement("ESR1", "ER status", Estimate(value, 0.4, high, 50)).is_contradiction is is_contradiction


def test_one_pair_near_chance_is_biology_where_another_bears_the_join_out(tables):
    columns = ("ER Status By IHC", "IHC-HER2")
    found = codes(tables(300, columns=columns, signals={"IHC-HER2": 0.0}))
    assert found == {"ESR1": "identity-confirmed", "ERBB2": "identity-undecided"}


def test_every_receptor_and_sex_is_looked_at(tables):
    columns = ("ER Status By IHC", "PR status by ihc", "IHC-HER2", "Sex")
    assert set(codes(tables(120, columns=columns))) == {"ESR1", "PGR", "ERBB2", "XIST"}


def test_tables_without_any_of_them_say_nothing(tables):
    assert list(findings(tables(60, columns=()))) == []


def test_the_same_tables_give_the_same_words(tables):
    pair = tables(80)
    assert list(findings(pair)) == list(findings(pair))


@pytest.mark.realdata
class TestRealTables:
    @pytest.fixture(scope="class")
    @classmethod
    def clinical(cls, real_data):
        return read_clinical(real_data / "tcga_brca" / "brca_clinical.tsv")

    @pytest.mark.parametrize(
        ("name", "n"), [("brca_htseq_counts_249.parquet", 133), ("bayescc_brca348_mrna645.tsv.gz", 342)], ids=["counts", "348"]
    )
    def test_esr1_follows_the_oestrogen_receptor(self, real_data, clinical, name, n):
        pairs = {pair.gene: pair for pair in agreements_of((open_molecular(real_data / "tcga_brca" / name), clinical))}
        assert pairs["ESR1"].auroc.value >= 0.95
        assert pairs["ESR1"].auroc.n == n

    def test_the_scrambled_table_is_contradicted_by_all_three_receptors(self, real_data, clinical):
        table = open_molecular(real_data / "tcga_brca" / "brca_pam50_log2_BARCODES_SCRAMBLED.tsv.gz")
        found = list(identity_findings([table], clinical))
        assert [finding.code for finding in found] == ["identity-contradicted"] * 3

    @pytest.mark.parametrize(
        "name",
        [
            "brca_htseq_counts_249.parquet",
            "bayescc_brca348_mrna645.tsv.gz",
            "brca_pam50_lumA_vs_basal_log2.tsv.gz",
            "porpoise_mutsig_tcga_brca_all_clean.csv.zip",
        ],
    )
    def test_no_other_table_is_suspected(self, real_data, clinical, name):
        found = list(identity_findings([open_molecular(real_data / "tcga_brca" / name)], clinical))
        assert found
        assert all(finding.severity == "info" for finding in found)
