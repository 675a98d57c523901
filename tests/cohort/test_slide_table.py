"""Folders and tables of slides [F07]."""

import math

import pandas as pd
import pytest

from cartopath.cohort import read_slides, slide_rules
from cartopath.core.errors import TableError

DX1 = "TCGA-AR-A5QM-01Z-00-DX1.A9017CED-FF57-4090-95B9-94DC91854347.svs"


@pytest.fixture
def folder(tmp_path):
    for name in (DX1, "TCGA-49-4488-01Z-00-DX10.uuid.svs", "sub/other_07.tif", "notes.txt", ".hidden/TCGA-00-0000.svs"):
        path = tmp_path / "slides" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "slides"


def write(path, text):
    path.write_text(text)
    return path


def test_a_folder_is_scanned_with_its_subfolders_in_order(folder):
    slides = read_slides(folder)
    assert slides["slide_id"].tolist() == ["TCGA-49-4488-01Z-00-DX10", "TCGA-AR-A5QM-01Z-00-DX1", "other_07"]
    assert slides["patient_id"].tolist() == ["TCGA-49-4488", "TCGA-AR-A5QM", ""]


def test_barcodes_fill_site_type_kind_and_number(folder):
    slide = read_slides(folder).iloc[0]
    assert (slide["site"], slide["sample_type"], slide["kind"], slide["number"]) == ("49", "01", "DX", 10)


def test_columns_are_always_the_same(folder):
    expected = ["slide_id", "path", "patient_id", "mpp", "site", "exclude", "sample_type", "kind", "number", "on_disk"]
    empty = folder.parent / "empty"
    empty.mkdir()
    assert list(read_slides(folder).columns) == expected
    assert list(read_slides(empty).columns) == expected


def test_a_table_states_patients_resolution_site_and_exclusions(folder):
    table = write(
        folder.parent / "slides.csv",
        f"slide_id,path,patient_id,mpp,site,exclude\nA,{DX1},P1,0.25,north,\nB,sub/other_07.tif,P2,,south,pen marks\n",
    )
    slides = read_slides(folder, table)
    assert slides["slide_id"].tolist() == ["A", "B"]
    assert slides["patient_id"].tolist() == ["P1", "P2"]
    assert slides["mpp"].iloc[0] == 0.25 and math.isnan(slides["mpp"].iloc[1])
    assert slides["site"].tolist() == ["north", "south"]
    assert slides["exclude"].tolist() == ["", "pen marks"]
    assert slides["path"].iloc[1] == str(folder / "sub/other_07.tif")


def test_slides_are_found_by_their_id_where_no_path_is_stated(folder):
    table = write(
        folder.parent / "slides.tsv", "slide_id\tpatient_id\nTCGA-AR-A5QM-01Z-00-DX1\tTCGA-AR-A5QM\nother_07\tP2\nlost\tP3\n"
    )
    slides = read_slides(folder, table)
    assert slides["path"].tolist() == [str(folder / DX1), str(folder / "sub/other_07.tif"), ""]


@pytest.mark.parametrize("header", ["wsi,mpp,case", "FILENAME,MPP,PATIENT", "Slide,mpp,patient", "slide_id,MPP,case_id"])
def test_the_column_names_of_other_tools_are_understood(folder, header):
    slides = read_slides(folder, write(folder.parent / "t.csv", f"{header}\nother_07.tif,0.5,P2\n"))
    assert slides.iloc[0][["slide_id", "patient_id", "mpp"]].tolist() == ["other_07", "P2", 0.5]
    assert slides["path"].iloc[0].endswith("other_07.tif")


@pytest.mark.parametrize(
    ("table", "patients"),
    [
        ("wsi,mpp\nsub/other_07.tif,0.25\n", [""]),  # TRIDENT
        ("PATIENT,FILENAME\nP2,other_07.h5\n", ["P2"]),  # STAMP: the names of embeddings
        ("PATIENT,FILENAME\nP2,sub/other_07\n", ["P2"]),
        ("case_id,slide_id,label\nP2,other_07,tumor\n", ["P2"]),  # CLAM
        (",case_id,slide_id,site,censorship\n0,P2,other_07.tif,AR,1\n", ["P2"]),  # PORPOISE, MCAT
        ("slide_id,process,status,seg_level\nother_07.tif,0,processed,6\n", [""]),  # CLAM's process list, done
        ("patient,dataset,slide\nP2,train,other_07\n", ["P2"]),  # Slideflow
        ("image_path;patient_id\nsub\\other_07.tif;P2\n", ["P2"]),
        ("File ID\tFile Name\tCase ID\tSample Type\nu\tother_07.tif\tC3L-1, C3L-1\tPrimary Tumor\n", ["C3L-1"]),
    ],
    ids=["trident", "stamp", "stamp-folder", "clam", "porpoise", "clam-process-list", "slideflow", "windows", "gdc"],
)
def test_tables_of_other_tools_find_their_slides(folder, table, patients):
    slides = read_slides(folder, write(folder.parent / "t.csv", table))
    assert slides["slide_id"].tolist() == ["other_07"]
    assert slides["path"].tolist() == [str(folder / "sub/other_07.tif")]
    assert slides["patient_id"].tolist() == patients
    assert slides["on_disk"].tolist() == ["present"] and slides["exclude"].tolist() == [""]


