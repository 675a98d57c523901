"""What a cohort is told about itself."""

import numpy as np
import pandas as pd
import pytest

from cartopath.cohort import (
    FINDING_CODES,
    Finding,
    draw_rounds,
    findings_table,
    join_findings,
    label_findings,
    open_molecular,
    read_clinical,
    read_slides,
    slide_findings,
    sort_findings,
    trait_labels,
    verdict,
)


@pytest.fixture
def slides(tmp_path):
    """Make slide files of these names (with their content) and list them."""

    def slides_(*names, content=None, table=None):
        folder = tmp_path / "slides"
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((content or {}).get(name, name.encode()))
        if table is not None:
            (tmp_path / "slides.csv").write_text(table)
        return read_slides(folder, None if table is None else tmp_path / "slides.csv")

    return slides_


def dx(patient, order="DX1", kind="01Z"):
    return f"TCGA-AA-{patient:04}-{kind}-00-{order}.uuid.svs"


def by_code(findings):
    return {finding.code: finding for finding in findings}


def test_a_clean_cohort_has_no_findings(slides):
    assert join_findings(slides(dx(1), dx(2)), ["TCGA-AA-0001", "TCGA-AA-0002"], ["TCGA-AA-0001", "TCGA-AA-0002"]) == []


def test_patients_missing_from_either_table_are_counted_with_examples(slides):
    found = by_code(join_findings(slides(*(dx(n) for n in range(8))), [f"TCGA-AA-{n:04}" for n in (0, 9)], ["TCGA-AA-0000"]))
    lacking = found["patient-without-expression"]
    assert lacking.severity == "warning" and lacking.subject == "molecular table"
    assert (
        lacking.message.startswith("7 of 8 patients with slides are not in the molecular table (TCGA-AA-0001,")
        and ", ...)" in lacking.message
    )
    assert found["expression-without-slide"].message == "1 of 2 patients of the molecular table have no slide (TCGA-AA-0009)"
    assert found["patient-without-clinical"].subject == "clinical table"
    assert "clinical-without-slide" not in found


def test_tables_that_share_no_patient_are_an_error(slides):
    finding = by_code(join_findings(slides(dx(1)), ["BRCA-7"]))["no-patient-in-common"]
    assert finding.severity == "error" and "BRCA-7" in finding.message and "TCGA-AA-0001" in finding.message


def test_an_empty_folder_and_a_wholly_excluded_list_are_errors(slides):
    assert [finding.code for finding in join_findings(slides())] == ["no-slides"]
    excluded = slides(dx(1), table=f"path,exclude\n{dx(1)},pen marks\n")
    assert set(by_code(join_findings(excluded))) == {"no-slides", "excluded-slide"}


def test_excluded_slides_are_listed_with_their_reasons_and_judged_no_further(slides):
    table = f"path,exclude,mpp\n{dx(1)},,\n{dx(2, kind='06Z')},pen marks,900\n"
    found = join_findings(slides(dx(1), dx(2, kind="06Z"), table=table))
    assert [finding.code for finding in found] == ["excluded-slide"]
    assert "pen marks: 1" in found[0].message


def test_different_files_of_one_slide_id_are_an_error_that_shows_where_they_are(slides):
    finding = by_code(join_findings(slides(dx(1), "again/" + dx(1).replace("uuid", "other"))))["duplicate-slide"]
    assert finding.severity == "error" and "for different files (TCGA-AA-0001-01Z-00-DX1: " in finding.message
    assert "again/TCGA-AA-0001-01Z-00-DX1.other.svs" in finding.message


def test_equal_files_of_one_slide_id_are_a_warning(slides):
    again = dx(1).replace("uuid", "other")
    found = by_code(join_findings(slides(dx(1), again, content={dx(1): b"pixels", again: b"pixels"})))
    assert found["duplicate-slide"].severity == "warning" and "the first is taken" in found["duplicate-slide"].message
    assert "duplicate-file" not in found


