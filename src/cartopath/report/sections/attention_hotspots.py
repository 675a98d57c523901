"""Where heads look: attention maps, hotspots, galleries, and whether attention agrees with prediction (F68, F69)."""

from __future__ import annotations

import pandas as pd

from cartopath.report.blocks import (
    Block,
    Cell,
    Grid,
    Paragraph,
    Section,
    missing,
    number_columns,
    text_columns,
)
from cartopath.report.numbers import count, interval, is_known, number, percent
from cartopath.report.pictures import gallery
from cartopath.report.results import StudyResults
from cartopath.study.layout import file_name

_PICTURE_PX = 1400
_GALLERY_PX = 900
_MOST_TRAITS = 4
_MAPS_PER_TRAIT = 2
_SHOWN = 15
_EVEN = 0.8
"""Share of tiles that count from which on weights are nearly even."""


def attention_section(results: StudyResults) -> Section | None:
    """Show where heads look on slides of patients who trained none; None where the study has no attention."""
    if not results.has("hotspots"):
        return None
    table, title = results.table("attention_agreement"), "Where heads look"
    if table.problem:
        return Section("attention", title, (missing("Attention", table),))
    share = results.setting("method", "hotspots")
    text = (
        "Every tile has a value, what its slide would have if all of it were like this tile, and a weight, how much it counts; a "
        "slide's value is the sum of weight times value. Weights of a slide sum to 1. A high weight does not mean a high value: "
        f"it means that the answer rests there. Hotspots are the {percent(share) if is_known(share) else 'few'} of a slide's "
        "tiles that count most. All slides shown are of patients who trained no head."
    )
    blocks = [Paragraph(text), *_maps(results, table.rows), *_galleries(results), _agreement(table.rows), *_hotspots(results)]
    return Section("attention", title, tuple(blocks))


def _maps(results: StudyResults, rows: pd.DataFrame) -> list[Block]:
    """Show for each trait the slides of the highest and of the lowest value."""
    slides = results.table("slide_scores").rows
    folder, pictures = results.root / "maps" / "attention", []
    for trait in list(dict.fromkeys(rows["trait"]))[:_MOST_TRAITS]:
        there = slides[(slides["trait"] == trait) & slides["slide_id"].isin(rows.loc[rows["trait"] == trait, "slide_id"])]
        ranked = there.sort_values("ensemble", ascending=False, kind="stable")["slide_id"].tolist()
        for slide_id in dict.fromkeys([*ranked[:1], *ranked[-1:]][:_MAPS_PER_TRAIT]):
            alt = f"{trait}, {slide_id}: tissue, predicted value of every tile, weight of every tile."
            pictures.append((folder / f"{file_name(slide_id)}_{file_name(trait)}.png", f"{trait}, {slide_id}", alt))
    caption = (
        "Tissue, predicted value and weight of every tile, of the slides with the highest and the lowest value of each trait. "
        "Values are in standard deviations from the training mean (σ), of classes logits. Weights are "
        "multiples of even ones, coloured over the range of the slide itself, which the key names: where its ends are near 1, "
        "the head weighs all tiles nearly alike. Maps of all other slides are in `maps/attention`."
    )
    return gallery(pictures, caption, "hotspots.csv", max_px=_PICTURE_PX)


def _galleries(results: StudyResults) -> list[Block]:
    folder = results.root / "maps" / "attention"
    said = "tiles that count most, in rows from patients of high to patients of low measured value."
    traits = list(dict.fromkeys(results.table("gallery").rows["trait"]))[:_MOST_TRAITS]
    caption = (
        "Tiles that count most, in rows by the measured value of their patient, high at the top; bins are of equal width, and "
        "the patients of a bin share its row. If heads look at the same thing everywhere, rows show it more and more."
    )
    pictures = [(folder / f"gallery_{file_name(trait)}.png", trait, f"{trait}: {said}") for trait in traits]
    return gallery(pictures, caption, "gallery.csv", max_px=_GALLERY_PX)


def _agreement(rows: pd.DataFrame) -> Grid:
    cells = []
    for trait, own in rows.groupby("trait", sort=False):
        quartiles = own["spearman"].quantile([0.25, 0.5, 0.75])
        spread = (own["effective_tiles"] / own["n_tiles"]).median()
        cells.append(
            (
                Cell(str(trait), "" if (own["by"] == "attention").any() else "all tiles weigh the same"),
                Cell(count(len(own))),
                Cell(number(quartiles[0.5]), interval(quartiles[0.25], quartiles[0.75])),
                Cell(percent(own["overlap"].mean()), f"by chance {percent(own['overlap_by_chance'].mean())}"),
                Cell(percent(own["weight_in_hotspots"].median())),
                Cell(percent(spread)),
                Cell(number((own["value_in_hotspots"] - own["value_of_slide"]).median())),
            )
        )
    columns = (
        *text_columns("Trait"),
        *number_columns(
            "slides",
            "Spearman of weight and value",
            "hotspots among the highest values",
            "weight in hotspots",
            "tiles that count",
            "value of hotspots above their slide (σ)",
        ),
    )
    notes = [
        "Medians over slides (quartiles in small print), except the overlap, a mean. Tiles that count: the number of equal "
        "weights that would be as spread out, as a share of all tiles."
    ]
    shares = (rows["effective_tiles"] / rows["n_tiles"]).groupby(rows["trait"], sort=False).median()
    even = ", ".join(str(trait) for trait in shares.index[shares > _EVEN])
    if even:
        notes.append(
            f"{even}: tiles weigh nearly the same, so that the value of a slide is about their mean; hotspots say little."
        )
    return Grid("Whether attention agrees with prediction.", columns, tuple(cells), "attention_agreement.csv", tuple(notes))


def _hotspots(results: StudyResults) -> list[Block]:
    rows = results.table("hotspots").rows
    if rows.empty:
        return []
    first = rows[rows["rank"] == 1].sort_values("weight", ascending=False, kind="stable")
    cells = tuple(
        (
            Cell(row["trait"]),
            Cell(row["slide_id"]),
            Cell(f"{row['x_px0']:.0f}, {row['y_px0']:.0f}"),
            Cell(percent(row["weight"], digits=1)),
            Cell(number(row["value"])),
        )
        for row in first.head(_SHOWN).to_dict("records")
    )
    columns = (*text_columns("Trait", "Slide"), *number_columns("x, y (px, level 0)", "share of the weight", "value (σ)"))
    caption = f"The tile that counts most of each slide: the {len(cells)} with the largest share of {count(len(first))}."
    return [Grid(caption, columns, cells, "hotspots.csv", folded=True)]
