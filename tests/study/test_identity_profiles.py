"""Profiles of patients in two tables, and in one: shuffled, swapped and repeated samples are found, right joins left alone."""

import numpy as np
import pandas as pd
import pytest

from cartopath.cohort import open_molecular, read_clinical
from cartopath.core.rng import stream
from cartopath.study.identity import identity_findings, match_profiles
from cartopath.study.identity.profiles import MAX_READ, compressed, feature_key, informative, ranked, read_profiles
from cartopath.study.identity.repeats import repeated_profiles


def profiles(n, *, n_features=60, noise=0.5, seed=0, second="same"):
    """Two tables of the same patients: shared factors, what is each patient's own, and noise; the second in other units."""
    rng = stream(seed, "profiles", n, n_features)
    weights = rng.normal(size=(6, n_features))
    factors = rng.normal(size=(n, 6)) / np.sqrt(6)
    truth = factors @ weights + 0.5 * rng.normal(size=(n, n_features))
    other = {
        "same": truth,
        "against": -truth,
        "unrelated": rng.normal(size=(n, 6)) @ rng.normal(size=(6, n_features)) / np.sqrt(6) + 0.5 * rng.normal(size=truth.shape),
    }[second]
    patients = [f"TCGA-A1-{number:04}" for number in range(n)]
    genes = [f"G{number}" for number in range(n_features)]
    first = pd.DataFrame(truth + noise * rng.normal(size=truth.shape), patients, genes)
    return first, pd.DataFrame(2 ** (6 + other + noise * rng.normal(size=truth.shape)), patients, genes)


def permuted(table, seed=0):
    order = stream(seed, "permuted").permutation(len(table))
    return table.set_axis(table.index[order]).sort_index()


def swapped(table, *pairs):
    names = dict([pair for a, b in pairs for pair in ((table.index[a], table.index[b]), (table.index[b], table.index[a]))])
    return table.rename(index=names).sort_index()


@pytest.fixture
def write(tmp_path):
    """Write profiles as a table and open it."""

    def write_(table, name):
        table.T.to_csv(tmp_path / name, sep="\t", index_label="gene")
        return open_molecular(tmp_path / name)

    return write_


def test_a_right_join_is_borne_out_whatever_the_units():
    match = match_profiles(*profiles(60))
    assert match.is_borne_out and match.n_own >= 58 and not match.swapped
    assert match.own_correlation > 0.5


def test_permuted_patients_are_a_contradiction():
    first, second = profiles(60)
    match = match_profiles(first, permuted(second))
    assert match.is_contradiction and match.n_own <= 5
    assert abs(match.own_correlation) < 0.2


def test_what_a_permuted_patient_really_is_is_named():
    first, second = profiles(60)
    order = stream(0, "permuted").permutation(60)
    match = match_profiles(first, permuted(second))
    truth = {second.index[order[k]]: second.index[k] for k in range(60)}
    assert len(match.matched_others) > 30
    assert all(truth[other] == patient for patient, other, _, _ in match.matched_others)


@pytest.mark.parametrize("n_features", [15, 60, 200])
def test_right_joins_are_not_suspected_over_many_seeds(n_features):
    matches = [match_profiles(*profiles(40, n_features=n_features, noise=1.5, seed=seed)) for seed in range(25)]
    assert not any(match.is_contradiction for match in matches)
    assert not any(match.swapped for match in matches)


def test_permuted_patients_are_found_over_many_seeds():
    for seed in range(10):
        first, second = profiles(40, noise=0.7, seed=seed)
        assert match_profiles(first, permuted(second, seed)).is_contradiction


def test_single_swapped_patients_are_named_and_the_others_vouch_for_the_join():
    first, second = profiles(80, n_features=150)
    match = match_profiles(first, swapped(second, (3, 9), (20, 71)))
    assert match.is_borne_out
    names = {("TCGA-A1-0003", "TCGA-A1-0009"), ("TCGA-A1-0020", "TCGA-A1-0071")}
    assert {(a, b) for a, b, _, _ in match.swapped} == names | {(b, a) for a, b in names}


