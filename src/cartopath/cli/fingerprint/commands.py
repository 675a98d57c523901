"""The commands of `cartopath fingerprint` and their options. Everything heavy is imported inside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cartopath.cli.fingerprint import options as o

app = typer.Typer(
    name="fingerprint",
    help="Tissue fingerprints (Rawat et al. 2020) from slides alone: no study, no labels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command(epilog=o.EXIT_CODES)
def train(
    inputs: o.Inputs,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="Folder for the network.", show_default=False)],
    kind: o.As = "auto",
    core_um: o.CoreUm = None,
    core_map: o.CoreMap = None,
    window_um: o.WindowUm = None,
    region_um: o.RegionUm = 800.0,
    regions: o.Regions = 2,
    sections: Annotated[
        bool, typer.Option("--sections", help="The inputs are sections of the same tissue; pieces meet by name.")
    ] = False,
    table: o.Table = None,
    slide_mpp: o.Mpp = None,
    assume_mpp: o.AssumeMpp = None,
    backbone: Annotated[str, typer.Option(help="Any timm model, from random weights.")] = "resnet34",
    size_px: o.TileSize = 224,
    mpp: o.TileMpp = 0.5,
    n_features: Annotated[int, typer.Option(min=1, help="Length of a fingerprint.")] = 512,
    grey: Annotated[bool, typer.Option("--grey", help="The network sees no colour at all.")] = False,
    pairing: Annotated[
        str,
        typer.Option(
            metavar="HOW", help="Second image of a pair: none, sections, jitter, macenko, reinhard, hed, or a CycleGAN's folder."
        ),
    ] = "none",
    to: Annotated[list[Path] | None, typer.Option(help="Style to restyle to (repeatable); default styles of the pieces.")] = None,
    direction: Annotated[str, typer.Option(help="Of the CycleGAN: a_to_b or b_to_a.")] = "a_to_b",
    gamma: Annotated[float, typer.Option(min=0, help="Weight of the distance between both fingerprints of a pair.")] = 0.5,
    rotation: Annotated[str, typer.Option(help="any angle, right_angles, or none.")] = "any",
    tiles: Annotated[int, typer.Option(min=1, help="Tiles of each piece in a chunk.")] = 16,
    batch_size: Annotated[int, typer.Option(min=2, help="Tiles, or pairs, per step.")] = 64,
    lr: Annotated[float, typer.Option(min=0, help="Learning rate at the start, or the highest of one cycle.")] = 5e-4,
    schedule: Annotated[
        Literal["plateau", "one_cycle"],
        typer.Option(help="one_cycle: the rate rises and falls over --chunks; short trainings learn more, with --lr 3e-3."),
    ] = "plateau",
    chunks: Annotated[int, typer.Option(min=1, help="End after so many chunks at the latest.")] = 200,
    patience: Annotated[
        int, typer.Option(min=1, help="Of a plateau: end after so many chunks that are no better on right halves.")
    ] = 20,
    min_tissue: Annotated[float, typer.Option(min=0, max=1, help="Share of a tile that must be tissue.")] = 0.5,
    seed: o.Seed = 0,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu or mps.")] = "auto",
    devices: Annotated[str, typer.Option(help="How many (2), which (0,1), or auto.")] = "1",
    threads: o.Threads = None,
    anew: Annotated[bool, typer.Option("--anew", help="Replace a training of other inputs or settings.")] = False,
    quiet: o.Quiet = False,
) -> None:
    """Train a network to tell pieces of tissue apart: left halves train, right halves watch.

    After a kill, the same command goes on. MODEL gets the network, curve.csv, pieces.csv and a picture of the cores found.
    """
    from cartopath.cli.fingerprint.train import TrainOptions, train_command

    how = TrainOptions(
        backbone=backbone,
        size_px=size_px,
        mpp=mpp,
        n_features=n_features,
        grey=grey,
        pairing=pairing,
        targets=tuple(to or ()),
        direction=direction,
        gamma=gamma,
        rotation=rotation,
        tiles=tiles,
        batch_size=batch_size,
        lr=lr,
        schedule=schedule,
        chunks=chunks,
        patience=patience,
        min_tissue=min_tissue,
        seed=seed,
        accelerator=accelerator,
        devices=devices,
        threads=threads,
        anew=anew,
        quiet=quiet,
    )
    gathering = {
        "kind": kind,
        "core_um": core_um,
        "core_map": core_map,
        "window_um": window_um,
        "region_um": region_um,
        "regions_per_slide": regions,
        "sections": sections or pairing == "sections",
        "table": table,
        "mpp": slide_mpp,
        "assume_mpp": assume_mpp,
        "seed": seed,
    }
    raise typer.Exit(train_command(inputs, out, how, gathering))


@app.command(epilog="Exit codes: 0 done; 1 could not go on; 2 wrong usage; 3 done, but some feature files could not be used.")
def match(
    model: o.Encoder,
    left: Annotated[Path, typer.Argument(metavar="LEFT", help="What is matched, as in training.", show_default=False)],
    right: Annotated[
        Path | None,
        typer.Argument(metavar="[RIGHT]", help="Another section or site; without it, halves are matched.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for matches.csv, patients.csv, suspicious.csv, left_out.csv.")
    ] = None,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="Look for duplicates, swaps, and patients under two names.")
    ] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Match whole pieces of two sets, not halves.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Do not scale fingerprints to length 1.")] = False,
    standardise: Annotated[
        bool, typer.Option("--standardise", help="Take away what all tiles of a side share, such as its stain.")
    ] = False,
    kind: o.As = "auto",
    core_um: o.CoreUm = None,
    core_map: o.CoreMap = None,
    window_um: o.WindowUm = None,
    region_um: o.RegionUm = 800.0,
    regions: o.Regions = 2,
    table: o.Table = None,
    slide_mpp: o.Mpp = None,
    assume_mpp: o.AssumeMpp = None,
    size_px: o.TileSize = 224,
    mpp: o.TileMpp = 0.5,
    overlap: o.MaxOverlap = 0.8,
    min_tissue: Annotated[float, typer.Option(min=0, max=1, help="Share of a tile that must be tissue.")] = 0.5,
    seed: o.Seed = 0,
    device: o.Device = "auto",
    threads: o.Threads = None,
) -> None:
    """Match left halves to right halves, or one section or site to another; chance and intervals beside it."""
    from cartopath.cli.fingerprint.match import MatchOptions, match_command

    how = MatchOptions(
        diagnose=diagnose,
        whole=whole,
        raw=raw,
        standardise=standardise,
        size_px=size_px,
        mpp=mpp,
        overlap=overlap,
        min_tissue=min_tissue,
        seed=seed,
        device=device,
        threads=threads,
    )
    gathering = {
        "kind": kind,
        "core_um": core_um,
        "core_map": core_map,
        "window_um": window_um,
        "region_um": region_um,
        "regions_per_slide": regions,
        "table": table,
        "mpp": slide_mpp,
        "assume_mpp": assume_mpp,
        "seed": seed,
    }
    raise typer.Exit(match_command(model, left, right, out, how, gathering))


@app.command(epilog="Exit codes: 0 done; 1 could not go on; 2 wrong usage; 3 done, but some slides could not be read.")
def similar(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Folder of a trained network; random/NAME or timm/NAME.", show_default=False)
    ],
    slide: Annotated[Path, typer.Argument(metavar="SLIDE", help="The slide of the region.", show_default=False)],
    x: Annotated[float, typer.Argument(metavar="X", help="Middle of the region, level-0 pixels.", show_default=False)],
    y: Annotated[float, typer.Argument(metavar="Y", help="Middle of the region, level-0 pixels.", show_default=False)],
    where: Annotated[list[Path] | None, typer.Option("--in", help="Slides, or a folder, to search (repeatable).")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for similar.csv, similar.png and kept features.")] = Path(
        "similar"
    ),
    n: Annotated[int, typer.Option("--number", "-n", min=1, max=200, help="Tiles to find.")] = 23,
    per_slide: Annotated[
        int | None, typer.Option(min=1, help="At most so many of each slide; default 3, or no limit with one slide.")
    ] = None,
    table: o.Table = None,
    slide_mpp: o.Mpp = None,
    assume_mpp: o.AssumeMpp = None,
    size_px: o.TileSize = 224,
    mpp: o.TileMpp = 0.5,
    min_tissue: Annotated[float, typer.Option(min=0, max=1, help="Share of a tile that must be tissue.")] = 0.5,
    device: o.Device = "auto",
    threads: o.Threads = None,
    quiet: o.Quiet = False,
) -> None:
    """Find the regions of a cohort that look most like one region.

    Without --in, the slide itself is searched. The features of slides are kept in OUT for the next search.
    """
    from cartopath.cli.fingerprint.similar import SimilarOptions, similar_command

    how = SimilarOptions(
        n=n,
        per_slide=per_slide,
        table=table,
        slide_mpp=slide_mpp,
        assume_mpp=assume_mpp,
        size_px=size_px,
        mpp=mpp,
        min_tissue=min_tissue,
        device=device,
        threads=threads,
        quiet=quiet,
    )
    raise typer.Exit(similar_command(model, slide, (x, y), where or [], out, how))
