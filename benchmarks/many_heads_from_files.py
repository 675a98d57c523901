"""Train heads for many genes and folds from feature files: all in one call, against one call per gene and fold.

    python benchmarks/many_heads_from_files.py [--patients 80] [--tiles 2000] [--features 512] [--genes 256] [--used-folds 1]

What a user waits for: from float16 HDF5 files, as `cartopath embed` writes them, to trained heads. All contenders open the files,
fit standardisation and principal components to the training patients of a fold, project the tiles of training and validation
patients, and train with early stopping. One gene and fold at a time does all of that for each head, and is measured on `--alone`
of them, once with an `nn.Module` and a `torch.optim` optimiser as one would write them (torch; with one thread
or one per core, whichever is faster) and once with a call of
`train_heads` (alone); together, files are read and projected once per fold, and all genes of `--used-folds` folds are trained.
Files are in the page cache for all. `--components 0` keeps the features as they are.

Beside the ratios it prints where the time goes (for `train_heads`, preparing ends when a first epoch has been trained), the ratio
of processor time, which other programs disturb less, the ratio of training alone, and how far the heads of the contenders are
apart. The sample that is trained one at a time may need more or fewer epochs than all jobs: ratios are for as many epochs.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from cartopath.core.cores import usable_cores
from cartopath.models.mil import MilSpec
from cartopath.training.feature_files import TileFeatures, map_features, write_trident
from cartopath.training.mil import Bag, Job, MilTraining, Outcome, iter_trained
from cartopath.training.mil.memory import VALIDATION_TILES
from many_heads import Weights, furthest, scaled_tiles, train_plainly

RECIPES = {"published": MilTraining.as_published(), "default": MilTraining()}
N_DIRECTIONS = 24


@dataclass(frozen=True, eq=False)
class Contender:
    """What training some jobs took, in seconds, and gave.

    Attributes:
        opening: Opening files.
        preparing: Scale, components and projection, and the first epoch of the first jobs, of every call.
        training: All the rest.
        processor: Of processors, all together.
        outcomes: By name of the job.
    """

    opening: float
    preparing: float
    training: float
    processor: float
    outcomes: dict[str, Outcome]

    @property
    def total(self) -> float:
        """All of it."""
        return self.opening + self.preparing + self.training

    @property
    def epochs(self) -> float:
        """Epochs per job."""
        return float(np.mean([len(each.train_losses) for each in self.outcomes.values()]))

    @property
    def per_job(self) -> float:
        """Seconds per job."""
        return self.total / len(self.outcomes)

    @property
    def training_per_job(self) -> float:
        """Seconds of training per job."""
        return self.training / len(self.outcomes)


def written(folder: Path, asked: argparse.Namespace) -> tuple[list[Path], np.ndarray]:
    """Write one file per patient and return them with the targets, (n_patients, n_genes), some of which follow the features."""
    rng = np.random.default_rng(0)
    traits = rng.normal(size=(asked.patients, N_DIRECTIONS)).astype(np.float32)
    directions = rng.normal(size=(N_DIRECTIONS, asked.features)).astype(np.float32)
    grid = np.arange(asked.tiles)
    xy = np.stack([grid % 64, grid // 64], axis=1).astype(np.int64) * 512
    paths = []
    for number, own in enumerate(traits):
        kinds = rng.normal(size=(asked.tiles, N_DIRECTIONS)).astype(np.float32) + 0.7 * own
        features = kinds @ directions / np.sqrt(N_DIRECTIONS) + rng.normal(size=(asked.tiles, asked.features)).astype(np.float32)
        name = f"patient_{number:03d}"
        some = TileFeatures(slide_id=name, features=features.astype(np.float16), xy_px0=xy, window_px0=512, size_px=256, mpp=0.25)
        paths.append(folder / f"{name}.h5")
        write_trident(some, paths[-1])
    noise = rng.uniform(0.3, 3, size=asked.genes) * rng.normal(size=(asked.patients, asked.genes))
    return paths, traits @ rng.normal(size=(N_DIRECTIONS, asked.genes)) / np.sqrt(N_DIRECTIONS) + noise


def jobs_of(targets: np.ndarray, asked: argparse.Namespace) -> list[Job]:
    """Return the jobs of the folds that are used: a fifth of those who are not tested decides when training ends."""
    fold = np.random.default_rng(1).permutation(asked.patients) % asked.folds
    jobs = []
    for number in range(asked.used_folds):
        others = np.flatnonzero(fold != number)
        train, validation = others[len(others) // 5 :], others[: len(others) // 5]
        jobs += [Job(f"gene {gene}, fold {number}", targets[:, gene], train, validation) for gene in range(asked.genes)]
    return jobs


def opened(paths: list[Path]) -> list[Bag]:
    """Return the bags of files."""
    return [Bag(path.stem, map_features(path)) for path in paths]


def trained(paths: list[Path], calls: list[list[Job]], spec: MilSpec, recipe: MilTraining) -> Contender:
    """Open files and train, once for each list of jobs."""
    opening, preparing, training, outcomes, processor = 0.0, 0.0, 0.0, {}, time.process_time()
    for jobs in calls:
        told: list[float] = []
        begun = time.perf_counter()
        bags = opened(paths)
        open_ = time.perf_counter()
        for some in iter_trained(bags, jobs, spec, recipe, progress=lambda *_, told=told: told.append(time.perf_counter())):
            outcomes.update({each.outcome.name: each.outcome for each in some})
        ended = time.perf_counter()
        opening, preparing, training = opening + open_ - begun, preparing + told[0] - open_, training + ended - told[0]
    return Contender(opening, preparing, training, time.process_time() - processor, outcomes)


@dataclass(frozen=True, eq=False)
class Plain:
    """What training some jobs with torch's own modules took per job, in seconds and epochs, and the weights it gave by job."""

    preparing: float
    training: float
    epochs: float
    weights: dict[str, Weights]


