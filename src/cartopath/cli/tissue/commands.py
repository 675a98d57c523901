"""What the commands of `cartopath tissue` do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.cli.console import OK, SOME_FAILED, console, errors, guarded, print_line, print_table
from cartopath.cohort import read_slides
from cartopath.core.errors import ConfigError
from cartopath.core.locations import as_path
from cartopath.methods.tissue_types.annotated import Vocabulary, find_annotated
from cartopath.methods.tissue_types.apply import SHARES_NAME, apply_tissue_model
from cartopath.methods.tissue_types.examples import ExampleSpec
from cartopath.methods.tissue_types.fitting import FittingSpec
from cartopath.methods.tissue_types.names import TypeNames
from cartopath.methods.tissue_types.train import TABLE_NAME, train_tissue_model
from cartopath.models.fingerprint import FingerprintSpec

_MOST_SLIDES = 20


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What `cartopath tissue train` was asked; see there."""

    slides: Path
    annotations: Path
    out: Path
    table: Path | None
    encoder: Path | None
    backbone: str
    tile_px: int
    mpp: float
    names: tuple[str, ...]
    legend: tuple[str, ...]
    held_out: float
    tiles_per_type: int
    epochs: int
    assume_mpp: float | None
    seed: int
    threads: int
    quiet: bool


def train_command(options: TrainOptions) -> int:
    """Train a model and return the exit code."""

    def action() -> int:
        vocabulary = Vocabulary(TypeNames(_pairs(options.names, "--map")), parsed_legend(options.legend))
        slides, without = find_annotated(options.slides, options.annotations, table=options.table, assume_mpp=options.assume_mpp)
        if not options.quiet:
            more = f"; {len(without)} slides have no annotation" if without else ""
            console.print(f"{len(slides)} annotated slides of {len({slide.patient_id for slide in slides})} patients{more}")
        network = FingerprintSpec(backbone=options.backbone, n_features=128, size_px=options.tile_px, mpp=options.mpp)
        trained = train_tissue_model(
            slides,
            options.out,
            network=None if options.encoder else network,
            encoder=options.encoder,
            vocabulary=vocabulary,
            examples=ExampleSpec(tiles_per_type=options.tiles_per_type, seed=options.seed),
            fitting=FittingSpec(epochs=options.epochs, seed=options.seed, threads=options.threads),
            held_out=options.held_out,
            news=None if options.quiet else lambda epoch, loss: console.print(f"epoch {epoch + 1}: loss {loss:.3f}"),
            note=lambda text: print_line("note", "yellow", text),
        )
        console.print(f"trained on {trained.n_examples:,} tiles; model: {options.out}")
        if len(trained.accuracy):
            shown = ["type", "n_tiles", "n_patients", "accuracy", "low", "high"]
            rows = [[_short(cell) for cell in row] for row in trained.accuracy[shown].itertuples(index=False)]
            print_table(shown, rows, title=f"on {len(trained.held_out)} held out ({options.out / TABLE_NAME})")
        else:
            print_line("warning", "yellow", "nothing was held out: nobody knows how good this model is")
        return OK

    return guarded(action)


def predict_command(
    model: Path, slides: list[Path], out: Path, *, mpp: float | None, assume_mpp: float | None, threads: int, quiet: bool
) -> int:
    """Type the tiles of slides and return the exit code."""

    def action() -> int:
        paths = [path for given in slides for path in (_slides_in(given) if given.is_dir() else [given])]

        def news(row: dict[str, Any]) -> None:
            errors.print(f"{row['slide_id']}: {row['n_tiles']:,} tiles", markup=False)

        table, failed = apply_tissue_model(
            model, paths, out, mpp=mpp, assume_mpp=assume_mpp, threads=threads, news=None if quiet else news
        )
        if len(table):
            _print_shares(table)
        for path, reason in failed:
            print_line("failed", "yellow", f"{path.name}: {reason}")
        console.print(f"tables and pictures: {out}  (all shares: {SHARES_NAME})", markup=False)
        return SOME_FAILED if failed else OK

    return guarded(action)


def _print_shares(table: pd.DataFrame) -> None:
    """Print which part of each slide's tiles is of which type."""
    types = list(table.columns[2:])
    rows = [
        [row["slide_id"], f"{row['n_tiles']:,}", *(f"{row[name]:.0%}" for name in types)]
        for row in table.head(_MOST_SLIDES).to_dict("records")
    ]
    more = f", the first {_MOST_SLIDES} of {len(table):,} slides" if len(table) > _MOST_SLIDES else ""
    print_table(["slide", "tiles", *types], rows, title=f"share of the tiles{more}")


def parsed_legend(legend: tuple[str, ...]) -> dict[int, str]:
    """Return what the values of masks mean, from `1=stroma` and the like.

    Raises:
        ConfigError: One is not of that form.

    >>> parsed_legend(("1=stroma", "3=fat"))
    {1: 'stroma', 3: 'fat'}
    """
    pairs = _pairs(legend, "--legend")
    for value in pairs:
        if not value.lstrip("-").isdigit():
            raise ConfigError(f"--legend {value}={pairs[value]}: {value!r} is no whole number; write it as 1=stroma")
    return {int(value): name for value, name in pairs.items()}


def _pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    for text in given:
        if "=" not in text:
            raise ConfigError(f"{option} {text}: expected NAME=TYPE")
    return {name.strip(): type_.strip() for name, _, type_ in (text.rpartition("=") for text in given)}


def _slides_in(folder: Path) -> list[Path]:
    listed = read_slides(folder)
    return [as_path(path) for path in listed.loc[(listed["exclude"] == "") & (listed["path"] != ""), "path"]]


def _short(cell: object) -> str:
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
