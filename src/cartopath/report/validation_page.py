"""The page of a validation by spatial transcriptomics: maps against spots, beside what they must beat."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cartopath.methods.spatial.rotation import PLAIN, SHUFFLED, TAUGHT, YIELD_ALONE
from cartopath.methods.spatial.scoring import GOOD_R, Scores
from cartopath.methods.spatial.validation import Validation
from cartopath.methods.spatial.writing import best_genes
from cartopath.report.blocks import (
    Cell,
    Claim,
    Claims,
    Figure,
    Grid,
    KeyNumber,
    KeyNumbers,
    Paragraph,
    Picture,
    Section,
    number_columns,
    text_columns,
)
from cartopath.report.numbers import count, counted, number
from cartopath.report.page import render_page
from cartopath.store.atomic import write_text

_SOURCE = "Every number on this page is also in the CSV files beside it: summary, genes, sections; the maps are in `maps/`."
_N_GENES = 20
_MARGIN = 0.01
"""Medians closer than this are called alike: they differ by as much between settings that nobody could choose between."""


def write_validation_page(validation: Validation, sheet: bytes, folder: Path) -> Path:
    """Write `index.html` of a validation and return its path. The page stands alone, loads nothing and runs nothing.

    Args:
        validation: What came of it.
        sheet: PNG of genes, measured beside mapped.
        folder: Where the page goes.
    """
    pages = [_summary(validation), _ways(validation), _genes(validation, sheet), _sections(validation)]
    html = render_page(pages, title="Maps against measured tissue", kicker="cartopath validation", source=_SOURCE)
    write_text(folder / "index.html", html)
    return folder / "index.html"


def _summary(validation: Validation) -> Section:
    own, sections = validation.scores[0], validation.sections
    items = (
        KeyNumber(number(own.median, digits=3), "median correlation", f"of {counted(len(validation.genes), 'gene')} over spots"),
        KeyNumber(count(own.n_good), f"genes above {GOOD_R:g}", "in the mean over sections"),
        KeyNumber(count(len(sections)), "sections", counted(int(sections["n_spots"].sum()), "spot")),
        KeyNumber(count(int(sections["n_regions"].sum())), "regions", "whose bulk profiles were learned from"),
    )
    how = (
        "Each section was mapped by what the regions of the others taught: a bulk profile for each block of spots, and what the "
        "picture shows there. No spot's counts were seen. The map was then compared with the section's own spots."
    )
    return Section("summary", "Summary", (KeyNumbers(items), Paragraph(how), Claims(_claims(validation.scores))))


def _claims(scores: list[Scores]) -> tuple[Claim, ...]:
    by_name, own = {one.name: one for one in scores}, scores[0].median
    wanted = {
        YIELD_ALONE: ("Genes are told apart", "a map that gives every spot the mean composition"),
        SHUFFLED: ("The picture teaches", "labels of regions whose spots were shuffled"),
        PLAIN: ("More than a plain regression", "a ridge regression with a fixed penalty on the same labels"),
        TAUGHT: ("What regions cost", "a ridge regression taught by the spots themselves"),
    }
    claims = []
    for name, (subject, what) in wanted.items():
        other = by_name[name].median
        is_better, is_alike = own > other, abs(own - other) < _MARGIN
        verdict = "alike" if is_alike else "above" if is_better else "below"
        text = f"The median correlation is {number(own, digits=3)}, that of {what} {number(other, digits=3)}."
        claims.append(Claim(subject, text, verdict, "" if is_alike or not is_better else "good"))
    left, most = scores[0].median_equal, by_name[TAUGHT].median_equal
    text = (
        f"Between spots in which as much was counted the median correlation is {number(left, digits=3)}; "
        f"a ridge regression taught by the spots has {number(most, digits=3)} there."
    )
    return (*claims, Claim("Beyond how much was counted", text))


def _ways(validation: Validation) -> Section:
    names = list(validation.scores[0].r.columns)
    rows = tuple(
        (
            Cell(one.name),
            Cell(number(one.median, digits=3)),
            Cell(count(one.n_good)),
            Cell(number(one.median_equal, digits=3)),
            *(Cell(number(one.by_section[name], digits=3)) for name in names),
        )
        for one in validation.scores
    )
    columns = (
        *text_columns("Way"),
        *number_columns("median r", f"genes above {GOOD_R:g}", "equal totals"),
        *number_columns(*names, group="median r in section"),
    )
    note = (
        "Equal totals: what is left between spots in which as much was counted. How much was counted moves the logarithms of all "
        "genes together, so a map of nothing but that agrees with most of them."
    )
    return Section(
        "ways", "The map and what stands beside it", (Grid("Pearson's r over spots.", columns, rows, "summary.csv", (note,)),)
    )


def _genes(validation: Validation, sheet: bytes) -> Section:
    own = validation.scores[0]
    best = best_genes(own, _N_GENES)
    rows = tuple((Cell(gene), Cell(number(own.by_gene[gene])), *(Cell(number(r)) for r in own.r.loc[gene])) for gene in best)
    columns = (*text_columns("Gene"), *number_columns("mean r"), *number_columns(*own.r.columns, group="r in section"))
    picture = Picture(sheet, "image/png", "Genes measured and mapped, section by section")
    figure = Figure(picture, "The genes mapped best, measured beside mapped. Every panel has its own scale.", "maps.png")
    return Section("genes", "Genes", (figure, Grid(f"The {len(best)} genes mapped best.", columns, rows, "genes.csv")))


def _sections(validation: Validation) -> Section:
    rows = tuple(
        (
            Cell(row["section"]),
            *(Cell(count(row[name])) for name in ("n_spots", "n_regions")),
            Cell(number(row["mpp"])),
            *(Cell(f"{row[name]:g}") for name in ("noise", "rank")),
            Cell("" if pd.isna(row["yield_noise"]) else f"{row['yield_noise']:g}"),
            Cell(row["notes"]),
        )
        for row in validation.sections.to_dict("records")
    )
    columns = (
        *text_columns("Section"),
        *number_columns("spots", "regions", "um per pixel"),
        *number_columns("penalty", "shared profiles", "penalty of the yield", group="Chosen without it"),
        *text_columns("Left out"),
    )
    return Section("sections", "Sections", (Grid("What was read, and what was chosen.", columns, rows, "sections.csv"),))