@pytest.mark.parametrize("second", ["unrelated", "against"])
def test_tables_that_measure_something_else_contradict_nothing(second):
    for seed in range(5):
        match = match_profiles(*profiles(60, seed=seed, second=second))
        assert not (match.is_contradiction or match.is_borne_out or match.swapped)


def test_few_patients_with_noise_are_undecided():
    first, second = profiles(12, noise=1.5)
    assert not match_profiles(first, permuted(second)).is_contradiction


@pytest.mark.parametrize(("n", "n_features"), [(9, 60), (60, 7)])
def test_too_little_in_common_is_not_even_asked(n, n_features):
    assert match_profiles(*profiles(n, n_features=n_features)) is None


def test_only_patients_and_features_in_common_are_compared():
    first, second = profiles(60)
    match = match_profiles(first.iloc[:40, :50], second.iloc[10:, 5:])
    assert (match.n_patients, match.n_features) == (30, 45)


def test_missing_values_and_flat_features_do_no_harm():
    first, second = profiles(60)
    first.iloc[:4, 0] = np.nan
    second["G1"] = 3.0
    match = match_profiles(first, second)
    assert match.is_borne_out and match.n_features == 59


@pytest.mark.parametrize(
    ("feature", "key"),
    [
        ("MKI67|4288", "MKI67"),
        ("ENSG00000148773.12", "MKI67"),
        ("MKI67_rnaseq", "MKI67"),
        ("rna_MKI67", "MKI67"),
        ("WARS", "WARS1"),
        ("hsa-miR-17-5p", "hsa-miR-17-5p"),
        ("MKI67_cnv", "MKI67_cnv"),
    ],
)
def test_a_gene_has_one_key_in_all_formats(feature, key):
    assert feature_key(feature) == key


def test_ranks_do_not_depend_on_units():
    values = stream(0, "values").random((30, 4))
    np.testing.assert_allclose(ranked(values), ranked(np.exp(values) * 7))
    np.testing.assert_allclose(ranked(values).std(axis=0), 1.0)


def test_amounts_are_compressed_and_other_values_are_not():
    assert compressed(np.array([0.0, 1023.0])).tolist() == [0.0, 10.0]
    assert compressed(np.array([-1.0, 1023.0])).tolist() == [-1.0, 1023.0]


def test_features_with_few_distinct_values_say_nothing():
    rng = stream(0, "values")
    values = np.column_stack([rng.random(40), rng.integers(0, 2, 40), np.full(40, np.nan)])
    assert (informative(values) > 0).tolist() == [True, False, False]


def test_tables_are_read_where_they_overlap_and_never_whole(write):
    first, second = profiles(12, n_features=1000)
    tables = [write(first, "a.tsv"), write(second.iloc[:, 700:], "b.tsv")]
    read = read_profiles(tables)
    assert [table.shape for table in read] == [(12, 300), (12, 300)]
    assert read_profiles(tables[:1])[0].shape == (12, MAX_READ)


class TestRepeats:
    def test_a_copied_profile_is_found_under_both_names(self):
        table, _ = profiles(40)
        table.iloc[7] = table.iloc[3] * 1.0000001
        assert repeated_profiles(table) == [("TCGA-A1-0003", "TCGA-A1-0007")]

    def test_three_copies_are_one_group(self):
        table, _ = profiles(40)
        table.iloc[[7, 20]] = table.iloc[3].to_numpy()
        assert repeated_profiles(table) == [("TCGA-A1-0003", "TCGA-A1-0007", "TCGA-A1-0020")]

    def test_different_patients_are_not(self):
        assert all(repeated_profiles(profiles(40, seed=seed)[0]) == [] for seed in range(5))

    def test_tables_of_mutations_say_nothing(self):
        table = pd.DataFrame(stream(0, "mutations").integers(0, 2, (40, 30)).astype(float))
        assert repeated_profiles(table) == []


