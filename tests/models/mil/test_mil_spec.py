"""What a head can be."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cartopath.core.errors import ConfigError
from cartopath.models.mil import HEADS, MilSpec


@pytest.mark.parametrize("head", HEADS)
def test_every_head_survives_its_description(head):
    spec = MilSpec(head=head, n_features=7, ks=(1, 3))
    assert MilSpec.from_dict(spec.to_dict()) == spec


def test_an_unknown_head_is_refused_with_the_closest():
    with pytest.raises(ConfigError, match=r"closest: attention"):
        MilSpec(head="attenton", n_features=7)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"dropout": 1.0}, "dropout"),
        ({"clamp": -1.0}, "clamp"),
        ({"head": "receptor", "clamp": 0.0}, "clamp"),
        ({"ks": ()}, "ks"),
        ({"ks": (0, 5)}, "ks"),
        ({"n_outputs": 0}, "n_outputs"),
        ({"target": "survival", "n_outputs": 2}, "n_outputs"),
        ({"target": "ordinal", "n_levels": 1}, "n_levels"),
        ({"target": "ranking"}, "target"),
        ({"head": "top_k", "n_layers": 0}, "n_layers"),
        ({"n_layers": 0, "activation": "relu"}, "activation"),
        ({"head": "transformer", "n_hidden": 30}, "n_hidden"),
    ],
)
def test_impossible_values_are_named(values, named):
    with pytest.raises(ConfigError, match=f"'{named}'"):
        MilSpec(**{"n_features": 7, **values})


def test_a_description_with_a_strange_key_is_refused():
    with pytest.raises(ConfigError, match="colour"):
        MilSpec.from_dict({**MilSpec(n_features=7).to_dict(), "colour": "red"})


def test_describing_heads_needs_no_torch():
    program = "import sys, cartopath.models.mil, cartopath.training.mil; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "False\n"
