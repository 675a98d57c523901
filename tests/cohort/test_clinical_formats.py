"""Clinical formats: a few patients in the layout of each, the same patients everywhere [F12]."""

import openpyxl
import pytest

from cartopath.cohort import read_clinical, receptor_status, survival_record, survival_times
from cartopath.core.errors import StatusError, TableError

PATIENTS = ("TCGA-AA-0001", "TCGA-AA-0002", "TCGA-AA-0003")
TIMES = {"patient_id": list(PATIENTS), "time_days": [400.0, 900.0, 1234.0], "event": [1, 0, 0]}


def tab(*rows):
    return "".join("\t".join(row) + "\n" for row in rows)


STUDY_PATIENTS = """#Patient Identifier\tSex\tOverall Survival (Days)\tOverall Survival Status
#Identifier to uniquely specify a patient\tSex\tDays\tStatus
#STRING\tSTRING\tNUMBER\tSTRING
#1\t1\t1\t1
PATIENT_ID\tSEX\tOS_DAYS\tOS_STATUS
TCGA-AA-0001\tFemale\t400\t1:DECEASED
TCGA-AA-0002\tMale\t900\t0:LIVING
TCGA-AA-0003\tFemale\t1234\t0:LIVING
"""
STUDY_SAMPLES = """#Patient Identifier\tSample Identifier\tSubtype
#Identifier\tIdentifier\tSubtype
#STRING\tSTRING\tSTRING
#1\t1\t1
PATIENT_ID\tSAMPLE_ID\tSUBTYPE
TCGA-AA-0001\tTCGA-AA-0001-06\tBasal
TCGA-AA-0001\tTCGA-AA-0001-01\tLumA
TCGA-AA-0002\tTCGA-AA-0002-01\tLumB
"""
WEB = tab(
    ("Study ID", "Patient ID", "Sample ID", "Overall Survival (Days)", "Overall Survival Status", "ER Status By IHC"),
    ("brca", "TCGA-AA-0001", "TCGA-AA-0001-01", "400", "1:DECEASED", "Positive"),
    ("brca", "TCGA-AA-0002", "TCGA-AA-0002-01", "900", "0:LIVING", "Negative"),
    ("brca", "TCGA-AA-0003", "TCGA-AA-0003-01", "1234", "0:LIVING", ""),
)
GDC_HEADER = ("case_id", "case_submitter_id", "project_id", "gender", "vital_status", "days_to_death", "days_to_last_follow_up")
GDC_OLD = tab(
    (*GDC_HEADER, "treatment_type"),
    ("11111111-aaaa-4444-8888-000000000001", "TCGA-AA-0001", "TCGA-BRCA", "female", "Dead", "400", "'--", "Radiation Therapy"),
    ("11111111-aaaa-4444-8888-000000000001", "TCGA-AA-0001", "TCGA-BRCA", "female", "Dead", "400", "'--", "Chemotherapy"),
    ("11111111-aaaa-4444-8888-000000000002", "TCGA-AA-0002", "TCGA-BRCA", "male", "Alive", "'--", "900", "'--"),
    ("11111111-aaaa-4444-8888-000000000003", "TCGA-AA-0003", "TCGA-BRCA", "female", "Alive", "'--", "1000", "'--"),
    ("11111111-aaaa-4444-8888-000000000003", "TCGA-AA-0003", "TCGA-BRCA", "female", "Alive", "'--", "1234", "'--"),
)
DOTTED_HEADER = ("project.project_id", "cases.case_id", "cases.submitter_id", "demographic.gender", "demographic.vital_status")
DOTTED = tab(
    (
        *(*DOTTED_HEADER, "demographic.days_to_death", "diagnoses.days_to_last_follow_up"),
        *("diagnoses.diagnosis_is_primary_disease", "diagnoses.ajcc_pathologic_stage"),
    ),
    ("TCGA-BRCA", "1a", "TCGA-AA-0001", "female", "Dead", "400", "'--", "false", "Stage IV"),
    ("TCGA-BRCA", "1a", "TCGA-AA-0001", "female", "Dead", "400", "'--", "true", "Stage II"),
    ("TCGA-BRCA", "1b", "TCGA-AA-0002", "male", "Alive", "'--", "900", "true", "Stage I"),
    ("TCGA-BRCA", "1c", "TCGA-AA-0003", "female", "Alive", "'--", "800", "true", "Stage I"),
)
DOTTED_FOLLOW_UP = tab(
    (
        "project.project_id",
        "cases.case_id",
        "cases.submitter_id",
        "follow_ups.days_to_follow_up",
        "follow_ups.ecog_performance_status",
    ),
    ("TCGA-BRCA", "1a", "TCGA-AA-0001", "400", "'--"),
    ("TCGA-BRCA", "1c", "TCGA-AA-0003", "1234", "1"),
    ("TCGA-BRCA", "1c", "TCGA-AA-0003", "600", "0"),
)
BIOTAB_NAMES = ("bcr_patient_uuid", "bcr_patient_barcode", "patient_id", "vital_status", "last_contact_days_to", "death_days_to")
BIOTAB_OLD_NAMES = (
    "bcr_patient_uuid",
    "bcr_patient_barcode",
    "patient_id",
    "vital_status",
    "days_to_last_followup",
    "days_to_death",
)
BIOTAB_IDS = ("CDE_ID:", "CDE_ID:2003301", "CDE_ID:", "CDE_ID:5", "CDE_ID:3008273", "CDE_ID:3165475")
BIOTAB = tab(
    (*BIOTAB_NAMES, "er_status_by_ihc"),
    (*BIOTAB_OLD_NAMES, "breast_carcinoma_estrogen_receptor_status"),
    (*BIOTAB_IDS, "CDE_ID:2957359"),
    ("AAAA-1", "TCGA-AA-0001", "0001", "Alive", "300", "[Not Applicable]", "Positive"),
    ("AAAA-2", "TCGA-AA-0002", "0002", "Alive", "900", "[Not Applicable]", "Negative"),
    ("AAAA-3", "TCGA-AA-0003", "0003", "Alive", "700", "[Not Applicable]", "[Not Evaluated]"),
)
FOLLOW_UP_NAMES = (
    "bcr_patient_uuid",
    "bcr_patient_barcode",
    "bcr_followup_barcode",
    "vital_status",
    "last_contact_days_to",
    "death_days_to",
)
BIOTAB_FOLLOW_UP = tab(
    FOLLOW_UP_NAMES,
    FOLLOW_UP_NAMES,
    BIOTAB_IDS,
    ("AAAA-3", "TCGA-AA-0003", "TCGA-AA-0003-F1", "Alive", "1234", "[Not Applicable]"),
    ("AAAA-3", "TCGA-AA-0003", "TCGA-AA-0003-F2", "Alive", "1000", "[Not Applicable]"),
    ("AAAA-1", "TCGA-AA-0001", "TCGA-AA-0001-F1", "Alive", "350", "[Not Applicable]"),
    ("AAAA-1", "TCGA-AA-0001", "TCGA-AA-0001-F2", "Dead", "[Not Available]", "400"),
)
CDR = (
    (
        None,
        "bcr_patient_barcode",
        "type",
        "vital_status",
        "OS",
        "OS.time",
        "DSS",
        "DSS.time",
        "DFI",
        "DFI.time",
        "PFI",
        "PFI.time",
    ),
    (1, "TCGA-AA-0001", "BRCA", "Dead", 1, 400, "#N/A", "#N/A", "#N/A", "#N/A", 1, 200),
    (2, "TCGA-AA-0002", "BRCA", "Alive", 0, 900, 0, 900, 0, 900, 0, 900),
    (3, "TCGA-AA-0003", "BRCA", "Alive", 0, 1234, 0, 1234, "#N/A", "#N/A", 1, 1000),
)
RTCGA_HEADER = ("patient.bcr_patient_barcode", "patient.vital_status", "patient.days_to_death", "patient.days_to_last_followup")
RTCGA_ROWS = (
    RTCGA_HEADER,
    ("tcga-aa-0001", "dead", "400", "NA"),
    ("tcga-aa-0002", "alive", "NA", "900"),
    ("tcga-aa-0003", "alive", "NA", "1234"),
)
PICKED = tab(
    ("Hybridization REF", "tcga-aa-0001", "tcga-aa-0002", "tcga-aa-0003"),
    ("vital_status", "1", "0", "0"),
    ("days_to_death", "400", "NA", "NA"),
    ("days_to_last_followup", "NA", "900", "1234"),
)
MERGED = tab(("admin.batch_number", "47.1", "48.1", "47.1"), *zip(*RTCGA_ROWS, strict=True))


