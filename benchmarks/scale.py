"""Whether memory stays bounded and cost linear, on slides that are generated in seconds.

    python benchmarks/scale.py [peak] [series] [cost] [--threads N] [--quick] [--folder FOLDER] [--out FOLDER]

`peak`: the largest memory of a process that tiles a slide of 100,000 x 100,000 px, 512 px tiles at 0.5 um/px.
`series`: the memory of one process after each of 1,000 small slides, each opened, tiled and read: kilobytes per slide.
`cost`: seconds to read all tiles of slides of 1,000 to 1,000,000 tiles, and to tile these slides, opening included: the exponents
of both, as they are and beyond a fixed cost at the start.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cartopath.benchmark.cost import cost_after_start, exponent, seconds_to_read, seconds_to_tile, write_square_slide
from cartopath.benchmark.generated import GeneratedSlide, write_generated_slide
from cartopath.benchmark.memory import growth, peak_memory, resident_over, tile_one
from cartopath.benchmark.results import machine, write_results
from cartopath.core.cores import usable_cores
from cartopath.core.geometry import SizePx0
from cartopath.slides import TileSpec

STEPS = ("peak", "series", "cost")
LIMIT_GB = 1.5
ROUNDS, LARGE = 3, 200_000
"""How often each number of tiles is read and tiled; once, if it is large."""


def peak(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Tile a huge slide in a process of its own."""
    side = 10_000 if options.quick else 100_000
    slide = folder / "huge.tif"
    write_generated_slide(slide, GeneratedSlide(SizePx0(side, side)))
    found = peak_memory(tile_one, slide, TileSpec(), options.threads)
    print(f"peak {found.gigabytes:.2f} GB (limit {LIMIT_GB}), {side:,} x {side:,} px, {found.result}", flush=True)
    return {"side_px": side, "gigabytes": found.gigabytes, "counts": found.result}


def series(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Read many small slides in one process of its own."""
    paths = [folder / f"small-{number}.tif" for number in range(30 if options.quick else 1000)]
    for number, path in enumerate(paths):
        write_generated_slide(path, GeneratedSlide(SizePx0(2304, 2304), downsamples=(1, 4), seed=number + 1))
    resident = peak_memory(resident_over, paths, TileSpec(size_px=256), options.threads).result
    found = growth(resident)
    kb = found.kb_per_slide
    print(
        f"{len(paths)} slides: {resident[0]:.0f} MB after the first, {found.first_mb:.0f} at the start of the fit, "
        f"{found.last_mb:.0f} at its end; {kb.value:+.2f} kB per slide (95 %: {kb.low:+.2f} to {kb.high:+.2f})",
        flush=True,
    )
    return {"resident_mb": resident, "kb_per_slide": [kb.value, kb.low, kb.high], "is_flat": found.is_flat}


def cost(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Read and tile more and more, each size by turns, and fit powers of the number of tiles to the medians."""
    wanted = np.logspace(2, 3, 3) if options.quick else np.logspace(3, np.log10(options.most), 7)
    slides = {folder / f"square-{number}.tif": round(number) for number in wanted}
    sizes = {path: write_square_slide(path, n_tiles) for path, n_tiles in slides.items()}
    ways = {
        "read": lambda path: seconds_to_read(path, sizes[path], threads=options.threads),
        "tile": lambda path: seconds_to_tile(path, threads=options.threads),
    }
    results: dict[str, Any] = {}
    for name, seconds_of in ways.items():
        seconds_of(min(sizes, key=lambda path: sizes[path]))  # warms up
        turns: dict[Path, list[float]] = {path: [] for path in sizes}
        for turn in range(ROUNDS):
            for path, n_tiles in sizes.items():
                if turn == 0 or n_tiles < LARGE:
                    turns[path].append(seconds_of(path))
        median = [float(np.median(seconds)) for seconds in turns.values()]
        found = exponent(list(sizes.values()), median)
        rates = ", ".join(f"{n:,} in {t:.3g} s" for n, t in zip(sizes.values(), median, strict=True))
        print(f"{name}: exponent {found.value:.3f} (95 %: {found.low:.3f} to {found.high:.3f}); {rates}", flush=True)
        fit: dict[str, Any] = {"exponent": found.value, "low": found.low, "high": found.high}
        if len(median) > 3:
            rest = cost_after_start(list(sizes.values()), median)
            above = rest.exponent
            print(f"{name}: {rest.start:.2f} s to start, then exponent {above.value:.3f} ({above.low:.3f} to {above.high:.3f})")
            fit["after_start"] = [rest.start, above.value, above.low, above.high]
        results[name] = {**fit, "n": list(sizes.values()), "s": list(turns.values())}
    return results


def main() -> None:
    """Run the steps that are asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", choices=[*STEPS, []], default=[])
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--most", type=float, default=1e6, help="tiles, for cost")
    parser.add_argument("--quick", action="store_true", help="small sizes: whether it works, not what it costs")
    parser.add_argument("--folder", type=Path, help="where generated slides lie meanwhile")
    parser.add_argument("--out", type=Path, help="keep what was measured as JSON in this folder")
    options = parser.parse_args()
    print(machine())
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for step in options.steps or STEPS:
            found[step] = {"peak": peak, "series": series, "cost": cost}[step](Path(folder), options)
    if options.out is not None:
        write_results(options.out / "scale.json", [], machine=machine(), **found)


if __name__ == "__main__":
    main()
