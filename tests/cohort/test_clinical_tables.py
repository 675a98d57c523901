"""Clinical tables [F12]."""

import math

import pytest

from cartopath.cohort import CLINICAL_FORMATS, find_column, match_column, read_clinical
from cartopath.core.errors import TableError, TraitError

STUDY = """#Patient Identifier\tOverall Survival Status\tOverall Survival (Months)
#Patient identifier\tstatus\tmonths
#STRING\tSTRING\tNUMBER
#1\t1\t1
PATIENT_ID\tOS_STATUS\tOS_MONTHS
TCGA-AA-0002\t1:DECEASED\t31.77
TCGA-AA-0001\t0:LIVING\t[Not Available]
"""
WEB = """Study ID\tPatient ID\tSample ID\tER Status By IHC\tOverall Survival Status\tMutation Count
brca\tTCGA-AA-0001\tTCGA-AA-0001-06\tPositive\t0:LIVING\t9
brca\tTCGA-AA-0001\tTCGA-AA-0001-01\tPositive\t0:LIVING\t5
brca\tTCGA-AA-0002\tTCGA-AA-0002-01\tNegative\t1:DECEASED\t7
"""


def test_a_cbioportal_study_file_is_read_past_its_comment_lines(write):
    clinical = read_clinical(write("data_clinical_patient.txt", STUDY))
    assert clinical.format == "cbioportal-study"
    assert clinical.patients == ("TCGA-AA-0001", "TCGA-AA-0002")
    assert clinical.table.loc["TCGA-AA-0002"].tolist() == ["TCGA-AA-0002", "1:DECEASED", 31.77]
    assert math.isnan(clinical.table["OS_MONTHS"].iloc[0])


def test_a_web_export_keeps_the_row_of_the_primary_tumour(write):
    clinical = read_clinical(write("export.tsv", WEB))
    assert clinical.format == "cbioportal-web" and clinical.n_rows == 3
    assert clinical.table["Mutation Count"].tolist() == [5.0, 7.0]
    assert clinical.disagreements == {"Sample ID": ("TCGA-AA-0001",), "Mutation Count": ("TCGA-AA-0001",)}


def test_the_molecular_columns_of_porpoise_are_left_out(write):
    text = ",case_id,slide_id,age,survival_months,censorship,ESR1_rnaseq\n0,TCGA-AA-0001,s,50,12,1,0.3\n"
    clinical = read_clinical(write("all_clean.csv", text))
    assert clinical.format == "porpoise"
    assert list(clinical.table.columns) == ["case_id", "slide_id", "age", "survival_months", "censorship"]


@pytest.mark.parametrize(
    "name", ["patient_id", "Patient ID", "bcr_patient_barcode", "case_submitter_id", "PATIENT", "submitted_donor_id"]
)
def test_the_patients_column_has_many_names(write, name):
    assert read_clinical(write("c.csv", f"age,{name}\n50,P1\n")).patients == ("P1",)


def test_patients_are_found_by_their_barcodes_under_any_name(write):
    assert read_clinical(write("c.csv", "age,who\n50,TCGA-AA-0001-01A\n")).patients == ("TCGA-AA-0001",)


def test_a_table_without_patients_is_refused(write):
    with pytest.raises(TableError, match=r"no column names the patients; call one patient_id \(found age, stage"):
        read_clinical(write("c.csv", "age,stage\n50,II\n"))


def test_numbers_become_numbers_and_words_stay(write):
    table = read_clinical(write("c.csv", "patient_id,age,grade,empty\nP1,50,G1,\nP2,NA,2,\n")).table
    assert table["age"].iloc[0] == 50.0 and math.isnan(table["age"].iloc[1])
    assert table["grade"].tolist() == ["G1", "2"]
    assert table["empty"].isna().all()


def test_columns_of_the_same_name_are_both_kept(write):
    assert list(read_clinical(write("c.csv", "patient_id,a,a\nP1,1,2\n")).table.columns) == ["patient_id", "a", "a.1"]


def test_rows_without_a_patient_are_left_out(write):
    assert read_clinical(write("c.csv", "patient_id,age\n,50\nP1,60\n")).patients == ("P1",)


@pytest.mark.parametrize("asked", ["ER Status By IHC", "er_status_by_ihc", "er status by ihc", "ER-Status.By.IHC"])
def test_columns_are_found_whatever_their_case_and_punctuation(write, asked):
    assert find_column(read_clinical(write("export.tsv", WEB)), asked) == "ER Status By IHC"


def test_an_absent_column_names_the_closest(write):
    with pytest.raises(TraitError, match=r"no column 'ER Status By ICH' \(6 columns; closest: ER Status By IHC"):
        find_column(read_clinical(write("export.tsv", WEB)), "ER Status By ICH")


def test_the_exact_name_wins_over_a_similar_one():
    assert match_column(["os status", "OS_STATUS"], "OS_STATUS") == "OS_STATUS"


def test_the_format_can_be_stated_and_a_wrong_name_lists_all(write):
    path = write("c.csv", "patient_id,age\nP1,50\n")
    assert read_clinical(path, format="plain").format == "plain"
    with pytest.raises(TableError) as error:
        read_clinical(path, format="excel")
    assert all(format_.name in str(error.value) for format_ in CLINICAL_FORMATS)


def test_a_header_without_rows_is_refused(write):
    with pytest.raises(TableError, match="the table is empty"):
        read_clinical(write("c.csv", "patient_id,age\n"))
