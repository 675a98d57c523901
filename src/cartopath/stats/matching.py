"""The matching game: which half or section of a tissue belongs to which other one, by their fingerprints (Rawat et al. 2020).

Every piece of tissue is seen twice: as a left and a right half, in two sections, or from two sites. The mean fingerprints of one
side are matched to the nearest of the other side in Euclidean distance [A23], after scaling to length 1 unless told otherwise
[A24]. A tie is a miss. Any encoder can play: nothing here knows where the vectors come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.estimate import Estimate
from cartopath.stats.inputs import Names, names_of, same_length

_CONFIDENCE = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Side:
    """One side of the game: fingerprints of tiles, each with the piece and the patient that it shows.

    Attributes:
        features: (n_tiles, n_features) numbers; one row per tile, or one per piece where they are averaged already.
        pieces: (n_tiles,) names of pieces, the same on both sides for the same tissue.
        patients: (n_tiles,) names of patients. The pieces of a patient are pooled for the patient accuracy [A25].
    """

    features: ArrayLike
    pieces: Names
    patients: Names


@dataclass(frozen=True, eq=False)
class Matching:
    """Matches of one kind of unit, pieces or patients.

    Attributes:
        accuracy: Share of queries whose nearest reference is their own; the interval resamples patients.
        chance: What guessing would give.
        queries: (n_queries,) names of what was matched.
        references: (n_references,) names of what it could be matched to.
        distances: (n_queries, n_references) Euclidean distances.
        rank: (n_queries,) place of the right reference, 1 for the nearest, among equals the last.
        query_patients: (n_queries,) patient of each query.
        n_unmatched: Units that are on the query's side only; they do not take part.
    """

    accuracy: Estimate
    chance: float
    queries: NDArray[np.str_]
    references: NDArray[np.str_]
    distances: NDArray[np.float64]
    rank: NDArray[np.int64]
    query_patients: NDArray[np.str_]
    n_unmatched: int

    @property
    def nearest(self) -> NDArray[np.str_]:
        """(n_queries,) the nearest reference of each query."""
        names: NDArray[np.str_] = self.references[np.argmin(self.distances, axis=1)]
        return names

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """(n_queries,) whether the nearest reference is the query's own and no other is as near."""
        return np.asarray(self.rank == 1)

    def top(self, k: int) -> float:
        """Return the share of queries whose own reference is among the `k` nearest."""
        return float((self.rank <= k).mean())

    def confusion(self) -> NDArray[np.int64]:
        """Return how often each query was matched to each reference, (n_queries, n_references), rows sum to 1."""
        counts = np.zeros(self.distances.shape, np.int64)
        counts[np.arange(len(self.queries)), np.argmin(self.distances, axis=1)] = 1
        return counts


@dataclass(frozen=True, eq=False)
class MatchingGame:
    """Both results of a game.

    Attributes:
        core: Of pieces: a piece must find itself.
        patient: Of patients: the mean of all pieces of a patient must find the mean of the same patient's pieces [A25].
    """

    core: Matching
    patient: Matching

    def __str__(self) -> str:
        """Return both accuracies beside chance, as a report prints them."""
        core, patient = self.core, self.patient
        return f"core {core.accuracy}, chance {core.chance:.4f}; patient {patient.accuracy}, chance {patient.chance:.4f}"


def matching_game(
    query: Side, reference: Side, *, normalise: bool = True, n_resamples: int = 2000, rng: np.random.Generator
) -> MatchingGame:
    """Match every piece of one side to the nearest of the other, and every patient likewise (F47, F48).

    Args:
        query: What is matched, such as left halves in one stain.
        reference: What it is matched to, such as right halves in another. Pieces that are only here are wrong answers.
        normalise: Scale every tile's fingerprint to length 1 first, as the loss of style invariance does [A24].
        n_resamples: Bootstrap samples of patients.
        rng: Where chance comes from.

    Raises:
        StatisticsError: A side is empty or misshapen, a piece has two patients, or no piece is on both sides.

    >>> side = Side([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], ["a1", "b1", "b2"], ["a", "b", "b"])
    >>> game = matching_game(side, side, rng=np.random.default_rng(0))
    >>> game.core.accuracy.value, round(game.core.chance, 3), game.patient.accuracy.value, game.patient.chance
    (1.0, 0.333, 1.0, 0.5)
    """
    left, right = _Checked(query, normalise, "query"), _Checked(reference, normalise, "reference")
    owner = _owners(left, right)
    core = _match(left.means(left.pieces), right.means(right.pieces), owner, n_resamples, rng)
    own = {patient: patient for patient in owner.values()}
    pooled = [side.means_of_means() for side in (left, right)]
    return MatchingGame(core, _match(pooled[0], pooled[1], own, n_resamples, rng))


