"""A transfer from one style to another, by optical density or by a trained CycleGAN, behind one name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError, ConfigError
from cartopath.store.hashing import value_key
from cartopath.style import METHODS, Style, fit_style, read_style, restyle

Tile = NDArray[np.uint8]
Restyling = Callable[[Tile], Tile]


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """What takes pictures to a style.

    Attributes:
        name: What is aimed at, in words.
        key: Changes when the result would.
        fitted_to: Returns the function for pictures of one source, given some of its pixels.
    """

    name: str
    key: str
    fitted_to: Callable[[Iterable[Tile]], Restyling]


def open_transfer(
    style: Path, *, source: Path | None = None, direction: str = "a_to_b", device: str = "auto", spares_glass: bool = False
) -> Transfer:
    """Return a transfer.

    Args:
        style: A style file, or the folder of a trained CycleGAN.
        source: Style file of what is restyled; without it every source is fitted on its own.
        direction: Of the CycleGAN.
        device: Of the CycleGAN.
        spares_glass: Whether clear glass stays as it is.

    Raises:
        ArtifactError: A file cannot be read.
        ConfigError: Both styles are of different methods, or an option does not go with a CycleGAN.
    """
    if style.is_dir():
        if source is not None:
            raise ConfigError("--source goes with a style file; a CycleGAN has learned both of its styles")
        from cartopath.training.cyclegan import load_generator

        restyler = load_generator(style, direction, device=device)
        return Transfer(name=restyler.names[1], key=restyler.sha256, fitted_to=lambda _: restyler)
    if not style.is_file():
        raise ArtifactError(f"{style}: no such style; fit one with `cartopath style fit`, or give the folder of a CycleGAN")
    target = read_style(style)
    own = read_style(source) if source is not None else None
    if own is not None and own.method != target.method:
        raise ConfigError(f"{source} is a {own.method} style, {style} a {target.method} style; fit both by one method")
    described = [dataclasses.asdict(target), target.method, dataclasses.asdict(own) if own else None, spares_glass]
    key = value_key(described)

    def fitted_to(pixels: Iterable[Tile]) -> Restyling:
        return toward(own or fit_style(pixels, target.method), target, spares_glass=spares_glass)

    return Transfer(name=style.stem, key=key, fitted_to=fitted_to)


def toward(source: Style, target: Style, *, spares_glass: bool = False) -> Restyling:
    """Return the function that takes tiles from one style to another."""
    return lambda tile: restyle(tile, source, target, spares_glass=spares_glass)


def both_ways(how: str, first: Iterable[Tile], second: Iterable[Tile], *, device: str = "auto") -> tuple[Restyling, Restyling]:
    """Return the functions from the first style to the second and back.

    Args:
        how: A method of `cartopath.style`, or the folder of a trained CycleGAN.
        first: Pixels of the first style, which a method is fitted to; a CycleGAN has no need of them.
        second: Of the second.
        device: Of the CycleGAN.

    Raises:
        ConfigError: There is no such method and no such folder.
        StatisticsError: A style cannot be fitted.
        BundleError: The folder holds no CycleGAN.
    """
    if how in METHODS:
        one, other = fit_style(first, how), fit_style(second, how)
        return toward(one, other), toward(other, one)
    if not Path(how).is_dir():
        raise ConfigError(f"{how!r} is neither {', '.join(METHODS)} nor the folder of a trained CycleGAN")
    from cartopath.training.cyclegan import load_generator

    return load_generator(how, "a_to_b", device=device), load_generator(how, "b_to_a", device=device)
