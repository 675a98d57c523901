"""How fast tiles are read: the stream against the bare decoder, OpenSlide and other libraries, by turns in one process.

    python benchmarks/reading.py [SLIDE ...] [--threads N] [--seconds S] [--quick] [--out FOLDER]

Without slides it writes and measures two of its own: 256 px frames in 4:2:0 at 0.5 um/px, read at level 0; and a slide at
0.25 um/px with levels 1, 4 and 16, of which a study at 0.5 um/px needs the missing level 2. For every slide it prints a table.
Libraries that are installed are measured: `pip install tiffslide pyvips[binary] cucim-cu12 fastslide`, none of which
cartopath needs.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path

from cartopath.benchmark.generated import GeneratedSlide, write_generated_slide
from cartopath.benchmark.reading import Settings, measure_reading
from cartopath.benchmark.results import machine, markdown, write_results
from cartopath.core.cores import usable_cores
from cartopath.core.geometry import SizePx0

GENERATED = {
    "tiled-256-420.tif": GeneratedSlide(SizePx0(40_960, 40_960), mpp=0.5),
    "40x-levels-1-4-16.tif": GeneratedSlide(SizePx0(61_440, 61_440), mpp=0.25, downsamples=(1, 4, 16)),
}
OVER_OPENSLIDE = 5.0


def main() -> None:
    """Measure every slide and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slides", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--seconds", type=float, default=240, help="per slide")
    parser.add_argument("--tiles", type=int, default=1024, help="per turn")
    parser.add_argument("--quick", action="store_true", help="a few seconds and tiles: whether it works, not how fast")
    parser.add_argument("--out", type=Path, help="keep what was measured as JSON in this folder")
    options = parser.parse_args()
    seconds, n_tiles = (2.0, 16) if options.quick else (options.seconds, options.tiles)
    settings = Settings(threads=options.threads, seconds=seconds, n_tiles=n_tiles)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        for path in options.slides or [_generated(Path(folder), name) for name in GENERATED]:
            own = settings if options.slides else dataclasses.replace(settings, over_openslide=OVER_OPENSLIDE)
            result = measure_reading(path, own)
            print(f"\n{path.name}: read by {result.backend}, {own.threads} threads, {n_tiles} tiles of {own.size_px} px a turn")
            disk = "" if result.disk_rate is None else f"; a cold disk gives the bytes of {result.disk_rate:,.0f} tiles/s"
            print(f"{markdown(result.measures)}\nwidest spread {result.noise:.0%}{disk}", flush=True)
            if options.out is not None:
                write_results(options.out / f"reading-{path.stem}.json", result.measures, machine=machine(), slide=path.name)


def _generated(folder: Path, name: str) -> Path:
    write_generated_slide(folder / name, GENERATED[name])
    return folder / name


if __name__ == "__main__":
    main()
