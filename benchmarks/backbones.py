"""Compare timm backbones for small tiles on one CPU thread: speed, and what they learn of a planted trait from weak labels.

    python benchmarks/backbones.py [--cohort FOLDER] [--chunks 32] [--pool avg] [--lr 0.001] [BACKBONE ...]

A simulated cohort is cut into 64 px tiles at 1 um per pixel. The most and the least positive fifth of the patients are labelled,
two thirds of them train, the others validate; all other patients are held out and their tiles compared with the planted truth.
Seconds are of processor time, so that a busy machine does not change the ranking. Prints one row per backbone, as it goes.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cartopath.models import NetworkSpec, build_network, flushed_denormals, load_weights, n_parameters
from cartopath.simulate import CohortSpec, simulate_cohort
from cartopath.slides import TileSpec, open_slide, tile_grid
from cartopath.stats import auroc, correlation, percent_positive
from cartopath.training import Example, SlideTiles, TileSource, TrainingSpec, predict_tiles, train_classifier, write_tile_caches

TRAIT, SIZE_PX, MPP = "MKI67", 64, 1.0
BACKBONES = [
    "test_resnet",
    "test_efficientnet",
    "test_efficientnet_gn",
    "test_convnext",
    "test_nfnet",
    "lcnet_035",
    "lcnet_050",
    "tinynet_e",
    "mobilenetv3_small_050",
    "mobilenetv4_conv_small_035",
    "repghostnet_050",
    "edgenext_xx_small",
    "starnet_s050",
    "resnet10t",
    "resnet18",
]


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """Tiles of one cohort: what to learn from, and the planted truth of what is held out."""

    train: list[Example]
    validation: list[Example]
    held_out: list[SlideTiles]
    truth: list[np.ndarray]


def load_task(cohort: Path, cache: Path) -> Task:
    """Cut the slides of a simulated cohort and label the extremes."""
    slides = pd.read_csv(cohort / "slides.csv")
    patients = pd.read_parquet(cohort / "truth" / "patients.parquet").set_index("patient_id")
    fraction = patients[f"fraction_{TRAIT}"]
    low, high = fraction.quantile([0.2, 0.8])
    tiles, truth = {}, {}
    for row in slides.itertuples():
        planted = pd.read_parquet(cohort / "truth" / "tiles" / f"{row.slide_id}.parquet").query("tissue > 0.5")
        path = cohort / row.path
        with open_slide(path) as slide:
            window = tile_grid(slide, TileSpec(size_px=SIZE_PX, mpp=MPP)).window_px0
        xy = planted[["col", "row"]].to_numpy() * window
        tiles[row.patient_id] = SlideTiles(
            slide_id=row.slide_id, patient_id=row.patient_id, path=path, xy_px0=xy, window_px0=window, size_px=SIZE_PX
        )
        truth[row.patient_id] = planted[TRAIT].to_numpy()
    cached = dict(zip(tiles, write_tile_caches(list(tiles.values()), cache, max_bytes=1 << 32), strict=True))
    extremes = [Example(cached[p], int(fraction[p] >= high)) for p in cached if not low < fraction[p] < high]
    rest = [p for p in cached if low < fraction[p] < high]
    validation = extremes[::3]
    train = [example for i, example in enumerate(extremes) if i % 3]
    return Task(train, validation, [cached[p] for p in rest], [truth[p] for p in rest])


def seconds_of(run, repeats: int) -> float:
    """Processor seconds of one call, the first left out."""
    run()
    began = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - began) / repeats


def speeds(spec: NetworkSpec, batch_size: int = 64) -> tuple[float, float]:
    """Images per second of training steps and of prediction, on tensors in memory."""
    network = build_network(spec).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters())
    tiles = torch.randint(0, 256, (batch_size, SIZE_PX, SIZE_PX, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    labels = (torch.arange(batch_size) % 2).float()

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(network.train()(tiles), labels).backward()
        optimizer.step()

    def predict() -> None:
        with torch.inference_mode():
            network.eval()(tiles)

    with flushed_denormals():
        return batch_size / seconds_of(step, 5), batch_size / seconds_of(predict, 10)


def learn(spec: NetworkSpec, task: Task, recipe: TrainingSpec) -> dict[str, float]:
    """Train, then score the held-out tiles against the truth."""
    with tempfile.TemporaryDirectory() as work:
        outcome = train_classifier(task.train, task.validation, spec, recipe, work_dir=work)
    network = build_network(spec)
    load_weights(network, outcome.weights, source="outcome")
    source = TileSource(task.held_out)
    batches = (source.read(index) for index in np.array_split(np.arange(source.n_tiles), source.n_tiles // 64))
    scores = predict_tiles([network], batches, threads=1)[:, 0]
    truth = np.concatenate(task.truth)
    clear = np.abs(truth - 0.5) > 0.25
    shares = [percent_positive(scores[source.slide_of_tile == i]) for i in range(len(task.held_out))]
    rho = correlation(shares, [part.mean() for part in task.truth], kind="spearman").r
    losses = outcome.curve["validation_loss"]
    return {
        "best_chunk": outcome.best_chunk,
        "loss": outcome.best["validation_loss"],
        "worst_late_loss": losses[len(losses) // 2 :].max(),
        "tile_auroc": auroc(truth[clear] > 0.5, scores[clear]),
        "slide_rho": math.nan if rho is None else rho,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbones", nargs="*", default=BACKBONES)
    parser.add_argument("--cohort", type=Path)
    parser.add_argument("--chunks", type=int, default=32)
    parser.add_argument("--pool", default="avg")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = TrainingSpec(
        batch_size=64,
        max_chunks=options.chunks,
        validation_tiles_per_slide=32,
        lr=options.lr,
        seed=options.seed,
        accelerator="cpu",
    )
    with tempfile.TemporaryDirectory() as folder:
        cohort = options.cohort or Path(folder) / "cohort"
        if options.cohort is None:
            simulate_cohort(CohortSpec(n_patients=60, irregular=False), cohort)
        task = load_task(cohort, Path(folder) / "tiles")
        n_tiles = sum(example.slide.n_tiles for example in task.train)
        print(
            f"slides: {len(task.train)} train ({n_tiles} tiles), {len(task.validation)} validate, {len(task.held_out)} held out"
        )
        columns = ["train/s", "predict/s", "cpu_s", "best_chunk", "loss", "worst_late_loss", "tile_auroc", "slide_rho"]
        print(f"{'backbone':28}{'params':>10}" + "".join(f"{name:>16}" for name in columns), flush=True)
        for backbone in options.backbones:
            spec = NetworkSpec(backbone=backbone, pool=options.pool, size_px=SIZE_PX)
            train_rate, predict_rate = speeds(spec)
            began = time.process_time()
            learned = learn(spec, task, recipe)
            values = [train_rate, predict_rate, time.process_time() - began, *learned.values()]
            print(f"{backbone:28}{n_parameters(build_network(spec)):>10}" + "".join(f"{v:16.3f}" for v in values), flush=True)


if __name__ == "__main__":
    main()