def test_a_workbook_is_a_table_too(folder):
    from openpyxl import Workbook

    book = Workbook()
    for row in (("slide_id", "patient_id", "mpp"), ("other_07", "P2", 0.25)):
        book.active.append(row)
    book.save(folder.parent / "slides.xlsx")
    slide = read_slides(folder, folder.parent / "slides.xlsx").iloc[0]
    assert slide[["slide_id", "patient_id", "mpp", "on_disk"]].tolist() == ["other_07", "P2", 0.25, "present"]


@pytest.mark.parametrize(
    ("header", "cells", "reason"),
    [
        ("slide_id,process,status", "other_07.tif,0,tbp", "process 0 in the slide table"),
        ("slide_id,process", "other_07.tif,0", "process 0 in the slide table"),
        ("slide_id,process", "other_07.tif,1", ""),
        ("slide_id,include", "other_07,no", "not included in the slide table"),
        ("slide_id,use", "other_07,1", ""),
    ],
)
def test_slides_that_a_table_does_not_include_are_excluded(folder, header, cells, reason):
    slides = read_slides(folder, write(folder.parent / "t.csv", f"{header}\n{cells}\n"))
    assert slides["exclude"].tolist() == [reason]


def test_a_column_for_inclusion_that_says_neither_is_refused(folder):
    with pytest.raises(TableError, match="'maybe' says neither"):
        read_slides(folder, write(folder.parent / "t.csv", "slide_id,include\nother_07,maybe\n"))


@pytest.mark.parametrize("form", ["{}", "C:\\slides\\{}", "/mnt/archive/{}", "./sub/{}"])
def test_paths_from_another_machine_are_found_by_their_end(folder, form):
    slides = read_slides(folder, write(folder.parent / "t.csv", f"path,patient_id\n{form.format('other_07.tif')},P2\n"))
    assert slides["path"].tolist() == [str(folder / "sub/other_07.tif")]


def test_of_several_files_of_a_name_the_written_folder_decides(folder):
    for site in ("north", "south"):
        (folder / site).mkdir()
        (folder / site / "1.svs").write_bytes(site.encode())
    table = write(folder.parent / "t.csv", "path,patient_id\nD:\\scans\\south\\1.svs,P1\n1,P2\n")
    slides = read_slides(folder, table)
    assert slides["path"].iloc[0] == str(folder / "south/1.svs")
    assert slides["on_disk"].tolist() == ["present", "several files"]


def test_the_mask_of_a_slide_is_not_taken_for_the_slide(folder):
    (folder / "TCGA-AR-A5QM-01Z-00-DX1_mask.tif").write_bytes(b"mask")
    table = write(folder.parent / "t.csv", "slide_id,patient_id\nTCGA-AR-A5QM-01Z-00-DX1,TCGA-AR-A5QM\n")
    assert read_slides(folder, table)["path"].tolist() == [str(folder / DX1)]


def test_a_mask_that_a_table_names_is_a_slide(folder):
    (folder / "other_07_mask.tif").write_bytes(b"mask")
    slides = read_slides(folder, write(folder.parent / "t.csv", "path,patient_id\nother_07_mask.tif,P2\n"))
    assert slides[["slide_id", "exclude", "on_disk"]].values.tolist() == [["other_07_mask", "", "present"]]


def test_a_picture_that_a_table_names_is_a_slide_and_its_slide_comes_first(folder):
    (folder / "core.png").write_bytes(b"picture")
    (folder / "other_07.jpg").write_bytes(b"picture")
    slides = read_slides(folder, write(folder.parent / "t.csv", "slide_id,patient_id\ncore,P1\nother_07,P2\n"))
    assert slides["path"].tolist() == [str(folder / "core.png"), str(folder / "sub/other_07.tif")]


def test_accents_are_one_letter_or_two(folder):
    (folder / "M\u00fcller.svs").write_bytes(b"x")
    slides = read_slides(folder, write(folder.parent / "t.csv", "slide_id,patient_id\nMu\u0308ller,P1\n"))
    assert slides["on_disk"].tolist() == ["present"]


def test_a_name_longer_than_any_file_is_missing(folder):
    slides = read_slides(folder, write(folder.parent / "t.csv", f"path,patient_id\n{'x' * 5000}.svs,P1\n"))
    assert slides["on_disk"].tolist() == ["missing"]


def test_a_decimal_comma_is_understood(folder):
    slides = read_slides(folder, write(folder.parent / "t.csv", "slide_id;mpp\nother_07;0,25\n"))
    assert slides["mpp"].tolist() == [0.25]


def test_a_table_of_patients_only_is_told_from_a_slide_table(folder):
    with pytest.raises(TableError, match="names patients only, as a clinical table does"):
        read_slides(folder, write(folder.parent / "t.csv", "PATIENT,isMSIH\nP1,MSIH\n"))