def test_a_slide_in_two_rows_of_a_table_is_an_error(slides):
    found = by_code(join_findings(slides(dx(1), table=f"path,patient_id\n{dx(1)},P1\n{dx(1)},P1\n")))
    assert found["duplicate-slide"].severity == "error"
    assert "1 slide is listed in several rows (TCGA-AA-0001-01Z-00-DX1 2 times)" in found["duplicate-slide"].message


def test_the_same_content_under_two_names_is_an_error(slides):
    found = by_code(join_findings(slides(dx(1), dx(2), content={dx(1): b"pixels", dx(2): b"pixels"})))
    assert "TCGA-AA-0001-01Z-00-DX1 = TCGA-AA-0002-01Z-00-DX1" in found["duplicate-file"].message


def test_the_same_path_under_two_ids_is_an_error(slides):
    table = f"slide_id,path,patient_id\nA,{dx(1)},P1\nB,{dx(1)},P2\n"
    assert "A = B" in by_code(join_findings(slides(dx(1), table=table)))["duplicate-file"].message


def test_files_of_equal_size_and_different_content_are_no_duplicates(slides):
    assert "duplicate-file" not in by_code(join_findings(slides(dx(1), dx(2), content={dx(1): b"pixelA", dx(2): b"pixelB"})))


def test_a_file_that_is_not_there_is_an_error(slides):
    finding = by_code(join_findings(slides(dx(1), table=f"path\n{dx(1)}\n{dx(2)}\n")))["slide-file-missing"]
    assert finding.severity == "error" and "1 slide has no file (TCGA-AA-0002-01Z-00-DX1)" in finding.message


def test_ids_that_are_not_on_disk_are_counted_once_and_the_others_are_used(slides):
    table = "slide_id,patient_id\n" + "".join(f"S{n},P{n}\n" for n in range(8))
    (finding,) = join_findings(slides("S0.svs", "S1.svs", table=table))
    assert (finding.severity, finding.code) == ("warning", "slide-file-missing")
    assert finding.message == "6 of 8 listed slides not found on disk (S2, S3, S4, S5, S6, ...); the others are used"


def test_a_list_of_which_nothing_is_on_disk_is_an_error(slides):
    found = by_code(join_findings(slides(table="slide_id,patient_id\nS0,P0\nS1,P1\n")))
    assert found["slide-file-missing"].severity == "error" and "check slides.dir" in found["slide-file-missing"].message


def test_a_name_that_several_files_have_is_an_error_that_asks_for_the_path(slides):
    found = by_code(join_findings(slides("a/S0.svs", "b/S0.svs", table="slide_id,patient_id\nS0,P0\n")))
    assert set(found) == {"slide-file-ambiguous"}
    assert "write the path" in found["slide-file-ambiguous"].message


def test_an_unfinished_download_is_a_warning(slides):
    manifest = "id\tfilename\tmd5\tsize\tstate\nu\t" + dx(1) + "\tm\t9999\treleased\n"
    (finding,) = join_findings(slides(dx(1), table=manifest))
    assert (finding.severity, finding.code) == ("warning", "slide-file-incomplete")


def test_a_slide_named_for_another_patient_than_the_table_says_is_a_suspected_mix_up(slides):
    table = f"path,patient_id\n{dx(1)},TCGA-AA-0002\n{dx(3)},TCGA-AA-0003\n"
    (finding,) = join_findings(slides(dx(1), dx(3), table=table))
    assert (finding.severity, finding.code) == ("error", "slide-of-another-patient")
    assert "(TCGA-AA-0001-01Z-00-DX1 of TCGA-AA-0002)" in finding.message


def test_other_ids_of_patients_contradict_no_barcode(slides):
    assert join_findings(slides(dx(1), table=f"path,patient_id\n{dx(1)},north-7\n")) == []


