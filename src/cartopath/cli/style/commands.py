"""The commands of `cartopath style` and their options. Everything heavy is imported inside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="style",
    help="Stain styles: fit them, apply them, learn them (CycleGAN), and see how good they are.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

EXIT_CODES = "Exit codes: 0 done; 1 could not go on; 2 wrong usage."
METHOD = "macenko, reinhard or hed"

Source = Annotated[Path, typer.Argument(metavar="SLIDE|FOLDER", help="Slides or pictures.", show_default=False)]
TilePx = Annotated[int, typer.Option(min=16, max=2048, help="Side of the tiles in pixels.")]
TileMpp = Annotated[float, typer.Option("--mpp", min=0.05, max=20, help="Um per pixel of the tiles.")]
SlideMpp = Annotated[float | None, typer.Option(min=0.05, max=20, help="Um per pixel of all files, whatever they say.")]
AssumeMpp = Annotated[float | None, typer.Option(min=0.05, max=20, help="Um per pixel of slides that do not say theirs.")]
Tiles = Annotated[int, typer.Option(min=1, help="Tiles of each file at most, drawn at random.")]
Device = Annotated[str, typer.Option(help="Where a CycleGAN computes: auto, cpu, cuda, ...")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads; default one per core.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


@app.command(epilog=EXIT_CODES)
def fit(
    source: Source,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="STYLE.json", help="The style.", show_default=False)],
    method: Annotated[str, typer.Option(help=METHOD)] = "macenko",
    tile_px: TilePx = 256,
    mpp: TileMpp = 0.5,
    tiles: Tiles = 64,
    slide_mpp: SlideMpp = None,
    assume_mpp: AssumeMpp = None,
    seed: Seed = 0,
    threads: Threads = None,
) -> None:
    """Fit the style of a slide, a site or a picture: one JSON file of a few numbers."""
    from cartopath.cli.style.fit import fit_command

    cutting = {
        "tile_px": tile_px,
        "mpp": mpp,
        "n_tiles": tiles,
        "slide_mpp": slide_mpp,
        "assume_mpp": assume_mpp,
        "seed": seed,
    }
    raise typer.Exit(fit_command(source, out, method, cutting, threads))


@app.command(epilog="Exit codes: 0 done; 1 could not go on; 2 wrong usage; 3 done, but some files could not be restyled.")
def apply(
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="STYLE.json, or a CycleGAN's folder.", show_default=False)],
    source: Annotated[Path, typer.Argument(metavar="IN", help="A picture, a slide, or a folder of them.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for PNG files.", show_default=False)],
    own: Annotated[
        Path | None,
        typer.Option("--source", metavar="STYLE.json", help="Style that IN has; default: fitted to each file."),
    ] = None,
    direction: Annotated[str, typer.Option(help="Of a CycleGAN: a_to_b or b_to_a.")] = "a_to_b",
    spare_glass: Annotated[bool, typer.Option("--spare-glass", help="Leave clear glass as it is (reinhard, hed).")] = False,
    tile_px: TilePx = 256,
    mpp: TileMpp = 0.5,
    tiles: Annotated[int | None, typer.Option(min=1, help="Tiles of each slide at most; default all with tissue.")] = None,
    slide_mpp: SlideMpp = None,
    assume_mpp: AssumeMpp = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Restyle pictures, or the tissue tiles of slides. After a kill, the same command goes on."""
    from cartopath.cli.style.apply import apply_command

    cutting = {
        "tile_px": tile_px,
        "mpp": mpp,
        "n_tiles": tiles,
        "slide_mpp": slide_mpp,
        "assume_mpp": assume_mpp,
        "seed": seed,
    }
    transfer = {"source": own, "direction": direction, "device": device, "spares_glass": spare_glass}
    raise typer.Exit(apply_command(style, source, out, transfer, cutting, threads, quiet=quiet))


