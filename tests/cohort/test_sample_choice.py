"""One sample per patient [F11]."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cartopath.cohort import choose_samples, open_molecular, read_sample_sheet
from cartopath.core.errors import TableError


def chosen(*samples):
    choices = choose_samples(samples)
    return choices.loc[choices["chosen"], "sample"].tolist()


def test_normals_metastases_and_recurrences_do_not_count():
    samples = [f"TCGA-AA-0001-{kind}A" for kind in ("11", "06", "02", "01")]
    assert chosen(*samples) == ["TCGA-AA-0001-01A"]
    assert choose_samples(samples)["reason"].tolist() == ["normal tissue", "metastasis", "recurrent tumour", "chosen"]


def test_a_patient_with_a_normal_only_has_no_sample():
    assert chosen("TCGA-AA-0001-11A") == []


def test_the_first_vial_wins_over_portion_and_plate():
    assert chosen("TCGA-AA-0001-01B-11R-A999-07", "TCGA-AA-0001-01A-21R-A001-07") == ["TCGA-AA-0001-01A-21R-A001-07"]


def test_a_second_vial_stands_where_there_is_no_first():
    assert chosen("TCGA-AA-0001-01B", "TCGA-AA-0002-01A") == ["TCGA-AA-0001-01B", "TCGA-AA-0002-01A"]


def test_of_equal_vials_the_first_portion_and_then_the_latest_plate_wins():
    first_portion = [f"TCGA-AA-0001-01A-{portion}R-A100-07" for portion in ("21", "11")]
    assert chosen(*first_portion) == [first_portion[1]]
    plates = [f"TCGA-AA-0001-01A-11R-{plate}-07" for plate in ("A056", "A12P")]
    assert chosen(*plates) == [plates[1]]


def test_a_repeat_of_one_name_keeps_the_first_of_the_file():
    assert choose_samples(["TCGA-AA-0001-01A", "TCGA-AA-0001-01A"])["chosen"].tolist() == [True, False]


def test_what_was_not_chosen_names_what_was():
    assert choose_samples(["TCGA-AA-0001-01B", "TCGA-AA-0001-01A"])["reason"][0].endswith("was chosen: TCGA-AA-0001-01A")


def test_samples_of_other_cohorts_count_as_primaries():
    choices = choose_samples(["S1", "S2", "S3"], patients=["P1", "P1", "P2"])
    assert choices["chosen"].tolist() == [True, False, True]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["01", "02", "06", "11"]), st.sampled_from("AB"), st.integers(10, 12))),
    st.randoms(),
)
def test_every_patient_with_a_primary_has_exactly_one_sample_whatever_the_order(fields, random):
    samples = [f"TCGA-AA-000{patient}-{kind}{vial}-{portion}R-A100-07" for patient, kind, vial, portion in dict.fromkeys(fields)]
    with_primary = {sample[:12] for sample in samples if sample[13:15] == "01"}
    picked = chosen(*samples)
    assert {sample[:12] for sample in picked} == with_primary and len(picked) == len(with_primary)
    random.shuffle(samples)
    assert set(chosen(*samples)) == set(picked)


def test_a_gdc_sample_sheet_is_read(write):
    path = write(
        "sheet.tsv",
        "File ID\tFile Name\tCase ID\tSample ID\tSample Type\nu-1\ta.gz\tTCGA-AA-0001\tTCGA-AA-0001-11A\tSolid Tissue Normal\n",
    )
    assert read_sample_sheet(path).iloc[0].tolist() == ["u-1", "TCGA-AA-0001-11A", "TCGA-AA-0001", "11", "a.gz"]


def test_a_sheet_without_samples_is_refused(write):
    with pytest.raises(TableError, match="not a sample sheet"):
        read_sample_sheet(write("sheet.tsv", "File ID\tSize\nu\t1\n"))


def test_a_sample_sheet_names_the_columns_of_a_matrix(write):
    path = write("counts.tsv", "gene_id\tu-1\tu-2\nESR1\t5\t6\n")
    table = open_molecular(path, sample_sheet={"u-1": "TCGA-AA-0001-01A", "u-2": "TCGA-AA-0002-11A"})
    assert table.read(["ESR1"])["ESR1"].to_dict() == {"TCGA-AA-0001": 5.0}
