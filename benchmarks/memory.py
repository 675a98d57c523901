"""Peak memory of tiling, and of predicting, one huge slide.

    python benchmarks/memory.py [--size 50000] [--backbone inception_v3] [--tiles 64] [--keep FOLDER]

Writes a simulated slide, then tiles it and scores its first tiles with five random networks, each in a process of
its own, and prints the peak resident memory of each beside the limit of 1.5 GB per worker.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cartopath.benchmark.memory import peak_memory

LIMIT_GB = 1.5


def write_slide(path: Path, size: int) -> str:
    """Write the slide."""
    from cartopath.core.geometry import SizePx0
    from cartopath.simulate import simulate_large_slide

    simulate_large_slide(path, SizePx0(size, size), tissue_share=1.0)
    return f"{path.stat().st_size / 1e9:.2f} GB on disk"


def tile(path: Path, table: Path) -> str:
    """Tile it as the study stage does."""
    from cartopath.study.config import TilesConfig
    from cartopath.study.stages.tiling import tile_slide

    counts = tile_slide(
        path=path,
        slide_id="large",
        stated_mpp=None,
        assume_mpp=None,
        config=TilesConfig(),
        quality=None,
        out=table,
        key="benchmark",
    )["counts"]
    return f"{counts['grid']:,} tiles on the grid, {counts['kept']:,} kept"


def predict(path: Path, table: Path, backbone: str, n_tiles: int) -> str:
    """Score tiles as the study stage does, with the five networks of a trait at once."""
    from cartopath.methods.scoring import default_batch_size, tile_batches
    from cartopath.models import NetworkSpec, build_network
    from cartopath.slides import read_tile_plan
    from cartopath.training import SlideTiles, predict_tiles

    tiles, meta = read_tile_plan(table)
    tiles = tiles.head(n_tiles)
    source = SlideTiles(
        slide_id="large",
        patient_id="large",
        path=path,
        xy_px0=tiles[["x_px0", "y_px0"]].to_numpy(),
        window_px0=int(meta["window_px0"]),
        size_px=int(meta["size_px"]),
    )
    networks = [build_network(NetworkSpec(backbone=backbone, size_px=source.size_px)) for _ in range(5)]
    scores = predict_tiles(
        networks, tile_batches(source, default_batch_size(source.size_px, is_gpu=False)), device="cpu", threads=1
    )
    return f"{len(scores):,} tiles, five networks {backbone}"


def measured(name: str, function: Callable[..., str], *arguments: object) -> None:
    """Run a step in a fresh process and print what it took."""
    start = time.perf_counter()
    peak = peak_memory(function, *arguments)
    seconds = time.perf_counter() - start
    print(f"{name:10s} peak {peak.gigabytes:5.2f} GB (limit {LIMIT_GB})  {seconds:6.0f} s  {peak.result}", flush=True)


def main() -> None:
    """Run the three steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=50_000, help="side of the slide in pixels")
    parser.add_argument("--backbone", default="inception_v3")
    parser.add_argument("--tiles", type=int, default=64, help="tiles to score; memory does not depend on it beyond a few batches")
    parser.add_argument("--keep", type=Path, help="keep the slide in this folder and use it again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        slide, table = folder / f"large_{arguments.size}.tif", folder / "large.parquet"
        if not slide.is_file():
            measured("write", write_slide, slide, arguments.size)
        measured("tile", tile, slide, table)
        measured("predict", predict, slide, table, arguments.backbone, arguments.tiles)


if __name__ == "__main__":
    main()