def matching_gain(better: Matching, worse: Matching, *, n_resamples: int = 2000, rng: np.random.Generator) -> Estimate:
    """Return how much more of the same queries one encoder matched than another, with an interval over patients.

    Args:
        better: The game of the first encoder.
        worse: The game of the second, with the same queries.
        n_resamples: Bootstrap samples of patients.
        rng: Where chance comes from.

    Raises:
        StatisticsError: The games have other queries.

    >>> side = Side([[1.0, 0.0], [0.0, 1.0]], ["a", "b"], ["a", "b"])
    >>> swapped = Side([[0.0, 1.0], [1.0, 0.0]], ["a", "b"], ["a", "b"])
    >>> right, wrong = (matching_game(side, s, rng=np.random.default_rng(0)).core for s in (side, swapped))
    >>> print(matching_gain(right, wrong, rng=np.random.default_rng(0)))
    1.00 (95% CI 1.00-1.00, n=2)
    """
    if not np.array_equal(better.queries, worse.queries):
        raise StatisticsError("matching_gain: the two games have other queries; play both on the same pieces")
    gain = better.is_right.astype(np.float64) - worse.is_right
    return mean_by_patient(gain, better.query_patients, n_resamples=n_resamples, rng=rng)


def standardised(side: Side, *, normalise: bool = True) -> Side:
    """Return a side whose features have mean 0 and standard deviation 1 over its own tiles, pieces counting alike.

    What a stain or a scanner does to all tiles of a section alike is gone then. No label is looked at, only which side a tile is
    on; the pieces of the two sides must be a similar mixture of tissue. Play the game with `normalise=False` afterwards.

    Args:
        side: What to standardise.
        normalise: Scale every tile's fingerprint to length 1 first, as the game does [A24].

    >>> stained = Side([[1.0, 5.0], [3.0, 5.0]], ["a", "b"], ["a", "b"])
    >>> np.asarray(standardised(stained, normalise=False).features).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    checked = _Checked(side, normalise, "side")
    mean = checked.means(checked.pieces)[1].mean(axis=0)
    centred = checked.features - mean
    deviation = np.sqrt(mean_features(np.square(centred), checked.pieces)[1].mean(axis=0))
    scaled = centred / np.where(deviation > 1e-9 * max(float(deviation.max()), 1e-300), deviation, 1.0)
    return Side(scaled, checked.pieces, checked.patients)


class _Checked:
    """A side whose arrays fit together, with its tiles scaled."""

    def __init__(self, side: Side, normalise: bool, what: str) -> None:
        features = np.asarray(side.features, dtype=np.float64)
        if features.ndim != 2 or features.size == 0:
            raise StatisticsError(f"matching_game: the {what} features must be (n_tiles, n_features). Got {features.shape}.")
        if not np.isfinite(features).all():
            raise StatisticsError(f"matching_game: the {what} features hold values that are not finite; leave those tiles out")
        self.pieces = names_of(side.pieces, f"matching_game: {what} pieces")
        self.patients = names_of(side.patients, f"matching_game: {what} patients")
        same_length(features=features, pieces=self.pieces, patients=self.patients)
        self.features = unit_length(features) if normalise else features

    def means(self, names: NDArray[np.str_]) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
        """Names, and the mean fingerprint of each."""
        return mean_features(self.features, names)

    def means_of_means(self) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
        """Patients, and for each the mean over its pieces, which count alike whatever their numbers of tiles."""
        pieces, features = self.means(self.pieces)
        patient_of = dict(zip(self.pieces.tolist(), self.patients.tolist(), strict=True))
        return mean_features(features, np.asarray([patient_of[piece] for piece in pieces.tolist()], dtype=np.str_))


def unit_length(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return vectors scaled to length 1, float64; vectors of zeros stay as they are.

    >>> unit_length(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    wide = np.asarray(features, dtype=np.float64)
    length = np.linalg.norm(wide, axis=-1, keepdims=True)
    scaled: NDArray[np.float64] = wide / np.where(length > 0, length, 1.0)
    return scaled


def mean_features(features: NDArray[np.floating], names: NDArray[np.str_]) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Return the distinct names, sorted, and the mean of the rows of each, float64 (n_names, n_features).

    >>> names, means = mean_features(np.array([[0.0], [2.0], [5.0]]), np.array(["b", "b", "a"]))
    >>> names.tolist(), means.tolist()
    (['a', 'b'], [[5.0], [1.0]])
    """
    unique, place = np.unique(names, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(unique)))
    sums = np.add.reduceat(np.asarray(features, dtype=np.float64)[order], starts, axis=0)
    return unique, sums / np.bincount(place)[:, None]