class TestGdcLists:
    HEADER = "id\tfilename\tmd5\tsize\tstate\n"

    def test_every_slide_of_a_manifest_is_listed_with_what_is_on_disk(self, folder):
        unfinished = "TCGA-AA-0001-01Z-00-DX1.u.svs"
        (folder / "u-9").mkdir()
        (folder / "u-9" / f"{unfinished}.partial").write_bytes(b"x")
        lines = [f"u-1\t{DX1}\tm\t{len(DX1)}\treleased", "u-2\tgone.svs\tm\t5\treleased", "u-3\tother_07.tif\tm\t5\treleased"]
        lines.append(f"u-9\t{unfinished}\tm\t5\treleased")
        slides = read_slides(folder, write(folder.parent / "m.txt", self.HEADER + "\n".join(lines)))
        assert slides["on_disk"].tolist() == ["present", "missing", "incomplete", "incomplete"]
        assert slides["path"].tolist() == [str(folder / DX1), "", str(folder / "sub/other_07.tif"), ""]

    def test_files_of_a_manifest_that_are_no_slides_are_excluded(self, folder):
        lines = f"u-1\t{DX1}\tm\t{len(DX1)}\treleased\nu-2\ta.htseq.counts.gz\tm\t5\treleased\n"
        slides = read_slides(folder, write(folder.parent / "m.txt", self.HEADER + lines))
        assert slides["exclude"].tolist() == ["", "no slide by its name (.gz)"]

    def test_a_sample_sheet_says_patient_and_kind_of_sample(self, folder):
        sheet = "File ID\tFile Name\tData Category\tCase ID\tSample ID\tSample Type\n"
        sheet += "u\tother_07.tif\tBiospecimen\tC3L-00001\tC3L-00001-26\tSolid Tissue Normal\n"
        slide = read_slides(folder, write(folder.parent / "s.tsv", sheet)).iloc[0]
        assert slide[["patient_id", "sample_type", "on_disk"]].tolist() == ["C3L-00001", "11", "present"]
        assert slide_rules(pd.DataFrame([slide]))["exclude"].tolist() == ["normal tissue, not primary tumour"]


def test_a_patient_in_the_table_may_be_a_longer_barcode(folder):
    table = write(folder.parent / "t.csv", "slide_id,patient_id\nother_07,TCGA-AR-A5QM-01A\n")
    assert read_slides(folder, table)["patient_id"].tolist() == ["TCGA-AR-A5QM"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [("yes", "excluded in the slide table"), ("1", "excluded in the slide table"), ("no", ""), ("0", ""), ("blur", "blur")],
)
def test_exclusions_may_be_marks_or_reasons(folder, word, reason):
    slides = read_slides(folder, write(folder.parent / "t.csv", f"slide_id,exclude\nother_07,{word}\n"))
    assert slides["exclude"].tolist() == [reason]


def test_a_listed_file_that_is_absent_keeps_its_path(folder):
    slides = read_slides(folder, write(folder.parent / "t.csv", "path,patient_id\ngone.svs,P9\n"))
    assert slides["path"].tolist() == [str(folder / "gone.svs")]
    assert slides["slide_id"].tolist() == ["gone"]


def test_a_resolution_that_is_no_number_is_refused_with_the_slide(folder):
    with pytest.raises(TableError, match=r"mpp of 'other_07' is '20x'"):
        read_slides(folder, write(folder.parent / "t.csv", "slide_id,mpp\nother_07,20x\n"))


def test_a_table_without_slides_or_files_is_refused(folder):
    with pytest.raises(TableError, match="names neither slides nor files"):
        read_slides(folder, write(folder.parent / "t.csv", "patient,mpp\nP1,0.5\n"))


def test_a_column_that_is_there_twice_is_refused(folder):
    with pytest.raises(TableError, match="'mpp' is there twice"):
        read_slides(folder, write(folder.parent / "t.csv", "slide_id,mpp,MPP\nother_07,0.5,0.25\n"))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(TableError, match="no such folder of slides"):
        read_slides(tmp_path / "nowhere")


def test_rules_exclude_what_is_no_diagnostic_slide_of_a_primary_tumour():
    slides = pd.DataFrame(
        [
            ("a", "P1", "", "01", "DX"),
            ("b", "P1", "", "06", "DX"),
            ("c", "P1", "", "01", "TS"),
            ("d", "", "", "", ""),
            ("e", "P2", "pen", "06", "TS"),
            ("f", "P3", "", "", ""),
        ],
        columns=["slide_id", "patient_id", "exclude", "sample_type", "kind"],
    )
    assert slide_rules(slides)["exclude"].tolist() == [
        "",
        "metastasis, not primary tumour",
        "TS section, not DX",
        "no patient",
        "pen",
        "",
    ]
    assert slide_rules(slides, kind="TS")["exclude"].tolist()[:3] == ["DX section, not TS", "metastasis, not primary tumour", ""]