def trained_plainly(paths: list[Path], jobs: list[Job], spec: MilSpec, recipe: MilTraining) -> Plain:
    """Open files and train, once for each job."""
    preparing, training, epochs, weights = 0.0, 0.0, 0, {}
    for job in jobs:
        begun = time.perf_counter()
        tiles = scaled_tiles(opened(paths), job, recipe)
        for batches in (tiles.training_steps(job.train, 0), tiles.validation_batches(job.validation, at_once=VALIDATION_TILES)):
            deque(batches, maxlen=0)  # from now on tiles are kept as they are needed
        prepared = time.perf_counter()
        own = replace(spec, n_features=recipe.components or spec.n_features)
        weights[job.name], n_epochs = train_plainly(job, tiles, own, recipe)
        preparing, training, epochs = preparing + prepared - begun, training + time.perf_counter() - prepared, epochs + n_epochs
    return Plain(preparing / len(jobs), training / len(jobs), epochs / len(jobs), weights)


def peak_mb() -> float:
    """Return the most memory that this process has held, mapped files included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def described(name: str, found: Contender) -> str:
    """Return a line about a contender."""
    n_jobs = len(found.outcomes)
    shares = ", ".join(
        f"{part} {getattr(found, part) / n_jobs:.3f}" for part in ("opening", "preparing", "training", "processor")
    )
    each = f"{found.per_job:.3f} s per job ({shares})"
    return f"  {name:9s}{n_jobs:6,} jobs {found.total:7.1f} s, {each}, {found.epochs:.0f} epochs, peak {peak_mb():.0f} MB"


def compare(paths: list[Path], jobs: list[Job], spec: MilSpec, recipe: MilTraining, asked: argparse.Namespace) -> None:
    """Time both contenders and print what they take."""
    sample = jobs[:: max(1, len(jobs) // asked.alone)][: asked.alone]
    trained(paths, [sample[:1]], spec, replace(recipe, max_epochs=1))
    alone = trained(paths, [[job] for job in sample], spec, recipe)
    print(described("alone", alone), flush=True)
    together = trained(paths, [jobs], spec, recipe)
    print(described("together", together))
    torch.set_num_threads(1)
    plain = trained_plainly(paths, sample, spec, recipe)
    torch.set_num_threads(usable_cores())
    plain = min(plain, trained_plainly(paths, sample, spec, recipe), key=lambda each: each.preparing + each.training)
    print(f"  torch    {len(sample):6,} jobs, per job: preparing {plain.preparing:.3f}, training {plain.training:.3f}, ", end="")
    print(f"{plain.epochs:.0f} epochs")
    written = plain.preparing + plain.training * together.epochs / plain.epochs
    n_jobs = asked.of_genes * asked.folds
    whole = n_jobs * together.training_per_job + asked.folds * together.preparing + together.opening
    as_long = alone.training_per_job * together.epochs / alone.epochs
    one = alone.per_job - alone.training_per_job + as_long
    print(f"  for as many epochs: from files to heads {written / together.per_job:.1f} x torch, ", end="")
    print(f"{one / together.per_job:.1f} x alone; training only, alone {as_long / together.training_per_job:.1f} x; ", end="")
    print(f"processor time, as it is {alone.processor / len(alone.outcomes) / together.processor * len(together.outcomes):.1f} x")
    print(f"  projected for {asked.of_genes:,} genes x {asked.folds} folds: {whole / 60:.1f} min together, ", end="")
    print(f"{n_jobs * written / 3600:.1f} h with torch, ", end="")
    print(f"{n_jobs * written / whole:.1f} x, {n_jobs * one / 3600:.1f} h alone, {n_jobs * one / whole:.1f} x")
    pairs = [(each, together.outcomes[name]) for name, each in alone.outcomes.items()]
    same = sum(first.best_epoch == second.best_epoch and first.ending == second.ending for first, second in pairs)
    losses = max(abs(first.validation - second.validation) / first.validation for first, second in pairs)
    weights = max(furthest(first.weights, second.weights) for first, second in pairs)
    from_torch = max(furthest(own, together.outcomes[name].weights) for name, own in plain.weights.items())
    print(f"  the same epoch and ending in {same} of {len(pairs)}; ", end="")
    print(f"validation losses differ by {losses:.1e}, weights by {weights:.1e}, from torch's by {from_torch:.1e}")


def main() -> None:
    """Compare for every kind of head and recipe asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    sizes = {"patients": 80, "tiles": 2000, "features": 512, "components": 64, "genes": 256, "folds": 5, "used-folds": 1}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--alone", type=int, default=5, help="jobs that are trained one at a time")
    parser.add_argument("--of-genes", type=int, default=1000, help="genes to project to")
    parser.add_argument("--layers", type=int, choices=(0, 1), nargs="+", default=[1], help="hidden layers of the attention head")
    parser.add_argument("--recipe", choices=list(RECIPES), nargs="+", default=["default"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths, targets = written(Path(folder), asked)
        size = sum(path.stat().st_size for path in paths) / 1e6
        print(
            f"{asked.patients} files of {asked.tiles:,} tiles x {asked.features} features, {size:.0f} MB; {usable_cores()} cores"
        )
        for layers in asked.layers:
            for name in asked.recipe:
                recipe = replace(RECIPES[name], components=asked.components or None)
                print(f"{layers} hidden layers, {name} recipe, {asked.components or 'no'} components")
                compare(paths, jobs_of(targets, asked), MilSpec(n_features=asked.features, n_layers=layers), recipe, asked)


if __name__ == "__main__":
    main()
