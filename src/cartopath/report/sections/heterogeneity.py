"""Heterogeneity: the maps ordered by HTI, the distribution of HTI, and HTI by groups of patients."""

from __future__ import annotations

import glob
from typing import Any

import numpy as np
import pandas as pd

from cartopath.report.blocks import (
    Block,
    Cell,
    Figure,
    Grid,
    Paragraph,
    Picture,
    Section,
    missing,
    number_columns,
    text_columns,
)
from cartopath.report.figures.heterogeneity import draw_hti_distribution
from cartopath.report.numbers import counted, interval, is_known, number, percent
from cartopath.report.pictures import MAPS_PER_ROW, TRAINED_ON, MappedSlides, Panel, gallery, heterogeneity_panel, mapped_slides
from cartopath.report.results import StudyResults
from cartopath.study.layout import file_name

_MAP_PX = 1200
_MOST_TRAIT_MAPS = 6
_MOST_REASONS = 5
_SET_ORDER = ("test", "ood")


def heterogeneity_section(results: StudyResults) -> Section:
    """Show heterogeneity maps, one slide in full, the distribution of HTI and the composition of positive tiles."""
    text = (
        "HTI is the entropy of the combinations of traits among tiles that are positive for at least one: 0 when "
        "one combination fills "
        "the tumour, 1 when all combinations are equally common. A slide without any positive tile has HTI 0 and stays in."
    )
    blocks: list[Block] = [Paragraph(text), *_maps(results)]
    table = results.table("hti")
    if table.problem:
        blocks.append(missing("HTI", table))
    else:
        blocks += _distribution(results, patient_slides(table.rows))
    return Section("heterogeneity", "Molecular cartography and heterogeneity", tuple(blocks))


