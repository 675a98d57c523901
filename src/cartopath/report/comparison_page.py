"""The page of a comparison: methods on the same splits, trait by trait, each beside the first."""

from __future__ import annotations

from pathlib import Path

from cartopath.methods.comparison import Comparison
from cartopath.report.blocks import (
    Block,
    Cell,
    Claims,
    Grid,
    KeyNumber,
    KeyNumbers,
    Paragraph,
    Section,
    number_columns,
    text_columns,
)
from cartopath.report.comparison_claims import comparison_claims
from cartopath.report.comparison_performance import comparison_performance, figure_cells
from cartopath.report.numbers import count, counted, duration, interval, number, p_value
from cartopath.report.page import render_page
from cartopath.store.atomic import write_text

_SOURCE = "Every number on this page is also in the CSV files beside it: comparison, rounds, maps, hti."


def write_comparison_page(comparison: Comparison, folder: Path) -> Path:
    """Write `index.html` of a comparison and return its path. The page stands alone, loads nothing and runs nothing."""
    sections = [_summary(comparison), comparison_performance(comparison), _maps(comparison), _effort(comparison)]
    title = " against ".join(reversed(comparison.studies)) if len(comparison.studies) == 2 else "Methods compared"
    html = render_page(sections, title=title, kicker="cartopath comparison", source=_SOURCE, traits=comparison.traits)
    write_text(folder / "index.html", html)
    return folder / "index.html"


def _summary(comparison: Comparison) -> Section:
    table, first = comparison.table, comparison.studies[0]
    n_rounds = comparison.rounds["round"].nunique()
    items = (
        KeyNumber(count(len(comparison.studies)), "methods"),
        KeyNumber(count(len(comparison.traits)), "traits"),
        KeyNumber(count(n_rounds), comparison.scheme, "one fixed test set" if comparison.scheme == "rounds" else ""),
        KeyNumber(count(table["n_patients"].max()), "test patients with a class", "of the trait that has most"),
    )
    same = (
        "Splits, classes, measured values and patients were compared and are the same in all studies. A difference is a method's "
        f"figure minus that of {first}, the first study named; its interval and p-value come of a bootstrap that draws patients, "
        "each with the scores of both methods. p-values are not corrected for how many differences are looked at."
    )
    claims = Claims(comparison_claims(comparison))
    notes = tuple(Paragraph(note, "remark") for note in comparison.notes)
    return Section("summary", "Summary", (KeyNumbers(items), Paragraph(same), claims, *notes, _arms(comparison)))


def _arms(comparison: Comparison) -> Grid:
    arms = comparison.table.drop_duplicates("study")
    rows = tuple(
        (Cell(row["study"]), Cell(row["method"].replace("_", " ")), Cell(row["encoder"]), Cell(str(folder), tone="muted"))
        for (_, row), folder in zip(arms.iterrows(), comparison.folders, strict=True)
    )
    return Grid("The studies that are compared.", text_columns("Study", "Method", "Encoder", "Folder"), rows, "comparison.csv")


def _maps(comparison: Comparison) -> Section:
    first = comparison.studies[0]
    table = comparison.table[comparison.table["study"] != first]
    rows = tuple(
        (
            Cell(row["trait"]),
            Cell(row["study"]),
            Cell(number(row["map_agreement"]), interval(row["map_agreement_low"], row["map_agreement_high"])),
            Cell(count(row["map_slides"])),
        )
        for _, row in table.iterrows()
    )
    undefined = int(comparison.maps["spearman"].isna().sum())
    notes = (f"{counted(undefined, 'slide')} count in no median, since one of the maps is constant.",) if undefined else ()
    agreement = Grid(
        f"Agreement of maps with those of {first}: Spearman's correlation of the tile scores of each held-out slide.",
        (*text_columns("Trait", "Study"), *number_columns("median (quartiles)", "slides")),
        rows,
        "comparison.csv, maps.csv",
        ("Where tiles differ in size, smaller ones are averaged over the larger ones.", *notes),
    )
    return Section("maps", "Whether the maps agree", (agreement, *_planted(comparison), *_hti(comparison)))


def _planted(comparison: Comparison) -> list[Block]:
    known = comparison.table[comparison.table["planted"].notna()]
    if known.empty:
        return []
    rows = tuple(
        (Cell(row["trait"]), Cell(row["study"]), *figure_cells(row, "planted"), Cell(count(row["planted_n"])))
        for _, row in known.iterrows()
    )
    columns = (*text_columns("Trait", "Study"), *number_columns("AUROC (95 % CI)", "difference (95 % CI)", "p", "patients"))
    caption = "Maps against the planted truth of this simulated cohort: every tile of the held-out slides."
    note = "A tile is positive where more than half of its tissue is; the bootstrap draws patients with all their tiles."
    return [Grid(caption, columns, rows, "comparison.csv", (note,))]


def _hti(comparison: Comparison) -> list[Block]:
    hti = comparison.hti
    if hti.empty:
        return [
            Paragraph("Heterogeneity: nothing to compare, since the studies do not map the same two or more traits.", "remark")
        ]
    has_truth = hti["planted"].notna().any()
    columns = [*text_columns("Study"), *number_columns("median HTI"), *number_columns("ρ (95 % CI)", "p", group="With the first")]
    columns += number_columns("ρ (95 % CI)", "difference (95 % CI)", "p", group="With planted HTI") if has_truth else ()
    rows = []
    for _, row in hti.iterrows():
        beside = (Cell(number(row["spearman"]), interval(row["low"], row["high"])), Cell(p_value(row["p_value"])))
        planted = figure_cells(row, "planted") if has_truth else ()
        rows.append((Cell(row["study"]), Cell(number(row["median_hti"])), *beside, *planted))
    caption = f"Heterogeneity (HTI) of {counted(hti.iloc[0]['n_patients'], 'held-out patient')}: Spearman's correlations."
    return [Grid(caption, tuple(columns), tuple(rows), "hti.csv", stacked=True)]


def _effort(comparison: Comparison) -> Section:
    rows = []
    for study in comparison.studies:
        own = comparison.table[comparison.table["study"] == study]
        shared, training = float(own["shared_seconds"].iloc[0]), float(own["training_seconds"].sum())
        cells = (Cell(duration(seconds)) for seconds in own["training_seconds"])
        rows.append((Cell(study), *cells, Cell(duration(shared or None)), Cell(duration(training + shared))))
    columns = (*text_columns("Study"), *number_columns(*comparison.traits, group="Trainings of the trait"))
    columns += number_columns("encoder and embeddings", "all")
    note = "By the ledgers: seconds of each task, added up; on machines that may differ, and tasks may have run side by side."
    return Section("effort", "Time to train", (Grid("Time spent on training.", columns, tuple(rows), "comparison.csv", (note,)),))
