"""Heads against the same heads written with torch's own layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cartopath.models.mil import (
    MilSpec,
    Scratch,
    attention_gradients,
    attention_units,
    by_name,
    has_written_gradients,
    initial_parameters,
    parameter_shapes,
    pooled,
)


def tiles(n: int = 13) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(3).normal(size=(n, 6)).astype(np.float32))


def layer(parameters, name: str) -> nn.Linear:
    weight, bias = parameters[f"{name}.weight"][0], parameters[f"{name}.bias"][0]
    made = nn.Linear(weight.shape[1], weight.shape[0])
    made.load_state_dict({"weight": weight, "bias": bias})
    return made


def made(head: str, **values):
    spec = MilSpec(head=head, n_features=6, **values)
    return spec, by_name(initial_parameters(spec, [np.random.default_rng(0)]))


@torch.no_grad()
@pytest.mark.parametrize("head", ["attention", "gated_attention"])
def test_attention_is_that_of_its_paper(head):
    spec, parameters = made(head)
    embedded = layer(parameters, "hidden.0")(tiles())
    units = torch.tanh(layer(parameters, "attention")(embedded))
    if head == "gated_attention":
        units = units * torch.sigmoid(layer(parameters, "gate")(embedded))
    attention = torch.softmax(units @ parameters["attention.score"][0].T, 0)[:, 0]
    values = layer(parameters, "value")(embedded)[:, 0]
    said = pooled(spec, parameters, tiles(), [13])
    torch.testing.assert_close(said.weights[0, 0], attention)
    torch.testing.assert_close(said.predictions[0, 0, 0], (attention * values).sum())


def test_the_head_of_the_paper_has_its_number_of_weights():
    n_weights = sum(int(np.prod(shape)) for shape in parameter_shapes(MilSpec(n_features=512)).values())
    assert n_weights == 74_114 - 1  # without the bias that a softmax takes no notice of


@torch.no_grad()
def test_the_receptor_head_is_that_of_its_paper():
    spec, parameters = made("receptor", clamp=1.0)
    network = nn.Sequential(layer(parameters, "hidden.0"), nn.ReLU(), layer(parameters, "value"), nn.Tanh())
    torch.testing.assert_close(pooled(spec, parameters, tiles(), [13]).predictions[0, 0, 0], network(tiles()).mean())


@torch.no_grad()
def test_top_k_averages_the_highest_scores_of_a_perceptron():
    spec, parameters = made("top_k", ks=(2, 5))
    scores = layer(parameters, "value")(
        torch.relu(layer(parameters, "hidden.1")(torch.relu(layer(parameters, "hidden.0")(tiles()))))
    )
    expected = np.mean([scores[:, 0].topk(k).values.mean() for k in (2, 5)])
    assert pooled(spec, parameters, tiles(), [13]).predictions.item() == pytest.approx(expected, rel=1e-5)


@torch.no_grad()
def test_the_transformer_is_built_of_pre_norm_layers():
    spec, parameters = made("transformer", n_hidden=16, n_attention=32)
    own = {name: some[0] for name, some in parameters.items()}
    encoder = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True, norm_first=True)
    stack = nn.TransformerEncoder(encoder, 2, norm=nn.LayerNorm(16), enable_nested_tensor=False).eval()
    theirs = {"self_attn.in_proj_": "queries.", "self_attn.out_proj.": "mixing.", "linear1.": "wide.", "linear2.": "narrow."}
    state = {
        f"layers.{number}.{name}{kind}": own[f"{number}.{ours}{kind}"]
        for number in range(2)
        for name, ours in theirs.items()
        for kind in ("weight", "bias")
    }
    state |= {
        f"layers.{number}.{name}.{kind}": own[f"{number}.{ours}.{part}"]
        for number in range(2)
        for name, ours in (("norm1", "attending"), ("norm2", "widening"))
        for kind, part in (("weight", "gain"), ("bias", "shift"))
    }
    stack.load_state_dict(state | {"norm.weight": own["last.gain"], "norm.bias": own["last.shift"]})
    tokens = stack(layer(parameters, "embed")(tiles())[None])[0]
    expected = layer(parameters, "value")(tokens)[:, 0]
    torch.testing.assert_close(pooled(spec, parameters, tiles(), [13]).values[0, 0], expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_unit_that_is_left_out_has_no_part_in_the_value_and_still_in_attention():
    spec, parameters = made("attention")
    kept = torch.ones(1, 1, spec.n_droppable)
    kept[..., 5] = 0
    without = {**parameters, "value.weight": parameters["value.weight"].clone()}
    without["value.weight"][..., 5] = 0
    dropped = pooled(spec, parameters, tiles(), [13], kept=kept)
    expected = pooled(spec, without, tiles(), [13])
    torch.testing.assert_close(dropped.predictions, expected.predictions)
    torch.testing.assert_close(dropped.weights, pooled(spec, parameters, tiles(), [13]).weights)


class TestWrittenGradients:
    """Those of attention heads, against what torch derives."""

    def gradients(self, head: str, *, sizes: list[int], rate: float, clamp: float, n_layers: int = 1):
        spec = MilSpec(head=head, n_features=6, clamp=clamp, dropout=rate, n_layers=n_layers)
        assert has_written_gradients(spec)
        blocks = initial_parameters(spec, [np.random.default_rng(seed) for seed in range(3)])
        rng = np.random.default_rng(4)
        kept = torch.from_numpy((rng.random((3, len(sizes), spec.n_droppable)) > rate).astype(np.float32))
        aims = torch.from_numpy(rng.normal(size=(3, 1, len(sizes))).astype(np.float32))
        bags = 4 * tiles(sum(sizes))
        leaves = {name: some.clone().requires_grad_() for name, some in by_name(blocks).items()}
        loss = (pooled(spec, leaves, bags, sizes, kept=kept if rate else None).predictions - aims).square().sum()
        derived = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
        written = {name: torch.full_like(block, torch.nan) for name, block in blocks.items()}
        attention_gradients(
            spec,
            blocks,
            bags,
            sizes,
            kept=kept if rate else None,
            of_predictions=lambda said, heads: 2 * (said - aims[heads]),
            into=written,
            scratch=Scratch(),
        )
        return by_name(written), derived

    @pytest.mark.parametrize("head", ["attention", "gated_attention"])
    @pytest.mark.parametrize("sizes", [[9], [5, 5, 5], [4, 1, 7]])
    @pytest.mark.parametrize("rate", [0.0, 0.3])
    @pytest.mark.parametrize("clamp", [0.0, 0.4, 10.0])
    def test_they_are_those_that_torch_derives(self, head, sizes, rate, clamp):
        self.assert_equal(*self.gradients(head, sizes=sizes, rate=rate, clamp=clamp))

    @pytest.mark.parametrize("head", ["attention", "gated_attention"])
    @pytest.mark.parametrize("rate", [0.0, 0.3])
    def test_they_are_without_a_hidden_layer_too(self, head, rate):
        self.assert_equal(*self.gradients(head, sizes=[4, 1, 7], rate=rate, clamp=0.4, n_layers=0))

    @pytest.mark.parametrize("head", ["attention", "gated_attention"])
    def test_heads_that_are_computed_a_few_at_a_time_are_those_of_all_at_once(self, head, monkeypatch):
        monkeypatch.setattr(attention_units, "_UNITS_AT_ONCE", 1)
        self.assert_equal(*self.gradients(head, sizes=[4, 1, 7], rate=0.3, clamp=0.4))

    def assert_equal(self, written, derived):
        for name, gradient in derived.items():
            torch.testing.assert_close(
                written[name], gradient, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
            )


@torch.no_grad()
@pytest.mark.parametrize("head", ["attention", "gated_attention"])
def test_without_a_hidden_layer_a_head_computes_what_one_with_it_does(head):
    _, parameters = made(head)
    direct = {"attention.score": parameters["attention.score"]}
    hidden, shift = parameters["hidden.0.weight"], parameters["hidden.0.bias"].unsqueeze(-1)
    for name in ("value", "attention", "gate"):
        if f"{name}.weight" in parameters:
            own = parameters[f"{name}.weight"]
            direct |= {f"{name}.weight": own @ hidden, f"{name}.bias": parameters[f"{name}.bias"] + (own @ shift)[..., 0]}
    expected = pooled(MilSpec(head=head, n_features=6), parameters, tiles(), [13])
    found = pooled(MilSpec(head=head, n_features=6, n_layers=0), direct, tiles(), [13])
    torch.testing.assert_close(found.predictions, expected.predictions)
    torch.testing.assert_close(found.weights, expected.weights)
