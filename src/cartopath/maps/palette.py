"""Colours of traits and of their combinations: the same on every slide, whatever the slide shows.

Traits of the paper have the paper's colours, others the first that are free. Two traits: "both" is the mean of the two, as in the
paper. Three and more: colours mix like inks (each multiplies the light that the others leave), so hue says which traits, and the
darker a tile, the more traits it has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cartopath.stats import combination_names, combinations

Rgb = tuple[int, int, int]

PINK: Rgb = (240, 174, 205)
GREEN: Rgb = (203, 235, 170)
BLUE: Rgb = (177, 215, 235)
BROWN: Rgb = (198, 164, 147)
NEITHER: Rgb = (226, 228, 232)

_TRAIT_COLOURS = {"mki67": PINK, "hsa-mir-17-5p": GREEN, "kras": BLUE}
_FREE: tuple[Rgb, ...] = (
    PINK,
    GREEN,
    BLUE,
    (250, 212, 130),
    (196, 178, 230),
    (150, 214, 200),
    (243, 170, 140),
    BROWN,
    (176, 190, 220),
    (222, 214, 120),
)


def trait_colours(traits: Sequence[str]) -> tuple[Rgb, ...]:
    """Return the colour of each trait. It depends on the list of traits only.

    MKI67 is pink and miR-17 green, KRAS blue, and miR-17 brown beside KRAS (Levy-Jurgenson et al. 2020, figure 3). Other traits
    take the first colours that none of these needs; beyond ten traits colours repeat.

    >>> trait_colours(["MKI67|4288", "hsa-miR-17-5p"]) == (PINK, GREEN)
    True
    >>> trait_colours(["hsa-miR-17-5p", "KRAS"]) == (BROWN, BLUE)
    True
    >>> trait_colours(["ESR1", "MKI67"]) == (GREEN, PINK)
    True
    """
    symbols = [trait.split("|")[0].casefold() for trait in traits]
    known = _TRAIT_COLOURS | ({"hsa-mir-17-5p": BROWN} if "kras" in symbols else {})
    taken = {known[symbol] for symbol in symbols if symbol in known}
    free = [colour for colour in _FREE if colour not in taken]
    chosen: list[Rgb] = []
    n_free = 0
    for symbol in symbols:
        if symbol in known:
            chosen.append(known[symbol])
            continue
        chosen.append(free[n_free % len(free)])
        n_free += 1
    return tuple(chosen)


def combination_colours(traits: Sequence[str]) -> NDArray[np.uint8]:
    """Return the colour of every combination, (2**n_traits, 3) uint8 in the order of the combination codes.

    >>> combination_colours(["MKI67", "hsa-miR-17-5p"]).tolist()
    [[226, 228, 232], [240, 174, 205], [203, 235, 170], [222, 205, 188]]
    """
    single = np.asarray(trait_colours(traits), dtype=np.float64)  # (n_traits, 3)
    mixed = [NEITHER if not present else _mixed(single[list(present)], len(traits)) for present in combinations(len(traits))]
    return np.floor(np.asarray(mixed, dtype=np.float64) + 0.5).astype(np.uint8)


def legend_names(traits: Sequence[str]) -> tuple[str, ...]:
    """Return what the legend calls every combination, in the order of the combination codes.

    >>> legend_names(["MKI67", "ESR1"])
    ('Neither', 'MKI67 only', 'ESR1 only', 'Both')
    >>> legend_names(["MKI67", "ESR1", "KRAS"])[:4]
    ('None', 'MKI67', 'ESR1', 'MKI67 + ESR1')
    """
    if len(traits) == 2:
        return ("Neither", f"{traits[0]} only", f"{traits[1]} only", "Both")
    return ("None", *combination_names(traits)[1:])


def _mixed(colours: NDArray[np.float64], n_traits: int) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = colours.mean(axis=0)
    inks: NDArray[np.float64] = 255.0 * np.prod(colours / 255.0, axis=0)
    return mean if n_traits <= 2 else inks
