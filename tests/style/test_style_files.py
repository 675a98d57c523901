"""Styles as JSON files."""

import json

import pytest

from cartopath.core.errors import ArtifactError
from cartopath.style import METHODS, fit_style, read_style, write_style


@pytest.mark.parametrize("method", METHODS)
def test_a_style_comes_back_as_it_was_written(tile, tmp_path, method):
    style = fit_style([tile], method)
    write_style(style, tmp_path / "style.json")
    assert read_style(tmp_path / "style.json") == style


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("strengths", [1.0], "must be 2 numbers"),
        ("strengths", [0.0, 1.0], "must be positive"),
        ("residual", [0.0, 1.0], "'residual'"),
        ("haematoxylin", "blue", "'haematoxylin'"),
        ("white", None, "NoneType"),
        ("shade", [1.0], "shade"),
    ],
)
def test_a_file_that_no_fit_wrote_is_refused(tile, tmp_path, name, value, message):
    path = tmp_path / "style.json"
    write_style(fit_style([tile]), path)
    content = json.loads(path.read_text())
    content["style"][name] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match=message):
        read_style(path)


def test_two_equal_stain_vectors_are_refused(tile, tmp_path):
    path = tmp_path / "style.json"
    write_style(fit_style([tile]), path)
    content = json.loads(path.read_text())
    content["style"]["eosin"] = content["style"]["haematoxylin"]
    path.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match="are the same"):
        read_style(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"gone\.json: no such style file"):
        read_style(tmp_path / "gone.json")
