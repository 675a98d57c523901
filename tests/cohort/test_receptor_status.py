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


RULES = {"0": "lo", "1+": "lo", "2+": "fish", "3+": "hi", "Negative": "lo", "Positive": "hi", "Equivocal": "fish"}
RULES |= {"Indeterminate": "fish", "": "fish"}
FISH = {"Positive": "hi", "Negative": "lo", "Equivocal": "", "Indeterminate": "", "": ""}


@pytest.mark.parametrize("fish", FISH)
@pytest.mark.parametrize("ihc", RULES)
def test_the_whole_table_of_ihc_and_fish_follows_the_rule(clinical, ihc, fish):
    column = "her2_ihc_score" if ihc[:1].isdigit() else "her2_status_by_ihc"
    record = receptor_record(
        clinical(f"{column},her2_fish_status", f"{ihc},{fish}", "0,Negative" if ihc[:1].isdigit() else ","), "HER2"
    )
    expected = FISH[fish] if RULES[ihc] == "fish" else RULES[ihc]
    status, reason = record.table.iloc[0]
    assert status == expected
    assert reason.startswith("not tested" if not ihc and not fish else "no ihc" if not ihc else "ihc ")
    assert ("fish" in reason) == (RULES[ihc] == "fish" and bool(ihc or fish))


@pytest.mark.parametrize("fish", FISH)
@pytest.mark.parametrize("score", ["0", "1+", "2+", "3+"])
@pytest.mark.parametrize("word", ["Negative", "Positive", "Equivocal"])
def test_a_word_and_a_score_decide_together_or_leave_it_to_fish(clinical, word, score, fish):
    said = {"0": "Negative", "1+": "Negative", "2+": "Equivocal", "3+": "Positive"}[score]
    expected = FISH[fish] if word != said or said == "Equivocal" else RULES[said]
    record = receptor_record(clinical("IHC-HER2,HER2 ihc score,HER2 fish status", f"{word},{score},{fish}"), "HER2")
    assert record.table["status"].tolist() == [expected]


@pytest.mark.parametrize(
    "columns",
    [
        ("ER Status By IHC", "PR status by ihc", "IHC-HER2", "HER2 ihc score", "HER2 fish status"),
        ("ER_STATUS_BY_IHC", "PR_STATUS_BY_IHC", "IHC_HER2", "HER2_IHC_SCORE", "HER2_FISH_STATUS"),
        ("er_status_by_ihc", "pr_status_by_ihc", "her2_status_by_ihc", "her2_ihc_score", "her2_fish_status"),
        ("er_ihc", "pr_ihc", "her2_ihc", "her2_immunohistochemistry_level_result", "her2_ish"),
        tuple(
            f"{prefix}{name}"
            for prefix, name in zip(
                ("", "", "", "", "patient."),
                (
                    "breast_carcinoma_estrogen_receptor_status",
                    "breast_carcinoma_progesterone_receptor_status",
                    "lab_proc_her2_neu_immunohistochemistry_receptor_status",
                    "her2_immunohistochemistry_level_result",
                    "lab_procedure_her2_neu_in_situ_hybrid_outcome_type",
                ),
                strict=True,
            )
        ),
    ],
)
def test_receptors_are_found_under_the_names_of_every_format(clinical, columns):
    table = clinical(",".join(columns), "Positive,Negative,Equivocal,2+,Positive", "Negative,Positive,Negative,1+,")
    assert [receptor_status(table, receptor).tolist() for receptor in ("ER", "PR", "HER2")] == [
        ["hi", "lo"],
        ["lo", "hi"],
        ["hi", "lo"],
    ]
    assert receptor_record(table, "HER2").columns == columns[2:]


def test_scores_in_a_column_of_words_are_scores_and_not_codes(clinical):
    assert receptor_status(clinical("HER2", "1+", "3+", "0", ""), "HER2").tolist() == ["lo", "hi", "lo", ""]
    assert receptor_status(clinical("HER2", "1", "0", "1", ""), "HER2").tolist() == ["hi", "lo", "hi", ""]


def test_the_intensity_of_a_hormone_receptor_is_not_taken_for_its_status(clinical):
    with pytest.raises(StatusError, match=r"unknown words '1\+' \(1\)"):
        receptor_status(clinical("er_ihc", "1+", "Positive"), "ER")


@pytest.mark.parametrize(("word", "status"), [("+", "hi"), ("-", "lo"), ("Positve", "hi"), ("NEG", "lo"), ("Not Performed", "")])
def test_other_spellings_are_known(clinical, word, status):
    assert receptor_status(clinical("er_ihc", word, "Negative"), "ER").iloc[0] == status


def test_amplification_is_a_positive_fish(clinical):
    status = receptor_status(clinical("her2_ihc_score,her2_fish_status", "2+,Amplified", "2+,Not amplified"), "HER2")
    assert status.tolist() == ["hi", "lo"]
