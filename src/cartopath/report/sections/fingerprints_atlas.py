"""The atlas of tiles, and what types of tissue say (Rawat et al. 2020, figures 6 and 7; F56, F57)."""

from __future__ import annotations

from typing import Any

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
from cartopath.report.numbers import count, counted, interval, is_known, number
from cartopath.report.pictures import evenly_chosen, gallery
from cartopath.report.results import StudyResults
from cartopath.study.layout import file_name

_PICTURE_PX = 1200
_MOST_TRAITS = 4
_MOST_SLIDES = 4


def atlas_section(results: StudyResults) -> Section | None:
    """Show tiles laid out by their fingerprints; None where there is no atlas."""
    if not results.has("atlas"):
        return None
    table = results.table("atlas")
    title = "Atlas of tiles"
    if table.problem:
        return Section("atlas", title, (missing("Atlas", table),))
    text = (
        "Tiles laid out so that those with near fingerprints lie near each other. Colour is their score. Only neighbourhoods "
        "mean something: distances between far groups, and their sizes, do not."
    )
    traits = list(dict.fromkeys(table.rows["trait"]))
    blocks: list[Block] = [Paragraph(text)]
    for trait in traits[:_MOST_TRAITS]:
        blocks += _trait_atlas(results, trait, table.rows[table.rows["trait"] == trait])
    clusters = results.table("atlas_clusters")
    if not clusters.problem:
        blocks.append(_clusters(clusters.rows))
    return Section("atlas", title, tuple(blocks))


def _trait_atlas(results: StudyResults, trait: str, tiles: pd.DataFrame) -> list[Block]:
    folder = results.root / "maps" / "atlas"
    n = f"{counted(len(tiles), 'tile')} of {counted(tiles['patient_id'].nunique(), 'patient')}"
    pictures = [
        (folder / f"{file_name(trait)}{end}.png", f"{trait}: {label}", f"Atlas for {trait}: {alt}")
        for end, label, alt in (
            ("", "by score and by patient", "the tiles as points, coloured by score and by patient."),
            ("_tiles", "nearest to the numbers", "of every numbered cluster its most typical tiles."),
        )
    ]
    caption = (
        f"Atlas of {n} (compare Fig. 7 of Rawat et al. 2020), blue −1, green 0, red +1; below it, of every numbered cluster, the "
        "tiles nearest to its centre, each of another patient. The clusters are those with the lowest and the highest scores."
    )
    return gallery(pictures, caption, "atlas.csv", max_px=_PICTURE_PX)


def _clusters(rows: pd.DataFrame) -> Grid:
    cells = tuple(
        (
            Cell(row["trait"]),
            Cell(count(row["cluster"])),
            Cell(row["side"]),
            Cell(number(row["mean_score"])),
            Cell(count(row["n_tiles"])),
            Cell(count(row["n_patients"])),
        )
        for row in rows.to_dict("records")
    )
    columns = (*text_columns("Trait", "Cluster", "Side"), *number_columns("mean score", "tiles", "patients"))
    return Grid("Clusters of the atlas.", columns, cells, "atlas_clusters.csv", folded=len(cells) > 12)


def tissue_section(results: StudyResults) -> Section | None:
    """Show how well patients are told apart by the tiles of each type of tissue; None without a model of tissue types."""
    if not results.has("by_tissue"):
        return None
    table = results.table("by_tissue")
    title = "Which tissue says it"
    if table.problem:
        return Section("tissue", title, (missing("AUROC by type of tissue", table),))
    text = (
        "The AUROC of test patients when only tiles of one type of tissue count. Patients without such tiles are left out, so "
        "the AUROC of the same patients by all their tiles stands beside it."
    )
    return Section("tissue", title, (Paragraph(text), _types(table.rows), *_slides(results)))


def _types(rows: pd.DataFrame) -> Grid:
    cells = tuple(
        (
            Cell(row["trait"]),
            Cell(row["tissue"]),
            Cell(count(row["n_patients"]), f"{count(row['n_positive'])} positive, {count(row['n_without'])} left out"),
            Cell(count(row["n_tiles"])),
            _auroc(row, "auroc", "low", "high"),
            _auroc(row, "all_tiles_auroc", "all_tiles_low", "all_tiles_high"),
        )
        for row in rows.to_dict("records")
    )
    columns = (
        *text_columns("Trait", "Tissue"),
        *number_columns("patients", "tiles", "AUROC (95 % CI)", "same patients, all tiles (95 % CI)"),
    )
    return Grid("AUROC by type of tissue (compare Fig. 6 of Rawat et al. 2020).", columns, cells, "by_tissue.csv")


def _auroc(row: dict[Any, Any], value: str, low: str, high: str) -> Cell:
    if not is_known(row[value]):
        return Cell("undefined", row["reason"] or "no reason recorded", tone="muted")
    return Cell(number(row[value]), interval(row[low], row[high]))


def _slides(results: StudyResults) -> list[Block]:
    paths = evenly_chosen(sorted((results.root / "maps" / "tissue").glob("*.png")), _MOST_SLIDES)
    pictures = [(path, path.stem, f"{path.stem}: the slide beside its types of tissue.") for path in paths]
    caption = "Types of tissue of some test slides, as the model of tissue types sees them; all are in `maps/tissue`."
    return gallery(pictures, caption, "by_tissue.csv", max_px=_PICTURE_PX)
