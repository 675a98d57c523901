"""One tree of errors, each of them also the built-in that a caller would expect."""

import inspect

import pytest

from cartopath.core import errors
from cartopath.core.errors import CartopathError, closest

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_is_a_cartopath_error(error):
    assert issubclass(error, CartopathError)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ConfigError, ValueError),
        (errors.SlideError, OSError),
        (errors.ResolutionError, ValueError),
        (errors.TableError, ValueError),
        (errors.TraitError, LookupError),
        (errors.StatusError, ValueError),
        (errors.LabelError, ValueError),
        (errors.SplitError, ValueError),
        (errors.ArtifactError, ValueError),
        (errors.TrainingError, RuntimeError),
        (errors.StatisticsError, ValueError),
    ],
)
def test_an_error_is_also_the_matching_builtin(error, builtin):
    assert issubclass(error, builtin)


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (errors.ResolutionError, errors.SlideError),
        (errors.TraitError, errors.TableError),
        (errors.StatusError, errors.TableError),
        (errors.BundleError, errors.ArtifactError),
    ],
)
def test_a_special_error_can_be_caught_as_the_general_one(error, parent):
    assert issubclass(error, parent)


def test_the_drawn_tree_names_every_error():
    assert all(error.__name__ in errors.__doc__ for error in CLASSES)


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_the_message_is_what_was_said(error):
    assert str(error("slide.svs: damaged")) == "slide.svs: damaged"


def test_closest_puts_the_best_match_first():
    assert closest("TP35", ["EGFR", "TP53BP1", "TP53"])[0] == "TP53"


def test_closest_ignores_case_and_returns_names_as_they_are_written():
    assert closest("hsa-mir-17-5P", ["hsa-miR-17-5p"]) == ["hsa-miR-17-5p"]


def test_closest_returns_nothing_where_nothing_is_close():
    assert closest("MKI67", ["zzzz", ""]) == []


def test_closest_returns_at_most_what_was_asked_for():
    assert len(closest("GENE1", [f"GENE{i}" for i in range(9)], n=2)) == 2


def test_closest_takes_the_first_of_names_that_differ_by_case_only():
    assert closest("er", ["ER", "Er"]) == ["ER"]
