"""The gradients of a step, for all jobs at once: written out where that is possible, otherwise derived by torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from cartopath.models.mil import (
    MilSpec,
    Scratch,
    attention_gradients,
    attention_predictions,
    by_name,
    has_written_gradients,
    pooled,
)
from cartopath.training.mil.losses import BagTargets, Losses, loss_gradients, losses

Blocks = Mapping[str, Tensor]


def step_gradients(
    spec: MilSpec,
    blocks: Blocks,
    tiles: Tensor,
    sizes: Sequence[int],
    targets: BagTargets,
    *,
    loss: str,
    kept: Tensor | None,
    k: int | None,
    into: Blocks,
    scratch: Scratch,
) -> Losses:
    """Write the gradient of each job's mean loss by its weights, and return the losses.

    Args:
        spec: What the heads are.
        blocks: Weights, as `initial_parameters` lays them out, jobs along the first axis.
        tiles: (n_tiles, n_features), the bags one after the other.
        sizes: Tiles of each bag.
        targets: Of these bags.
        loss: Of regression.
        kept: What dropout multiplies hidden units by; see `pooled`.
        k: Of `top_k`.
        into: Where to write, laid out as `blocks`.
        scratch: For what is large on the way.
    """
    if has_written_gradients(spec):
        return _written(spec, blocks, tiles, sizes, targets, loss=loss, kept=kept, into=into, scratch=scratch)
    leaves = {name: some.detach().requires_grad_() for name, some in by_name(blocks).items()}
    predictions = pooled(spec, leaves, tiles, sizes, kept=kept, k=k).predictions
    found = losses(spec, leaves, predictions, targets, loss=loss)
    if found.sums.requires_grad:
        gradients = torch.autograd.grad(found.means.sum(), list(leaves.values()), allow_unused=True, materialize_grads=True)
        named = by_name(into)
        for name, gradient in zip(leaves, gradients, strict=True):
            named[name].copy_(gradient)
    return Losses(found.sums.detach(), found.counts)


@torch.no_grad()
def bag_predictions(spec: MilSpec, blocks: Blocks, tiles: Tensor, sizes: Sequence[int], *, scratch: Scratch) -> Tensor:
    """Return what all jobs predict of bags without dropout, (n_jobs, n_outputs, n_bags); arguments as of `step_gradients`."""
    if has_written_gradients(spec):
        return attention_predictions(spec, blocks, tiles, sizes, scratch=scratch)
    return pooled(spec, by_name(blocks), tiles, sizes).predictions


def _written(
    spec: MilSpec,
    blocks: Blocks,
    tiles: Tensor,
    sizes: Sequence[int],
    targets: BagTargets,
    *,
    loss: str,
    kept: Tensor | None,
    into: Blocks,
    scratch: Scratch,
) -> Losses:
    levels = {name: block for name, block in blocks.items() if name.startswith("levels.")}
    noted: list[Losses] = []

    def of_predictions(predictions: Tensor, heads: slice) -> Tensor:
        own = {name: block[heads] for name, block in levels.items()}
        found, gradients = loss_gradients(spec, own, predictions, targets.of_jobs(heads), loss=loss)
        noted.append(found)
        for name in own:
            into[name][heads] = gradients[name]
        return gradients["predictions"]

    attention_gradients(spec, blocks, tiles, sizes, kept=kept, of_predictions=of_predictions, into=into, scratch=scratch)
    return Losses(torch.cat([some.sums for some in noted]), torch.cat([some.counts for some in noted]))
