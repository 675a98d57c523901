"""The matching game on the slides of a study, and slides whose fingerprints contradict their labels (F47, F48)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cartopath.core.rng import stream
from cartopath.maps.slide_pairs import render_slide_pairs
from cartopath.methods.encoding.embedding import SlideEmbedding, embedded
from cartopath.methods.encoding.places import task_name
from cartopath.methods.encoding.pretraining import encoder_card
from cartopath.methods.encoding.settings import encoder_indices
from cartopath.methods.fingerprints.looking.look_alikes import contradictions, slide_pair
from cartopath.methods.fingerprints.looking.slide_means import SlideMeans, side_of, slide_means
from cartopath.methods.fingerprints.looking.tables import MATCHING_COLUMNS
from cartopath.stats.matching import Matching, Side, matching_game
from cartopath.store.artifacts import write_csv
from cartopath.store.atomic import write_bytes
from cartopath.study.run import Study
from cartopath.study.stages.divide import master_sets, read_splits
from cartopath.study.tasks import Result, Task, task_key

VERSION = 2
STAGE = "matching"
TOP = 5
MOST_PAIRS_DRAWN = 4
_NAMES = ("matching", "look_alikes", "look_alike_borders")


def plan_matching(study: Study) -> list[Task]:
    """Return the task that plays the game with every encoder and holds the first encoder's fingerprints against the labels."""
    there = embedded(study)
    tables = {name: study.layout.table(name) for name in _NAMES}
    picture = study.layout.root / "maps" / "matching" / "look_alikes.png"
    if not there:
        for path in (*tables.values(), picture):  # Of an encoder that the study no longer has.
            path.unlink(missing_ok=True)
        return []
    splits = read_splits(study)
    seen = {}
    for index in encoder_indices(study.config):
        card = encoder_card(study, index)
        if card is not None:
            seen[index] = {patient for patient in card.patients if patient}
    key = task_key(
        STAGE,
        VERSION,
        embeddings=[[index, slide, one.record.patient_id, one.key] for (index, slide), one in there.items()],
        seen={str(index): sorted(patients) for index, patients in seen.items()},
        sets=master_sets(splits).to_dict(),
        seed=study.config.seed,
    )
    arguments = {
        "embeddings": list(there.values()),
        "seen": seen,
        "sets": master_sets(splits).to_dict(),
        "assume_mpp": study.config.slides.assume_mpp,
        "seed": study.config.seed,
        "tables": tables,
        "picture": picture,
    }
    return [Task(STAGE, "all", key, match_slides, arguments, tuple(tables.values()))]


def match_slides(
    *,
    embeddings: list[SlideEmbedding],
    seen: dict[int, set[str]],
    sets: dict[str, str],
    assume_mpp: float | None,
    seed: int,
    tables: dict[str, Path],
    picture: Path,
) -> Result:
    """Write the tables of the games and of look-alikes, and a picture of the strongest pairs where there are any.

    Raises:
        ArtifactError: An embedding is damaged.
        SlideError: A slide of a pair cannot be read.
    """
    games: list[dict[str, Any]] = []
    means: dict[int, list[SlideMeans]] = {}
    for index, patients in seen.items():
        means[index] = [slide_means(one) for one in embeddings if one.index == index]
        games += played(task_name(index), means[index], patients, seed=seed)
    write_csv(pd.DataFrame(games, columns=MATCHING_COLUMNS), tables["matching"])
    first = min(means)
    pairs, border = contradictions(task_name(first), means[first], sets)
    write_csv(pairs, tables["look_alikes"])
    write_csv(border, tables["look_alike_borders"])
    picture.unlink(missing_ok=True)
    by_slide = {one.record.slide_id: one for one in embeddings if one.index == first}
    drawn = pairs[pairs["second"] != ""].head(MOST_PAIRS_DRAWN).to_dict("records")
    if drawn:
        shown = [slide_pair(row, by_slide, assume_mpp) for row in drawn]
        write_bytes(picture, render_slide_pairs(shown, title="Slides that contradict their labels"))
    return {"games": len(games), "look_alikes": len(pairs)}


def played(encoder: str, slides: Sequence[SlideMeans], seen: set[str], *, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of `matching.csv` of one encoder.

    Args:
        encoder: Its name.
        slides: Mean fingerprints.
        seen: Patients in its training, if they are of this study.
        seed: Seed of the study.
    """
    is_seen = [slide.patient_id in seen for slide in slides]
    names = ("held_out", "trained") if any(is_seen) else ("all",)
    for name in names:
        own = [slide for slide, known in zip(slides, is_seen, strict=True) if name == "all" or known == (name == "trained")]
        for game, query, reference, units in _games(own):
            common = {"encoder": encoder, "game": game, "set": name}
            rng = stream(seed, "matching", encoder, game, name)
            yield from _rows(common, query, reference, units, rng)


def _games(
    slides: Sequence[SlideMeans],
) -> Iterator[tuple[str, Side | None, Side | None, tuple[str, ...]]]:
    """Yield the name of a game, both sides, and whose results count; sides are None where nobody can play."""
    halved = [slide for slide in slides if slide.left is not None and slide.right is not None]
    left, right = (
        side_of([(slide.slide_id, slide.patient_id, getattr(slide, half)) for slide in halved]) for half in ("left", "right")
    )
    yield "halves", left, right, ("slide", "patient")
    by_patient: dict[str, list[SlideMeans]] = {}
    for slide in sorted(slides, key=lambda one: one.slide_id):
        by_patient.setdefault(slide.patient_id, []).append(slide)
    if any(len(own) > 1 for own in by_patient.values()):
        query = side_of([(patient, patient, own[0].whole) for patient, own in by_patient.items() if len(own) > 1])
        reference = side_of([(patient, patient, own[-1].whole) for patient, own in by_patient.items()])
        yield "slides", query, reference, ("patient",)


def _rows(
    common: dict[str, Any], query: Side | None, reference: Side | None, units: tuple[str, ...], rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    if query is None or reference is None or len(set(np.asarray(reference.pieces).tolist())) < 2:
        reason = "fewer than two slides have tissue in both halves" if common["game"] == "halves" else "there is one patient"
        for unit in units:
            yield {**common, "unit": unit, "reason": reason}
        return
    # Tiles were scaled to length 1 before they were averaged, as the game itself would do it.
    game = matching_game(query, reference, normalise=False, rng=rng)
    for unit in units:
        yield {**common, **_fields(unit, game.core if unit == "slide" else game.patient)}


def _fields(unit: str, matching: Matching) -> dict[str, Any]:
    accuracy = matching.accuracy
    return {
        "unit": unit,
        "n": accuracy.n,
        "n_patients": accuracy.n_groups,
        "n_references": len(matching.references),
        "accuracy": accuracy.value,
        "low": accuracy.low,
        "high": accuracy.high,
        "chance": matching.chance,
        "top5": matching.top(TOP),
        "reason": accuracy.reason,
    }
