"""TCGA barcodes [F08]."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cartopath.cohort.barcodes import parse_barcode, patient_of, sample_type_code, sample_type_name


def test_slide_ten_is_not_slide_one():
    ten = parse_barcode("TCGA-49-4488-01Z-00-DX10.930e7dc2-6073-4bf2-9b70-f17c0b26bdee.svs")
    one = parse_barcode("TCGA-49-4488-01Z-00-DX1.c9beef33-2d53-4fcb-8293-f083d9fedddc.svs")
    assert (ten.slide_number, one.slide_number) == (10, 1)
    assert (ten.slide_id, one.slide_id) == ("TCGA-49-4488-01Z-00-DX10", "TCGA-49-4488-01Z-00-DX1")


def test_every_field_of_an_aliquot_is_read():
    barcode = parse_barcode("TCGA-A1-A0SE-01B-11R-A085-13")
    assert barcode.patient_id == "TCGA-A1-A0SE"
    assert (barcode.site, barcode.sample_type, barcode.vial, barcode.portion) == ("A1", "01", "B", "11")
    assert (barcode.analyte, barcode.plate, barcode.center) == ("R", "A085", "13")
    assert barcode.sample_id == "TCGA-A1-A0SE-01"
    assert barcode.slide_id == ""


@pytest.mark.parametrize(
    ("text", "kind", "number", "slide_id"),
    [
        ("TCGA-CR-7395-01A-01-TS1_nompp.svs", "TS", 1, "TCGA-CR-7395-01A-01-TS1"),
        ("TCGA-G2-A2EK-01A-02-TSB.tif", "TS", None, "TCGA-G2-A2EK-01A-02-TSB"),
        ("TCGA-G2-A2EK-01A-02-TSA.0b1c.svs", "TS", None, "TCGA-G2-A2EK-01A-02-TSA"),
        ("TCGA-G2-A2EK-01A-02-BSA", "BS", None, "TCGA-G2-A2EK-01A-02-BSA"),
        ("TCGA.49.4488.01Z.00.DX10.930e7dc2.svs", "DX", 10, "TCGA-49-4488-01Z-00-DX10"),
        ("TCGA_49_4488_01Z_00_DX10_mask.png", "DX", 10, "TCGA-49-4488-01Z-00-DX10"),
        ("TCGA-AY-A8YK-01A-01-BS12", "BS", 12, "TCGA-AY-A8YK-01A-01-BS12"),
        ("TCGA-PL-A8LV-01A-02-DX2.346FF42B.svs", "DX", 2, "TCGA-PL-A8LV-01A-02-DX2"),
    ],
)
def test_kinds_of_slides_are_told_apart(text, kind, number, slide_id):
    barcode = parse_barcode(text)
    assert (barcode.slide_kind, barcode.slide_number, barcode.slide_id) == (kind, number, slide_id)


@pytest.mark.parametrize(
    "text", ["TCGA.AN.A0AT.01A.11R.A034.07", "TCGA_AN_A0AT_01A", "tcga-an-a0at-01a-11r-a034-07", " TCGA-AN-A0AT-01A|c45fe186 "]
)
def test_dots_small_letters_and_suffixes_are_understood(text):
    assert parse_barcode(text).sample_id == "TCGA-AN-A0AT-01"


def test_the_file_suffix_does_not_become_part_of_a_dotted_barcode():
    assert parse_barcode("TCGA-C8-A1HN-01Z-00-DX1.tif").slide_id == "TCGA-C8-A1HN-01Z-00-DX1"


def test_the_suffix_of_a_file_named_for_a_patient_is_no_sample():
    assert parse_barcode("TCGA.AN.A0AT.svs").patient_id == "TCGA-AN-A0AT"


def test_the_words_of_the_gdc_for_samples_have_their_digits():
    words = ("Primary Tumor", "Metastatic", "Solid Tissue Normal, Solid Tissue Normal", "Primary Tumor, Metastatic", "")
    assert [sample_type_code(word) for word in words] == ["01", "06", "11", "", ""]


@pytest.mark.parametrize(
    "text", ["", "slide_07.svs", "TCGA", "TCGA-AN-A0AT5", "xTCGA-AN-A0AT", "TCGA-AN-A0AT-01A-11R-A034-07-09", "GTEX-1117F-0226"]
)
def test_other_names_are_no_barcodes(text):
    assert parse_barcode(text) is None


def test_a_recurrence_is_not_a_primary():
    assert not parse_barcode("TCGA-50-5066-02Z-00-DX1").is_primary
    assert parse_barcode("TCGA-50-5066-01Z-00-DX1").is_primary


def test_names_that_are_no_barcodes_are_patients_themselves():
    assert patient_of(" P007 ") == "P007"
    assert patient_of("TCGA-50-5066-02Z-00-DX1") == "TCGA-50-5066"


def test_sample_types_have_words():
    assert [sample_type_name(code) for code in ("01", "02", "06", "11", "99", "")] == [
        "primary tumour",
        "recurrent tumour",
        "metastasis",
        "normal tissue",
        "sample type 99",
        "unknown",
    ]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.from_regex(r"[A-Z0-9]{2}", fullmatch=True),
    st.from_regex(r"[A-Z0-9]{4}", fullmatch=True),
    st.integers(1, 20),
    st.sampled_from("ABZ"),
    st.integers(0, 99),
    st.integers(1, 120),
    st.uuids(),
)
def test_every_slide_barcode_comes_back_field_by_field(site, participant, sample_type, vial, portion, number, uuid):
    slide = f"TCGA-{site}-{participant}-{sample_type:02}{vial}-{portion:02}-DX{number}"
    barcode = parse_barcode(f"{slide}.{uuid}.svs")
    assert barcode.slide_id == slide
    assert barcode.patient_id == f"TCGA-{site}-{participant}"
    assert (barcode.sample_type, barcode.vial, barcode.slide_number) == (f"{sample_type:02}", vial, number)
