import json
import subprocess
import sys

import pytest

from cartopath.core.errors import ConfigError
from cartopath.models import NetworkSpec


def test_defaults_are_the_network_of_the_paper():
    assert NetworkSpec() == NetworkSpec(backbone="inception_v3", pool="max", size_px=512, pretrained=False, input_range="0..1")


def test_a_spec_survives_a_round_trip_through_json():
    spec = NetworkSpec(backbone="resnet18", pool="avg", size_px=64, pretrained=True, input_range="imagenet")
    assert NetworkSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pool": "median"}, r"'pool' must be one of 'max', 'avg'. Got 'median'"),
        ({"input_range": "-1..1"}, r"'input_range' must be one of"),
        ({"size_px": 0}, r"'size_px' must be at least 1. Got 0"),
        ({"backbone": ""}, r"'backbone' must be the name"),
    ],
)
def test_an_impossible_spec_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        NetworkSpec(**change)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pol": "max"}, r"has the unknown key 'pol'"),
        ({"pool": None}, r"'pool' must be of type str. Got None"),
        ({"pretrained": "yes"}, r"'pretrained' must be of type bool"),
        ({"size_px": 64.0}, r"'size_px' must be of type int"),
    ],
)
def test_a_damaged_description_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        NetworkSpec.from_dict({**NetworkSpec().to_dict(), **values})


def test_an_incomplete_description_is_refused():
    with pytest.raises(ConfigError, match="misses 'backbone'"):
        NetworkSpec.from_dict({name: value for name, value in NetworkSpec().to_dict().items() if name != "backbone"})


def test_importing_models_and_training_imports_neither_torch_nor_lightning():
    code = "import sys, cartopath.models, cartopath.training; print({'torch', 'timm', 'lightning'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
