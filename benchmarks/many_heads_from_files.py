"""Train heads for many genes and folds from feature files: all in one call, against one call per gene and fold.

    python benchmarks/many_heads_from_files.py [--patients 80] [--tiles 2000] [--features 512] [--genes 256] [--used-folds 1]

What a user waits for: from float16 HDF5 files, as `cartopath embed` writes them, to trained heads. Both contenders call the same
function, which opens the files, fits standardisation and principal components to the training patients of a fold, projects the
tiles of training and validation patients, and trains with early stopping. One gene and fold at a time does all of that for each
head, and is measured on `--alone` of them; together, files are read and projected once per fold, and all genes of `--used-folds`
folds are trained. Files are in the page cache for both. `--components 0` keeps the features as they are.

Beside the ratio it prints where the time goes (preparing ends when a first epoch has been trained), the ratio of processor time,
which other programs disturb less, the ratio of training alone (what many_heads.py compares, here against `train_heads` for one
job), and how far the heads of the two contenders are apart. The sample that is trained one at a time may need more or fewer
epochs than all jobs: ratios are for as many epochs.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cartopath.core.cores import usable_cores
from cartopath.models.mil import MilSpec
from cartopath.training.feature_files import TileFeatures, map_features, write_trident
from cartopath.training.mil import Bag, Job, MilTraining, Outcome, iter_trained

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
        bags = [Bag(path.stem, map_features(path)) for path in paths]
        opened = time.perf_counter()
        for some in iter_trained(bags, jobs, spec, recipe, progress=lambda *_, told=told: told.append(time.perf_counter())):
            outcomes.update({each.outcome.name: each.outcome for each in some})
        ended = time.perf_counter()
        opening, preparing, training = opening + opened - begun, preparing + told[0] - opened, training + ended - told[0]
    return Contender(opening, preparing, training, time.process_time() - processor, outcomes)


def furthest(first: Outcome, second: Outcome) -> float:
    """Return how far apart the weights of two heads are at most, of the largest weight."""
    apart = max(float(np.abs(weights - second.weights[name]).max()) for name, weights in first.weights.items())
    return apart / max(float(np.abs(weights).max()) for weights in first.weights.values())


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
    n_jobs = asked.of_genes * asked.folds
    whole = n_jobs * together.training_per_job + asked.folds * together.preparing + together.opening
    as_long = alone.training_per_job * together.epochs / alone.epochs
    one = alone.per_job - alone.training_per_job + as_long
    print(f"  for as many epochs: from files to heads {one / together.per_job:.1f} x, ", end="")
    print(f"training only {as_long / together.training_per_job:.1f} x; ", end="")
    print(f"processor time, as it is {alone.processor / len(alone.outcomes) / together.processor * len(together.outcomes):.1f} x")
    print(f"  projected for {asked.of_genes:,} genes x {asked.folds} folds: {whole / 60:.1f} min together, ", end="")
    print(f"{n_jobs * one / 3600:.1f} h one at a time, {n_jobs * one / whole:.1f} x")
    pairs = [(each, together.outcomes[name]) for name, each in alone.outcomes.items()]
    same = sum(first.best_epoch == second.best_epoch and first.ending == second.ending for first, second in pairs)
    losses = max(abs(first.validation - second.validation) / first.validation for first, second in pairs)
    weights = max(furthest(first, second) for first, second in pairs)
    print(f"  the same epoch and ending in {same} of {len(pairs)}; ", end="")
    print(f"validation losses differ by {losses:.1e}, weights by {weights:.1e}")


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