@pytest.fixture
def workbook(tmp_path):
    def workbook_(name, **sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title.replace("_", "-"))
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / name)
        return tmp_path / name

    return workbook_


@pytest.mark.parametrize(
    ("name", "text", "format_name"),
    [
        ("data_clinical_patient.txt", STUDY_PATIENTS, "cbioportal-study"),
        ("export.tsv", WEB, "cbioportal-web"),
        ("clinical.tsv", GDC_OLD, "gdc"),
        ("RTCGA.csv", tab(*RTCGA_ROWS).replace("\t", ","), "firehose"),
        ("BRCA.clin.merged.picked.txt", PICKED, "firehose"),
        ("BRCA.clin.merged.txt", MERGED, "firehose"),
        ("plain.csv", "patient,os_days,died\nTCGA-AA-0003,1234,0\nTCGA-AA-0001,400,1\nTCGA-AA-0002,900,0\n", "plain"),
    ],
)
def test_every_format_is_told_by_its_content_and_tells_the_same_survival(write, name, text, format_name):
    clinical = read_clinical(write(f"nothing-in-the-name-{len(name)}", text))
    assert clinical.format == format_name
    status = "died" if format_name == "plain" else None
    assert survival_times(clinical, status_column=status).to_dict("list") == TIMES
    assert read_clinical(write(name, text), format=format_name).table.equals(clinical.table)


