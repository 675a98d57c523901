"""Receptor status [A30, F15]."""

import pytest

from cartopath.cohort import read_clinical, receptor_record, receptor_status
from cartopath.core.errors import StatusError, TraitError


@pytest.fixture
def clinical(write):
    def clinical_(header, *rows):
        lines = [f"P{number:02},{row}" for number, row in enumerate(rows)]
        return read_clinical(write("clinical.csv", "\n".join([f"patient_id,{header}", *lines]) + "\n"))

    return clinical_


@pytest.mark.parametrize("column", ["ER Status By IHC", "er_status_by_ihc", "ER-status by IHC", "er_ihc"])
def test_positive_is_hi_negative_is_lo_and_the_rest_has_no_status(clinical, column):
    status = receptor_status(clinical(column, "Positive", "negative", "Indeterminate", "", "[Not Evaluated]"), "ER")
    assert status.tolist() == ["hi", "lo", "", "", ""]


def test_reasons_are_counted(clinical):
    counts = receptor_record(clinical("PR status by ihc", "Positive", "Positive", "Negative", "Indeterminate", ""), "PR").counts
    assert counts.values.tolist() == [
        ["hi", "ihc positive", 2],
        ["", "ihc indeterminate", 1],
        ["lo", "ihc negative", 1],
        ["", "not tested", 1],
    ]


@pytest.mark.parametrize(
    ("word", "score", "fish", "status", "reason"),
    [
        ("", "0", "", "lo", "ihc negative"),
        ("", "1", "Positive", "lo", "ihc negative"),
        ("", "3", "Negative", "hi", "ihc positive"),
        ("", "2", "Positive", "hi", "ihc equivocal, fish positive"),
        ("Equivocal", "2", "Negative", "lo", "ihc equivocal, fish negative"),
        ("Equivocal", "", "", "", "ihc equivocal, no fish"),
        ("Equivocal", "2", "Equivocal", "", "ihc equivocal, fish equivocal"),
        ("Indeterminate", "", "Negative", "lo", "ihc indeterminate, fish negative"),
        ("Indeterminate", "", "", "", "ihc indeterminate, no fish"),
        ("Negative", "", "Positive", "lo", "ihc negative"),
        ("Positive", "3", "Negative", "hi", "ihc positive"),
        ("Positive", "1", "", "", "ihc contradictory, no fish"),
        ("Positive", "2", "Negative", "lo", "ihc contradictory, fish negative"),
        ("", "", "Positive", "hi", "no ihc, fish positive"),
        ("", "", "", "", "not tested"),
    ],
)
def test_her2_is_decided_by_ihc_and_where_that_is_not_clear_by_fish(clinical, word, score, fish, status, reason):
    record = receptor_record(clinical("IHC-HER2,HER2 ihc score,HER2 fish status", f"{word},{score},{fish}"), "HER2")
    assert record.table.iloc[0].tolist() == [status, reason]


def test_an_unknown_word_is_refused_with_its_count_and_column(clinical):
    with pytest.raises(StatusError, match=r"column 'er_ihc': unknown words 'Maybe' \(2\)"):
        receptor_status(clinical("er_ihc", "Positive", "Maybe", "Maybe"), "ER")


def test_a_table_without_the_receptor_says_what_was_looked_for(clinical):
    with pytest.raises(TraitError, match="no column of PR status"):
        receptor_status(clinical("er_ihc", "Positive"), "PR")


def test_an_unknown_receptor_lists_the_known(clinical):
    with pytest.raises(TraitError, match="ER, PR, HER2"):
        receptor_status(clinical("er_ihc", "Positive"), "AR")
