import json
import math

import numpy as np
import pytest
import torch

from cartopath.core.errors import ArtifactError, TrainingError
from cartopath.training.state_tree import join_tree, split_tree


def round_trip(tree):
    value, arrays = split_tree(tree)
    return join_tree(json.loads(json.dumps(value, allow_nan=False)), arrays)


@pytest.mark.parametrize(
    "tree",
    [
        None,
        True,
        7,
        "text",
        0.1,
        math.inf,
        -math.inf,
        [1, [2, "x"]],
        (0.9, 0.999),
        {},
        {"a": {"b": None}},
        {0: "integer key", "0": "string key"},
        {"dict": [["k", 1]], "tensor": "a name", "float": "inf"},
    ],
)
def test_plain_values_come_back_as_they_were(tree):
    back = round_trip(tree)
    assert back == tree
    assert type(back) is type(tree)


def test_nan_comes_back():
    assert math.isnan(round_trip(math.nan))


@pytest.mark.parametrize(
    "tensor", [torch.tensor(5.0), torch.tensor([math.inf, math.nan]), torch.arange(6).reshape(2, 3), torch.zeros(0, 2)]
)
def test_tensors_come_back_with_shape_and_type(tensor):
    back = round_trip({"x": [tensor]})["x"][0]
    torch.testing.assert_close(back, tensor, rtol=0, atol=0, equal_nan=True)


def test_the_memory_format_of_a_tensor_comes_back():
    tensor = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    back = round_trip(tensor)
    assert back.stride() == tensor.stride()
    assert torch.equal(back, tensor)


def test_later_changes_of_a_tensor_do_not_reach_what_was_kept():
    tensor = torch.zeros(3)
    _, arrays = split_tree({"x": tensor})
    tensor += 1
    assert arrays["/x"].tolist() == [0, 0, 0]


def test_an_object_is_refused_with_its_place():
    with pytest.raises(TrainingError, match="training state at /callbacks/1 is a object"):
        split_tree({"callbacks": [0, object()]})


def test_an_odd_key_is_refused():
    with pytest.raises(TrainingError, match=r"at /a has the key \(1, 2\)"):
        split_tree({"a": {(1, 2): 3}})


@pytest.mark.parametrize(
    "value", [{"unknown": 1}, {"float": "1e3"}, {"tensor": "lost", "shape": [1], "channels_last": False}, {"dict": "x"}]
)
def test_a_damaged_tree_is_refused(value):
    with pytest.raises(ArtifactError, match="damaged training state"):
        join_tree(value, {"there": np.zeros(1)})
