"""How well trainings mix their tiles, what that costs in reading, and what it does to learning.

    python benchmarks/shuffle.py [mixing] [reading] [learning] [--seeds 4]

`mixing`: batches of orders of various buffers and blocks over a made-up cohort of 200 slides with 280,000 tiles, beside what is
expected of a uniform permutation. `reading`: frames decoded and runs of frames read per tile, counted from the geometry, and
tiles per second from a generated slide. `learning`: a small network on a simulated cohort with a planted trait, whose labels are
known for whole slides only. Prints tables in Markdown; docs/training.md shows them.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cartopath.core.geometry import SizePx0
from cartopath.models import NetworkSpec
from cartopath.simulate import CohortSpec, simulate_cohort, simulate_large_slide
from cartopath.slides import TileSpec, open_slide, tile_grid
from cartopath.training import Example, SlideTiles, TileSource, TrainingSpec, train_classifier, write_tile_caches
from cartopath.training.blocks import BLOCK_SIDE, block_numbers
from cartopath.training.feed import feed
from cartopath.training.mixing import Mixing, expected_same_block, mixing, uniform_mixing
from cartopath.training.order import TrainingOrder

BATCH_SIZE, TRAIT, MPP, SIZE_PX = 32, "MKI67", 2.0, 32
EVERYTHING = 1 << 40


def print_row(*cells: object) -> None:
    """Print one row of a table."""
    print("| " + " | ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells) + " |", flush=True)


def print_head(*cells: str) -> None:
    """Print the head of a table."""
    print()
    print_row(*cells)
    print_row(*["---"] * len(cells))


def round_slides(n_slides: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return slide and place of the tiles of made-up slides, each a disc of 450 to 2,500 tiles."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:60, :60]
    discs = [np.argwhere((y - 30) ** 2 + (x - 30) ** 2 < rng.uniform(12, 28) ** 2)[:, ::-1] for _ in range(n_slides)]
    return np.repeat(np.arange(n_slides), [len(disc) for disc in discs]), np.concatenate(discs).astype(float)


def order_of(slide: np.ndarray, places: np.ndarray, **options: object) -> TrainingOrder:
    """Return an order in the usual batches."""
    return TrainingOrder(slide, places, seed=0, names=("benchmark",), batch_size=BATCH_SIZE, chunks_per_pass=16, **options)


def measure_mixing() -> None:
    """Print how well orders mix."""
    slide, places = round_slides(200)
    fixed = block_numbers(slide, places, side=BLOCK_SIDE)
    names = [field.name for field in dataclasses.fields(Mixing)]
    print_head("block", "buffer", *names, "pairs of the same block, measured", "(k - 1) / 2 B")
    print_row("-", "uniform", *dataclasses.astuple(uniform_mixing(slide, fixed, BATCH_SIZE)), "-", "-")
    for side in (2, 4, 8):
        for buffer in (64, 256, 1024, 1365, 4096, 16384, EVERYTHING):
            order = order_of(slide, places, shuffle_tiles=buffer, block_side=side)
            batches = [draw.index for draw in order.rest_of_pass(0, end=16)]
            labels = {"slide_of_tile": slide, "labels": slide % 2}
            found = mixing(batches, block_of_tile=fixed, **labels)
            own = mixing(batches, block_of_tile=order.pass_blocks(0), **labels).same_block
            what = "all" if buffer == EVERYTHING else buffer
            expected = expected_same_block(order.pass_blocks(0), buffer) if buffer < EVERYTHING else "-"
            print_row(f"{side} x {side}", what, *dataclasses.astuple(found), own, expected)
    slide, places = np.repeat(np.arange(500), 2000), np.tile(np.argwhere(np.ones((40, 50))), (500, 1)).astype(float)
    began = time.perf_counter()
    order_of(slide, places, shuffle_tiles=1024).pass_tiles(0)
    print(f"\nOrdering 1,000,000 tiles takes {time.perf_counter() - began:.2f} s.")


def reads_of(order: TrainingOrder) -> Iterator[np.ndarray]:
    """Yield the tiles that a pass reads together."""
    tiles = order.pass_tiles(0)
    block = order.pass_blocks(0)[tiles]
    by_block = tiles[np.argsort(block, kind="stable")]
    yield from np.split(by_block, np.flatnonzero(np.diff(np.sort(block))) + 1)


def frames_and_runs(xy: np.ndarray, frame_px: int, tile_px: int) -> tuple[int, int]:
    """Return how many frames tiles at `xy` need together, and in how many runs these lie in a file that has them row by row."""
    first, last = xy // frame_px, (xy + tile_px - 1) // frame_px
    frames = {
        (row, col)
        for (left, top), (right, bottom) in zip(first.tolist(), last.tolist(), strict=True)
        for row in range(top, bottom + 1)
        for col in range(left, right + 1)
    }
    return len(frames), sum((row, col - 1) not in frames for row, col in frames)


def count_frames() -> None:
    """Print frames and runs per tile, 512 px tiles off the frame grid."""
    slide, places = round_slides(20)
    xy = (places * 512 + 200).astype(int)
    print_head("frame", "read", "frames per tile", "times its own share", "runs of frames per tile")
    for frame_px in (256, 512):
        share = (512 / frame_px) ** 2
        for name, side, cap in (
            ("tile by tile", 1, None),
            *((f"blocks of {side} x {side}", side, None) for side in (2, 4, 8)),
            ("at most 100 of a slide, by blocks", 4, 100),
            ("at most 100 of a slide, by tiles", 1, 100),
        ):
            order = order_of(slide, places, shuffle_tiles=1024, block_side=side, tiles_per_slide=cap)
            counts = (
                np.array([frames_and_runs(xy[tiles], frame_px, 512) for tiles in reads_of(order)]).sum(axis=0) / order.n_tiles
            )
            print_row(f"{frame_px} px", name, float(counts[0]), float(counts[0] / share), float(counts[1]))


def time_reading(folder: Path) -> None:
    """Print tiles per second that one thread reads from generated slides of 256 px frames, tile by tile and block by block."""
    slides = []
    for number in range(4):
        path = folder / f"slide-{number}.tif"
        simulate_large_slide(path, SizePx0(8192, 8192), tissue_share=1.0)
        xy = np.argwhere(np.ones((14, 14)))[:, ::-1] * 512 + 200
        slides.append(
            SlideTiles(
                slide_id=path.stem, patient_id=path.stem, path=path, xy_px0=xy, window_px0=512, size_px=512, stated_mpp=0.5
            )
        )
    source = TileSource(slides)
    draws = {
        name: order_of(source.slide_of_tile, source.places, shuffle_tiles=256, block_side=side).rest_of_pass(0, end=16)
        for name, side in (("tile by tile", 1), ("blocks of 4 x 4", 4))
    }
    rates: dict[str, list[float]] = {name: [] for name in draws}
    for _ in range(3):
        for name, batches in draws.items():
            began = time.perf_counter()
            n_tiles = sum(len(tiles) for _, tiles in feed(source, [batches], threads=1))
            rates[name].append(n_tiles / (time.perf_counter() - began))
    source.close()
    print_head("read", "512 px tiles per second and thread (median of three interleaved passes)")
    for name, values in rates.items():
        print_row(name, float(np.median(values)))


def measure_reading() -> None:
    """Print what reading costs."""
    count_frames()
    with tempfile.TemporaryDirectory() as folder:
        time_reading(Path(folder))


def load_task(folder: Path) -> tuple[list[Example], list[Example]]:
    """Simulate a cohort; label its extremes, of which two thirds train and one third validates."""
    simulate_cohort(CohortSpec(n_patients=60, irregular=False), folder / "cohort")
    patients = pd.read_parquet(folder / "cohort" / "truth" / "patients.parquet").set_index("patient_id")
    fraction = patients[f"fraction_{TRAIT}"]
    low, high = fraction.quantile([0.3, 0.7])
    chosen = []
    for row in pd.read_csv(folder / "cohort" / "slides.csv").itertuples():
        if low < fraction[row.patient_id] < high or row.patient_id in {slide.patient_id for slide in chosen}:
            continue
        planted = pd.read_parquet(folder / "cohort" / "truth" / "tiles" / f"{row.slide_id}.parquet").query("tissue > 0.5")
        path = folder / "cohort" / row.path
        with open_slide(path) as handle:
            window = tile_grid(handle, TileSpec(size_px=SIZE_PX, mpp=MPP)).window_px0
        xy = planted[["col", "row"]].to_numpy() * window
        chosen.append(
            SlideTiles(slide_id=row.slide_id, patient_id=row.patient_id, path=path, xy_px0=xy, window_px0=window, size_px=SIZE_PX)
        )
    cached = write_tile_caches(chosen, folder / "tiles", max_bytes=1 << 32, threads=2)
    examples = [Example(slide, int(fraction[slide.patient_id] >= high)) for slide in cached]
    return [example for i, example in enumerate(examples) if i % 3], examples[::3]


def measure_learning(n_seeds: int) -> None:
    """Print what networks learn that were fed in various orders."""
    with tempfile.TemporaryDirectory() as folder:
        train, validation = load_task(Path(folder))
        n_tiles = sum(example.slide.n_tiles for example in train)
        print(f"\n{len(train)} slides with {n_tiles:,} tiles train, {len(validation)} validate; {n_seeds} seeds.")
        print_head("buffer", "tile AUROC", "validation loss", "loss, sd between validations", "CPU seconds")
        for buffer in (EVERYTHING, 1024, 128, 16):
            spec = TrainingSpec(
                batch_size=BATCH_SIZE,
                validations_per_epoch=4,
                max_chunks=8,
                shuffle_tiles=buffer,
                validation_tiles_per_slide=32,
                accelerator="cpu",
            )
            began = time.process_time()
            curves = []
            for seed in range(n_seeds):
                work = Path(folder) / f"{buffer} {seed}"
                network = NetworkSpec(backbone="test_resnet", pool="avg", size_px=SIZE_PX)
                curves.append(
                    train_classifier(train, validation, network, dataclasses.replace(spec, seed=seed), work_dir=work).curve
                )
            seconds = time.process_time() - began
            late = [curve.iloc[len(curve) // 2 :] for curve in curves]  # the second pass
            auroc = np.array([curve["tile_auroc"].mean() for curve in late])
            loss = np.array([curve["validation_loss"].mean() for curve in late])
            print_row(
                "all" if buffer == EVERYTHING else buffer,
                f"{auroc.mean():.3f} ± {auroc.std(ddof=1):.3f}",
                f"{loss.mean():.3f} ± {loss.std(ddof=1):.3f}",
                float(np.mean([curve["validation_loss"].std() for curve in late])),
                f"{seconds:.0f}",
            )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["mixing", "reading", "learning"], default=["mixing", "reading", "learning"])
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if "mixing" in options.parts:
        measure_mixing()
    if "reading" in options.parts:
        measure_reading()
    if "learning" in options.parts:
        measure_learning(options.seeds)


if __name__ == "__main__":
    main()
