"""Slide quality: a contact sheet that can be scanned in a minute, and every flaw with its number and its limit."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cartopath.report.blocks import (
    Block,
    Cell,
    ContactSheet,
    Grid,
    Paragraph,
    Picture,
    Print,
    Section,
    missing,
    number_columns,
    text_columns,
)
from cartopath.report.numbers import count, counted, short
from cartopath.report.pictures import evenly_chosen, page_jpeg
from cartopath.report.results import StudyResults
from cartopath.slides.quality import MEASURES, QUALITY_CLASSES
from cartopath.study.layout import Layout

PRINT_PX = 260
MOST_PRINTS = 60
_MOST_ROWS = 200
_NOT_OUTLINED = ("glass", "tissue", "unreadable")


def quality_section(results: StudyResults) -> Section:
    """Show the slides of a study as a contact sheet, flawed ones first, and list their flaws."""
    table = results.table("slide_quality")
    if table.problem:
        return Section("quality", "Slide quality", (missing("Slide quality", table),))
    flags = results.table("quality_flags").rows
    shown = chosen_slides(table.rows, flags, most=MOST_PRINTS)
    prints = tuple(slide_print(Layout(results.root), row, flags) for row in shown.to_dict("records"))
    n_flawed = int(table.rows["slide_id"].isin(flags["slide_id"]).sum())
    text = (
        f"{n_flawed:,} of {counted(len(table.rows), 'slide')} have something that a person should look at. Flaws are pointed "
        "out, never acted upon: a slide is left out only by `slides.exclude` in the study file or by the slide table, with a "
        "reason, and flawed tiles only by `tiles.drop_flagged`."
    )
    blocks: list[Block] = [Paragraph(text), contact_sheet(prints, n_all=len(table.rows), source="slide_quality.csv")]
    blocks += flaw_grids(flags)
    return Section("quality", "Slide quality", tuple(blocks))


def chosen_slides(slides: pd.DataFrame, flags: pd.DataFrame, *, most: int) -> pd.DataFrame:
    """Return the slides to show: those with most flaws first, then others at even distances, at most `most`."""
    n_flaws = flags["slide_id"].value_counts()
    ranked = slides.assign(n_flaws=slides["slide_id"].map(n_flaws).fillna(0)).sort_values(
        ["n_flaws", "slide_id"], ascending=[False, True], kind="stable"
    )
    flawed, sound = ranked[ranked["n_flaws"] > 0], ranked[ranked["n_flaws"] == 0]
    n_sound = max(0, most - len(flawed))
    places = evenly_chosen(range(len(sound)), n_sound) if n_sound else []
    return pd.concat([flawed.head(most), sound.iloc[list(places)]])


def slide_print(layout: Layout, row: dict[str, object], flags: pd.DataFrame, *, verdict: str = "", reason: str = "") -> Print:
    """Return the small picture of one slide with its flaws in words."""
    name = str(row["slide_id"])
    own = flags[flags["slide_id"] == name]
    found = verdict or ("look" if len(own) else "ok")
    area = row.get("tissue_mm2")
    lines = [f"{short(float(area))} mm² of tissue"] if isinstance(area, float) and area == area else []
    lines += [str(message) for message in own["message"].head(4)] if not reason else [reason]
    tone = {"ok": "good", "look": "strong", "unusable": "bad"}.get(found, "muted")
    jpeg = page_jpeg(layout.quality_picture(name), max_px=PRINT_PX)
    picture = Picture(jpeg, "image/jpeg", f"Slide {name} with its flaws marked.") if jpeg else None
    return Print(picture, name, found, tone, tuple(lines))  # type: ignore[arg-type]


def contact_sheet(prints: Sequence[Print], *, n_all: int, source: str) -> ContactSheet:
    """Return the sheet of these pictures."""
    legend = tuple((name, one.colour) for name, one in QUALITY_CLASSES.items() if name not in _NOT_OUTLINED)
    rest = f"; {n_all - len(prints):,} more without a picture here" if n_all > len(prints) else ""
    caption = f"Contact sheet of {counted(len(prints), 'slide')}, those with most flaws first{rest}. Colours mark what was found."
    return ContactSheet(tuple(prints), legend, caption, source)


def flaw_grids(flags: pd.DataFrame) -> list[Grid]:
    """Return the flaws by kind, and each of them."""
    if flags.empty:
        return []
    kinds = []
    for flag, found in flags.groupby("flag", sort=True):
        meaning = _meaning(str(flag), str(found.iloc[0]["measure"]))
        kinds.append((Cell(str(flag)), Cell(meaning), Cell(count(found["slide_id"].nunique()))))
    columns = (*text_columns("Flaw", "What it means"), *number_columns("Slides"))
    rows = tuple(
        (Cell(r["slide_id"]), Cell(r["flag"]), Cell(r["message"]), Cell(r["rule"])) for _, r in flags.head(_MOST_ROWS).iterrows()
    )
    more = (f"{len(flags) - _MOST_ROWS:,} more in the file.",) if len(flags) > _MOST_ROWS else ()
    each = Grid(
        "Every flaw, by the rule that found it: a fixed limit, or a value far from the other slides of the cohort.",
        text_columns("Slide", "Flaw", "What was found", "Rule"),
        rows,
        "quality_flags.csv",
        more,
        folded=True,
    )
    return [Grid("Flaws by kind.", columns, tuple(kinds), "quality_flags.csv"), each]


def _meaning(flag: str, measure: str) -> str:
    return QUALITY_CLASSES[flag].meaning if flag in QUALITY_CLASSES else f"unusual: {MEASURES.get(measure, measure)}"
