"""Train heads for many genes and folds: all at once, against one gene and fold at a time.

    python benchmarks/many_heads.py [--tiles 64 256] [--heads paper direct] [--recipe published default] [--epochs 3] [--all]

Attention heads as in Graziani et al. 2022 (`paper`) or without their hidden layer (`direct`, `n_layers=0`), trained with the
paper's optimiser (`published`: SGD, one bag per step) or ours (`default`: AdamW, eight bags per step). Three contenders do the
same work on the same features, which all have in memory at the right scale:

* torch: one gene and fold at a time, an `nn.Module` and a `torch.optim` optimiser as one would write them;
* alone: one gene and fold at a time with `train_heads`;
* together: all of them with `train_heads`.

The first two are measured on `--alone` jobs and the third on `--lots` lots of 128 (or, with `--all`, on all jobs), each for so
many epochs without early stopping; all genes and folds are extrapolated from seconds per job. All may use all cores; torch is
tried with one thread and with one per core, and the faster counts. The weights that contenders end with are compared too.
"""

from __future__ import annotations

import argparse
import itertools
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
from cartopath.training.mil.memory import VALIDATION_TILES
from cartopath.training.mil.scaling import scaling_of
from cartopath.training.mil.tiles import BagTiles

Weights = dict[str, np.ndarray]

HEADS = {"paper": 1, "direct": 0}
RECIPES = {"published": MilTraining.as_published(), "default": MilTraining()}


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
        width = spec.width if spec.depth else spec.n_features
        layers = {"hidden": nn.Linear(spec.n_features, width)} if spec.depth else {}
        layers |= {"value": nn.Linear(width, 1), "attention": nn.Linear(width, spec.n_attention)}
        self.layers = nn.ModuleDict(layers)
        self.score = nn.Linear(spec.n_attention, 1, bias=False)
        with torch.no_grad():
            for name, parameter in self.named().items():
                parameter.copy_(torch.from_numpy(weights[name]))

    def named(self) -> dict[str, nn.Parameter]:
        """Return the weights under the names that `train_heads` gives them."""
        found = {name.removeprefix("layers.").replace("hidden", "hidden.0"): some for name, some in self.named_parameters()}
        return {name.replace("score.weight", "attention.score"): some for name, some in found.items()}

    def forward(self, tiles: Tensor, kept: Tensor | None) -> Tensor:
        """Return the prediction of a bag."""
        hidden = self.layers["hidden"](tiles) if "hidden" in self.layers else tiles
        attention = torch.softmax(self.score(torch.tanh(self.layers["attention"](hidden))), 0)
        shown = hidden if kept is None else hidden * kept
        return (attention * self.layers["value"](shown).clamp(-10, 10)).sum()


