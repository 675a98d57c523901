"""SGD, Adam and AdamW as torch defines them, for many jobs at once, some of which may sit out a step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cartopath.training.mil.spec import MilTraining

_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class ManyOptimizer:
    """The state of the optimisers of many jobs.

    A job that sits out keeps its weights, its momentum and its count of steps.

    Args:
        recipe: Which optimiser.
        parameters: By name, jobs along the first axis; changed in place.
    """

    def __init__(self, recipe: MilTraining, parameters: Mapping[str, Tensor]) -> None:
        self._recipe = recipe
        self._slots = 1 if recipe.optimizer == "sgd" else 2
        self._state = {name: [torch.zeros_like(some) for _ in range(self._slots)] for name, some in parameters.items()}
        first = next(iter(parameters.values()))
        self._steps = torch.zeros(len(first), dtype=torch.float32, device=first.device)

    @torch.no_grad()
    def step(self, parameters: Mapping[str, Tensor], gradients: Mapping[str, Tensor], active: Tensor | None) -> None:
        """Change the weights.

        Args:
            parameters: By name, jobs along the first axis.
            gradients: Of the same names and shapes.
            active: Indices of the jobs that take part; None for all.
        """
        if active is None:
            self._steps += 1
            for name, some in parameters.items():
                self._update(some, gradients[name], self._state[name], self._steps)
            return
        self._steps[active] += 1
        for name, some in parameters.items():
            own, state = some[active], [slot[active] for slot in self._state[name]]
            self._update(own, gradients[name][active], state, self._steps[active])
            some[active] = own
            for slot, changed in zip(self._state[name], state, strict=True):
                slot[active] = changed

    def keep(self, jobs: Tensor) -> None:
        """Go on with some jobs only."""
        self._steps = self._steps[jobs]
        self._state = {name: [slot[jobs] for slot in slots] for name, slots in self._state.items()}

    def _update(self, weight: Tensor, gradient: Tensor, state: list[Tensor], steps: Tensor) -> None:
        recipe = self._recipe
        if recipe.optimizer == "adamw":
            weight.mul_(1 - recipe.lr * recipe.weight_decay)
        elif recipe.weight_decay:
            gradient = gradient.add(weight, alpha=recipe.weight_decay)
        if recipe.optimizer == "sgd":
            state[0].mul_(recipe.momentum).add_(gradient)
            weight.sub_(gradient.add(state[0], alpha=recipe.momentum) if recipe.nesterov else state[0], alpha=recipe.lr)
            return
        first, second = state
        first.lerp_(gradient, 1 - _BETAS[0])
        second.mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
        shape = (-1, *[1] * (weight.ndim - 1))
        root = (second / (1 - _BETAS[1] ** steps).reshape(shape)).sqrt_().add_(_EPSILON)
        weight.sub_(recipe.lr * (first / (1 - _BETAS[0] ** steps).reshape(shape)) / root)
