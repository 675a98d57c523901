"""Fingerprints held against labels: duplicates, one patient under two names, two under one, swapped slides (F48)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from cartopath.core.errors import StatisticsError
from cartopath.methods.fingerprints_without_study.matching import Sides
from cartopath.stats.contradicted_labels import contradicted_labels
from cartopath.stats.copied_slides import CopiedPair, copied_slides
from cartopath.stats.look_alikes import LookAlikes, SuspiciousPair, same_patient_pairs, suspicious_pairs
from cartopath.stats.matching import Side, mean_features, unit_length

FEWEST_PAIRS = 3
PAIRS, HALVES = "pairs of one patient", "halves of slides"
DUPLICATE, COPIED, CONTRADICTED = "duplicate", "copied", "contradicted"
WORDS = {
    DUPLICATE: "look like one slide",
    COPIED: "may show the same tissue twice, by their halves",
    "one_patient": "look like one patient, are labelled as two",
    "two_patients": "look like two patients, are labelled as one",
    CONTRADICTED: "agree less than slides of one patient do in this cohort, are labelled as one",
}
_FEWEST_FOR_COPIES = 8
_SLIDES_PER_COPY = 8
"""Cohorts with more copies than one in so many slides are hardly met; fingerprints that see too little are."""
_DIRECTIONS, _BELOW = 20, 0.75
"""How near copies are along as many directions as are looked at, if there are slides for that."""

CopyDistances = Mapping[tuple[str, str], float]


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What fingerprints say about labels.

    Attributes:
        found: What distances of mean fingerprints say.
        pairs: Suspicious pairs of any kind, strongest first; `copied` are those that only their halves show to be one tissue,
            `contradicted` a doubted slide and the nearest other slide of its patient.
        copy_distances: Distance of each pair that its halves show to be one tissue: 1 is the usual one of two slides that differ
            by chance alone.
        copies_reason: Why no such pairs were looked for, or none are named, "" otherwise.
        doubted: Slides that contradict all others of their patient, the most doubtful first.
        doubted_reason: Why labels could not be doubted so, "" where they could.
        n_slides: How many slides or cores were compared.
        border_from: What taught how near one patient's tissue lies: `PAIRS` or `HALVES`.
    """

    found: LookAlikes
    pairs: tuple[SuspiciousPair, ...]
    n_slides: int
    border_from: str
    copy_distances: CopyDistances = field(default_factory=dict)
    copies_reason: str = ""
    doubted: tuple[str, ...] = ()
    doubted_reason: str = ""

    def table(self) -> pd.DataFrame:
        """Return one row per suspicious pair, strongest first."""
        columns = ["kind", "first", "second", "same_patient", "distance", "copy_distance", "strength", "misplaced"]
        rows = [
            (
                pair.kind,
                pair.first,
                pair.second,
                pair.same_patient,
                pair.distance,
                self.copy_distances.get((pair.first, pair.second)),
                pair.strength,
                " ".join(name for name in (pair.first, pair.second) if name in self.found.misplaced),
            )
            for pair in self.pairs
        ]
        return pd.DataFrame(rows, columns=columns)


def diagnose(sides: Sides, *, normalise: bool = True) -> Diagnosis:
    """Compare all slides, or all cores of arrays, with each other.

    Where fewer than three pairs are labelled as one patient, the halves of each slide say how near tissue of one patient lies.
    Halves share stain and scanner, as slides of one lab do: with weak fingerprints slides of one organ and lab can be as near.
    Copies of slides are looked for by their halves too, which needs neither labels nor fingerprints that tell patients apart. If
    enough patients have several slides, what these have in common says which patients' slides contradict each other.

    Args:
        sides: As `comparable` gave them. Of two sets, slides of the second are marked where a name is in both.
        normalise: Scale the means of slides to length 1 again.

    Raises:
        StatisticsError: There are fewer than three slides.
    """
    left, right = _slides(sides.left, sides), _slides(sides.right, sides)
    if sides.is_one_set:
        both = _joined(left, right)
        known = _half_distances(left, right, normalise)
        copies, copies_reason = _copies(left, right)
    else:
        both = _joined(left, _renamed(right, set(left.pieces)))
        known = np.empty(0)
        copies, copies_reason = (), "of two sets the halves of a slide are not compared"
    names, means, owners = both.means()
    enough = len(same_patient_pairs(owners)) >= FEWEST_PAIRS or len(known) < FEWEST_PAIRS
    found = suspicious_pairs(means, names, owners, normalise=normalise, same_patient_distances=None if enough else known)
    compared = unit_length(means) if normalise else means
    cohort = _Cohort(names, owners, compared)
    copied = [cohort.pair(pair.first, pair.second, COPIED, 1 - pair.distance) for pair in copies]
    doubted, contradicted, doubted_reason = _contradicted(cohort, means)
    return Diagnosis(
        found=found,
        pairs=_merged(found.pairs, copied, contradicted),
        n_slides=len(names),
        border_from=PAIRS if enough else HALVES,
        copy_distances={(pair.first, pair.second): pair.distance for pair in copies},
        copies_reason=copies_reason,
        doubted=doubted,
        doubted_reason=doubted_reason,
    )


