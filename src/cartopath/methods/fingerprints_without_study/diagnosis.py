"""Fingerprints held against labels: duplicates, one patient under two names, two under one, swapped slides (F48)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.fingerprints_without_study.matching import Sides
from cartopath.stats.look_alikes import LookAlikes, same_patient_pairs, suspicious_pairs
from cartopath.stats.matching import Side, mean_features, unit_length

FEWEST_PAIRS = 3
PAIRS, HALVES = "pairs of one patient", "halves of slides"
WORDS = {
    "duplicate": "look like one slide",
    "one_patient": "look like one patient, are labelled as two",
    "two_patients": "look like two patients, are labelled as one",
}


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What fingerprints say about labels.

    Attributes:
        found: Suspicious pairs.
        n_slides: How many slides or cores were compared.
        border_from: What taught how near one patient's tissue lies: `PAIRS` or `HALVES`.
    """

    found: LookAlikes
    n_slides: int
    border_from: str

    def table(self) -> pd.DataFrame:
        """Return one row per suspicious pair, strongest first."""
        columns = ["kind", "first", "second", "same_patient", "distance", "strength", "misplaced"]
        rows = [
            (
                pair.kind,
                pair.first,
                pair.second,
                pair.same_patient,
                pair.distance,
                pair.strength,
                " ".join(name for name in (pair.first, pair.second) if name in self.found.misplaced),
            )
            for pair in self.found.pairs
        ]
        return pd.DataFrame(rows, columns=columns)


def diagnose(sides: Sides, *, normalise: bool = True) -> Diagnosis:
    """Compare all slides, or all cores of arrays, with each other.

    Where fewer than three pairs are labelled as one patient, the halves of each slide say how near tissue of one patient lies.
    Halves share stain and scanner, as slides of one lab do: with weak fingerprints slides of one organ and lab can be as near.

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
    else:
        both = _joined(left, _renamed(right, set(left.pieces)))
        known = np.empty(0)
    names, means, owners = both.means()
    enough = len(same_patient_pairs(owners)) >= FEWEST_PAIRS or len(known) < FEWEST_PAIRS
    found = suspicious_pairs(means, names, owners, normalise=normalise, same_patient_distances=None if enough else known)
    return Diagnosis(found, len(names), PAIRS if enough else HALVES)


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


def _half_distances(left: _Tiles, right: _Tiles, normalise: bool) -> NDArray[np.float64]:
    """Distances between both halves of each slide."""
    means = [dict(zip(*tiles.means()[:2], strict=True)) for tiles in (left, right)]
    shared = sorted(means[0].keys() & means[1].keys())
    if not shared:
        return np.empty(0)
    one, other = (np.stack([mean[name] for name in shared]) for mean in means)
    if normalise:
        one, other = unit_length(one), unit_length(other)
    return np.asarray(np.linalg.norm(one - other, axis=1))
