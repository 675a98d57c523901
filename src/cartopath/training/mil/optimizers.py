"""SGD, Adam and AdamW as torch computes them in one pass, for many jobs at once, some of which may sit out a step."""

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
        weights: That it will change, by block, jobs along the first axis.
    """

    def __init__(self, recipe: MilTraining, weights: Mapping[str, Tensor]) -> None:
        self._recipe = recipe
        n_slots = 2 if recipe.optimizer != "sgd" else 1 if recipe.momentum else 0
        self._state = {name: [torch.zeros_like(block) for _ in range(n_slots)] for name, block in weights.items()}
        first = next(iter(weights.values()))
        self._steps = torch.zeros(len(first), dtype=torch.float32, device=first.device)
        self._is_even = True

    def step(self, weights: Mapping[str, Tensor], gradients: Mapping[str, Tensor], active: Tensor | None) -> None:
        """Change weights in place, and gradients too, which are of no use afterwards.

        Args:
            weights: By block.
            gradients: Likewise.
            active: Indices of the jobs that take part; None for all.
        """
        self._steps[slice(None) if active is None else active] += 1
        self._is_even &= active is None
        jobs: list[int | slice] = [slice(None)]
        if not self._is_even:  # a parameter of its own for each block of each job, which has a count of steps of its own
            jobs = list(range(len(self._steps))) if active is None else active.tolist()
        slots = [[self._state[name][slot][job] for name in weights for job in jobs] for slot in range(self._n_slots)]
        steps = [self._steps[0 if isinstance(job, slice) else job] for _ in weights for job in jobs]
        self._update(
            [block[job] for block in weights.values() for job in jobs],
            [gradients[name][job] for name in weights for job in jobs],
            slots,
            steps,
        )

    def keep(self, jobs: Tensor) -> None:
        """Go on with some jobs only."""
        self._steps = self._steps[jobs]
        self._is_even = bool((self._steps == self._steps[:1]).all())
        self._state = {name: [slot[jobs] for slot in slots] for name, slots in self._state.items()}

    @property
    def _n_slots(self) -> int:
        return len(next(iter(self._state.values())))

    @torch.no_grad()
    def _update(self, weights: list[Tensor], gradients: list[Tensor], slots: list[list[Tensor]], steps: list[Tensor]) -> None:
        """Call what torch's own optimisers call where they are asked to be `fused`."""
        recipe = self._recipe
        if recipe.optimizer == "sgd":
            torch._fused_sgd_(
                weights,
                gradients,
                slots[0] if slots else [],
                lr=recipe.lr,
                momentum=recipe.momentum,
                nesterov=recipe.nesterov,
                weight_decay=recipe.weight_decay,
                dampening=0.0,
                maximize=False,
                is_first_step=False,
            )
            return
        fused = torch._fused_adamw_ if recipe.optimizer == "adamw" else torch._fused_adam_
        fused(
            weights,
            gradients,
            slots[0],
            slots[1],
            [],
            steps,
            lr=recipe.lr,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            eps=_EPSILON,
            weight_decay=recipe.weight_decay,
            amsgrad=False,
            maximize=False,
        )