def patient_slides(hti: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `hti.csv` that stand for a patient and have an HTI."""
    return hti[(hti["is_patient_slide"] == True) & hti["hti"].notna()]  # noqa: E712 - missing flags are neither true nor false


def headline_slides(hti: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the patients whose HTI is summed up, and who they are: those that trained no network, if there are any."""
    rows = patient_slides(hti)
    held_out = rows[~rows["set"].isin(TRAINED_ON)]
    return (held_out, " that trained no network") if 0 < len(held_out) < len(rows) else (rows, "")


def _maps(results: StudyResults) -> list[Block]:
    if len(results.traits) == 1:
        return [Paragraph("Heterogeneity maps: none, because the study has one trait; heterogeneity needs two.", "missing")]
    slides = mapped_slides(results)
    if slides.rows.empty:
        reason = (
            "no slide has both a line in tables/hti.csv and a cartography in maps/; the stages `maps` and "
            "`heterogeneity` make them"
        )
        return [Paragraph(f"Heterogeneity maps: nothing to show, because {reason}.", "missing")]
    panel = heterogeneity_panel(results, slides.rows)
    blocks: list[Block] = [_panel_figure(panel, slides)] if panel.png else []
    if panel.unreadable:
        more = f" and {len(panel.unreadable) - _MOST_REASONS} more" if len(panel.unreadable) > _MOST_REASONS else ""
        reasons = "; ".join(panel.unreadable[:_MOST_REASONS])
        blocks.append(Paragraph(f"Cartographies that could not be drawn: {reasons}{more}.", "remark"))
    return [*blocks, *_one_slide(results, slides.rows)]


def _panel_figure(panel: Panel, slides: MappedSlides) -> Figure:
    order = (
        "in rows of low, middle and high HTI"
        if panel.bands
        else "by rising HTI, in equal shares because the ranges of the paper hold too few slides"
    )
    inside = [int(slides.rows["hti"].between(low, high).sum()) for low, high in panel.bands]
    counts = "; ".join(f"{low:g}–{high:g}: {counted(n, 'slide')}" for (low, high), n in zip(panel.bands, inside, strict=True))
    whose = (
        f"{counted(len(slides.rows), 'slide')} that trained no network"
        if slides.is_held_out
        else "All slides, training slides too"
    )
    caption = (
        f"Heterogeneity maps {order} (compare Fig. 3 of the paper), at one scale, with HTI and slide above each. {whose}"
        f"{f' ({counts})' if counts else ''}; at most {MAPS_PER_ROW} per row, chosen at even distances."
    )
    alt = f"Heterogeneity maps of {counted(len(panel.drawn), 'slide')}: " + ", ".join(
        f"{name} HTI {number(hti)}" for hti, name in panel.drawn
    )
    return Figure(Picture(panel.png, "image/png", f"{alt}."), caption, "hti.csv")


def _one_slide(results: StudyResults, slides: pd.DataFrame) -> list[Block]:
    distance = (slides["hti"] - slides["hti"].median()).abs()
    example = slides.iloc[int(np.argmin(distance.to_numpy()))]
    folder, stem = results.root / "maps", file_name(example["slide_id"])
    wanted = [("Heterogeneity", next(iter(sorted(folder.glob(f"{glob.escape(stem)}_heterogeneity*.png"))), folder))]
    wanted += [(trait, folder / f"{stem}_{file_name(trait)}.png") for trait in results.traits[:_MOST_TRAIT_MAPS]]
    pictures = [(path, label, f"{label}: slide {example['slide_id']} and its map.") for label, path in wanted]
    caption = (
        f"Molecular cartography of one slide, {example['slide_id']} (HTI {number(example['hti'])}, nearest to the "
        "median): stained tissue "
        "beside the heterogeneity map and beside the map of each trait."
    )
    return gallery(pictures, caption, "hti.csv", max_px=_MAP_PX)


def _distribution(results: StudyResults, rows: pd.DataFrame) -> list[Block]:
    if rows.empty:
        return [Paragraph("HTI by patient: no slide stands for a patient and has an HTI.", "missing")]
    order = sorted(set(rows["set"]), key=lambda name: (_SET_ORDER.index(name) if name in _SET_ORDER else len(_SET_ORDER), name))
    by_set = {name: rows.loc[rows["set"] == name, "hti"].to_numpy(float) for name in order}
    quartiles = rows["hti"].quantile([0.25, 0.5, 0.75])
    none = int((rows["n_positive"] == 0).sum())
    summary = f"median {number(quartiles[0.5])}, quartiles {interval(quartiles[0.25], quartiles[0.75])}"
    caption = f"HTI of {counted(len(rows), 'patient')}: {summary}; {counted(none, 'patient')} without a positive tile."
    alt = f"Stacked histogram of patient HTI by set; {summary}."
    figure = Figure(Picture(draw_hti_distribution(by_set, _cuts(results)), "image/svg+xml", alt), caption, "hti.csv")
    return [figure, *_composition(rows)]


def _cuts(results: StudyResults) -> list[float]:
    cuts: Any = results.setting("survival", "cut")
    cuts = cuts if isinstance(cuts, list) else [cuts]
    return [float(cut) for cut in cuts if is_known(cut)]


def _composition(rows: pd.DataFrame) -> list[Block]:
    shares = [column for column in rows.columns if column.startswith("share_")]
    positive = rows[rows["n_positive"] > 0]
    if not shares or positive.empty:
        return []
    grid_rows = []
    for column in shares:
        values = positive[column].dropna()
        low, high = (values.quantile(q) for q in (0.25, 0.75))
        detail = f"{percent(low)} to {percent(high)}" if len(values) else ""
        grid_rows.append(
            (
                Cell(column.removeprefix("share_").replace("+", " + ")),
                Cell(percent(values.median()), detail),
                Cell(percent(values.max())),
            )
        )
    columns = (
        *text_columns("Combination of traits"),
        *number_columns("median (quartiles)", "largest", group="Share of positive tiles"),
    )
    caption = f"Composition of the positive tiles of {counted(len(positive), 'patient')}."
    return [Grid(caption, columns, tuple(grid_rows), "hti.csv")]
