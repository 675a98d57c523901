"""Heterogeneity: the maps ordered by HTI, the distribution of HTI, and HTI by groups of patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cartopath.report.blocks import (
    Block,
    Cell,
    Figure,
    Gallery,
    GalleryRow,
    Grid,
    Paragraph,
    Picture,
    Plate,
    Section,
    missing,
    number_columns,
    text_columns,
)
from cartopath.report.figures.heterogeneity import GroupBox, draw_hti_distribution, draw_hti_groups
from cartopath.report.numbers import NO_VALUE, count, counted, interval, is_known, number, p_equals, p_value, percent
from cartopath.report.pictures import HeterogeneityPicture, evenly_chosen, heterogeneity_pictures, page_png
from cartopath.report.results import StudyResults
from cartopath.study.layout import file_name

_ROWS = (("Low: HTI 0–0.1", 0.0, 0.1), ("Middle: HTI 0.4–0.6", 0.4, 0.6), ("High: HTI 0.9–1", 0.9, 1.0))
_PER_ROW = 4
_MAP_PX = 420
_TRAINED_ON = ("train", "validation", "train_validation")


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


def _maps(results: StudyResults) -> list[Block]:
    pictures = heterogeneity_pictures(results)
    if not pictures:
        return [
            Paragraph("Heterogeneity maps: nothing to show, because maps/ holds none; the stage `maps` draws them.", "missing")
        ]
    held_out = [picture for picture in pictures if picture.set_name not in _TRAINED_ON]
    chosen = held_out or pictures
    rows = [
        _gallery_row(title, [p for p in chosen if low <= p.hti <= high], f"{low:g} to {high:g}") for title, low, high in _ROWS
    ]
    if sum(bool(row.plates) for row in rows) < 2:
        rows.append(_gallery_row("All of them, at even distances", chosen, "0 to 1"))
    whose = f"held-out slides only, {len(held_out)} of {len(pictures)} drawn" if held_out else f"{len(pictures)} drawn"
    caption = (
        f"Heterogeneity maps in the order of HTI ({whose}; at most {_PER_ROW} per row, at even distances; compare "
        "Fig. 3 of the paper). "
        "White tiles are positive for no trait; the legend of each map names its colours."
    )
    return [Gallery(tuple(rows), caption, "hti.csv"), *_one_slide(results, chosen)]


def _gallery_row(title: str, pictures: Sequence[HeterogeneityPicture], limits: str) -> GalleryRow:
    shown = evenly_chosen(pictures, _PER_ROW)
    plates = []
    for picture in shown:
        content = page_png(picture.path, max_px=_MAP_PX)
        if content is not None:
            alt = f"Heterogeneity map of slide {picture.slide_id}, HTI {number(picture.hti)}."
            plates.append(Plate(Picture(content, "image/png", alt), f"HTI {number(picture.hti)}", picture.slide_id))
    notes = [f"{len(plates)} of {counted(len(pictures), 'slide')} shown." if pictures else f"No slide has an HTI from {limits}."]
    if len(plates) < len(shown):
        notes.append(f"{counted(len(shown) - len(plates), 'picture')} could not be read.")
    return GalleryRow(title, tuple(plates), " ".join(notes))


def _one_slide(results: StudyResults, pictures: Sequence[HeterogeneityPicture]) -> list[Block]:
    example = min(pictures, key=lambda p: (abs(p.hti - float(np.median([q.hti for q in pictures]))), p.slide_id))
    folder, stem = results.root / "maps", file_name(example.slide_id)
    wanted = [("Slide", folder / f"{stem}_thumbnail.png")]
    wanted += [(trait, folder / f"{stem}_{file_name(trait)}.png") for trait in results.traits]
    wanted.append((f"Heterogeneity, HTI {number(example.hti)}", example.path))
    plates = []
    for label, path in wanted:
        content = page_png(path, max_px=_MAP_PX)
        if content is not None:
            plates.append(Plate(Picture(content, "image/png", f"{label}: picture of slide {example.slide_id}."), label))
    if len(plates) < 2:
        return []
    caption = (
        "Molecular cartography of one slide, that with the HTI nearest to the median: the slide, the map "
        "of each trait, and the heterogeneity map."
    )
    return [Gallery((GalleryRow(example.slide_id, tuple(plates)),), caption)]


def _distribution(results: StudyResults, rows: pd.DataFrame) -> list[Block]:
    if rows.empty:
        return [Paragraph("HTI by patient: no slide stands for a patient and has an HTI.", "missing")]
    by_set = {str(name): group["hti"].to_numpy(float) for name, group in rows.groupby("set", sort=True)}
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


def groups_section(results: StudyResults) -> Section:
    """Compare HTI between groups of patients: receptor status, subtypes, expression."""
    table = results.table("hti_groups")
    title = "Heterogeneity by subtype and expression"
    if table.problem:
        return Section("groups", title, (missing("Groups", table),))
    names = list(dict.fromkeys(table.rows["grouping"]))
    groupings = [_grouping(results, name) for name in names]
    medians = "; ".join(
        f"{name}: " + ", ".join(f"{g.name} {number(g.median)} (n = {count(g.n)})" for g in groups)
        for name, _, groups in groupings
    )
    whole = all(group.values is not None for _, _, groups in groupings for group in groups)
    box = "Box: quartiles and median" + ("; whiskers: 1.5 interquartile ranges; every patient is a point" if whole else "")
    caption = f"HTI by groups of patients (compare Fig. 6 of the paper). {box}. n below each box; p: Kruskal-Wallis."
    figure = Figure(
        Picture(draw_hti_groups(groupings), "image/svg+xml", f"Box plots of HTI by group. Medians: {medians}."),
        caption,
        "hti_groups.csv",
    )
    return Section("groups", title, (_group_grid(table.rows, names), figure))


def group_verdict(row: pd.Series) -> str:
    """Return in words whether HTI differs between the groups of one grouping."""
    if not is_known(row["p_value"]):
        return f"undefined: {row['reason'] or 'no reason recorded'}"
    return "HTI differs between groups" if row["p_value"] < 0.05 else "no association found"


def _grouping(results: StudyResults, name: str) -> tuple[str, str, list[GroupBox]]:
    rows = results.rows("hti_groups", grouping=name)
    points = results.rows("hti_group_patients", grouping=name).dropna(subset=["hti"])
    groups = []
    for _, row in rows.iterrows():
        values = points.loc[points["group"] == row["group"], "hti"].to_numpy(float)
        n = int(row["n"]) if is_known(row["n"]) else len(values)
        groups.append(GroupBox(row["group"], n, row["median"], row["q1"], row["q3"], values if len(values) == n else None))
    first = rows.iloc[0]
    return name, p_equals(first["p_value"]) if is_known(first["p_value"]) else "test undefined", groups


def _group_grid(rows: pd.DataFrame, names: list[str]) -> Grid:
    lines = []
    for name in names:
        of_name = rows[rows["grouping"] == name]
        for i, (_, row) in enumerate(of_name.iterrows()):
            first = i == 0
            lines.append(
                (
                    Cell(name if first else "", tone="strong"),
                    Cell(row["group"]),
                    Cell(count(row["n"])),
                    Cell(number(row["median"]), interval(row["q1"], row["q3"])),
                    Cell((number(row["statistic"]) if is_known(row["statistic"]) else NO_VALUE) if first else ""),
                    Cell(p_value(row["p_value"]) if first else ""),
                    Cell(group_verdict(row) if first else ""),
                )
            )
    columns = (
        *text_columns("Grouping", "Group"),
        *number_columns("n", "HTI, median (quartiles)"),
        *number_columns("H", "p", group="Kruskal-Wallis"),
        *text_columns("Result"),
    )
    notes = ("p values are not corrected for the number of groupings.",) if len(names) > 1 else ()
    return Grid("HTI by groups of patients.", columns, tuple(lines), "hti_groups.csv", notes)
