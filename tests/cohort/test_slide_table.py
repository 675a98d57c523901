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
    expected = ["slide_id", "path", "patient_id", "mpp", "site", "exclude", "sample_type", "kind", "number"]
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
