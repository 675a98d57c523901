"""The heterogeneity index HTI of Levy-Jurgenson et al. 2020 and of its successor package `hta`.

HTI is the entropy of the combinations of traits among the tiles that are positive for at least one of them, in units that make
it 1 when all combinations are equally frequent [A6]. A slide without any positive tile is homogeneous: 0, and `n_positive`
says so [A7].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.combinations import combination_codes, combination_names
from cartopath.stats.inputs import choice

Base = Literal["all", "observed"]


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """How mixed the traits of a slide are.

    Attributes:
        hti: Heterogeneity index, 0 (one combination only, or no positive tile) to 1. None where there are no tiles at all.
        n_tiles: Tiles with tissue.
        n_positive: Tiles positive for at least one trait.
        shares: Share of each non-empty combination among the positive tiles, in the order of the combination codes.
        reason: Why `hti` is None, or the note that it is 0 for want of any positive tile; "" otherwise.
    """

    hti: float | None
    n_tiles: int
    n_positive: int
    shares: dict[str, float]
    reason: str = ""


def hti(traits: ArrayLike, *, base: Base = "all") -> float:
    """Return the heterogeneity index of a slide (Levy-Jurgenson et al. 2020, equation 1).

    `-sum(p_i * log_C(p_i))` over the non-empty combinations i of traits, p_i being their shares among the tiles that are
    positive for at least one trait [A6]. The order of tiles and of traits does not matter, to the last bit.

    Args:
        traits: (..., n_traits) booleans or 0 and 1, one row per tile, at least two traits. Rows of NaN (no tissue) are left out.
        base: C, the base of the logarithm [A8]. "all": the number of combinations that n traits can form, 2**n - 1 (the paper).
            "observed": the number of combinations this slide has (the `hta` package).

    Returns:
        0 to 1; 0 where no tile is positive [A7].

    Raises:
        StatisticsError: There are no tiles, fewer than two traits, or values other than 0 and 1.

    >>> hti([[0, 1], [1, 1], [1, 0]])
    1.0
    >>> round(hti([[0, 1], [1, 0]]), 5), hti([[0, 1], [1, 0]], base="observed")
    (0.63093, 1.0)
    >>> hti([[0, 0], [0, 0]])
    0.0
    """
    codes = _tile_codes(traits)
    if codes.size == 0:
        raise StatisticsError("hti: no tiles; a slide without tissue has no heterogeneity index")
    return _hti_of(codes, n_traits=np.shape(traits)[-1], base=base)


def heterogeneity(traits: ArrayLike, *, names: Sequence[str] | None = None, base: Base = "all") -> Heterogeneity:
    """Return the heterogeneity index of a slide with the counts and shares it comes from.

    Args:
        traits: As for `hti`.
        names: What to call the traits in `shares`; "trait 1", ... if not given.
        base: As for `hti`.

    Raises:
        StatisticsError: Fewer than two traits, values other than 0 and 1, or another number of names.

    >>> result = heterogeneity([[0, 1], [1, 1], [1, 1], [0, 0]], names=["MKI67", "ESR1"])
    >>> result.n_tiles, result.n_positive, round(result.hti, 4)
    (4, 3, 0.5794)
    >>> {name: round(share, 3) for name, share in result.shares.items()}
    {'MKI67': 0.0, 'ESR1': 0.333, 'MKI67 + ESR1': 0.667}
    >>> heterogeneity([[0, 0]]).reason
    'no tile is positive for any trait'
    """
    codes = _tile_codes(traits)
    n_traits = np.shape(traits)[-1]
    labels = combination_names(trait_names(n_traits, names))
    counts = np.bincount(codes, minlength=len(labels))
    n_positive = int(counts[1:].sum())
    shares = {label: float(count / max(n_positive, 1)) for label, count in zip(labels[1:], counts[1:], strict=True)}
    if codes.size == 0:
        return Heterogeneity(None, 0, 0, shares, "no tiles")
    reason = "" if n_positive else "no tile is positive for any trait"
    return Heterogeneity(_hti_of(codes, n_traits=n_traits, base=base), int(codes.size), n_positive, shares, reason)


def trait_names(n_traits: int, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the given names of `n_traits` traits, or "trait 1", "trait 2", ...

    Raises:
        StatisticsError: Another number of names is given.

    >>> trait_names(2, None)
    ('trait 1', 'trait 2')
    """
    if names is None:
        return tuple(f"trait {number}" for number in range(1, n_traits + 1))
    if len(names) != n_traits:
        raise StatisticsError(f"names: {len(names)} given ({', '.join(names)}) for {n_traits} traits")
    return tuple(names)


def log_base(n_traits: int, n_observed: int, base: Base) -> int:
    """Return the base of the entropy's logarithm: the combinations possible or observed [A8].

    >>> log_base(3, 2, "all"), log_base(3, 2, "observed")
    (7, 2)
    """
    return 2**n_traits - 1 if choice(base, ("all", "observed"), "base") == "all" else n_observed


def entropy(counts: NDArray[np.int64], base: int) -> NDArray[np.float64]:
    """Return the entropy of counts along the last axis; 0 where they are all 0 or only one is not.

    Args:
        counts: (..., n) occurrences.
        base: Base of the logarithm.

    >>> entropy(np.array([[1, 1, 0], [5, 0, 0], [0, 0, 0]]), base=2).tolist()
    [1.0, 0.0, 0.0]
    """
    ordered = np.sort(counts, axis=-1)  # The same order of summation whatever the order of traits.
    total = np.maximum(ordered.sum(axis=-1), 1)
    nats = np.log(total) - (ordered * np.log(np.maximum(ordered, 1))).sum(axis=-1) / total
    several = (counts > 0).sum(axis=-1) > 1
    return np.where(several, np.clip(nats / np.log(max(base, 2)), 0.0, 1.0), 0.0)


def _tile_codes(traits: ArrayLike) -> NDArray[np.int64]:
    n_traits = np.shape(traits)[-1] if np.ndim(traits) else 0
    if n_traits < 2:
        raise StatisticsError(f"hti: expected shape (..., n_traits) with at least two traits, found shape {np.shape(traits)}")
    codes = combination_codes(traits).ravel()
    return codes[codes >= 0]


def _hti_of(codes: NDArray[np.int64], *, n_traits: int, base: Base) -> float:
    counts = np.bincount(codes, minlength=2)[1:]
    n_observed = int((counts > 0).sum())
    return float(entropy(counts[counts > 0], log_base(n_traits, n_observed, base))) if n_observed else 0.0
