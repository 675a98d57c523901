"""The weights of many multiple-instance heads at once: arrays by name, with the heads along the first axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from cartopath.models.mil.spec import MilSpec

Shape = tuple[int, ...]

_LONE = ("attention.score", "levels.first", "levels.gaps")


def parameter_shapes(spec: MilSpec) -> dict[str, Shape]:
    """Return the shapes of the weights of one head, by name; those of many have the number of heads in front.

    >>> sum(math.prod(shape) for shape in parameter_shapes(MilSpec(n_features=512)).values())
    74113
    """
    shapes = _transformer_shapes(spec) if spec.head == "transformer" else _layer_shapes(spec)
    width = spec.width if spec.depth else spec.n_features
    shapes |= {"value.weight": (spec.n_outputs, width), "value.bias": (spec.n_outputs,)}
    if spec.has_attention:
        for name in ("attention", "gate")[: 2 if spec.head == "gated_attention" else 1]:
            shapes |= {f"{name}.weight": (spec.n_attention, width), f"{name}.bias": (spec.n_attention,)}
        shapes |= {"attention.score": (1, spec.n_attention)}
    if spec.target == "ordinal":
        shapes |= {"levels.first": (spec.n_outputs,), "levels.gaps": (spec.n_outputs, spec.n_levels - 2)}
    return shapes


def by_name(blocks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of heads by name, as views of the blocks in which they lie.

    The block of a linear layer that meets the features holds its weight and, in a last column, its bias: (n_heads, n_out,
    n_in + 1), so that one product serves both. Other weights are a block each.
    """
    named: dict[str, Tensor] = {}
    for name, block in blocks.items():
        if name in _LONE or name.endswith((".weight", ".bias", ".gain", ".shift")):
            named[name] = block
        else:
            named |= {f"{name}.weight": block[..., :-1], f"{name}.bias": block[..., -1]}
    return named


def initial_parameters(spec: MilSpec, generators: Sequence[np.random.Generator]) -> dict[str, Tensor]:
    """Return random weights of as many heads as there are generators, each head drawn from its own.

    Weights and biases of a layer are uniform within plus and minus one over the root of its inputs. Norms start as they should;
    levels start one apart, around zero.

    Returns:
        Blocks, for `by_name`, (n_heads, ...) float32 each.
    """
    shapes = parameter_shapes(spec)
    meeting = ("hidden.0",) if spec.depth else ("attention", "gate", "value")
    blocks: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        layer, _, kind = name.rpartition(".")
        if layer not in meeting or kind == "score":
            blocks[name] = torch.empty(len(generators), *shape)
        elif kind == "weight":
            blocks[layer] = torch.empty(len(generators), shape[0], shape[1] + 1)
    named = {name: some.numpy() for name, some in by_name(blocks).items()}
    for number, rng in enumerate(generators):
        for name, shape in shapes.items():
            named[name][number] = _initial(name, shape, shapes, rng, spec)
    return blocks


def _initial(name: str, shape: Shape, shapes: dict[str, Shape], rng: np.random.Generator, spec: MilSpec) -> np.ndarray | float:
    if name.endswith(".gain"):
        return 1.0
    if name.endswith(".shift"):
        return 0.0
    if name == "levels.first":
        return -0.5 * (spec.n_levels - 2)
    if name == "levels.gaps":
        return math.log(math.e - 1)  # its softplus is 1
    n_inputs = shapes[name.replace(".bias", ".weight")][-1]
    return rng.random(shape, np.float32) * (2 / math.sqrt(n_inputs)) - 1 / math.sqrt(n_inputs)


def _layer_shapes(spec: MilSpec) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for layer in range(spec.depth):
        shapes[f"hidden.{layer}.weight"] = (spec.width, spec.width if layer else spec.n_features)
        shapes[f"hidden.{layer}.bias"] = (spec.width,)
    return shapes


def _transformer_shapes(spec: MilSpec) -> dict[str, Shape]:
    width = spec.width
    shapes: dict[str, Shape] = {"embed.weight": (width, spec.n_features), "embed.bias": (width,)}
    for layer in range(spec.depth):
        for name, rows, columns in (
            ("queries", 3 * width, width),
            ("mixing", width, width),
            ("wide", 2 * width, width),
            ("narrow", width, 2 * width),
        ):
            shapes |= {f"{layer}.{name}.weight": (rows, columns), f"{layer}.{name}.bias": (rows,)}
        for name in ("attending", "widening"):
            shapes |= {f"{layer}.{name}.gain": (width,), f"{layer}.{name}.shift": (width,)}
    return shapes | {"last.gain": (width,), "last.shift": (width,)}