@dataclass(frozen=True, eq=False)
class _Cohort:
    """All slides: their names, their patients, and the mean fingerprints that are compared."""

    names: list[str]
    owners: list[str]
    means: NDArray[np.float64]

    def pair(self, first: str, second: str, kind: str, strength: float) -> SuspiciousPair:
        one, other = self.names.index(first), self.names.index(second)
        distance = float(np.linalg.norm(self.means[one] - self.means[other]))
        return SuspiciousPair(first, second, kind, self.owners[one] == self.owners[other], distance, strength)

    def nearest_own(self, name: str) -> str:
        """The nearest other slide of the same patient."""
        place = self.names.index(name)
        own = [at for at, owner in enumerate(self.owners) if owner == self.owners[place] and at != place]
        return self.names[min(own, key=lambda at: float(np.linalg.norm(self.means[at] - self.means[place])))]


def _contradicted(cohort: _Cohort, means: NDArray[np.float64]) -> tuple[tuple[str, ...], list[SuspiciousPair], str]:
    """Slides that contradict their patient's others, each beside the nearest of these; or why there is nothing to say."""
    try:
        found = contradicted_labels(means, cohort.names, cohort.owners)
    except StatisticsError as error:
        return (), [], _reason(error)
    if found.border is None:
        return (), [], found.reason
    usual = float(np.median(list(found.evidence.values()))) - found.border
    pairs: dict[frozenset[str], SuspiciousPair] = {}
    for name in found.slides:
        other = cohort.nearest_own(name)
        first, second = sorted((name, other))
        strength = (found.border - found.evidence[name]) / usual
        pairs.setdefault(frozenset((first, second)), cohort.pair(first, second, CONTRADICTED, strength))
    return found.slides, list(pairs.values()), ""


def _reason(error: StatisticsError) -> str:
    """What an error of a statistic says, without the name of its function."""
    return str(error).partition(": ")[2] or str(error)


def _merged(
    by_distance: tuple[SuspiciousPair, ...], copied: list[SuspiciousPair], contradicted: list[SuspiciousPair]
) -> tuple[SuspiciousPair, ...]:
    """Each pair once: what looks like one slide anyway stays that, any other contradiction of a copy is explained by it."""
    named = {(pair.first, pair.second): pair for pair in by_distance}
    for pair in copied:
        if (pair.first, pair.second) not in named or named[pair.first, pair.second].kind != DUPLICATE:
            named[pair.first, pair.second] = pair
    for pair in contradicted:
        named.setdefault((pair.first, pair.second), pair)
    return tuple(sorted(named.values(), key=lambda pair: (-pair.strength, pair.first, pair.second)))


def copied_below(n_slides: int, n_features: int) -> float:
    """Return the distance below which slides of a cohort are copies.

    Few slides leave few directions, along which slides that are merely alike come near each other by chance. The border is where
    that is as rare as below 0.75 along 20 directions.

    >>> round(copied_below(80, 512), 2), round(copied_below(24, 512), 2)
    (0.75, 0.54)
    """
    n_directions = min(_DIRECTIONS, n_slides // 4, n_features)
    rarity = chi2.cdf(_DIRECTIONS * _BELOW**2, _DIRECTIONS)
    return float(np.sqrt(chi2.ppf(rarity, n_directions) / n_directions))


def _copies(left: _Tiles, right: _Tiles) -> tuple[tuple[CopiedPair, ...], str]:
    """Copies of slides by their halves, or why there is nothing to say."""
    names, one, other = _half_means(left, right)
    if len(names) < _FEWEST_FOR_COPIES:
        return (), f"{len(names)} slides have tissue in both halves; {_FEWEST_FOR_COPIES} are needed"
    try:
        found = copied_slides(one, other, names, below=copied_below(*one.shape), max_directions=_DIRECTIONS)
    except StatisticsError as error:
        return (), _reason(error)
    if len(found) > len(names) // _SLIDES_PER_COPY:
        return (), f"{len(found)} pairs of {len(names)} slides are as near as copies: these fingerprints see too little to tell"
    return found, ""


@dataclass(frozen=True, eq=False)
class _Tiles:
    """Tiles with the slide and the patient of each."""

    features: NDArray[np.float64]
    pieces: list[str]
    patients: list[str]

    def means(self) -> tuple[list[str], NDArray[np.float64], list[str]]:
        names, means = mean_features(self.features, np.asarray(self.pieces))
        owner = dict(zip(self.pieces, self.patients, strict=True))
        return names.tolist(), means, [owner[name] for name in names.tolist()]


def _slides(side: Side, sides: Sides) -> _Tiles:
    pieces = [sides.slide_of[str(piece)] for piece in np.asarray(side.pieces)]
    return _Tiles(np.asarray(side.features, np.float64), pieces, [str(patient) for patient in np.asarray(side.patients)])


def _renamed(tiles: _Tiles, taken: set[str]) -> _Tiles:
    return _Tiles(tiles.features, [f"{name} (second set)" if name in taken else name for name in tiles.pieces], tiles.patients)


def _joined(first: _Tiles, second: _Tiles) -> _Tiles:
    features = np.concatenate([first.features, second.features])
    return _Tiles(features, first.pieces + second.pieces, first.patients + second.patients)


def _half_means(left: _Tiles, right: _Tiles) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """Slides with tissue in both halves, and the mean fingerprint of each half, (n_slides, n_features)."""
    means = [dict(zip(*tiles.means()[:2], strict=True)) for tiles in (left, right)]
    shared = sorted(means[0].keys() & means[1].keys())
    one, other = (np.array([mean[name] for name in shared], np.float64) for mean in means)
    return shared, one, other


def _half_distances(left: _Tiles, right: _Tiles, normalise: bool) -> NDArray[np.float64]:
    """Distances between both halves of each slide."""
    shared, one, other = _half_means(left, right)
    if not shared:
        return np.empty(0)
    if normalise:
        one, other = unit_length(one), unit_length(other)
    return np.asarray(np.linalg.norm(one - other, axis=1))
