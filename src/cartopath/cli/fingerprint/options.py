"""Options that the commands of `cartopath fingerprint` share. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[
    list[Path],
    typer.Argument(metavar="INPUT...", help="Array slides, core files, whole slides, or folders of them.", show_default=False),
]
As = Annotated[str, typer.Option("--as", help="What the inputs are: array, cores, slides, or auto: by their size.")]
CoreUm = Annotated[float | None, typer.Option(min=10, help="Diameter of the cores of an array slide, um.")]
CoreMap = Annotated[
    Path | None, typer.Option(help="Table of an array: row and col, or core (A1, B12), and patient_id; core_id, slide_id.")
]
WindowUm = Annotated[float | None, typer.Option(min=10, help="Side of the square around a core; default its diameter.")]
RegionUm = Annotated[float, typer.Option(min=10, help="Side of the regions of whole slides, um.")]
Regions = Annotated[int, typer.Option(min=1, help="Regions of each whole slide.")]
Table = Annotated[
    Path | None, typer.Option(help="Slide table: slide_id or path, patient_id, mpp, exclude; for cores also core_id, style.")
]
Mpp = Annotated[float | None, typer.Option("--slide-mpp", min=0.05, max=20, help="Um per pixel of all inputs; overrules files.")]
AssumeMpp = Annotated[float | None, typer.Option(min=0.05, max=20, help="Um per pixel of inputs that do not say theirs.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads that decode and compute; default one per core.")]
Device = Annotated[str, typer.Option(help="Where the network computes: auto, cpu, cuda, cuda:1, ...")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
MaxOverlap = Annotated[float, typer.Option(min=0, max=0.95, help="Of neighbouring tiles; less is faster.")]
Encoder = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Folder of a trained network; random/NAME or timm/NAME; or `features`, with .h5 files as inputs.",
        show_default=False,
    ),
]
TileSize = Annotated[int, typer.Option(min=8, help="Side of the tiles in pixels; a trained network knows its own.")]
TileMpp = Annotated[float, typer.Option("--mpp", min=0.05, max=20, help="Um per pixel of the tiles.")]

EXIT_CODES = "Exit codes: 0 done; 1 could not go on; 2 wrong usage."
