"""Train heads for many genes and folds: all at once, against one gene and fold at a time.

    python benchmarks/many_heads.py [--genes 1000] [--folds 5] [--patients 100] [--tiles 256] [--epochs 3] [--alone 6] [--all]

Attention heads with the optimiser of Graziani et al. 2022 (SGD, one bag per step) and, in a second table, with the default recipe
(AdamW, eight bags per step). Three contenders do the same work on the same features, which all have in memory at the right scale:

* torch: one gene and fold at a time, an `nn.Module` and a `torch.optim` optimiser as one would write them;
* alone: one gene and fold at a time with `train_heads`;
* together: all of them with `train_heads`.

The first two are measured on `--alone` jobs and the third on `--lots` lots (or, with `--all`, on all jobs), each for so many
epochs without early stopping; all genes and folds are extrapolated from seconds per job. All may use all cores; torch is tried
with one thread and with one per core, and the faster counts. The weights that the contenders end with are compared too.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from cartopath.core.cores import usable_cores
from cartopath.core.rng import stream
from cartopath.models.mil import MilSpec, by_name, initial_parameters
from cartopath.training.mil import Bag, Job, MilTraining, iter_trained, train_heads

Weights = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Work:
    """Bags, jobs over them, and how to train them."""

    bags: list[Bag]
    jobs: list[Job]
    spec: MilSpec
    recipe: MilTraining


class PlainHead(nn.Module):
    """The head of the paper as one would write it."""

    def __init__(self, weights: Weights, spec: MilSpec) -> None:
        super().__init__()
        self.hidden = nn.Linear(spec.n_features, spec.width)
        self.value = nn.Linear(spec.width, 1)
        self.attention = nn.Linear(spec.width, spec.n_attention)
        self.score = nn.Linear(spec.n_attention, 1, bias=False)
        names = {"hidden.0": self.hidden, "value": self.value, "attention": self.attention}
        for name, layer in names.items():
            layer.load_state_dict({kind: torch.from_numpy(weights[f"{name}.{kind}"]) for kind in ("weight", "bias")})
        self.score.load_state_dict({"weight": torch.from_numpy(weights["attention.score"])})

    def forward(self, tiles: Tensor, kept: Tensor | None) -> Tensor:
        """Return the prediction of a bag."""
        hidden = self.hidden(tiles)
        attention = torch.softmax(self.score(torch.tanh(self.attention(hidden))), 0)
        shown = hidden if kept is None else hidden * kept
        return (attention * self.value(shown).clamp(-10, 10)).sum()


def make_work(n_genes: int, n_folds: int, n_patients: int, n_tiles: int, n_features: int, recipe: MilTraining) -> Work:
    """Return bags of random features of which each gene follows one direction, at the right scale already."""
    rng = np.random.default_rng(0)
    bags = [Bag(f"patient {n}", rng.normal(size=(n_tiles, n_features)).astype(np.float32)) for n in range(n_patients)]
    high = np.stack([np.square(np.maximum(bag.features, 0)).mean(0) for bag in bags])
    targets = high @ rng.normal(size=(n_features, n_genes)) + 0.05 * rng.normal(size=(n_patients, n_genes))
    fold = rng.permutation(n_patients) % n_folds
    jobs = []
    for number in range(n_folds):
        others = np.flatnonzero(fold != number)
        train, validation = others[len(others) // 5 :], others[: len(others) // 5]
        jobs += [Job(f"gene {gene}, fold {number}", targets[:, gene], train, validation) for gene in range(n_genes)]
    return Work(bags, jobs, MilSpec(n_features=n_features), recipe)


def train_plainly(work: Work, job: Job) -> Weights:
    """Train one job with torch's own modules and optimiser, with the random numbers that `train_heads` gives it."""
    spec, recipe = work.spec, work.recipe
    drawn = initial_parameters(spec, [stream(recipe.seed, "mil", job.name, "weights")])
    weights = {name: some[0].numpy().copy() for name, some in by_name(drawn).items()}
    weights["value.bias"][:] = 0
    head = PlainHead(weights, spec)
    if recipe.optimizer == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(
            head.parameters(), lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.nesterov, weight_decay=recipe.weight_decay
        )
    else:
        optimizer = torch.optim.AdamW(head.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    scaled = scaled_bags(work, job)
    known = job.targets[job.train]
    targets = torch.from_numpy(((job.targets - known.mean()) / known.std()).astype(np.float32))
    for epoch in range(recipe.max_epochs):
        order = stream(recipe.seed, "mil", "order", epoch).permutation(len(work.bags))
        order = order[np.isin(order, job.train)]
        rng = stream(recipe.seed, "mil", job.name, "dropout", epoch)
        kept = torch.from_numpy(
            (rng.random((len(order), spec.width), np.float32) >= np.float32(spec.rate)) / np.float32(1 - spec.rate)
        )
        for first in range(0, len(order), recipe.bags_per_step):
            optimizer.zero_grad()
            losses = [
                (head(scaled[bag], kept[first + row]) - targets[bag]) ** 2
                for row, bag in enumerate(order[first : first + recipe.bags_per_step])
            ]
            torch.stack(losses).mean().backward()
            optimizer.step()
        with torch.no_grad():
            torch.stack([(head(scaled[bag], None) - targets[bag]) ** 2 for bag in job.validation]).mean()
    return {name: some.detach().numpy() for name, some in head.state_dict().items()}


_SCALED: dict[tuple[int, ...], list[Tensor]] = {}


def scaled_bags(work: Work, job: Job) -> list[Tensor]:
    """Return the bags at the scale of a job's fold, which is computed once and not timed."""
    key = tuple(int(index) for index in job.train)
    if key not in _SCALED:
        quick = replace(work.recipe, max_epochs=1)
        scaling = train_heads(work.bags, [Job("scale", job.targets, job.train)], work.spec, quick)[0].head.scaling
        _SCALED[key] = [torch.from_numpy(scaling(bag.features)) for bag in work.bags]
    return _SCALED[key]


def seconds(function: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def furthest(first: Weights, second: Weights) -> float:
    """Return how far apart the weights of two heads are at most, of the largest weight."""
    names = {
        "hidden.0.": "hidden.",
        "value.": "value.",
        "attention.score": "score.weight",
        "attention.weight": "attention.weight",
    }
    names["attention.bias"] = "attention.bias"
    apart = 0.0
    for name, weights in first.items():
        other = second.get(name)
        if other is None:
            old = next(key for key in names if name.startswith(key))
            other = second[name.replace(old, names[old])]
        apart = max(apart, float(np.abs(weights - other).max()))
    return apart / max(float(np.abs(weights).max()) for weights in first.values())


def compare(work: Work, *, n_alone: int, n_together: int) -> None:
    """Time the contenders and print what they take per job."""
    together = work.jobs[:n_together]
    sample = together[:: max(1, len(together) // n_alone)][:n_alone]
    for job in sample:
        scaled_bags(work, job)
    train_plainly(work, sample[0])
    plain: list[Weights] = []
    torch.set_num_threads(1)
    plain_seconds = seconds(lambda: plain.extend(train_plainly(work, job) for job in sample)) / len(sample)
    torch.set_num_threads(usable_cores())
    plain_seconds = min(plain_seconds, seconds(lambda: [train_plainly(work, job) for job in sample]) / len(sample))
    alone_seconds = seconds(lambda: [train_heads(work.bags, [job], work.spec, work.recipe) for job in sample]) / len(sample)
    wanted = {job.name: position for position, job in enumerate(sample)}
    found: dict[int, Weights] = {}

    def all_at_once() -> None:
        for some in iter_trained(work.bags, together, work.spec, work.recipe):
            found.update({wanted[each.outcome.name]: each.outcome.weights for each in some if each.outcome.name in wanted})

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    together_seconds = seconds(all_at_once) / len(together)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    epochs, n_jobs = work.recipe.max_epochs, len(work.jobs)
    print(f"  torch     {1e3 * plain_seconds / epochs:8.2f} ms per job and epoch")
    print(f"  alone     {1e3 * alone_seconds / epochs:8.2f} ms, {plain_seconds / alone_seconds:5.1f} x")
    print(
        f"  together  {1e3 * together_seconds / epochs:8.2f} ms, {plain_seconds / together_seconds:5.1f} x torch, "
        f"{alone_seconds / together_seconds:5.1f} x alone ({len(together):,} jobs)"
    )
    apart = max(furthest(found[position], weights) for position, weights in enumerate(plain))
    print(
        f"  largest difference of weights after {epochs} epochs: {apart:.1e} of the largest weight; memory grew by {grown:.0f} MB"
    )
    print(
        f"  {n_jobs:,} jobs of 30 epochs: {30 * n_jobs * plain_seconds / epochs / 3600:.2f} h with torch, "
        f"{30 * n_jobs * together_seconds / epochs / 3600:.2f} h together; 20,000 genes x 5 folds: "
        f"{30 * 100_000 * together_seconds / epochs / 3600:.1f} h instead of {30 * 100_000 * plain_seconds / epochs / 3600:.0f} h"
    )


def main() -> None:
    """Compare on both recipes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in (("genes", 1000), ("folds", 5), ("patients", 100), ("tiles", 256), ("features", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--alone", type=int, default=6, help="jobs that are trained one at a time")
    parser.add_argument("--lots", type=int, default=8, help="lots of 64 jobs that are trained together")
    parser.add_argument("--all", action="store_true", help="train all jobs together")
    parser.add_argument("--recipe", choices=["published", "default"], nargs="+", default=["published", "default"])
    asked = parser.parse_args()
    print(
        f"{asked.genes:,} genes x {asked.folds} folds, {asked.patients} patients, {asked.tiles} tiles of {asked.features} "
        f"features, {usable_cores()} cores"
    )
    shared = {"max_epochs": asked.epochs, "patience": asked.epochs + 1, "tiles_per_bag": None, "validation_tiles": None}
    for name in asked.recipe:
        recipe = MilTraining.as_published() if name == "published" else MilTraining()
        recipe = replace(recipe, **shared)
        print(f"{name}: {recipe.optimizer}, {recipe.bags_per_step} bags per step")
        work = make_work(asked.genes, asked.folds, asked.patients, asked.tiles, asked.features, recipe)
        compare(work, n_alone=asked.alone, n_together=len(work.jobs) if asked.all else 64 * asked.lots)


if __name__ == "__main__":
    main()
