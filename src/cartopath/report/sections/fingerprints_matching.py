"""The matching game, and slides whose fingerprints contradict their labels (Rawat et al. 2020, table 2; F47, F48)."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from cartopath.report.blocks import (
    Block,
    Cell,
    Figure,
    Grid,
    Paragraph,
    Picture,
    Section,
    Tone,
    missing,
    number_columns,
    text_columns,
)
from cartopath.report.figures.matching import Game, draw_matching
from cartopath.report.figures.style import SET_NAMES
from cartopath.report.numbers import count, counted, interval, is_known, number, percent
from cartopath.report.pictures import page_png
from cartopath.report.results import StudyResults

GAMES = {"halves": "left halves of slides to right halves", "slides": "slides of a patient to other slides"}
SETS = {"held_out": "patients unknown to the encoder", "trained": "patients of its pretraining", "all": "all patients"}
_SHORT_SETS = {"held_out": "unknown patients", "trained": "patients of pretraining", "all": "all patients"}
KINDS: dict[str, tuple[str, Tone]] = {
    "duplicate": ("look like one slide", "bad"),
    "copied": ("may show the same tissue twice, by their halves", "strong"),
    "one_patient": ("look like one patient, are labelled as two", "bad"),
    "two_patients": ("look like two patients, are labelled as one", "strong"),
    "contradicted": ("agree less than slides of one patient do in this cohort, are labelled as one", "strong"),
    "misplaced": ("near another patient's slide, far from all of its own patient", "bad"),
}
_MOST_PAIRS = 200
_LEAST_FOR_INTERVAL = 5
"""Resamples of fewer make any share look certain."""
_PICTURE_PX = 1200


def matching_section(results: StudyResults) -> Section | None:
    """Show how often tissue finds itself, and which slides contradict their labels; None for a study without fingerprints."""
    if not results.has("matching"):
        return None
    table = results.table("matching")
    title = "Matching game: whose tissue is it?"
    if table.problem:
        return Section("matching", title, (missing("Matching", table),))
    text = (
        "Half of a slide is matched to the half with the nearest mean fingerprint among the other halves of all slides. A good "
        "fingerprint finds the other half of the same slide, or of the same patient, far more often than chance. No "
        "label is needed."
    )
    return Section("matching", title, (Paragraph(text), *_games(table.rows), *_look_alikes(results)))


def _games(rows: pd.DataFrame) -> list[Block]:
    played = rows[rows["accuracy"].notna()]
    games = [_game(row, with_encoder=rows["encoder"].nunique() > 1) for row in played.to_dict("records")]
    blocks: list[Block] = []
    if games:
        described = "; ".join(
            f"{game.name}, {game.unit}s: {percent(game.value)}, chance {percent(game.chance)}" for game in games
        )
        picture = Picture(draw_matching(games), "image/svg+xml", f"Accuracy of matching games. {described}.")
        caption = "Share matched right, with 95 % intervals that resample patients, beside chance (black ticks)."
        blocks.append(Figure(picture, caption, "matching.csv"))
    columns = (
        *text_columns("Encoder", "Game", "Patients"),
        *number_columns("matched", "among", "right (95 % CI)", "among the 5 nearest", "chance"),
    )
    caption = (
        "Matching games. The right answer of a slide is its own other half; that of a patient is the mean of all halves of the "
        "patient."
    )
    return [*blocks, Grid(caption, columns, tuple(_game_cells(row) for row in rows.to_dict("records")), "matching.csv")]


def _game(row: dict[Any, Any], *, with_encoder: bool) -> Game:
    name = f"{row['game']}, {_SHORT_SETS.get(row['set'], row['set'])}"
    shown = f"{row['encoder']}: {name}" if with_encoder else name
    low, high = (row["low"], row["high"]) if row["n"] >= _LEAST_FOR_INTERVAL else (math.nan, math.nan)
    return Game(shown, str(row["unit"]), row["accuracy"], low, high, row["chance"], int(row["n"]))


def _game_cells(row: dict[Any, Any]) -> tuple[Cell, ...]:
    head = (
        Cell(str(row["encoder"])),
        Cell(GAMES.get(str(row["game"]), str(row["game"]))),
        Cell(SETS.get(str(row["set"]), str(row["set"]))),
    )
    n, among, value, low, high, top5, chance = (
        row[key] for key in ("n", "n_references", "accuracy", "low", "high", "top5", "chance")
    )
    if not is_known(value):
        return (*head, Cell("–"), Cell("–"), Cell("undefined", str(row["reason"]), tone="muted"), Cell("–"), Cell("–"))
    unit = f"{row['unit']}s"
    between = interval(100 * low, 100 * high, digits=0) if is_known(low) and is_known(high) else str(row["reason"])
    if n < _LEAST_FOR_INTERVAL:
        between = "too few for an interval"
    return (
        *head,
        Cell(count(n), unit),
        Cell(count(among)),
        Cell(percent(value), between),
        Cell(percent(top5)),
        Cell(percent(chance, digits=1)),
    )


def _look_alikes(results: StudyResults) -> list[Block]:
    borders = results.table("look_alike_borders")
    if borders.problem:
        return []
    blocks: list[Block] = []
    for row in borders.rows.to_dict("records"):
        who = f"{counted(row['n_slides'], 'slide')} compared ({row['encoder']})"
        if row["reason"]:
            blocks.append(
                Paragraph(
                    f"Look-alikes: {who}; fingerprints do not tell patients apart here: {row['reason']}. "
                    f"Pairs that are near enough to be one slide: {count(row['n_pairs'])}. {_copies(row)} {_doubted(row)}",
                    "missing",
                )
            )
            continue
        found = (
            f"pairs that contradict their labels: {count(row['n_pairs'])}; slides near another patient's and far from their own "
            f"patient's: {count(row['n_misplaced'])}"
            if row["n_pairs"] or row["n_misplaced"]
            else "nothing contradicts its label"
        )
        text = (
            f"Look-alikes: {who}: {found}. Slides nearer than {number(row['border'], digits=3)} look like one patient, learned "
            f"from {row['border_from']}. A pair is a reason to look, not a verdict: tissue of two patients can look alike. "
            f"{_copies(row)} {_doubted(row)}"
        )
        blocks.append(Paragraph(text))
    rows = results.table("look_alikes").rows
    if len(rows):
        blocks += [_pairs(rows), *_picture(results)]
    return blocks


def _copies(row: dict[Any, Any]) -> str:
    if row["copies_reason"]:
        return f"Copies are not told by the halves of slides: {row['copies_reason']}."
    return (
        f"Pairs that may show the same tissue twice, by their halves: {count(row['n_copied'])}. They are far nearer than chance, "
        "which the halves of all slides tell, makes of two slides that are alike; no label is looked at."
    )


def _doubted(row: dict[Any, Any]) -> str:
    if row["doubted_reason"]:
        return f"Swaps are not told by what slides of a patient have in common: {row['doubted_reason']}."
    return (
        f"Slides that agree less with all others of their patient than slides of one patient do in this cohort: "
        f"{count(row['n_doubted'])}. Of two slides that contradict each other both are doubted."
    )


def _pairs(rows: pd.DataFrame) -> Grid:
    shown = rows.head(_MOST_PAIRS)
    more = f" The first {_MOST_PAIRS} of {len(rows):,}." if len(rows) > _MOST_PAIRS else ""
    columns = (*text_columns("What", "Slide", "Slide"), *number_columns("distance", "of chance", "strength"))
    cells = tuple(
        (
            Cell(KINDS.get(row["kind"], (row["kind"], ""))[0], tone=KINDS.get(row["kind"], ("", ""))[1]),
            Cell(row["first"], _whose(row["first_patient"], row["first_set"])),
            Cell(row["second"] or "–", _whose(row["second_patient"], row["second_set"])),
            Cell(number(row["distance"], digits=3)),
            Cell(number(row["copy_distance"]) if is_known(row["copy_distance"]) else "–"),
            Cell(number(row["strength"])),
        )
        for row in shown.to_dict("records")
    )
    caption = (
        "Slides that contradict their labels, strongest first. Strength: how far beyond the border, 1 for the middle of what "
        "they look like. Of chance: the distance of copies as a share of that between slides that are alike, by their halves. "
        f"Pairs across training and test patients would leak.{more}"
    )
    return Grid(caption, columns, cells, "look_alikes.csv", folded=len(shown) > 25, stacked=True)


def _whose(patient: str, set_name: str) -> str:
    return ", ".join(part for part in (patient, SET_NAMES.get(set_name, set_name)) if part)


def _picture(results: StudyResults) -> list[Block]:
    content = page_png(results.root / "maps" / "matching" / "look_alikes.png", max_px=_PICTURE_PX)
    if content is None:
        return []
    caption = (
        "The strongest pairs: both slides, and how similar each tile is to the mean fingerprint of the other slide "
        "(1 − distance / 2 of fingerprints of length 1)."
    )
    picture = Picture(content, "image/png", "Pairs of slides that contradict their labels, each beside its map of similarity.")
    return [Figure(picture, caption, "look_alikes.csv")]