def test_the_clinical_data_resource_is_read_from_its_workbook(workbook):
    clinical = read_clinical(workbook("TCGA-CDR-SupplementalTableS1.xlsx", TCGA_CDR=CDR, Notes=[("about",), ("the table",)]))
    assert clinical.format == "tcga-cdr" and clinical.patients == PATIENTS
    assert survival_times(clinical).to_dict("list") == TIMES
    assert survival_times(clinical, "PFI")["time_days"].tolist() == [200, 900, 1000]


def test_endpoints_that_the_resource_does_not_give_are_missing_and_counted(workbook):
    clinical = read_clinical(workbook("cdr.xlsx", TCGA_CDR=CDR))
    record = survival_record(clinical, "DSS", require_events=False)
    assert record.table["patient_id"].tolist() == list(PATIENTS[1:]) and record.unit == "days"
    assert record.left_out == {"neither time nor status": ("TCGA-AA-0001",)}
    with pytest.raises(StatusError, match="no DFS event among 1 patients"):
        survival_times(clinical, "DFI")


def test_a_study_folder_joins_patients_and_the_samples_of_their_primaries(write, tmp_path):
    write("data_clinical_patient.txt", STUDY_PATIENTS)
    write("data_clinical_sample.txt", STUDY_SAMPLES)
    write("data_mrna_seq_v2_rsem.txt", "Hugo_Symbol\tTCGA-AA-0001-01\nMKI67\t1\n")
    clinical = read_clinical(tmp_path)
    assert clinical.format == "cbioportal-study" and clinical.patients == PATIENTS and clinical.n_rows == 6
    assert clinical.table["SUBTYPE"].fillna("").tolist() == ["LumA", "LumB", ""]
    assert clinical.disagreements == {"SAMPLE_ID": ("TCGA-AA-0001",), "SUBTYPE": ("TCGA-AA-0001",)}
    assert survival_times(clinical).to_dict("list") == TIMES


def test_a_list_of_tables_is_joined_in_any_order_of_patients(write):
    samples, patients = write("samples.txt", STUDY_SAMPLES), write("patients.txt", STUDY_PATIENTS)
    clinical = read_clinical([samples, patients])
    assert clinical.table["SEX"].tolist() == ["Female", "Male", "Female"]
    assert clinical.path == samples and clinical.files == (samples, patients)


