"""Ids that would join if they were spelled alike."""

import pytest

from cartopath.cohort.id_spelling import spelling_that_joins


def ids(form):
    return {form.format(n) for n in range(1, 31)}


@pytest.mark.parametrize(
    ("ours", "theirs", "word"),
    [
        ("case{:03}", "CASE{:03}", "capital letters"),
        ("S.{:03}", "S-{:03}", "dashes for dots"),
        ("s_{:03}", "S{:03}", "without dashes, dots"),
        ("P{:03}", "P{}", "zeros"),
        ("P{:03}", "P{:03}-T", "what follows"),
        ("P{:03}_a", "p{:03}", "what follows"),
        ("P{:03}", "SITE-P{:03}", "what precedes"),
        ("{:03}", "Patient {:03}", "what precedes"),
        ("Case{:03}", "Nr{:03}x", "digits"),
    ],
)
def test_the_mildest_spelling_that_joins_is_named(ours, theirs, word):
    spelling = spelling_that_joins(ids(ours), ids(theirs))
    assert word in spelling.description
    assert spelling.n_joined == 30


def test_an_example_shows_what_becomes_one():
    assert spelling_that_joins({"a_1", "a_2"}, {"A-1", "A-2"}).example == "a_1 = A-1"


def test_ids_that_have_nothing_in_common_join_by_no_spelling():
    assert spelling_that_joins(ids("north{:03}"), {f"u{chr(97 + n % 26)}{n}x" for n in range(100, 130)}) is None


def test_a_spelling_that_makes_one_of_many_patients_is_not_named():
    assert spelling_that_joins({f"TCGA-A1-{n:04}" for n in range(30)}, {f"TCGA-A1-X{n:03}" for n in range(30)}) is None


def test_ids_that_join_as_they_are_need_no_spelling():
    assert spelling_that_joins(ids("P{:03}"), ids("P{:03}")) is None
