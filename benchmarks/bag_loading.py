"""How fast a bag is loaded and 2,048 random tiles of it are at hand, by the layout of its file.

    python benchmarks/bag_loading.py [--tiles 20000] [--features 1024] [--seconds 20]

The same features in three files: contiguous float16 as cartopath writes them, and one row per chunk as TRIDENT and others write
theirs, in float32 and in float16. Contenders take turns, first on files in the page cache, then (cold) on files evicted from it.
Prints a table in Markdown; benchmarks/README.md shows it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from cartopath.benchmark.race import Contender, Race, race
from cartopath.training.feature_files import TileFeatures, map_features, read_features, write_trident

N_SAMPLED, WINDOW_PX0 = 2048, 512
Load = Callable[[Path, NDArray[np.int64]], NDArray[np.floating]]


def main() -> None:
    """Write the files, race the ways to read them, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=20_000)
    parser.add_argument("--features", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = written(Path(folder), options.tiles, options.features)
        print(f"{options.tiles:,} tiles x {options.features} features; ratios to the first line, median (quartiles)")
        print("\n| file | read | MB | ms | times as fast | cold: ms | times as fast |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        warm, cold = (raced(files, options, is_cold=is_cold) for is_cold in (False, True))
        reference = next(iter(WAYS))
        for name, (file, how, _) in WAYS.items():
            cells = [file, how, f"{files[file].stat().st_size / 1e6:.0f}"]
            for found in (warm, cold):
                cells += [f"{1e3 / found.rate(name):.1f}", str(found.ratio(name, reference))]
            print("| " + " | ".join(cells) + " |")


def written(folder: Path, n_tiles: int, n_features: int) -> dict[str, Path]:
    """Return the files, by layout."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n_tiles, n_features), np.float32).astype(np.float16)
    xy = np.stack([np.arange(n_tiles) % 200, np.arange(n_tiles) // 200], axis=1).astype(np.int64) * WINDOW_PX0
    found = TileFeatures(slide_id="bag", features=features, xy_px0=xy, window_px0=WINDOW_PX0, size_px=256, mpp=0.25)
    files = {name: folder / f"{number}.h5" for number, name in enumerate(("rows float32", "rows float16", "contiguous"))}
    for name, dtype in (("rows float32", np.float32), ("rows float16", np.float16)):
        with h5py.File(files[name], "w") as file:
            data = file.create_dataset("features", features.shape, dtype, chunks=(1, n_features), maxshape=(None, n_features))
            data[:] = features
            coords = file.create_dataset("coords", data=xy, chunks=(1, 2), maxshape=(None, 2))
            coords.attrs["patch_size_level0"], coords.attrs["patch_size"] = WINDOW_PX0, 256
    write_trident(found, files["contiguous"])
    return files


def whole(path: Path, rows: NDArray[np.int64]) -> NDArray[np.floating]:
    """Read everything through h5py, then take the rows: what most programs do."""
    with h5py.File(path) as file:
        everything: NDArray[np.floating] = file["features"][:]
    return everything[rows]


def only_rows(path: Path, rows: NDArray[np.int64]) -> NDArray[np.floating]:
    """Read the rows alone through h5py, in their order on disk."""
    with h5py.File(path) as file:
        taken: NDArray[np.floating] = file["features"][np.sort(rows)]
    return taken


def checked(path: Path, rows: NDArray[np.int64]) -> NDArray[np.floating]:
    """Read everything with all checks and coordinates, then take the rows."""
    return read_features(path).features[rows]


def mapped(path: Path, rows: NDArray[np.int64]) -> NDArray[np.floating]:
    """Map the file, and take the rows."""
    return map_features(path)[rows]


WAYS: dict[str, tuple[str, str, Load]] = {
    "trident": ("rows float32", "whole", whole),
    "trident rows": ("rows float32", "the rows alone", only_rows),
    "half": ("rows float16", "whole", whole),
    "half rows": ("rows float16", "the rows alone", only_rows),
    "own whole": ("contiguous", "whole", whole),
    "own": ("contiguous", "whole, checked (`read_features`)", checked),
    "own mapped": ("contiguous", "mapped (`map_features`)", mapped),
}


def raced(files: dict[str, Path], options: argparse.Namespace, *, is_cold: bool) -> Race:
    """Race all ways to read the bag; every turn samples other rows."""
    rng = np.random.default_rng(1)

    def contender(name: str, path: Path, load: Load) -> Contender:
        @contextlib.contextmanager
        def opened() -> Generator[Callable[[], int]]:
            if is_cold:
                evict(path)
            rows = rng.choice(options.tiles, N_SAMPLED, replace=False)

            def work() -> int:
                load(path, rows)
                return 1

            yield work

        return Contender(name, opened)

    return race([contender(name, files[file], load) for name, (file, _, load) in WAYS.items()], seconds=options.seconds)


def evict(path: Path) -> None:
    """Drop a file from the page cache, where the system can."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