def test_tables_of_different_formats_are_joined_by_patient(write, workbook):
    clinical = read_clinical([write("export.tsv", WEB), workbook("cdr.xlsx", TCGA_CDR=CDR)])
    assert clinical.format == "cbioportal-web + tcga-cdr"
    assert survival_times(clinical, "PFI")["event"].tolist() == [1, 0, 1]


def test_columns_in_which_two_tables_differ_are_kept_as_disagreements(write):
    first = write("a.csv", "patient_id,grade,os_days,os_status\nP1,G1,10,1\nP2,,20,0\n")
    second = write("b.csv", "patient_id,grade,os_days\nP1,G1,12\nP2,G3,20\n")
    clinical = read_clinical([first, second])
    assert clinical.table["grade"].tolist() == ["G1", "G3"]
    assert clinical.disagreements == {"os_days": ("P1",)}
    with pytest.raises(TableError, match=r"a\.csv \(with b\.csv\): the rows of 1 patients disagree in 'os_days' \(P1\)"):
        survival_times(clinical)


def test_a_folder_without_clinical_tables_says_what_was_looked_for(tmp_path):
    with pytest.raises(TableError, match=r"a folder without clinical tables \(looked for data_clinical.*clinical\.tsv"):
        read_clinical(tmp_path)


def test_an_empty_list_of_tables_is_refused():
    with pytest.raises(TableError, match="no clinical table is named"):
        read_clinical([])


def test_cases_of_the_gdc_are_known_by_their_barcode_and_not_by_their_uuid(write):
    assert read_clinical(write("clinical.tsv", GDC_OLD)).patients == PATIENTS


def test_rows_of_several_treatments_do_not_contradict_each_other(write):
    assert read_clinical(write("clinical.tsv", GDC_OLD)).disagreements == {}


def test_dotted_names_of_the_gdc_are_found_without_what_stands_before_the_dot(write):
    clinical = read_clinical(write("clinical.tsv", DOTTED))
    record = survival_record(clinical)
    assert (clinical.format, record.status_column) == ("gdc", "demographic.vital_status")
    assert record.time_column == "demographic.days_to_death and diagnoses.days_to_last_follow_up"
    assert record.table["time_days"].tolist() == [400, 900, 800]


def test_the_row_of_the_primary_diagnosis_stands_for_a_case(write):
    stages = read_clinical(write("clinical.tsv", DOTTED)).table["diagnoses.ajcc_pathologic_stage"]
    assert stages.tolist() == ["Stage II", "Stage I", "Stage I"]


def test_the_row_of_the_primary_tumour_stands_for_a_case_where_tumours_are_classified(write):
    rows = (("TCGA-AA-0001", "metastasis", "Stage IV"), ("TCGA-AA-0001", "primary", "Stage II"))
    header = ("cases.submitter_id", "diagnoses.classification_of_tumor", "diagnoses.ajcc_pathologic_stage")
    assert read_clinical(write("clinical.tsv", tab(header, *rows))).table["diagnoses.ajcc_pathologic_stage"].tolist() == [
        "Stage II"
    ]


@pytest.mark.parametrize("column", ["vital_status", "days_to_death"])
def test_a_patient_who_is_dead_in_one_row_only_is_refused(write, column):
    other = GDC_OLD.replace("Dead\t400", "Alive\t400" if column == "vital_status" else "Dead\t401", 1)
    with pytest.raises(TableError, match=rf"rows of 1 patients disagree in '{column}' \(TCGA-AA-0001\)"):
        survival_times(read_clinical(write("clinical.tsv", other)))


def test_na_errors_of_a_spreadsheet_saved_as_text_are_missing(write):
    text = "bcr_patient_barcode,OS,OS.time,PFI,PFI.time\nTCGA-AA-0001,1,5,#N/A,#N/A\nTCGA-AA-0002,0,9,1,3\n"
    assert survival_times(read_clinical(write("cdr.csv", text)), "PFI")["patient_id"].tolist() == ["TCGA-AA-0002"]


