"""The commands of `cartopath tissue`. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

tissue_app = typer.Typer(
    name="tissue",
    help="Types of tissue: train a model of epithelium, stroma, fat and background on annotated slides, and apply it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Mpp = Annotated[float | None, typer.Option(min=0.05, max=20, help="The um per pixel of slides that do not say theirs.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads of the network.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print less.")]


@tissue_app.command(epilog="Exit codes: 0 trained; 1 could not be trained; 2 wrong usage.")
def train(
    slides: Annotated[Path, typer.Argument(metavar="SLIDES", help="Folder of slides.", show_default=False)],
    annotations: Annotated[
        Path,
        typer.Argument(
            metavar="ANNOTATIONS",
            help="Folder of GeoJSON files (QuPath) or label masks, named as the slides.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the model.", show_default=False)],
    table: Annotated[Path | None, typer.Option(help="CSV with slide_id, and patient_id and mpp where known.")] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="Fingerprint bundle: train a linear layer on its fingerprints.", show_default=False)
    ] = None,
    backbone: Annotated[str, typer.Option(help="Without an encoder: a timm network, from random weights.")] = "resnet18",
    tile_px: Annotated[int, typer.Option(min=16, max=1024, help="Without an encoder: side of a tile in pixels.")] = 64,
    mpp: Annotated[float, typer.Option(min=0.1, max=20, help="Without an encoder: um per pixel of the tiles.")] = 1.0,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NAME=TYPE", help='Which type a class is ("Tumor=epithelium"); "NAME=" leaves it out.'),
    ] = None,
    legend: Annotated[
        list[str] | None, typer.Option("--legend", metavar="VALUE=TYPE", help='Which type a value of masks is ("1=stroma").')
    ] = None,
    held_out: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the patients to measure the model on.")] = 0.25,
    tiles_per_type: Annotated[int, typer.Option(min=1, help="At most so many tiles of a slide and type.")] = 150,
    epochs: Annotated[int, typer.Option(min=1, help="Without an encoder: passes over the tiles.")] = 20,
    assume_mpp: Mpp = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is left to chance.")] = 0,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Train a model of tissue types on annotated slides, and measure it on patients it has not seen."""
    from cartopath.cli.tissue.commands import TrainOptions, train_command

    options = TrainOptions(
        slides=slides,
        annotations=annotations,
        out=out,
        table=table,
        encoder=encoder,
        backbone=backbone,
        tile_px=tile_px,
        mpp=mpp,
        names=tuple(map_ or ()),
        legend=tuple(legend or ()),
        held_out=held_out,
        tiles_per_type=tiles_per_type,
        epochs=epochs,
        assume_mpp=assume_mpp,
        seed=seed,
        threads=threads,
        quiet=quiet,
    )
    raise typer.Exit(train_command(options))


@tissue_app.command(epilog="Exit codes: 0 done; 1 could not go on; 2 wrong usage; 3 done, but some slides failed.")
def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder that `cartopath tissue train` wrote.", show_default=False)
    ],
    slides: Annotated[list[Path], typer.Argument(metavar="SLIDE...", help="Slides, or folders of slides.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and pictures.", show_default=False)],
    mpp: Annotated[float | None, typer.Option(help="State the um per pixel of all slides, whatever they say.")] = None,
    assume_mpp: Mpp = None,
    threads: Threads = 2,
    quiet: Quiet = False,
) -> None:
    """Type the tiles of slides: <slide>.parquet with a probability per type, <slide>.png, and tissue.csv with the shares."""
    from cartopath.cli.tissue.commands import predict_command

    code = predict_command(model, slides, out, mpp=mpp, assume_mpp=assume_mpp, threads=threads, quiet=quiet)
    raise typer.Exit(code)
