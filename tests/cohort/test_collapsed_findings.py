"""Many findings that say the same of different slides become one line."""

from cartopath.cohort import Finding, collapse_findings


def unusable(name, reason="the file is empty; fetch it again", folder="/data/my slides"):
    return Finding("error", "slide-unusable", name, f"{folder}/{name}.svs: {reason}")


def test_one_line_counts_them_and_gives_five_examples():
    (found,) = collapse_findings(unusable(f"S{i}") for i in range(12))
    assert (found.severity, found.code, found.subject) == ("error", "slide-unusable", "S0 and 11 more")
    assert found.message == "the file is empty; fetch it again (12 times: S0, S1, S10, S11, S2, ...)"


def test_different_reasons_stay_apart():
    found = collapse_findings([unusable("A"), unusable("B", "no resolution"), unusable("C")])
    assert [finding.subject for finding in found] == ["A and C", "B"]


def test_a_finding_without_equals_keeps_its_words():
    assert collapse_findings([unusable("A")]) == [unusable("A")]


def test_the_subject_within_a_message_does_not_keep_findings_apart():
    found = collapse_findings(Finding("error", "slide-unusable", n, f"cannot open '/x/{n}.tif' of {n}") for n in "AB")
    assert [finding.message for finding in found] == ["cannot open '...' of ... (2 times: A, B)"]


def test_a_name_that_is_part_of_a_word_is_not_taken_out():
    message = "A slide that cannot be read"
    (one,) = collapse_findings(Finding("error", "slide-unusable", name, message) for name in ("l", "r"))
    assert one.message.startswith(message)


def test_other_severities_and_codes_stay_apart():
    same = [
        Finding("error", "slide-unusable", "A", "m"),
        Finding("warning", "slide-unusable", "B", "m"),
        Finding("error", "no-slides", "C", "m"),
    ]
    assert collapse_findings(same) == same


def test_equal_findings_of_one_subject_are_one():
    assert collapse_findings([unusable("A"), unusable("A")]) == [unusable("A")]


def test_the_order_of_first_appearance_is_kept():
    found = collapse_findings([unusable("B", "x"), unusable("A", "y"), unusable("C", "x")])
    assert [finding.subject for finding in found] == ["B and C", "A"]
