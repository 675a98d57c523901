"""The command `cartopath embed` and its options. Everything heavy is imported inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXIT_CODES = "Exit codes: 0 done; 1 could not go on; 2 wrong usage; 3 done, but some slides failed."

_WRONG_USAGE = 2


def embed(
    slides: Annotated[
        list[Path] | None, typer.Argument(metavar="SLIDE...", help="Slides, or folders of slides.", show_default=False)
    ] = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="A name of --list, timm/NAME, random/NAME, or the folder of a fingerprint network (repeatable).",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder: gets features_<encoder>/<slide>.h5.", show_default=False)
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the known encoders with licence and access, and stop.")] = False,
    weights: Annotated[Path | None, typer.Option(help="File with the encoder's weights, instead of the hub.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Take weights from the hub's cache alone.")] = False,
    tile_mpp: Annotated[
        float | None, typer.Option(min=0.05, max=20, help="Um per pixel of the tiles; default the encoder's own.")
    ] = None,
    tile_px: Annotated[
        int | None, typer.Option(min=16, max=2048, help="Side of the tiles of timm/NAME and random/NAME; default 224.")
    ] = None,
    min_tissue: Annotated[float, typer.Option(min=0, max=1, help="Share of tissue that a tile must have.")] = 0.1,
    max_background: Annotated[
        float, typer.Option(min=0, max=1, help="Share of bright pixel values from which a tile is glass.")
    ] = 0.5,
    mpp: Annotated[
        float | None, typer.Option(min=0.05, max=20, help="State the um per pixel of all slides, whatever they say.")
    ] = None,
    assume_mpp: Annotated[
        float | None, typer.Option(min=0.05, max=20, help="The um per pixel of slides that do not say theirs.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, 32-true, 16-mixed or bf16-mixed; mixed ones need a GPU.")] = "auto",
    batch_size: Annotated[int | None, typer.Option(min=1, help="Tiles per step; default what memory likes.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of the network; default torch's choice.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights of random/NAME.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print less.")] = False,
) -> None:
    """Turn the tissue of slides into features, one HDF5 file per slide as TRIDENT and CLAM read them.

    Tiles have the size and resolution that the encoder wants. Slides that are done already are kept; the same command goes on
    after a kill. The weights of an encoder are fetched once; `--list` says which need their terms accepted.
    """
    if list_:
        from cartopath.cli.embedding.running import list_encoders

        raise typer.Exit(list_encoders())
    if not slides or not encoder or out is None:
        given = {"slides": slides, "an encoder (--encoder)": encoder, "a folder for the features (--out)": out}
        lacking = ", ".join(what for what, value in given.items() if not value)
        typer.echo(f"error: name {lacking}; `cartopath embed --help` explains them", err=True)
        raise typer.Exit(_WRONG_USAGE)
    from cartopath.cli.embedding.running import EmbedOptions, embed_command
    from cartopath.methods.embedding_without_study.one_slide import Computing, CutSpec

    options = EmbedOptions(
        slides=tuple(slides),
        encoders=tuple(encoder),
        out=out,
        weights=weights,
        offline=offline,
        tile_mpp=tile_mpp,
        tile_px=tile_px,
        cut=CutSpec(min_tissue=min_tissue, max_background=max_background, mpp=mpp, assume_mpp=assume_mpp),
        computing=Computing(device=device, precision=precision, batch_size=batch_size, threads=threads),
        seed=seed,
        quiet=quiet,
    )
    raise typer.Exit(embed_command(options))
