"""What `cartopath embed` does, and what it prints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cartopath.cli.console import OK, SOME_FAILED, console, guarded, print_line
from cartopath.cohort import read_slides
from cartopath.cohort.findings import counted
from cartopath.core.errors import ConfigError
from cartopath.core.locations import as_path, is_remote
from cartopath.methods.embedding_without_study.embed import Embedded, embed_slides, features_dir
from cartopath.methods.embedding_without_study.one_slide import Computing, CutSpec
from cartopath.models.encoders import ENCODERS
from cartopath.training.encoding import load_encoder


@dataclass(frozen=True, kw_only=True)
class EmbedOptions:
    """What `cartopath embed` was asked; see there."""

    slides: tuple[Path, ...]
    encoders: tuple[str, ...]
    out: Path
    weights: Path | None
    offline: bool
    tile_mpp: float | None
    tile_px: int | None
    cut: CutSpec
    computing: Computing
    seed: int
    quiet: bool


def list_encoders() -> int:
    """Print the encoders that are known by name."""
    console.print(f"[bold]{'name':<18}{'tiles':<18}{'features':>8}  {'licence':<26}{'weights':<15}hub[/]")
    for card in ENCODERS.values():
        tiles = f"{card.size_px} px at {card.mpp:.3g} um"
        access = "accept terms" if card.gated else "open" if card.repository else "own file"
        where = card.repository or card.reference.rpartition(" ")[2]
        console.print(f"{card.name:<18}{tiles:<18}{card.n_features:>8}  {card.licence:<26}{access:<15}{where}")
    console.print("timm/NAME: any model of timm; random/NAME: the same with random weights; FOLDER: a fingerprint network")
    return OK


def embed_command(options: EmbedOptions) -> int:
    """Write features of slides and return the exit code."""

    def action() -> int:
        if options.weights is not None and len(options.encoders) > 1:
            raise ConfigError("--weights is the file of one encoder; name one with --encoder")
        paths = [path for given in options.slides for path in _slides_in(given)]
        found = [one for name in options.encoders for one in _embed(options, name, paths)]
        return SOME_FAILED if any(one.state == "failed" for one in found) else OK

    return guarded(action)


def _embed(options: EmbedOptions, name: str, paths: list[Path]) -> list[Embedded]:
    encoder = load_encoder(
        name,
        weights=options.weights,
        offline=options.offline,
        size_px=options.tile_px,
        mpp=options.tile_mpp,
        seed=options.seed,
    )
    card = encoder.card
    console.print(
        f"{card.name}: {card.n_features} features of tiles of {card.size_px} px at {card.mpp:.4g} um"
        f"{f', {card.licence}' if card.licence else ''}, weights {card.sha256[:12]}"
    )
    for warning in card.warnings:
        print_line("note", "yellow", warning)

    def news(one: Embedded) -> None:
        if one.state == "failed":
            print_line("failed", "yellow", f"{one.slide_id}: {one.reason}")
        elif not options.quiet:
            console.print(f"{one.state:<8} {one.slide_id}: {one.n_tiles:,} tiles")

    found = embed_slides(encoder, paths, options.out, cut=options.cut, computing=options.computing, news=news)
    n_slides = sum(one.state != "failed" for one in found)
    console.print(f"features of {counted(n_slides, 'slide')}: {features_dir(options.out, encoder)}")
    return found


def _slides_in(given: Path) -> list[Path]:
    path = as_path(given)
    if not is_remote(path) and not path.exists():
        raise ConfigError(f"{given}: no such slide or folder")
    if not given.is_dir():
        return [given]
    listed = read_slides(given)
    return [as_path(path) for path in listed.loc[(listed["exclude"] == "") & (listed["path"] != ""), "path"]]
