"""The real clinical tables: patients, deaths, receptors, and that formats of the same cohort agree."""

import openpyxl
import pandas as pd
import pytest

from cartopath.cohort import read_clinical, receptor_record, survival_record
from cartopath.cohort.delimited import read_words

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def tables(real_data):
    return real_data / "tcga_brca"


@pytest.mark.parametrize(
    ("name", "format_name", "n_patients", "n_followed", "n_events"),
    [
        ("brca_clinical.tsv", "plain", 1098, 1084, 151),
        ("brca_cbioportal_clinical_export.tsv", "cbioportal-web", 1101, 1083, 151),
        ("cbioportal_study", "cbioportal-study", 841, 749, 87),
        ("cbioportal_study/data_clinical_patients.txt", "cbioportal-study", 841, 749, 87),
        ("porpoise_mutsig_tcga_brca_all_clean.csv.zip", "porpoise", 956, 956, 130),
    ],
)
def test_patients_and_deaths_are_counted(tables, name, format_name, n_patients, n_followed, n_events):
    clinical = read_clinical(tables / name)
    record = survival_record(clinical)
    assert (clinical.format, len(clinical.patients)) == (format_name, n_patients)
    assert (len(record.table), int(record.table["event"].sum())) == (n_followed, n_events)
    assert n_followed + sum(map(len, record.left_out.values())) == n_patients


@pytest.mark.parametrize(
    ("name", "receptor", "hi", "lo", "none"),
    [
        ("brca_clinical.tsv", "ER", 809, 238, 51),
        ("brca_clinical.tsv", "PR", 700, 344, 54),
        ("brca_clinical.tsv", "HER2", 194, 764, 140),
        ("brca_cbioportal_clinical_export.tsv", "ER", 808, 238, 55),
        ("brca_cbioportal_clinical_export.tsv", "PR", 699, 344, 58),
        ("brca_cbioportal_clinical_export.tsv", "HER2", 173, 767, 161),
    ],
)
def test_receptors_are_counted(tables, name, receptor, hi, lo, none):
    record = receptor_record(read_clinical(tables / name), receptor)
    assert record.counts.groupby("status")["n"].sum().to_dict() == {"hi": hi, "lo": lo, "": none}
    assert (record.counts["reason"] != "").all()


def test_the_study_folder_gives_patients_the_subtype_of_their_sample(tables):
    clinical = read_clinical(tables / "cbioportal_study")
    samples = pd.read_csv(tables / "cbioportal_study" / "data_clinical_samples.txt", sep="\t", comment="#")
    known = samples.dropna(subset="SUBTYPE").drop_duplicates("PATIENT_ID").set_index("PATIENT_ID")["SUBTYPE"]
    assert len(known) == 506
    assert clinical.table["SUBTYPE"].dropna().to_dict() == known.to_dict()


def test_registry_and_portal_are_joined_by_patient(tables):
    names = ("brca_clinical.tsv", "brca_cbioportal_clinical_export.tsv")
    clinical = read_clinical([tables / name for name in names])
    assert (len(clinical.patients), clinical.n_rows) == (1101, 1098 + 1108)
    both = clinical.table[["er_ihc", "ER Status By IHC"]].dropna()
    assert (both["er_ihc"] == both["ER Status By IHC"].str.lower()).mean() > 0.99


def test_a_table_is_the_same_when_it_is_saved_as_a_workbook(tables, tmp_path):
    head, rows = read_words(tables / "brca_clinical.tsv")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("clinical")
    for row in (head.header, *rows):
        sheet.append([float(cell) if cell.replace(".", "", 1).isdigit() else cell or None for cell in row])
    book.save(tmp_path / "clinical.xlsx")
    text, workbook = read_clinical(tables / "brca_clinical.tsv"), read_clinical(tmp_path / "clinical.xlsx")
    assert workbook.table.equals(text.table)
    assert survival_record(workbook).table.equals(survival_record(text).table)


def test_a_table_is_the_same_in_utf_16(tables, tmp_path):
    path = tables / "brca_cbioportal_clinical_export.tsv"
    (tmp_path / "export.tsv").write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))
    assert read_clinical(tmp_path / "export.tsv").table.equals(read_clinical(path).table)
