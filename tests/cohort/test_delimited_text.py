"""Delimited text as it comes."""

import pytest

from cartopath.cohort.cells import is_missing, is_number, name_key, to_number
from cartopath.cohort.delimited import read_head, read_words
from cartopath.core.errors import TableError


@pytest.mark.parametrize("word", ["", " ", "NA", "n/a", "NaN", "[Not Available]", "[Discrepancy]", "'--", "--", "not reported"])
def test_words_for_nothing_are_missing(word):
    assert is_missing(word)


@pytest.mark.parametrize("word", ["0", "No", "Negative", "Neither", "[x"])
def test_words_that_say_something_are_not_missing(word):
    assert not is_missing(word)


def test_numbers_are_finite():
    assert to_number(" -1.5e3 ") == -1500
    assert is_number("NA") and not is_number("inf") and not is_number("1,5")


def test_names_are_compared_by_letters_and_digits():
    assert name_key("ER Status By IHC") == name_key("er_status_by.ihc") != name_key("PR status by ihc")


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_the_separator_is_found(write, separator):
    assert read_head(write("t.txt", f"a{separator}b\n1{separator}2\n")).header == ("a", "b")


def test_quoted_cells_may_hold_separators_and_line_breaks(write):
    _, rows = read_words(write("t.csv", 'a,b\n"x, y","two\nlines"\n'))
    assert rows == [["x, y", "two\nlines"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_recognised(write, encoding):
    head, rows = read_words(write("t.csv", "name,site\nMüller,Köln\n".encode(encoding)))
    assert head.header == ("name", "site") and rows == [["Müller", "Köln"]]


def test_a_row_of_another_width_is_named(write):
    with pytest.raises(TableError, match=r"row 2 has 3 cells, the header 2"):
        read_words(write("t.csv", "a,b\n1,2\n1,2,3\n"))


def test_blank_lines_are_no_rows(write):
    assert read_words(write("t.csv", "a,b\n\n1,2\n\n"))[1] == [["1", "2"]]


def test_an_enormous_cell_is_an_error_and_not_a_crash(write):
    with pytest.raises(TableError, match="not delimited text"):
        read_words(write("t.csv", "a,b\n1," + "x" * 200_000 + "\n"))
