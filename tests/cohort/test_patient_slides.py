"""The slide that stands for a patient [A10, F35]."""

import random

import pandas as pd
import pytest

from cartopath.cohort import CohortWarning, parse_barcode, patient_slides, slide_choices


def cohort(*names, exclude=()):
    rows = []
    for name in names:
        barcode = parse_barcode(name)
        rows.append(
            (
                name,
                barcode.patient_id,
                barcode.sample_type,
                barcode.slide_kind,
                barcode.slide_number,
                "pen" if name in exclude else "",
            )
        )
    frame = pd.DataFrame(rows, columns=["slide_id", "patient_id", "sample_type", "kind", "number", "exclude"])
    return frame.astype({"number": "Int64"})


A = "TCGA-AA-0001-01Z-00-DX"
B = "TCGA-BB-0002-01Z-00-DX"


def test_dx1_is_chosen_over_dx2_and_dx10_whatever_the_order():
    names = [f"{A}10", f"{A}2", f"{A}1"]
    for seed in range(5):
        random.Random(seed).shuffle(names)
        assert patient_slides(cohort(*names)).to_dict() == {"TCGA-AA-0001": f"{A}1"}


def test_without_dx1_the_lowest_number_is_taken_with_a_warning():
    with pytest.warns(CohortWarning, match="1 patients have no DX1"):
        chosen = patient_slides(cohort(f"{A}10", f"{A}9", f"{B}1"))
    assert chosen.to_dict() == {"TCGA-AA-0001": f"{A}9", "TCGA-BB-0002": f"{B}1"}


def test_strict_takes_dx1_or_nothing():
    assert patient_slides(cohort(f"{A}2", f"{B}1"), strict=True).to_dict() == {"TCGA-BB-0002": f"{B}1"}


def test_the_recurrence_does_not_stand_for_the_primary():
    chosen = patient_slides(cohort("TCGA-50-5066-02Z-00-DX1", "TCGA-50-5066-01Z-00-DX1"))
    assert chosen.to_dict() == {"TCGA-50-5066": "TCGA-50-5066-01Z-00-DX1"}


def test_a_patient_with_a_metastasis_only_has_no_slide():
    slides = cohort("TCGA-E2-A15E-06Z-00-DX1", f"{A}1")
    assert "TCGA-E2-A15E" not in patient_slides(slides)
    assert slide_choices(slides).set_index("patient_id")["reason"]["TCGA-E2-A15E"] == "none: metastasis, not primary tumour"


def test_an_excluded_dx1_gives_way_to_dx2():
    with pytest.warns(CohortWarning):
        assert patient_slides(cohort(f"{A}1", f"{A}2", exclude={f"{A}1"})).tolist() == [f"{A}2"]


def test_frozen_sections_do_not_stand_for_a_patient_unless_asked_for():
    slides = cohort("TCGA-AA-0001-01A-01-TS1", f"{B}1")
    assert list(patient_slides(slides).index) == ["TCGA-BB-0002"]
    assert patient_slides(slides, kind="TS").to_dict() == {"TCGA-AA-0001": "TCGA-AA-0001-01A-01-TS1"}


def test_slides_of_other_cohorts_are_ordered_by_name_with_numbers_as_numbers():
    slides = pd.DataFrame(
        {
            "slide_id": ["p1_s10", "p1_s9"],
            "patient_id": "P1",
            "sample_type": "",
            "kind": "",
            "number": pd.array([None, None], dtype="Int64"),
        }
    )
    assert patient_slides(slides).to_dict() == {"P1": "p1_s9"}
