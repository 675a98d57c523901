"""The losses of many jobs at once: how far predictions of bags are from their targets, with missing targets left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, huber_loss, softplus

from cartopath.models.mil.spec import MilSpec


@dataclass(frozen=True, eq=False, slots=True)
class BagTargets:
    """Targets of some bags, on the device of the heads.

    Attributes:
        values: (n_jobs, n_outputs, n_bags).
        known: The same shape, 1 or 0.
        events: (n_jobs, n_bags), for survival.
        weights: (n_jobs, n_outputs, 2), for classification.
    """

    values: Tensor
    known: Tensor
    events: Tensor | None
    weights: Tensor

    def of_bags(self, bags: Tensor) -> BagTargets:
        """Return those of some bags."""
        events = None if self.events is None else self.events[:, bags]
        return BagTargets(self.values[:, :, bags], self.known[:, :, bags], events, self.weights)

    def of_jobs(self, jobs: Tensor | slice) -> BagTargets:
        """Return those of some jobs."""
        events = None if self.events is None else self.events[jobs]
        return BagTargets(self.values[jobs], self.known[jobs], events, self.weights[jobs])


@dataclass(frozen=True, eq=False, slots=True)
class Losses:
    """Losses of jobs.

    Attributes:
        sums: (n_jobs,) over everything known.
        counts: (n_jobs,) how much is known; 0 where there is nothing to learn.
    """

    sums: Tensor
    counts: Tensor

    @property
    def means(self) -> Tensor:
        """(n_jobs,); 0 where nothing is known."""
        return self.sums / self.counts.clamp(min=1.0)


def losses(spec: MilSpec, parameters: Mapping[str, Tensor], predictions: Tensor, targets: BagTargets, *, loss: str) -> Losses:
    """Return how far predictions are from targets.

    Args:
        spec: What the target is.
        parameters: Of the heads, for the levels of an ordinal target.
        predictions: (n_jobs, n_outputs, n_bags).
        targets: Of the same bags.
        loss: Of regression: `mse` or `huber`.
    """
    if spec.target == "survival":
        return _cox(predictions[:, 0], targets)
    if spec.target == "regression":
        apart = predictions - targets.values
        each = apart.square() if loss == "mse" else huber_loss(predictions, targets.values, reduction="none")
    elif spec.target == "classification":
        each = binary_cross_entropy_with_logits(predictions, targets.values, reduction="none")
        each = each * torch.where(targets.values > 0.5, targets.weights[..., 1:], targets.weights[..., :1])
    else:
        above = targets.values.unsqueeze(-1) > torch.arange(spec.n_levels - 1, device=predictions.device)
        logits = level_logits(parameters, predictions)
        each = binary_cross_entropy_with_logits(logits, above.to(logits.dtype), reduction="none").sum(-1)
    return Losses((each * targets.known).sum((1, 2)), targets.known.sum((1, 2)))


def loss_gradients(
    spec: MilSpec, parameters: Mapping[str, Tensor], predictions: Tensor, targets: BagTargets, *, loss: str
) -> tuple[Losses, dict[str, Tensor]]:
    """Return losses, and the gradients of each job's mean by its predictions (`predictions`) and by the levels of its targets.

    Arguments are those of `losses`.
    """
    if spec.target == "regression" and loss == "mse":
        apart = (predictions - targets.values) * targets.known
        found = Losses(apart.square().sum((1, 2)), targets.known.sum((1, 2)))
        return found, {"predictions": apart * (2.0 / found.counts.clamp(min=1.0)).reshape(-1, 1, 1)}
    leaves = {name: some for name, some in parameters.items() if name.startswith("levels.")} | {"predictions": predictions}
    leaves = {name: some.detach().requires_grad_() for name, some in leaves.items()}
    with torch.enable_grad():
        found = losses(spec, leaves, leaves["predictions"], targets, loss=loss)
        gradients = torch.autograd.grad(found.means.sum(), list(leaves.values()))
    return Losses(found.sums.detach(), found.counts), dict(zip(leaves, gradients, strict=True))


def level_logits(parameters: Mapping[str, Tensor], predictions: Tensor) -> Tensor:
    """Return the logits of being above each level but the last, (..., n) -> (n_jobs, n_outputs, n, n_levels - 1)."""
    first, gaps = parameters["levels.first"], parameters["levels.gaps"]
    limits = torch.cat([first.unsqueeze(-1), first.unsqueeze(-1) + softplus(gaps).cumsum(-1)], -1)
    return predictions.unsqueeze(-1) - limits.unsqueeze(2)


def _cox(risks: Tensor, targets: BagTargets) -> Losses:
    """Return Breslow's negative partial log-likelihood among these bags, (n_jobs, n_bags) -> one per job.

    A death counts where someone else was still at risk: alone it says nothing.
    """
    assert targets.events is not None
    times, known = targets.values[:, 0], targets.known[:, 0] > 0
    at_risk = (times.unsqueeze(1) >= times.unsqueeze(2)) & known.unsqueeze(1)  # (n_jobs, who died, who was at risk)
    tells = known & (targets.events > 0) & (at_risk.sum(-1) > 1)
    exponents = risks.unsqueeze(1).expand_as(at_risk).masked_fill(~at_risk, -torch.inf)
    total = torch.logsumexp(torch.where(tells.unsqueeze(-1), exponents, 0.0), -1)
    each = torch.where(tells, total - risks, 0.0)
    return Losses(each.sum(-1), tells.sum(-1).to(risks.dtype))
