"""Survival times and events [A14]."""

import pytest

from cartopath.cohort import parse_status, read_clinical, survival_record, survival_times
from cartopath.cohort.survival_status import DAYS_PER_MONTH
from cartopath.core.errors import StatusError, TableError, TraitError


@pytest.fixture
def clinical(write):
    def clinical_(header, *rows):
        lines = [f"P{number},{row}" for number, row in enumerate(rows)]
        return read_clinical(write("clinical.csv", "\n".join([f"patient_id,{header}", *lines]) + "\n"))

    return clinical_


@pytest.mark.parametrize(
    "word",
    ["DECEASED", "1:DECEASED", "Dead", "dead", "1", "1.0", "TRUE", "1:DEAD WITH TUMOR", "1:Recurred/Progressed", "1:Whatever"],
)
def test_words_for_an_event(word):
    assert parse_status(word) == 1


@pytest.mark.parametrize(
    "word",
    [
        "LIVING",
        "0:LIVING",
        "Alive",
        "0",
        "0.0",
        "false",
        "0:ALIVE OR DEAD TUMOR FREE",
        "0:DiseaseFree",
        "DiseaseFree",
        "0:CENSORED",
    ],
)
def test_words_for_no_event(word):
    assert parse_status(word) == 0


@pytest.mark.parametrize("word", ["", "NA", "[Not Available]", None, float("nan"), "unknown"])
def test_words_for_not_known(word):
    assert parse_status(word) is None


@pytest.mark.parametrize("word", ["2", "Zombie", "LOST", "2:DECEASED", "yes and no"])
def test_unknown_words_are_refused(word):
    with pytest.raises(StatusError, match=word):
        parse_status(word)


@pytest.mark.parametrize("word", ["1:LIVING", "0:DECEASED", "1:DiseaseFree"])
def test_a_code_that_contradicts_its_word_is_refused(word):
    with pytest.raises(StatusError, match="the opposite"):
        parse_status(word)


def test_censorship_is_the_opposite_of_an_event():
    assert [parse_status(word, column="censorship") for word in ("1", "0", "1.0")] == [0, 1, 0]


def test_plain_and_prefixed_words_give_the_same_events(clinical):
    plain = survival_times(clinical("OS_MONTHS,OS_STATUS", "10,DECEASED", "20,LIVING"))
    prefixed = survival_times(clinical("OS_MONTHS,OS_STATUS", "10,1:DECEASED", "20,0:LIVING"))
    assert plain.equals(prefixed) and plain["event"].tolist() == [1, 0]
    assert list(plain.columns) == ["patient_id", "time_days", "event"]


def test_an_unknown_word_names_the_word_its_count_and_the_column(clinical):
    table = clinical("OS_MONTHS,OS_STATUS", "10,DECEASED", "20,Zombie", "30,Zombie", "40,Ghost")
    with pytest.raises(
        StatusError, match=r"column 'OS_STATUS': 'Zombie' is not a known status \(2 patients\); 'Ghost' .*\(1 patient\)"
    ):
        survival_times(table)


def test_months_become_days(clinical):
    times = survival_times(clinical("Overall Survival (Months),Overall Survival Status", "12,1:DECEASED"))
    assert times["time_days"].tolist() == [pytest.approx(365.25)]
    assert pytest.approx(365.25 / 12) == DAYS_PER_MONTH


def test_days_stay_days(clinical):
    assert survival_times(clinical("os_days,os_event", "4047,1"))["time_days"].tolist() == [4047.0]


def test_times_of_the_clinical_data_resource_are_days(clinical):
    record = survival_record(clinical("OS,OS.time,PFI,PFI.time,DSS,DSS.time", "1,100,1,50,0,100"), "PFI")
    assert (record.unit, record.time_column, record.status_column) == ("days", "PFI.time", "PFI")
    assert record.table["time_days"].tolist() == [50.0]


@pytest.mark.parametrize(
    ("endpoint", "header"),
    [
        ("DSS", "DSS_MONTHS,DSS_STATUS"),
        ("PFI", "PFS_MONTHS,PFS_STATUS"),
        ("PFS", "Progress Free Survival (Months),Progression Free Status"),
        ("DFS", "Disease Free (Months),Disease Free Status"),
        ("dfi", "DFI.time,DFI"),
    ],
)
def test_other_endpoints_are_read_where_they_are(clinical, endpoint, header):
    assert survival_times(clinical(header, "10,1", "20,0"), endpoint)["event"].tolist() == [1, 0]