@app.command(epilog=EXIT_CODES)
def train(
    first: Annotated[Path, typer.Argument(metavar="A", help="Slides or pictures of the first style.", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="B", help="Those of the second; the tissue may differ.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="Folder for both generators.", show_default=False)],
    tile_px: TilePx = 286,
    crop_px: Annotated[int, typer.Option(min=16, help="Side of the random crops that are learned from.")] = 256,
    mpp: TileMpp = 0.5,
    tiles: Tiles = 200,
    slide_mpp: SlideMpp = None,
    assume_mpp: AssumeMpp = None,
    epochs: Annotated[int, typer.Option(min=0, help="Epochs with the full learning rate.")] = 100,
    decay_epochs: Annotated[int, typer.Option(min=0, help="Epochs in which it falls to nothing.")] = 100,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of an epoch; default every tile once.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Tiles of each style per step.")] = 1,
    lr: Annotated[float, typer.Option(min=0, help="Learning rate.")] = 2e-4,
    channels: Annotated[int, typer.Option(min=1, help="Width of the first layers.")] = 64,
    blocks: Annotated[int, typer.Option(min=0, help="Residual blocks of a generator.")] = 9,
    halvings: Annotated[int, typer.Option(min=0, help="Of the picture before them; fewer keep structure more easily.")] = 2,
    cycle_weight: Annotated[float, typer.Option(min=0, help="Of the way there and back.")] = 10.0,
    identity_weight: Annotated[float, typer.Option(min=0, help="Of leaving alone what has the style, as a share of it.")] = 0.5,
    seed: Seed = 0,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu or mps.")] = "auto",
    threads: Threads = None,
    anew: Annotated[bool, typer.Option("--anew", help="Replace a training of other inputs or settings.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a CycleGAN between two stains, sites or scanners, with the settings of its authors unless told otherwise.

    After a kill, the same command goes on. MODEL gets both generators, curve.csv, quality.csv and sheet.png.
    """
    from cartopath.cli.style.train import train_command

    cutting = {
        "tile_px": tile_px,
        "mpp": mpp,
        "n_tiles": tiles,
        "slide_mpp": slide_mpp,
        "assume_mpp": assume_mpp,
        "seed": seed,
    }
    generator = {"channels": channels, "blocks": blocks, "halvings": halvings}
    recipe = {
        "crop_px": crop_px,
        "epochs": epochs,
        "decay_epochs": decay_epochs,
        "steps_per_epoch": steps,
        "batch_size": batch_size,
        "lr": lr,
        "cycle_weight": cycle_weight,
        "identity_weight": identity_weight,
        "seed": seed,
        "accelerator": accelerator,
    }
    code = train_command(
        first, second, out, recipe=recipe, generator=generator, cutting=cutting, threads=threads, anew=anew, quiet=quiet
    )
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def sheet(
    how: Annotated[str, typer.Argument(metavar="HOW", help=f"{METHOD}, or a CycleGAN's folder.", show_default=False)],
    first: Annotated[Path, typer.Argument(metavar="A", help="Slides or pictures of the first style.", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="B", help="Those of the second.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="SHEET.png", help="The sheet.")] = Path("style.png"),
    tile_px: TilePx = 256,
    mpp: TileMpp = 0.5,
    tiles: Tiles = 16,
    examples: Annotated[int, typer.Option(min=1, max=20, help="Rows of the sheet.")] = 6,
    slide_mpp: SlideMpp = None,
    assume_mpp: AssumeMpp = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Draw examples of a transfer both ways, and measure whether structure is kept and colours are reached."""
    from cartopath.cli.style.sheet import sheet_command

    cutting = {
        "tile_px": tile_px,
        "mpp": mpp,
        "n_tiles": tiles,
        "slide_mpp": slide_mpp,
        "assume_mpp": assume_mpp,
        "seed": seed,
    }
    raise typer.Exit(sheet_command(how, first, second, out, cutting, examples=examples, device=device, threads=threads))