def test_masks_beside_slides_are_told_by_reason_and_not_one_by_one(slides):
    names = [f"S{n}{end}.tif" for n in range(3) for end in ("", "_mask")] + ["S0_thumb.tif"]
    found = by_code(slide_findings(slides(*names)))
    assert "looks like a mask by its name: 3; looks like a thumbnail by its name: 1" in found["excluded-slide"].message


def test_no_join_says_which_spelling_would_join(slides):
    table = "slide_id,patient_id\n" + "".join(f"S{n},case_{n:03}\n" for n in range(4))
    names = [f"S{n}.svs" for n in range(4)]
    found = by_code(join_findings(slides(*names, table=table), [f"Case-{n:03}" for n in range(9)]))
    message = found["no-patient-in-common"].message
    assert "4 would be, compared without dashes, dots, underscores, spaces and capital letters (case_000 = Case-000)" in message


def test_a_poor_join_says_which_spelling_would_join_more(slides):
    table = "slide_id,patient_id\n" + "".join(f"S{n},case_{n:03}\n" for n in range(8))
    names = [f"S{n}.svs" for n in range(8)]
    patients = ["case_000", *(f"case-{n:03}" for n in range(1, 9))]
    found = by_code(join_findings(slides(*names, table=table), patients))
    assert found["ids-spelled-differently"].severity == "warning"
    assert found["ids-spelled-differently"].message.startswith(
        "only 1 of 8 patients with slides are in the molecular table; 8 would"
    )


def test_a_good_join_says_nothing_of_spelling(slides):
    patients = [f"TCGA-AA-{n:04}" for n in range(2, 9)]
    assert "ids-spelled-differently" not in by_code(join_findings(slides(*(dx(n) for n in range(6))), patients))


def test_a_slide_without_patient_is_an_error_that_says_what_to_do(slides):
    finding = by_code(join_findings(slides("a.svs", dx(1))))["slide-without-patient"]
    assert finding.severity == "error" and finding.message == "1 slide has no patient (a); add patient_id to the slide table"


def test_recurrences_metastases_and_normals_are_counted_by_kind(slides):
    found = by_code(join_findings(slides(dx(1), dx(1, kind="02Z"), dx(2, kind="06Z"), dx(3, kind="11A"))))
    assert "metastasis: 1" in found["non-primary-slide"].message and "normal tissue: 1" in found["non-primary-slide"].message
    assert "recurrent tumour: 1" in found["non-primary-slide"].message
    assert found["patient-without-usable-slide"].message.startswith("2 patients have no slide that can stand for the primary")


def test_frozen_and_diagnostic_slides_are_both_counted(slides):
    names = [dx(1), dx(2), dx(1, "TS1", "01A"), dx(2, "TSB", "01A"), dx(3, "BSA", "01A")]
    message = by_code(join_findings(slides(*names)))["frozen-slide"].message
    assert message.startswith("3 slides are frozen sections (BS: 1, TS: 2) and 2 are diagnostic (DX)")


def test_patients_without_dx1_and_frozen_sections_are_named(slides):
    found = by_code(join_findings(slides(dx(1, order="DX2"), dx(1, order="DX10"), dx(2), "TCGA-AA-0002-01A-01-TS1.x.svs")))
    assert found["patient-without-dx1"].message.endswith("(TCGA-AA-0001-01Z-00-DX2)")
    assert "1 slide is a frozen section" in found["frozen-slide"].message


def test_stated_resolutions_that_differ_are_counted(slides):
    table = "path,mpp\n" + "".join(f"{dx(n)},{mpp}\n" for n, mpp in enumerate((0.25, 0.2502, 0.5, "")))
    finding = by_code(join_findings(slides(*(dx(n) for n in range(4)), table=table)))["mixed-resolution"]
    assert finding.severity == "info" and "0.25 um/px: 2, 0.5 um/px: 1" in finding.message.replace("0.2502", "0.25")


