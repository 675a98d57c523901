"""`cartopath style train`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from cartopath.cli.console import OK, console, errors, guarded
from cartopath.cli.style.sheet import print_quality, style_names
from cartopath.core.cores import usable_cores
from cartopath.core.errors import ConfigError
from cartopath.methods.restyling.sources import Cutting
from cartopath.methods.restyling.training import train_transfer
from cartopath.models.cyclegan import GeneratorSpec
from cartopath.models.cyclegan.spec import DiscriminatorSpec
from cartopath.training.cyclegan import CycleGanSpec


def train_command(
    first: Path,
    second: Path,
    out: Path,
    *,
    recipe: dict[str, Any],
    generator: dict[str, int],
    cutting: dict[str, Any],
    threads: int | None,
    anew: bool,
    quiet: bool,
) -> int:
    """Train, print how it goes and how good it became, and return the exit code."""

    def action() -> int:
        used, names = threads or usable_cores(), style_names(first, second)
        if cutting["tile_px"] < recipe["crop_px"]:
            raise ConfigError(
                f"crops are cut from tiles: --tile-px {cutting['tile_px']} must be at least --crop-px {recipe['crop_px']}"
            )
        spec = CycleGanSpec(
            **recipe,
            generator=GeneratorSpec(**generator),
            discriminator=DiscriminatorSpec(channels=generator["channels"]),
            load_px=None,
            threads=used,
        )

        def started(n_first: int, n_second: int) -> None:
            console.print(f"{n_first} tiles of {names[0]}, {n_second} of {names[1]}", markup=False)

        trained = train_transfer(
            first,
            second,
            out,
            spec=spec,
            cutting=Cutting(**cutting, threads=used),
            names=names,
            anew=anew,
            device="cpu" if spec.accelerator == "cpu" else "auto",
            started=started,
            progress=None if quiet else _Progress(spec.n_epochs),
        )
        if trained.was_there:
            console.print("trained before; nothing to do")
        print_quality(trained.quality)
        console.print(f"CycleGAN: {out}  (curve.csv, quality.csv, sheet.png: look at it)", markup=False)
        return OK

    return guarded(action)


class _Progress:
    """A line per epoch."""

    def __init__(self, n_epochs: int) -> None:
        self._n_epochs, self._began = n_epochs, time.monotonic()

    def __call__(self, epoch: int, row: dict[str, float]) -> None:
        """Say how an epoch went."""
        losses = ", ".join(f"{name} {row[name]:.3f}" for name in ("adversarial", "cycle", "identity", "discriminator"))
        seconds = time.monotonic() - self._began
        errors.print(f"epoch {epoch + 1}/{self._n_epochs}: {losses}; {seconds:.0f} s", markup=False)