def _owners(*sides: _Checked) -> dict[str, str]:
    """The patient of every piece."""
    owner: dict[str, str] = {}
    for side in sides:
        for piece, patient in zip(side.pieces.tolist(), side.patients.tolist(), strict=True):
            if owner.setdefault(piece, patient) != patient:
                raise StatisticsError(
                    f"matching_game: piece {piece!r} belongs to the patients {owner[piece]!r} and {patient!r}; it can have one"
                )
    return owner


def _match(
    query: tuple[NDArray[np.str_], NDArray[np.float64]],
    reference: tuple[NDArray[np.str_], NDArray[np.float64]],
    owner: dict[str, str],
    n_resamples: int,
    rng: np.random.Generator,
) -> Matching:
    takes_part = np.isin(query[0], reference[0])
    names, vectors = query[0][takes_part], query[1][takes_part]
    if not len(names):
        raise StatisticsError("matching_game: none of the query's pieces is among the references; name both sides alike")
    if vectors.shape[1] != reference[1].shape[1]:
        raise StatisticsError(
            f"matching_game: the query has {vectors.shape[1]} features, the reference {reference[1].shape[1]}; use one encoder"
        )
    distances = euclidean(vectors, reference[1])
    own = distances[np.arange(len(names)), np.searchsorted(reference[0], names)]
    rank = (distances <= own[:, None]).sum(axis=1)  # Its own distance counts as one; a tie comes before it.
    patients = np.asarray([owner[name] for name in names.tolist()], dtype=np.str_)
    accuracy = mean_by_patient(rank == 1, patients, n_resamples=n_resamples, rng=rng)
    return Matching(accuracy, 1.0 / len(reference[0]), names, reference[0], distances, rank, patients, int((~takes_part).sum()))


def euclidean(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the distances of all pairs, (n_left, n_right); exactly 0 for equal vectors, which a matrix product would not give.

    >>> euclidean(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[5.0, 0.0]]
    """
    from scipy.spatial.distance import cdist

    distances: NDArray[np.float64] = cdist(left, right)
    return distances


def mean_by_patient(values: ArrayLike, patients: Names, *, n_resamples: int = 2000, rng: np.random.Generator) -> Estimate:
    """Return the mean of values with a 95 % percentile interval that resamples whole patients.

    Args:
        values: (n,) numbers, such as 1 for what was matched and 0 for what was not, or differences of these between two encoders.
        patients: (n,) the patient each belongs to.
        n_resamples: Bootstrap samples of patients.
        rng: Where chance comes from.

    >>> print(mean_by_patient([1, 1, 0, 0], ["a", "a", "b", "c"], rng=np.random.default_rng(0)))
    0.50 (95% CI 0.00-1.00, n=4)
    """
    numbers = np.asarray(values, dtype=np.float64)
    unique, place = np.unique(np.asarray(patients), return_inverse=True)
    value, n = float(numbers.mean()), len(numbers)
    if len(unique) < 2 or n_resamples < 1:
        why = "all queries belong to one patient" if n_resamples > 0 else "no resamples asked for"
        return Estimate(value, None, None, n, why, len(unique))
    sums, counts = np.bincount(place, weights=numbers), np.bincount(place)
    drawn = rng.integers(len(unique), size=(n_resamples, len(unique)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), _CONFIDENCE)
    return Estimate(value, float(low), float(high), n, "", len(unique))