@pytest.mark.parametrize("mpp", [0, -1, 250])
def test_resolutions_that_no_scanner_has_are_errors(slides, mpp):
    finding = by_code(join_findings(slides(dx(1), table=f"path,mpp\n{dx(1)},{mpp}\n")))["impossible-mpp"]
    assert finding.severity == "error" and f"TCGA-AA-0001-01Z-00-DX1 {mpp}" in finding.message


@pytest.fixture
def clinical(write):
    def clinical_(rows, header="patient_id,os_days,os_event"):
        return read_clinical(write("clinical.csv", "\n".join([header, *rows]) + "\n"))

    return clinical_


def survival_codes(slides, clinical, endpoint="OS"):
    return by_code(join_findings(slides, None, clinical, endpoint=endpoint))


def test_an_unknown_status_word_is_an_error_with_word_count_and_column(slides, clinical):
    table = clinical(["TCGA-AA-0001,10,1", "TCGA-AA-0002,20,Zombie"])
    finding = survival_codes(slides(dx(1), dx(2)), table)["unknown-status-word"]
    assert finding.severity == "error" and "column 'os_event': 'Zombie' is not a known status (1 patient)" in finding.message


def test_missing_columns_and_unreadable_times_are_errors(slides, clinical):
    listed = slides(dx(1))
    assert survival_codes(listed, clinical(["TCGA-AA-0001,10,1"]), "DSS")["survival-column-missing"].severity == "error"
    assert survival_codes(listed, clinical(["TCGA-AA-0001,ten,1"]))["survival-unreadable"].severity == "error"


def test_events_are_counted_among_patients_with_slides(slides, clinical):
    rows = ["TCGA-AA-0001,10,0", "TCGA-AA-0002,20,1", "TCGA-AA-0003,-5,1"]
    assert survival_codes(slides(dx(1)), clinical(rows))["no-events"].severity == "error"
    found = survival_codes(slides(dx(1), dx(2), dx(3)), clinical(rows))
    assert found["few-events"].message.startswith("1 event among 2 patients")
    assert found["survival-left-out"].message == "1 patient left out, negative time (TCGA-AA-0003)"


def test_survival_is_left_alone_unless_asked_for(slides, clinical):
    assert survival_codes(slides(dx(1)), clinical(["TCGA-AA-0001,10,Zombie"]), endpoint=None) == {}


def test_several_clinical_rows_of_a_patient_are_mentioned(slides, clinical):
    table = clinical(["TCGA-AA-0001,10,1,A", "TCGA-AA-0001,10,1,B"], header="patient_id,os_days,os_event,vial")
    assert "(vial)" in survival_codes(slides(dx(1)), table)["clinical-duplicate-patient"].message


def test_absent_traits_are_errors_with_the_closest_names(slides, write, matrix, golden):
    molecular = open_molecular(write("eb.tsv", matrix("gene_id", golden.genes, golden.samples, golden.values)))
    finding = by_code(join_findings(slides(dx(1)), molecular, traits=["ESR1", "MKI76"]))["trait-not-found"]
    assert finding.subject == "MKI76" and finding.severity == "error" and "closest: MKI67|4288" in finding.message


PATIENTS = [f"TCGA-AA-{n:04}" for n in range(60)]


def test_sets_with_few_or_no_patients_of_a_class_are_reported_by_trait_and_set(slides):
    splits = draw_rounds(PATIENTS, seed=0, rounds=2)
    labels = {"ESR1": trait_labels(pd.Series(np.arange(60.0), index=PATIENTS))}
    found = join_findings(slides(*(dx(n) for n in range(60))), labels=labels, splits=splits)
    small = [finding for finding in found if finding.code in ("class-too-small", "empty-class")]
    assert small and all(finding.subject == "ESR1" for finding in small)
    assert any("in validation" in finding.message for finding in small)
    train = [finding for finding in small if "in train" in finding.message]
    assert train == []