def make_work(asked: argparse.Namespace, n_tiles: int, spec: MilSpec, recipe: MilTraining) -> Work:
    """Return bags of random features of which each gene follows one direction, at the right scale already."""
    rng = np.random.default_rng(0)
    names = [f"patient {number}" for number in range(asked.patients)]
    bags = [Bag(name, rng.normal(size=(n_tiles, spec.n_features)).astype(np.float32)) for name in names]
    high = np.stack([np.square(np.maximum(bag.features, 0)).mean(0) for bag in bags])
    targets = high @ rng.normal(size=(spec.n_features, asked.genes)) + 0.05 * rng.normal(size=(asked.patients, asked.genes))
    fold = rng.permutation(asked.patients) % asked.folds
    jobs = []
    for number in range(asked.folds):
        others = np.flatnonzero(fold != number)
        train, validation = others[len(others) // 5 :], others[: len(others) // 5]
        jobs += [Job(f"gene {gene}, fold {number}", targets[:, gene], train, validation) for gene in range(asked.genes)]
    return Work(bags, jobs, spec, recipe)


def train_plainly(job: Job, tiles: BagTiles, spec: MilSpec, recipe: MilTraining) -> tuple[Weights, int]:
    """Train one job with torch's own modules and optimiser, with the random numbers that `train_heads` gives it.

    Returns:
        The weights of the best epoch, and how many epochs there were.
    """
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
    known = job.targets[job.train]
    targets = torch.from_numpy(((job.targets - known.mean()) / known.std()).astype(np.float32))
    least, best, best_epoch = np.inf, weights, 0
    for epoch in range(recipe.max_epochs):
        rng = stream(recipe.seed, "mil", job.name, "dropout", epoch)
        kept = (rng.random((len(job.train), spec.n_droppable), np.float32) >= np.float32(spec.rate)) / np.float32(1 - spec.rate)
        rows = iter(torch.from_numpy(kept))
        for batch in tiles.training_steps(job.train, epoch):
            optimizer.zero_grad()
            shown = torch.split(torch.from_numpy(batch.tiles), batch.sizes)
            losses = [(head(bag, next(rows)) - targets[index]) ** 2 for bag, index in zip(shown, batch.bags, strict=True)]
            torch.stack(losses).mean().backward()
            optimizer.step()
        with torch.no_grad():
            found = []
            for batch in tiles.validation_batches(job.validation, at_once=VALIDATION_TILES):
                shown = torch.split(torch.from_numpy(batch.tiles), batch.sizes)
                found += [(head(bag, None) - targets[index]) ** 2 for bag, index in zip(shown, batch.bags, strict=True)]
            loss = float(torch.stack(found).mean())
        if loss < least:
            least, best_epoch = loss, epoch
            best = {name: some.detach().numpy().copy() for name, some in head.named().items()}
        if epoch - best_epoch >= recipe.patience:
            break
    return best, epoch + 1


def scaled_tiles(bags: list[Bag], job: Job, recipe: MilTraining) -> BagTiles:
    """Return the tiles of bags at the scale that a job's training bags define."""
    scaling = scaling_of([bags[index] for index in job.train], components=recipe.components, seed=recipe.seed)
    return BagTiles(bags, scaling, recipe, memory_bytes=2 << 30)


def seconds(function: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def furthest(first: Weights, second: Weights) -> float:
    """Return how far apart the weights of two heads are at most, of the largest weight."""
    apart = max(float(np.abs(weights - second[name]).max()) for name, weights in first.items())
    return apart / max(float(np.abs(weights).max()) for weights in first.values())


def compare(work: Work, *, n_alone: int, n_together: int) -> None:
    """Time the contenders and print what they take per job."""
    together = work.jobs[:n_together]
    sample = together[:: max(1, len(together) // n_alone)][:n_alone]
    tiles = {tuple(job.train): scaled_tiles(work.bags, job, work.recipe) for job in sample}

    def plainly() -> list[Weights]:
        return [train_plainly(job, tiles[tuple(job.train)], work.spec, work.recipe)[0] for job in sample]

    plainly()  # tiles are at their scale from now on
    torch.set_num_threads(1)
    plain_seconds = seconds(plainly)
    torch.set_num_threads(usable_cores())
    plain_seconds = min(plain_seconds, seconds(plainly)) / len(sample)
    plain = plainly()
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
    """Compare for every size of bags, kind of head and recipe asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in (("genes", 1000), ("folds", 5), ("patients", 100), ("features", 64), ("epochs", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--tiles", type=int, nargs="+", default=[64, 256], help="tiles per bag")
    parser.add_argument("--alone", type=int, default=4, help="jobs that are trained one at a time")
    parser.add_argument("--lots", type=int, default=4, help="lots of 128 jobs that are trained together")
    parser.add_argument("--all", action="store_true", help="train all jobs together")
    parser.add_argument("--heads", choices=list(HEADS), nargs="+", default=list(HEADS))
    parser.add_argument("--recipe", choices=list(RECIPES), nargs="+", default=list(RECIPES))
    asked = parser.parse_args()
    print(f"{asked.genes:,} genes x {asked.folds} folds, {asked.patients} patients, {asked.features} features, ", end="")
    print(f"{usable_cores()} cores")
    for n_tiles, head, name in itertools.product(asked.tiles, asked.heads, asked.recipe):
        fixed = {"max_epochs": asked.epochs, "patience": asked.epochs + 1, "tiles_per_bag": None, "validation_tiles": None}
        recipe = replace(RECIPES[name], **fixed)
        print(f"{n_tiles} tiles, {head} head, {name} recipe: {recipe.optimizer}, {recipe.bags_per_step} bags per step")
        work = make_work(asked, n_tiles, MilSpec(n_features=asked.features, n_layers=HEADS[head]), recipe)
        compare(work, n_alone=asked.alone, n_together=len(work.jobs) if asked.all else 128 * asked.lots)


if __name__ == "__main__":
    main()
