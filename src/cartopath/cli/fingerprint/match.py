"""`cartopath fingerprint match`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cartopath.cli.console import OK, SOME_FAILED, console, guarded, print_line, print_table
from cartopath.core.cores import usable_cores
from cartopath.methods.fingerprints_without_study.diagnosis import (
    CONTRADICTED,
    COPIED,
    DUPLICATE,
    HALVES,
    WORDS,
    Diagnosis,
    diagnose,
)
from cartopath.methods.fingerprints_without_study.encoders import open_encoder
from cartopath.methods.fingerprints_without_study.found import Gathering
from cartopath.methods.fingerprints_without_study.gathering import gather
from cartopath.methods.fingerprints_without_study.matching import (
    Fingerprinting,
    Sides,
    comparable,
    feature_sides,
    fingerprint_sides,
    match_table,
    play,
)
from cartopath.stats.matching import Matching, MatchingGame
from cartopath.store.artifacts import write_csv

FEATURES = "features"
_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """Options of the command that do not say what the inputs are."""

    diagnose: bool
    whole: bool
    raw: bool
    standardise: bool
    size_px: int
    mpp: float
    overlap: float
    min_tissue: float
    seed: int
    device: str
    threads: int | None


def match_command(
    model: str, left: Path, right: Path | None, out: Path | None, how: MatchOptions, gathering: dict[str, Any]
) -> int:
    """Play the game, print what came of it, and return the exit code."""

    def action() -> int:
        sides = comparable(_sides(model, left, right, how, gathering), normalise=not how.raw, standardise=how.standardise)
        game = play(sides, seed=how.seed)
        _print_game(game, sides)
        tables = {"matches.csv": match_table(sides, game.core), "patients.csv": match_table(sides, game.patient)}
        _print_wrong(tables["matches.csv"], game.core)
        if how.diagnose:
            diagnosis = diagnose(sides, normalise=not (how.raw or how.standardise))
            _print_diagnosis(diagnosis)
            tables["suspicious.csv"] = diagnosis.table()
        if model == FEATURES:
            rows = [("slide", name, reason) for name, reason in sides.left_out]
            tables["left_out.csv"] = pd.DataFrame(rows, columns=["what", "name", "reason"])
        if out is not None:
            for name, table in tables.items():
                write_csv(table, out / name)
            console.print(f"tables: {out}  ({', '.join(tables)})", markup=False)
        return _left_out(sides)

    return guarded(action)


def _sides(model: str, left: Path, right: Path | None, how: MatchOptions, gathering: dict[str, Any]) -> Sides:
    if model == FEATURES:
        sides = feature_sides(left, right, table=gathering["table"])
        for note in sides.notes:
            print_line("note", "yellow", note)
        n_slides = len(set(sides.slide_of.values()))
        if gathering["table"] is None and 1 < n_slides == len(set(np.asarray(sides.left.patients).tolist())):
            print_line(
                "note", "yellow", f"each of the {n_slides} files counts as a patient of its own; --table says whose they are"
            )
        return sides
    threads = how.threads or usable_cores()
    encoder = open_encoder(model, size_px=how.size_px, mpp=how.mpp, device=how.device, threads=threads, seed=how.seed)
    pieces = [gather([given], Gathering(**gathering)) for given in (left, right) if given is not None]
    for note in dict.fromkeys(note for found in pieces for note in found.notes):
        print_line("note", "yellow", note)
    patients = {piece.patient_id for found in pieces for piece in found.pieces}
    if seen := patients & encoder.learned_from:
        print_line(
            "note", "yellow", f"the network was trained on {len(seen)} of these {len(patients)} patients: this is no test of it"
        )
    fingerprinting = Fingerprinting(overlap=how.overlap, min_tissue=how.min_tissue, threads=threads, whole=how.whole)
    return fingerprint_sides(encoder, pieces[0], pieces[1] if right is not None else None, fingerprinting)


def _left_out(sides: Sides) -> int:
    """Name the files that could not be used, and return the exit code."""
    for reason in sides.unreadable[:_SHOWN]:
        print_line("failed", "yellow", f"left out: {reason}")
    if len(sides.unreadable) > _SHOWN:
        console.print(f"... and {len(sides.unreadable) - _SHOWN} more files (left_out.csv, which -o writes)")
    return SOME_FAILED if sides.unreadable else OK


def _print_game(game: MatchingGame, sides: Sides) -> None:
    console.print(sides.what, markup=False)
    if sides.by_patient:
        print_line("note", "yellow", "no piece is in both sets: only patients are matched")
    else:
        _print_accuracy("cores", game.core)
    _print_accuracy("patients", game.patient)


def _print_accuracy(what: str, matching: Matching) -> None:
    right, n = int(matching.is_right.sum()), len(matching.queries)
    alone = f"; {matching.n_unmatched} without a counterpart left out" if matching.n_unmatched else ""
    console.print(
        f"{what + ':':10}{right} of {n} matched: accuracy {matching.accuracy}; among the nearest five {matching.top(5):.2f}; "
        f"chance {matching.chance:.4f}{alone}",
        markup=False,
    )


def _print_wrong(table: pd.DataFrame, matching: Matching) -> None:
    wrong = table[~table["is_right"]]
    if len(wrong):
        rows = [
            (row.query, row.matched_to, row.matched_patient_id, f"{row.rank_of_right} of {len(matching.references)}")
            for row in wrong.head(_SHOWN).itertuples(index=False)
        ]
        more = f" (the first {_SHOWN} of {len(wrong)})" if len(wrong) > _SHOWN else ""
        print_table(("query", "nearest", "its patient", "right one is"), rows, title=f"matched wrongly{more}")


def _print_diagnosis(diagnosis: Diagnosis) -> None:
    found = diagnosis.found
    console.print(f"diagnosis of {diagnosis.n_slides} slides or cores", markup=False)
    if found.border is None:
        print_line("note", "yellow", f"fingerprints cannot tell patients apart: {found.reason}")
        console.print(f"one slide below {found.duplicate_below:.3f}, from how near each one's nearest neighbour is", markup=False)
    else:
        console.print(
            f"one patient below {found.border:.3f}, one slide below {found.duplicate_below:.3f} (learned from "
            f"{diagnosis.border_from}; {found.n_same} pairs labelled as one patient, {found.n_other} as two)",
            markup=False,
        )
    pairs = diagnosis.pairs
    if found.border is not None and diagnosis.border_from == HALVES:
        pairs = tuple(pair for pair in diagnosis.pairs if pair.kind in (DUPLICATE, COPIED, CONTRADICTED))
        near = len(diagnosis.pairs) - len(pairs)
        print_line(
            "note",
            "yellow",
            f"without pairs of one patient the border is a guess: slides of one organ and lab can be as near. {near} nearer "
            "pairs accuse nobody; they are in the table that -o writes",
        )
    if diagnosis.copies_reason:
        print_line("note", "yellow", f"copies are not told by the halves of slides: {diagnosis.copies_reason}")
    if diagnosis.doubted_reason and found.n_same:
        print_line("note", "yellow", f"swaps are not told by what slides of a patient share: {diagnosis.doubted_reason}")
    for pair in pairs[:_SHOWN]:
        copied = diagnosis.copy_distances.get((pair.first, pair.second))
        beside = "" if copied is None else f"; {copied:.2f} of what chance makes of slides that are alike"
        print_line("look", "yellow", f"{pair.first} and {pair.second} {WORDS[pair.kind]} (distance {pair.distance:.3f}{beside})")
    if len(pairs) > _SHOWN:
        console.print(f"... and {len(pairs) - _SHOWN} more pairs")
    for name in found.misplaced:
        print_line("swapped", "red", f"{name} lies with another patient and far from all of its own")
    if not pairs and not found.misplaced:
        told = found.border is not None or not (diagnosis.copies_reason or diagnosis.doubted_reason)
        console.print(
            "no pair contradicts its labels" if told else "nothing is named, which is no all-clear: see the notes above"
        )
    else:
        console.print("reasons to look, no verdicts: of two slides of a patient that disagree, either may be the wrong one")
