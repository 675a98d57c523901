"""The matching game outside a study: halves of one set, or two sections or sites, by any encoder (F47, F48)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from cartopath.cohort.findings import counted, examples
from cartopath.core.errors import ConfigError, StatisticsError
from cartopath.core.rng import stream
from cartopath.methods.fingerprints_without_study import feature_files
from cartopath.methods.fingerprints_without_study.encoders import Encoder
from cartopath.methods.fingerprints_without_study.found import Gathered
from cartopath.stats.matching import Matching, MatchingGame, Side, matching_game, standardised, unit_length
from cartopath.training.fingerprint import half_fingerprints


@dataclass(frozen=True, eq=False, kw_only=True)
class Sides:
    """What plays, and what else is known of it.

    Attributes:
        left: Queries.
        right: What they are matched to.
        slide_of: The slide or core of each piece, on both sides.
        is_one_set: Whether both sides are halves of the same pieces.
        by_patient: Whether no piece is on both sides, so that patients are matched.
        what: What is matched to what, in words.
        left_out: Feature files that take no part: slide and reason.
        unreadable: Of these reasons, those of files that cannot be used.
        notes: What else a reader should know, as sentences.
    """

    left: Side
    right: Side
    slide_of: dict[str, str]
    is_one_set: bool
    by_patient: bool
    what: str
    left_out: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fingerprinting:
    """How pieces are fingerprinted.

    Attributes:
        overlap: Of neighbouring tiles.
        min_tissue: Share of a tile that must be tissue.
        batch_size: Tiles at once.
        threads: That decode.
        whole: Match whole pieces, not the left half of one to the right half of the other; for two sets only.
    """

    overlap: float = 0.8
    min_tissue: float = 0.5
    batch_size: int = 64
    threads: int = 1
    whole: bool = False


def fingerprint_sides(encoder: Encoder, left: Gathered, right: Gathered | None, how: Fingerprinting) -> Sides:
    """Return the fingerprints of both sides.

    Args:
        encoder: Gives them.
        left: Pieces whose left halves are matched.
        right: Pieces of another section or site; without them the right halves of the same pieces are the other side.
        how: Density of tiles.

    Raises:
        ConfigError: Whole pieces of one set would be matched to themselves.
        TrainingError: A half is smaller than a tile.
        SlideError: A slide cannot be read.
    """
    if right is None and how.whole:
        raise ConfigError("--whole matches the pieces of two sets; of one set, halves are matched")
    other = left if right is None else right
    query = _fingerprints(encoder, left, how, "left")
    reference = _fingerprints(encoder, other, how, "right")
    slide_of = {**other.slide_of, **left.slide_of}
    halves = "whole pieces" if how.whole else "left halves of the first set to right halves of the second"
    what = "left halves to right halves" if right is None else halves
    return _sides(query, reference, slide_of, is_one_set=right is None, what=what)


def _fingerprints(encoder: Encoder, pieces: Gathered, how: Fingerprinting, half: str) -> Side:
    halves = ("left", "right") if how.whole else (half,)
    sides = [
        half_fingerprints(
            encoder.encode,
            pieces.pieces,
            encoder.spec,
            half=side,  # type: ignore[arg-type]
            style="only",
            overlap=how.overlap,
            min_tissue=how.min_tissue,
            batch_size=how.batch_size,
            threads=how.threads,
        )
        for side in halves
    ]
    return feature_files.joined(sides)


def feature_sides(left: Path, right: Path | None, *, table: Path | None = None) -> Sides:
    """Return both sides from feature files: halves of slides by where their tiles lie, or whole slides of two folders.

    Args:
        left: Folder of feature files.
        right: Another one; None: halves are matched.
        table: Slide table that says patients.

    Raises:
        ArtifactError: A side has no file that can be used, files are of different encoders, or no slide has two halves.
        TableError: The table cannot be read.
    """
    found = feature_files.read_feature_folders(left, right, table=table)
    if found.right is None:
        query, reference = feature_files.halves(found.left)
        what = "left halves of slides to right halves"
    else:
        query, reference = feature_files.whole(found.left), feature_files.whole(found.right)
        what = "slides of the first folder to slides of the second"
    names = {str(name): str(name) for side in (query, reference) for name in np.asarray(side.pieces)}
    half = [slide.slide_id for slide in found.left if slide.slide_id not in names]
    note = (f"{counted(len(half), 'slide')} without tiles in both halves left out {examples(half)}",) if half else ()
    return replace(
        _sides(query, reference, names, is_one_set=right is None, what=what),
        left_out=(*found.unreadable, *((name, "no tiles in both halves") for name in half)),
        unreadable=tuple(reason for _, reason in found.unreadable),
        notes=(*found.notes, *note),
    )


def _sides(query: Side, reference: Side, slide_of: dict[str, str], *, is_one_set: bool, what: str) -> Sides:
    shared = set(map(str, np.asarray(query.pieces))) & set(map(str, np.asarray(reference.pieces)))
    by_patient = not shared and bool(set(map(str, np.asarray(query.patients))) & set(map(str, np.asarray(reference.patients))))
    return Sides(left=query, right=reference, slide_of=slide_of, is_one_set=is_one_set, by_patient=by_patient, what=what)


def comparable(sides: Sides, *, normalise: bool = True, standardise: bool = False) -> Sides:
    """Return both sides as they are compared: tiles scaled to length 1, and what all tiles of a side share taken away.

    Args:
        sides: As they were fingerprinted.
        normalise: Scale every tile's fingerprint to length 1 [A24].
        standardise: Then give each side mean 0 and standard deviation 1: a stain or scanner that one side has and the other has
            not is gone. Both sides must be a similar mixture of tissue.
    """
    if standardise:
        left, right = (standardised(side, normalise=normalise) for side in (sides.left, sides.right))
    elif normalise:
        left, right = (
            replace(side, features=unit_length(np.asarray(side.features, np.float64))) for side in (sides.left, sides.right)
        )
    else:
        return sides
    return replace(sides, left=left, right=right)


def play(sides: Sides, *, seed: int = 0, n_resamples: int = 2000) -> MatchingGame:
    """Play the game with what `comparable` gave; where no piece is on both sides, patients take the place of pieces.

    Raises:
        StatisticsError: Neither pieces nor patients are on both sides, or a piece has two patients.
    """
    left, right = sides.left, sides.right
    if sides.by_patient:
        left, right = (replace(side, pieces=side.patients) for side in (left, right))
    shared = set(map(str, np.asarray(left.pieces))) & set(map(str, np.asarray(right.pieces)))
    if not shared:
        raise StatisticsError(
            "neither a piece nor a patient is in both sets; call cores or files alike in both, or give tables with patient_id"
        )
    return matching_game(left, right, normalise=False, n_resamples=n_resamples, rng=stream(seed, "fingerprint matching"))


def match_table(sides: Sides, matching: Matching) -> pd.DataFrame:
    """Return who was matched with whom: one row per query, those that were right first, then by distance."""
    patient_of = {
        str(piece): str(patient)
        for side in (sides.left, sides.right)
        for piece, patient in zip(np.asarray(side.pieces), np.asarray(side.patients), strict=True)
    }
    own = matching.distances[np.arange(len(matching.queries)), np.searchsorted(matching.references, matching.queries)]
    nearest = matching.nearest.tolist()
    return pd.DataFrame(
        {
            "query": matching.queries.tolist(),
            "patient_id": matching.query_patients.tolist(),
            "matched_to": nearest,
            "matched_patient_id": [patient_of.get(name, name) for name in nearest],
            "is_right": matching.is_right.tolist(),
            "rank_of_right": matching.rank.tolist(),
            "distance": matching.distances.min(axis=1).tolist(),
            "distance_to_right": own.tolist(),
        }
    )