def test_a_gdc_folder_joins_the_latest_of_the_follow_ups(write, tmp_path):
    write("clinical.tsv", DOTTED)
    write("follow_up.tsv", DOTTED_FOLLOW_UP)
    write("exposure.tsv", "cases.submitter_id\tx\nTCGA-AA-0001\t1\n")
    assert survival_times(read_clinical(tmp_path)).to_dict("list") == TIMES


def test_the_three_header_lines_of_biotab_are_no_patients(write):
    clinical = read_clinical(write("nationwidechildrens.org_clinical_patient_brca.txt", BIOTAB))
    assert (clinical.format, clinical.patients) == ("biotab", PATIENTS)
    assert receptor_status(clinical, "ER").tolist() == ["hi", "lo", ""]
    assert survival_record(clinical, require_events=False).table["time_days"].tolist() == [300, 900, 700]


def test_a_later_biotab_follow_up_overtakes_the_earlier_ones(write, tmp_path):
    of_new_tumours = BIOTAB_FOLLOW_UP.replace("1234", "9999")
    files = (("a", "patient", BIOTAB), ("b", "follow_up_v4.0", BIOTAB_FOLLOW_UP), ("c", "follow_up_v4.0_nte", of_new_tumours))
    for folder, name, text in files:
        (tmp_path / folder).mkdir()
        write(f"{folder}/nationwidechildrens.org_clinical_{name}_brca.txt", text)
    clinical = read_clinical(tmp_path)
    assert survival_times(clinical).to_dict("list") == TIMES
    assert "vital_status" not in clinical.disagreements


def test_a_biotab_follow_up_counts_beside_tables_of_other_formats(write):
    subtypes = write("subtypes.csv", "patient,subtype\nTCGA-AA-0001,LumA\nTCGA-AA-0003,Basal\n")
    clinical = read_clinical([write("patient.txt", BIOTAB), subtypes, write("follow_up.txt", BIOTAB_FOLLOW_UP)])
    assert survival_times(clinical).to_dict("list") == TIMES
    assert clinical.table["subtype"].fillna("").tolist() == ["LumA", "", "Basal"]


def test_what_survival_is_put_together_of_gives_a_reason_for_everyone_left_out(write):
    rows = ("Dead,,50", "Alive,,", "Alive,70,80", "Not Reported,,90", "Dead,-3,", "Dead,0,", "Alive,,0", "Dead,60,40")
    lines = "\n".join(f"P{number},{row}" for number, row in enumerate(rows))
    record = survival_record(
        read_clinical(write("c.csv", f"patient,vital_status,days_to_death,days_to_last_followup\n{lines}\n"))
    )
    assert record.left_out == {
        "dead without a day of death": ("P0",),
        "alive without a last follow-up": ("P1",),
        "alive with a day of death": ("P2",),
        "no status": ("P3",),
        "negative time": ("P4",),
        "never followed: censored on day 0": ("P6",),
    }
    assert record.table.to_dict("list") == {"patient_id": ["P5", "P7"], "time_days": [0.5, 60.0], "event": [1, 1]}


def test_a_column_of_the_time_goes_before_putting_it_together(write):
    text = "patient,vital_status,days_to_death,days_to_last_followup,OS.time\nP1,Dead,5,,7\n"
    assert survival_times(read_clinical(write("c.csv", text)))["time_days"].tolist() == [7.0]


def test_an_unknown_vital_status_is_named_with_its_count(write):
    text = GDC_OLD.replace("Alive", "Undead")
    with pytest.raises(StatusError, match=r"column 'vital_status': 'Undead' is not a known status \(2 patients\)"):
        survival_times(read_clinical(write("clinical.tsv", text)))


def test_times_put_together_are_days_whatever_is_stated(write):
    with pytest.raises(TableError, match="leave time_unit out"):
        survival_times(read_clinical(write("clinical.tsv", GDC_OLD)), time_unit="months")


def test_firehose_across_without_patients_is_refused(write):
    with pytest.raises(TableError, match=r"no row patient\.bcr_patient_barcode"):
        read_clinical(write("merged.txt", tab(("admin.batch_number", "1"), ("patient.gender", "male"))))
