"""The real tables: manifests, expression, clinical data, and whether they join."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cartopath.cohort import (
    choose_samples,
    draw_rounds,
    join_findings,
    open_molecular,
    parse_barcode,
    patient_slides,
    read_clinical,
    read_manifest,
    read_sample_sheet,
    read_trait,
    receptor_record,
    receptor_status,
    slide_choices,
    survival_record,
    trait_labels,
    trait_sets,
)
from cartopath.core.errors import StatusError, TableError, TraitError

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.filterwarnings("ignore::cartopath.cohort.patient_slides.CohortWarning"),
    pytest.mark.xdist_group("real_cohort"),
]


@pytest.fixture(scope="module")
def brca(real_data):
    return read_manifest(real_data / "gdc" / "pathomch_gdc_manifest_brca.txt")


@pytest.fixture(scope="module")
def luad(real_data):
    return read_manifest(real_data / "gdc" / "pathomch_gdc_manifest_luad.txt")


@pytest.fixture(scope="module")
def tables(real_data):
    return real_data / "tcga_brca"


@pytest.fixture(scope="module")
def clinical(tables):
    return read_clinical(tables / "brca_clinical.tsv")


@pytest.fixture(scope="module")
def counts(tables):
    return open_molecular(tables / "brca_htseq_counts_249.parquet")


def test_the_published_manifests_have_761_slides_of_703_and_469_of_410_patients(brca, luad):
    assert (len(brca), brca["patient_id"].nunique()) == (761, 703)
    assert (len(luad), luad["patient_id"].nunique()) == (469, 410)


def test_diagnostic_slides_are_counted_by_their_number(brca, luad):
    assert brca["number"].value_counts().sort_index().to_dict() == {1: 689, 2: 67, 3: 4, 4: 1}
    numbers = luad["number"].value_counts()
    assert (numbers[1], numbers[10]) == (411, 1)


def test_dx10_is_not_dx1(luad):
    assert patient_slides(luad)["TCGA-49-4488"] == "TCGA-49-4488-01Z-00-DX1"
    without_dx1 = luad[luad["slide_id"] != "TCGA-49-4488-01Z-00-DX1"]
    assert patient_slides(without_dx1)["TCGA-49-4488"] == "TCGA-49-4488-01Z-00-DX2"


def test_fourteen_breast_patients_have_no_dx1_and_one_has_a_metastasis_only(brca):
    choices = slide_choices(brca)
    without = choices[choices["reason"].str.startswith("no DX1")]
    assert len(without) == 14 and "TCGA-D8-A1JC" in set(without["patient_id"])
    assert choices[choices["slide_id"] == ""]["patient_id"].tolist() == ["TCGA-E2-A15E"]
    assert (len(patient_slides(brca)), len(patient_slides(brca, strict=True))) == (702, 688)


def test_the_recurrence_of_tcga_50_5066_does_not_stand_for_its_primary(luad):
    assert patient_slides(luad)["TCGA-50-5066"] == "TCGA-50-5066-01Z-00-DX1"


def test_a_manifest_with_row_numbers_is_read(real_data):
    manifest = read_manifest(real_data / "gdc" / "he2rna_gdc_manifest_diagnostic_TCGA-COAD.txt")
    assert manifest["slide_id"].str.startswith("TCGA-").all() and len(manifest) > 400


def test_findings_on_the_breast_manifest_name_what_is_odd(brca, clinical):
    slides = brca.assign(path="", mpp=np.nan, exclude="")
    found = {finding.code: finding.message for finding in join_findings(slides, None, clinical)}
    assert found["patient-without-dx1"].startswith("14 patients have no DX1")
    assert "metastasis: 1" in found["non-primary-slide"]
    assert "duplicate-slide" not in found


@pytest.mark.parametrize(
    ("name", "format_name", "n_features", "n_samples", "n_patients"),
    [
        ("brca_htseq_counts_249.parquet", "genes-by-samples", 26058, 249, 142),
        ("brca_mirna_rpm.tsv.gz", "samples-by-genes", 1046, 1190, 1078),
        ("bayescc_brca348_mrna645.tsv.gz", "genes-by-samples", 645, 348, 348),
        ("bayescc_brca348_mirna423.tsv.gz", "genes-by-samples", 423, 348, 348),
        ("brca_pam50_lumA_vs_basal_log2.tsv.gz", "samples-by-genes", 49, 328, 328),
        ("brca_pam50_log2_BARCODES_SCRAMBLED.tsv.gz", "samples-by-genes", 49, 1036, 1036),
        ("porpoise_mutsig_tcga_brca_all_clean.csv.zip", "porpoise", 2912, 1022, 956),
        ("cbioportal_study/data_expression_median.txt", "cbioportal", 6, 526, 526),
        ("germline_epitopes_tcga_megatable.txt", "samples-by-genes", 65, 662, 662),
    ],
)
def test_every_molecular_table_is_recognised(tables, name, format_name, n_features, n_samples, n_patients):
    table = open_molecular(tables / name)
    assert table.format == format_name
    assert (len(table.features), len(table.samples), len(table.patients)) == (n_features, n_samples, n_patients)
    values = table.read(list(table.features[:3]))
    assert values.shape == (n_patients, 3) and np.isfinite(values.to_numpy()).any()


@pytest.mark.parametrize(
    ("table", "gene", "receptor", "n", "auroc"),
    [
        ("brca_htseq_counts_249.parquet", "ESR1", "ER", 133, 0.954),
        ("brca_htseq_counts_249.parquet", "PGR", "PR", 133, 0.948),
        ("bayescc_brca348_mrna645.tsv.gz", "ESR1", "ER", 342, 0.951),
    ],
)
def test_expression_joins_receptor_status(tables, clinical, table, gene, receptor, n, auroc):
    status = receptor_status(clinical, receptor)
    joined = open_molecular(tables / table).read([gene]).join(status, how="inner")
    joined = joined[joined[receptor] != ""]
    assert len(joined) == n
    assert roc_auc_score(joined[receptor] == "hi", joined[gene]) == pytest.approx(auroc, abs=0.0005)


def test_the_scrambled_table_is_read_like_any_other_and_does_not_join(tables, clinical):
    table = open_molecular(tables / "brca_pam50_log2_BARCODES_SCRAMBLED.tsv.gz").read(["ESR1"])
    joined = table.join(receptor_status(clinical, "ER"), how="inner").query("ER != ''")
    assert roc_auc_score(joined["ER"] == "hi", joined["ESR1"]) == pytest.approx(0.453, abs=0.001)


def test_counts_are_named_by_barcodes_that_agree_with_the_sample_sheet(tables, counts):
    sheet = read_sample_sheet(tables / "brca_htseq_counts_249_samples.tsv").set_index("file")
    for sample in counts.samples:
        barcode, _, start = sample.partition("|")
        row = sheet[sheet.index.str.startswith(start)].iloc[0]
        assert row["sample_id"] == barcode and row["sample_type"] == parse_barcode(sample).sample_type


def test_the_sample_rule_keeps_primaries_of_the_mirna_table_and_one_per_patient(tables):
    choices = choose_samples(open_molecular(tables / "brca_mirna_rpm.tsv.gz").samples)
    chosen = choices[choices["chosen"]]
    assert chosen["sample_type"].eq("01").all() and chosen["patient_id"].is_unique
    assert choices["reason"].value_counts()[["normal tissue", "metastasis"]].tolist() == [104, 7]


def test_precursors_are_found_and_mature_arms_are_not(tables):
    table = open_molecular(tables / "brca_mirna_rpm.tsv.gz")
    assert table.find("hsa-mir-17") == "hsa-mir-17"
    with pytest.raises(TraitError, match=r"closest: hsa-mir-17,.*precursors, not mature arms"):
        table.find("hsa-miR-17-5p")


def test_listed_ensembl_ids_are_the_genes_they_claim_to_be(tables, counts):
    genes = ["MKI67", "FOXA1", "MYC", "FOXC1", "ERBB2", "EGFR", "KRT14", "KRT5", "ESR1", "KRAS", "GATA3", "TP53", "CD274"]
    genes += ["APC", "CXCR4", "EPCAM", "SEMA5A", "TP53RK", "TRIB2", "CAPN9", "DACH1", "LYZ", "PGR", "PIGR", "SPINK4"]
    by_ensembl = counts.read(genes)
    checked = set()
    others = (
        "porpoise_mutsig_tcga_brca_all_clean.csv.zip",
        "brca_pam50_lumA_vs_basal_log2.tsv.gz",
        "bayescc_brca348_mrna645.tsv.gz",
    )
    for name in others:
        other = open_molecular(tables / name)
        shared = [gene for gene in genes if {gene, f"{gene}_rnaseq"} & set(other.features)]
        joined = by_ensembl.join(other.read(shared), how="inner", rsuffix="_other")
        correlation = joined.corr(method="spearman")
        for gene in shared:
            assert correlation.loc[gene, f"{gene}_other" if f"{gene}_other" in joined else gene] > 0.6, gene
        checked |= set(shared)
    assert checked == set(genes)


def test_the_folder_of_htseq_files_holds_what_the_matrix_of_them_holds(real_data, tables):
    sheet = tables / "brca_htseq_counts_249_samples.tsv"
    folder = open_molecular(real_data / "gdc" / "GDCdata", sample_sheet=sheet, scale="as-is")
    assert (folder.format, folder.unit, len(folder.features), len(folder.samples)) == ("gdc-htseq", "counts", 60483 + 5, 6)
    genes = ["ESR1", "ERBB2", "WARS", "TIMP3", "MKI67"]
    read, matrix = folder.read(genes), open_molecular(tables / "brca_htseq_counts_249.parquet", scale="as-is").read(genes)
    assert len(read) == 4 and set(folder.choices["reason"]) == {"chosen", "normal tissue"}
    pd.testing.assert_frame_equal(read, matrix.loc[read.index])


def test_the_folder_of_htseq_files_without_its_sheet_says_what_to_do(real_data):
    with pytest.raises(TableError, match="nothing says which samples its 6 files are of"):
        open_molecular(real_data / "gdc" / "GDCdata")


def test_genes_of_the_third_paper_are_in_the_sequoia_table_under_old_and_new_names(real_data):
    table = open_molecular(real_data / "gdc" / "sequoia_ref_file_5slides_20821genes.csv.gz")
    assert (table.format, table.transform, len(table.features), len(table.patients)) == ("sequoia", "log", 20820, 3)
    genes = ["APC", "ASRGL1", "AXIN2", "DACH1", "DNMT3B", "FBN1", "LYZ", "PLAGL2", "POFUT1", "QPRT", "TIMP3", "TNS1", "VAV2"]
    genes += ["WARS", "SEPT2", "MARCH1", "CTGF"]  # Under the names of their time.
    assert table.read(genes).notna().all(axis=None)


@pytest.mark.parametrize(
    ("name", "unit", "transform"),
    [
        ("brca_htseq_counts_249.parquet", "counts per million", "none"),
        ("brca_mirna_rpm.tsv.gz", "linear", "none"),
        ("bayescc_brca348_mrna645.tsv.gz", "unknown unit", "centred log"),
        ("bayescc_brca348_mirna423.tsv.gz", "unknown unit", "log"),
        ("brca_pam50_lumA_vs_basal_log2.tsv.gz", "unknown unit", "log"),
        ("cbioportal_study/data_expression_median.txt", "unknown unit", "centred log"),
    ],
)
def test_units_and_transforms_of_the_real_tables_are_deduced(tables, name, unit, transform):
    table = open_molecular(tables / name)
    assert (table.unit, table.transform, table.unit_source) == (unit, transform, "deduced")
    assert table.notes == ()


def test_survival_of_the_registry_and_of_the_portal_agree(tables, clinical):
    registry = survival_record(clinical)
    portal = survival_record(read_clinical(tables / "brca_cbioportal_clinical_export.tsv"))
    both = registry.table.merge(portal.table, on="patient_id")
    assert len(both) > 1050
    assert (both["event_x"] == both["event_y"]).all()
    # The portal's follow-up of two patients is of another date.
    assert np.isclose(both["time_days_x"], both["time_days_y"], rtol=2e-4, atol=0.5).sum() == len(both) - 2


def test_censorship_of_porpoise_agrees_with_the_registry(tables, clinical):
    porpoise = read_clinical(tables / "porpoise_mutsig_tcga_brca_all_clean.csv.zip")
    assert porpoise.table.shape == (956, 9)
    both = survival_record(porpoise).table.merge(survival_record(clinical).table, on="patient_id")
    agree = (both["event_x"] == both["event_y"]) | (both["time_days_x"] < both["time_days_y"] - 5)
    assert len(both) > 900 and agree.mean() > 0.97


def test_patients_left_out_of_survival_are_counted_by_reason(tables, clinical):
    left_out = {reason: len(patients) for reason, patients in survival_record(clinical).left_out.items()}
    assert left_out == {"negative time": 1, "never followed: censored on day 0": 12, "no time": 1}
    study = survival_record(read_clinical(tables / "cbioportal_study" / "data_clinical_patients.txt"))
    assert int(study.table["event"].sum()) == 87
    assert {reason: len(patients) for reason, patients in study.left_out.items()} == {
        "neither time nor status": 33,
        "never followed: censored on day 0": 59,
    }


def test_an_endpoint_without_a_single_known_time_is_refused(tables):
    study = read_clinical(tables / "cbioportal_study" / "data_clinical_patients.txt")
    with pytest.raises(StatusError, match="no DFS event among"):
        survival_record(study, "DFS")


def test_her2_is_counted_by_reason(tables):
    record = receptor_record(read_clinical(tables / "brca_cbioportal_clinical_export.tsv"), "HER2")
    assert record.columns == ("IHC-HER2", "HER2 ihc score", "HER2 fish status")
    counts = record.counts.groupby("status")["n"].sum()
    assert counts.sum() == 1101
    reasons = dict(zip(record.counts["reason"], record.counts["n"], strict=True))
    assert reasons["ihc equivocal, fish negative"] == 136 and reasons["not tested"] == 118


def test_the_web_export_keeps_the_primary_of_patients_with_a_metastasis(tables):
    export = read_clinical(tables / "brca_cbioportal_clinical_export.tsv")
    assert (len(export.table), export.n_rows, export.format) == (1101, 1108, "cbioportal-web")
    assert export.table["Sample Type"].value_counts().to_dict() == {"Primary": 1101}
    assert len(export.disagreements["Sample ID"]) == 7


def test_a_real_trait_goes_from_table_to_sets(tables, brca):
    molecular = open_molecular(tables / "porpoise_mutsig_tcga_brca_all_clean.csv.zip")
    splits = draw_rounds(brca["patient_id"], seed=0)
    training = splits["patient_id"][splits["set"] != "test"]
    labels = trait_labels(read_trait("EGFR", molecular, None).values, fit_patients=training)
    sets = trait_sets(splits, labels)
    assert isinstance(sets, pd.DataFrame) and set(sets["set"]) == {"train", "validation", "test", "ood-near", "ood-far"}
    fitted = labels.table[labels.table["patient_id"].isin(set(training))]
    assert fitted["label"].eq("hi").mean() == pytest.approx(0.2, abs=0.01)
