"""The loop that trains many heads at once: epochs over bags, a validation after each; every job ends at its own time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartopath.core.rng import stream
from cartopath.models.mil import MilSpec, Scratch, by_name, initial_parameters
from cartopath.training.mil.gradients import bag_predictions, step_gradients
from cartopath.training.mil.head import MilHead, Outcome
from cartopath.training.mil.jobs import Job
from cartopath.training.mil.losses import BagTargets, losses
from cartopath.training.mil.memory import VALIDATION_TILES
from cartopath.training.mil.optimizers import ManyOptimizer
from cartopath.training.mil.records import Records
from cartopath.training.mil.scaling import FeatureScaling
from cartopath.training.mil.spec import MilTraining
from cartopath.training.mil.targets import Targets
from cartopath.training.mil.tiles import BagTiles, TileBatch

_STOPPED_SHARE = 0.1


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Together:
    """What jobs that are trained together share.

    Attributes:
        spec: What their heads are; `n_features` are those after scaling.
        recipe: How they are trained.
        tiles: Of all bags.
        scaling: Of the features.
        train: Indices of the bags they learn from.
        validation: Indices of the bags that decide.
        device: Where they are computed.
    """

    spec: MilSpec
    recipe: MilTraining
    tiles: BagTiles
    scaling: FeatureScaling
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    device: torch.device


def fit_together(
    jobs: Sequence[Job], targets: Targets, together: Together, *, ended: Callable[[int], None] | None = None
) -> list[Outcome]:
    """Train jobs that share their bags, and return what became of them in their order.

    Args:
        jobs: All with something to learn.
        targets: Theirs.
        together: What they share.
        ended: Called after each epoch with the number of jobs that have ended so far.
    """
    return _Fit(jobs, targets, together).run(ended)


class _Fit:
    """One training of many jobs; `self._jobs` are those whose weights are still held, in the order of the weights."""

    def __init__(self, jobs: Sequence[Job], targets: Targets, together: Together) -> None:
        self._all, self._targets, self._with = jobs, targets, together
        recipe, spec = together.recipe, together.spec
        generators = [stream(recipe.seed, "mil", *job.streams, "weights") for job in jobs]
        self._weights = {name: block.to(together.device) for name, block in initial_parameters(spec, generators).items()}
        by_name(self._weights)["value.bias"].copy_(self._on_device(targets.prior))
        self._gradients = {name: torch.zeros_like(block) for name, block in self._weights.items()}
        self._best = {name: block.clone() for name, block in self._weights.items()}
        self._optimizer = ManyOptimizer(recipe, self._weights)
        events = None if targets.events is None else self._on_device(targets.events)
        values, known, weights = (self._on_device(some) for some in (targets.values, targets.known, targets.weights))
        self._aims = BagTargets(values, known, events, weights)
        self._held = np.arange(len(jobs))
        self._scratch = Scratch()
        self._records = Records(len(jobs), patience=recipe.patience, max_epochs=recipe.max_epochs)

    def run(self, ended: Callable[[int], None] | None) -> list[Outcome]:
        for epoch in range(self._with.recipe.max_epochs):
            train = self._learn(epoch)
            validation = self._validate() if len(self._with.validation) else None
            better = self._records.add(self._held, train, validation)
            self._keep_best(better)
            if ended is not None:
                ended(self._records.n_ended)
            going = self._records.is_going(self._held)
            if not going.any():
                break
            if going.mean() <= 1 - _STOPPED_SHARE:
                self._hold_only(np.flatnonzero(going))
        return self._outcomes()

    def _learn(self, epoch: int) -> NDArray[np.float64]:
        """Show the training bags once and return the mean loss of each job."""
        sums, counts = (torch.zeros(len(self._held), dtype=torch.float64) for _ in range(2))
        kept = self._kept(epoch)
        ks = stream(self._with.recipe.seed, "mil", "k", epoch)
        first = 0
        for batch in self._with.tiles.training_steps(self._with.train, epoch):
            k = int(ks.choice(self._with.spec.ks)) if self._with.spec.head == "top_k" else None
            shown = None if kept is None else kept[:, first : first + len(batch.bags)]
            step_sums, step_counts = self._step(batch, shown, k)
            sums += step_sums
            counts += step_counts
            first += len(batch.bags)
        return (sums / counts.clamp(min=1)).numpy()

    def _step(self, batch: TileBatch, kept: NDArray[np.float32] | None, k: int | None) -> tuple[Tensor, Tensor]:
        """Learn from some bags and return the sums of losses and how many of them there are, of each job."""
        found = step_gradients(
            self._with.spec,
            self._weights,
            self._on_device(batch.tiles),
            batch.sizes,
            self._aims.of_bags(self._at(batch.bags)),
            loss=self._with.recipe.loss,
            kept=None if kept is None else self._on_device(kept),
            k=k,
            into=self._gradients,
            scratch=self._scratch,
        )
        learns = found.counts > 0
        if bool(learns.all()):
            self._optimizer.step(self._weights, self._gradients, None)
        elif bool(learns.any()):
            self._optimizer.step(self._weights, self._gradients, learns.nonzero().squeeze(1))
        return found.sums.double().cpu(), found.counts.double().cpu()

    @torch.no_grad()
    def _validate(self) -> NDArray[np.float64]:
        """Return the mean loss of each job over validation bags."""
        order, parts = [], []
        for batch in self._with.tiles.validation_batches(self._with.validation, at_once=VALIDATION_TILES):
            tiles = self._on_device(batch.tiles)
            parts.append(bag_predictions(self._with.spec, self._weights, tiles, batch.sizes, scratch=self._scratch))
            order.append(batch.bags)
        aims = self._aims.of_bags(self._at(np.concatenate(order)))
        found = losses(self._with.spec, self._weights, torch.cat(parts, -1), aims, loss=self._with.recipe.loss)
        return found.means.double().cpu().numpy()

    def _kept(self, epoch: int) -> NDArray[np.float32] | None:
        """Return which hidden units are kept for each held job and bag of the epoch, drawn from the job's own stream."""
        rate, width = np.float32(self._with.spec.rate), self._with.spec.n_droppable
        if rate == 0:
            return None
        shape = (len(self._with.train), width)
        kept = np.empty((len(self._held), *shape), np.float32)
        for row, job in enumerate(self._held.tolist()):
            rng = stream(self._with.recipe.seed, "mil", *self._all[job].streams, "dropout", epoch)
            np.greater_equal(rng.random(shape, np.float32), rate, out=kept[row], casting="unsafe")
        kept /= 1 - rate
        return kept

    def _keep_best(self, better: NDArray[np.bool_]) -> None:
        rows, jobs = self._at(np.flatnonzero(better)), self._at(self._held[better])
        for name, block in self._weights.items():
            self._best[name][jobs] = block[rows]

    def _hold_only(self, going: NDArray[np.int64]) -> None:
        """Hold only the jobs that go on."""
        rows = self._at(going)
        self._weights = {name: block[rows] for name, block in self._weights.items()}
        self._gradients = {name: block[rows] for name, block in self._gradients.items()}
        self._optimizer.keep(rows)
        self._aims = self._aims.of_jobs(rows)
        self._held = self._held[going]

    def _outcomes(self) -> list[Outcome]:
        best = {name: some.numpy() for name, some in by_name({name: block.cpu() for name, block in self._best.items()}).items()}
        return [self._records.outcome(number, job.name, self._head(number, best)) for number, job in enumerate(self._all)]

    def _head(self, number: int, best: dict[str, NDArray[np.float32]]) -> MilHead:
        return MilHead(
            spec=self._with.spec,
            weights={name: some[number] for name, some in best.items()},
            scaling=self._with.scaling,
            target_mean=self._targets.mean[number],
            target_sd=self._targets.sd[number],
        )

    def _on_device(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(array).to(self._with.device)

    def _at(self, indices: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(indices).to(self._with.device)
