"""SGD, Adam and AdamW as torch defines them, for many jobs at once, some of which may sit out a step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cartopath.training.mil.spec import MilTraining

_BETAS, _EPSILON = (0.9, 0.999), 1e-8
_WEIGHTS_AT_ONCE = 1 << 16


class ManyOptimizer:
    """The state of the optimisers of many jobs.

    A job that sits out keeps its weights, its momentum and its count of steps.

    Args:
        recipe: Which optimiser.
        weights: That it will change, by block, jobs along the first axis.
    """

    def __init__(self, recipe: MilTraining, weights: Mapping[str, Tensor]) -> None:
        self._recipe = recipe
        n_slots = 1 if recipe.optimizer == "sgd" else 2
        self._state = {name: [torch.zeros_like(block) for _ in range(n_slots)] for name, block in weights.items()}
        first = next(iter(weights.values()))
        self._steps = torch.zeros(len(first), dtype=torch.float32, device=first.device)

    def step(self, weights: Mapping[str, Tensor], gradients: Mapping[str, Tensor], active: Tensor | None) -> None:
        """Change weights in place, and gradients too, which are of no use afterwards.

        Args:
            weights: By block.
            gradients: Likewise.
            active: Indices of the jobs that take part; None for all.
        """
        if active is None:
            self._steps += 1
            for name, block in weights.items():
                self._update_all(block, gradients[name], self._state[name])
            return
        self._steps[active] += 1
        for name, block in weights.items():
            own, state = block[active], [slot[active] for slot in self._state[name]]
            self._update(own, gradients[name][active], state, self._steps[active])
            block[active] = own
            for slot, changed in zip(self._state[name], state, strict=True):
                slot[active] = changed

    def keep(self, jobs: Tensor) -> None:
        """Go on with some jobs only."""
        self._steps = self._steps[jobs]
        self._state = {name: [slot[jobs] for slot in slots] for name, slots in self._state.items()}

    def _update_all(self, weights: Tensor, gradients: Tensor, state: list[Tensor]) -> None:
        """Update so few jobs at a time that what is needed of them stays in the processor's cache."""
        at_once = max(1, _WEIGHTS_AT_ONCE * len(weights) // max(weights.numel(), 1))
        for first in range(0, len(weights), at_once):
            rows = slice(first, first + at_once)
            self._update(weights[rows], gradients[rows], [slot[rows] for slot in state], self._steps[rows])

    def _update(self, weights: Tensor, gradients: Tensor, state: list[Tensor], steps: Tensor) -> None:
        recipe = self._recipe
        if recipe.optimizer == "adamw":
            weights.mul_(1 - recipe.lr * recipe.weight_decay)
        elif recipe.weight_decay:
            gradients.add_(weights, alpha=recipe.weight_decay)
        if recipe.optimizer == "sgd":
            torch.add(gradients, state[0], alpha=recipe.momentum, out=state[0])  # one pass, where mul_ and add_ are two
            weights.sub_(gradients.add_(state[0], alpha=recipe.momentum) if recipe.nesterov else state[0], alpha=recipe.lr)
            return
        first, second = state
        steps = steps.reshape(-1, *[1] * (weights.ndim - 1))
        first.lerp_(gradients, 1 - _BETAS[0])
        second.mul_(_BETAS[1]).addcmul_(gradients, gradients, value=1 - _BETAS[1])
        root = torch.div(second, 1 - _BETAS[1] ** steps, out=gradients).sqrt_().add_(_EPSILON)
        weights.sub_(torch.div(first, root, out=root).mul_(recipe.lr / (1 - _BETAS[0] ** steps)))