class TestFindings:
    def test_a_shuffled_table_is_an_error_with_its_numbers(self, write):
        first, second = profiles(60)
        (finding,) = identity_findings([write(first, "a.tsv"), write(permuted(second), "b.tsv")])
        assert (finding.severity, finding.code, finding.subject) == ("error", "identity-contradicted", "a.tsv and b.tsv")
        assert "of 60 patients are their own best match over 60 shared features (1 expected by chance" in finding.message
        assert "TCGA-A1-0000 matches " in finding.message

    def test_a_right_join_is_a_note(self, write):
        first, second = profiles(60)
        found = list(identity_findings([write(first, "a.tsv"), write(second, "b.tsv")]))
        assert [finding.code for finding in found] == ["identity-confirmed"]

    def test_swapped_patients_are_a_warning_beside_the_confirmation(self, write):
        first, second = profiles(60)
        found = list(identity_findings([write(first, "a.tsv"), write(swapped(second, (1, 2)), "b.tsv")]))
        assert [finding.code for finding in found] == ["identity-swapped-patients", "identity-confirmed"]
        assert "2 of 60 patients" in found[0].message and "TCGA-A1-0001 matches TCGA-A1-0002" in found[0].message

    def test_repeated_profiles_are_a_warning(self, write):
        table, _ = profiles(40)
        table.iloc[7] = table.iloc[3]
        (finding,) = identity_findings([write(table, "a.tsv")])
        assert (finding.severity, finding.code) == ("warning", "duplicate-profile")
        assert "(TCGA-A1-0003 = TCGA-A1-0007)" in finding.message

    def test_tables_without_shared_features_say_nothing(self, write):
        first, second = profiles(40)
        second.columns = [f"hsa-miR-{number}" for number in range(second.shape[1])]
        assert list(identity_findings([write(first, "a.tsv"), write(second, "b.tsv")])) == []

    def test_cells_that_are_no_numbers_leave_profiles_undecided(self, write, tmp_path):
        table = write(profiles(40)[0], "a.tsv")
        text = (tmp_path / "a.tsv").read_text().splitlines()
        text[-1] = text[-1].rpartition("\t")[0] + "\tbroken"
        (tmp_path / "a.tsv").write_text("\n".join(text))
        assert [(found.severity, found.code) for found in identity_findings([table])] == [("info", "identity-undecided")]


@pytest.mark.realdata
class TestRealTables:
    def findings(self, real_data, *names, clinical=None):
        return list(identity_findings([open_molecular(real_data / "tcga_brca" / name) for name in names], clinical))

    @pytest.mark.parametrize("right", ["brca_pam50_lumA_vs_basal_log2.tsv.gz", "bayescc_brca348_mrna645.tsv.gz"])
    def test_the_scrambled_table_contradicts_every_right_one(self, real_data, right):
        (finding,) = self.findings(real_data, "brca_pam50_log2_BARCODES_SCRAMBLED.tsv.gz", right)
        assert finding.code == "identity-contradicted"
        assert "1 of 3" in finding.message

    def test_the_right_one_of_two_tables_is_named_by_the_clinical_table(self, real_data):
        names = "brca_pam50_log2_BARCODES_SCRAMBLED.tsv.gz", "brca_pam50_lumA_vs_basal_log2.tsv.gz"
        clinical = read_clinical(real_data / "tcga_brca" / "brca_clinical.tsv")
        found = [finding for finding in self.findings(real_data, *names, clinical=clinical) if " and " in finding.subject]
        assert f"{names[1]} agrees with the clinical table" in found[0].message

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("brca_htseq_counts_249.parquet", "bayescc_brca348_mrna645.tsv.gz"),
            ("bayescc_brca348_mirna423.tsv.gz", "brca_mirna_rpm.tsv.gz"),
            ("bayescc_brca348_mrna645.tsv.gz", "brca_pam50_lumA_vs_basal_log2.tsv.gz"),
        ],
    )
    def test_right_joins_are_confirmed(self, real_data, first, second):
        assert [finding.code for finding in self.findings(real_data, first, second)] == ["identity-confirmed"]

    def test_patients_known_under_each_others_names_are_found_between_arrays_and_sequencing(self, real_data):
        found = self.findings(real_data, "bayescc_brca348_mrna645.tsv.gz", "porpoise_mutsig_tcga_brca_all_clean.csv.zip")
        assert [finding.code for finding in found] == ["identity-swapped-patients", "identity-confirmed"]
        assert "TCGA-AR-A1AV matches TCGA-AR-A1AW" in found[0].message