def test_negative_zero_and_missing_follow_the_rules(clinical):
    rows = ("10,1", "0,1", "0,0", "-7,0", ",1", "5,", ",")
    record = survival_record(clinical("os_days,os_event", *rows))
    assert record.table.to_dict("list") == {"patient_id": ["P0", "P1"], "time_days": [10.0, 0.5], "event": [1, 1]}
    assert record.left_out == {
        "never followed: censored on day 0": ("P2",),
        "negative time": ("P3",),
        "no time": ("P4",),
        "no status": ("P5",),
        "neither time nor status": ("P6",),
    }


def test_a_table_without_events_is_refused(clinical):
    table = clinical("os_days,os_event", "10,0", "20,0")
    with pytest.raises(StatusError, match="no OS event among 2 patients"):
        survival_times(table)
    assert len(survival_record(table, require_events=False).table) == 2


def test_a_time_that_is_no_number_is_named(clinical):
    with pytest.raises(TableError, match=r"1 cells of column 'os_days' are no numbers \('ten' of P0\)"):
        survival_times(clinical("os_days,os_event", "ten,1", "20,0"))


def test_a_column_whose_unit_nobody_knows_asks_for_it(clinical):
    table = clinical("followup,died", "2,1")
    with pytest.raises(TableError, match="state time_unit"):
        survival_times(table, time_column="followup", status_column="died")
    times = survival_times(table, time_column="followup", status_column="died", time_unit="years")
    assert times["time_days"].tolist() == [730.5]


def test_absent_columns_say_what_was_looked_for(clinical):
    with pytest.raises(TraitError, match=r"no DSS time column \(looked for .*DSS_MONTHS"):
        survival_times(clinical("os_days,os_event", "1,1"), "DSS")


def test_an_unknown_endpoint_lists_the_known(clinical):
    with pytest.raises(TableError, match="OS, DSS, PFI, DFS"):
        survival_times(clinical("os_days,os_event", "1,1"), "XYZ")


def test_rows_of_a_patient_that_disagree_in_the_time_are_refused(write):
    table = read_clinical(write("c.csv", "patient_id,os_days,os_event\nP1,5,1\nP1,6,1\nP2,9,0\n"))
    with pytest.raises(TableError, match=r"rows of 1 patients disagree in 'os_days' \(P1\)"):
        survival_times(table)


@pytest.mark.parametrize("unit", ["Days", "Months", "Years"])
@pytest.mark.parametrize(
    ("endpoint", "names"),
    [
        ("OS", ("OS_{}", "Overall Survival ({})", "survival_{}")),
        ("DSS", ("DSS_{}", "Disease-specific Survival ({})")),
        ("PFI", ("PFI_{}", "PFS_{}", "Progression Free Survival ({})")),
        ("DFS", ("DFS_{}", "DFI_{}", "Disease Free ({})", "Disease-Free Survival ({})")),
    ],
)
def test_every_endpoint_is_read_in_every_unit(clinical, endpoint, names, unit):
    days = {"Days": 1, "Months": DAYS_PER_MONTH, "Years": 365.25}[unit]
    for name in names:
        record = survival_record(clinical(f"{name.format(unit)},{endpoint}_STATUS", "7,1"), endpoint)
        assert record.unit == unit.lower() and record.table["time_days"].tolist() == [pytest.approx(7 * days)]


def test_a_time_that_does_not_say_its_unit_is_not_guessed(clinical):
    with pytest.raises(TableError, match=r"column 'os_time' does not say whether its times are days or months; state time_unit"):
        survival_times(clinical("os_time,os_event", "7,1"))


@pytest.mark.parametrize(
    ("word", "os", "dss"),
    [
        ("Died of Disease", 1, 1),
        ("Died of Other Causes", 1, 0),
        ("Living", 0, 0),
        ("1:DECEASED", 1, 1),
        ("Dead tumor free", 1, 0),
    ],
)
def test_a_death_of_other_causes_is_none_of_the_disease(word, os, dss):
    assert (parse_status(word), parse_status(word, endpoint="DSS")) == (os, dss)


def test_what_a_death_of_other_causes_means_for_progression_is_not_guessed(clinical):
    with pytest.raises(StatusError, match="'Died of Other Causes' is not a known status"):
        survival_times(clinical("PFS_MONTHS,PFS_STATUS", "3,Died of Other Causes"), "PFI")


@pytest.mark.parametrize(
    ("word", "event"), [("0:Not Progressed", 0), ("NED", 0), ("Alive with disease", 0), ("Expired", 1), ("DOD", 1)]
)
def test_words_of_registries_are_known(word, event):
    assert parse_status(word) == event