def test_an_empty_class_is_an_error_in_training_and_a_warning_in_the_test(slides):
    splits = draw_rounds(PATIENTS, seed=0, rounds=1)
    in_set = splits.set_index("patient_id")["set"]
    values = (
        pd.Series([0.0 if in_set[patient] != "train" else 5.0 for patient in PATIENTS], index=PATIENTS) + np.arange(60) / 1000
    )
    labels = {"T": trait_labels(values, low=10, high=70)}
    found = {
        finding.message.split(";")[0]: finding.severity
        for finding in join_findings(slides(*(dx(n) for n in range(60))), labels=labels, splits=splits)
    }
    assert found["no patient labelled lo in train, round 0"] == "error"
    assert found["no patient labelled hi in test, round 0"] == "warning"


def test_classes_that_only_judge_are_no_error_and_concern_the_auroc_of_the_test_alone():
    splits = draw_rounds(PATIENTS, seed=0, rounds=1)
    in_set = splits.set_index("patient_id")["set"]
    values = pd.Series([0.0 if in_set[p] != "train" else 5.0 for p in PATIENTS], index=PATIENTS) + np.arange(60) / 1000
    labels = {"T": trait_labels(values, low=10, high=70)}
    found = list(label_findings(labels, splits, patients=PATIENTS, classes_teach=False))
    assert {(one.severity, one.code) for one in found} == {("warning", "empty-class"), ("warning", "class-too-small")}
    assert all(" in test" in one.message and "only the AUROC is concerned" in one.message for one in found)


def test_only_patients_with_slides_count_towards_a_class(slides):
    splits = draw_rounds(PATIENTS, seed=0, rounds=1)
    labels = {"T": trait_labels(pd.Series(np.arange(60.0), index=PATIENTS))}
    with_all = join_findings(slides(*(dx(n) for n in range(60))), labels=labels, splits=splits)
    assert not any(finding.severity == "error" and "in train" in finding.message for finding in with_all)
    for path in slides().query("slide_id > 'TCGA-AA-0030'")["path"]:
        __import__("pathlib").Path(path).unlink()
    with_half = join_findings(slides(), labels=labels, splits=splits)
    assert any(finding.code == "empty-class" and "labelled hi in train" in finding.message for finding in with_half)


def test_patients_without_a_value_of_a_trait_are_counted(slides):
    labels = {"T": trait_labels(pd.Series([1.0, 2.0, np.nan], index=PATIENTS[:3]))}
    finding = by_code(join_findings(slides(dx(0), dx(1), dx(2), dx(3)), labels=labels))["trait-without-value"]
    assert finding.message == "2 of 4 patients with slides have no value (TCGA-AA-0002, TCGA-AA-0003)"


def test_errors_come_first_and_the_order_is_stable():
    listed = [
        Finding("info", "excluded-slide", "s", "b"),
        Finding("error", "no-slides", "s", "a"),
        Finding("warning", "few-events", "s", "c"),
    ]
    assert [finding.severity for finding in sort_findings(listed)] == ["error", "warning", "info"]
    assert sort_findings(listed) == sort_findings(reversed(listed))


def test_the_verdict_follows_the_worst_finding():
    error, warning, note = (Finding(severity, "no-slides", "s", "m") for severity in ("error", "warning", "info"))
    assert verdict([note, warning, error]) == "not ready: 1 error, 1 warning"
    assert verdict([note, warning, warning]) == "ready with reservations: 2 warnings"
    assert verdict([note]) == "ready: 1 note"


def test_findings_become_a_table():
    table = findings_table([Finding("info", "no-slides", "slides", "m")])
    assert table.values.tolist() == [["info", "no-slides", "slides", "m"]]


def test_codes_are_kebab_case_and_unknown_codes_are_refused():
    assert all(code == code.lower() and code.replace("-", "").isalnum() for code in FINDING_CODES)
    with pytest.raises(ValueError, match="no finding code"):
        Finding("info", "something-new", "s", "m")
