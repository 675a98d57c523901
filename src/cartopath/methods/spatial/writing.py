"""The files of a validation: maps as tables, correlations, a summary, and genes to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cartopath.methods.spatial.pictures import sheet_of_genes
from cartopath.methods.spatial.scoring import Scores
from cartopath.methods.spatial.section import Section
from cartopath.methods.spatial.validation import Validation
from cartopath.store.artifacts import write_csv
from cartopath.store.atomic import write_bytes, write_text

SUMMARY, GENES, SECTIONS, SHEET, MAPS = "summary.csv", "genes.csv", "sections.csv", "maps.png", "maps"
N_DRAWN = 6


def write_validation(validation: Validation, sections: Sequence[Section], out: Path) -> bytes:
    """Write everything that came of a validation into a folder, and return the picture of the best genes.

    `maps/<section>.csv` holds what was predicted, spots x genes; `genes.csv` r by gene, section and way of making maps;
    `summary.csv` a row per way; `sections.csv` a row per section; `maps.png` the genes mapped best.
    """
    for name, made in validation.maps.items():
        write_text(out / MAPS / f"{name}.csv", made.round(5).to_csv())
    write_scores(validation.scores, out)
    write_csv(validation.sections, out / SECTIONS)
    best = best_genes(validation.scores[0], N_DRAWN)
    sheet = sheet_of_genes(sections, validation.maps, validation.scores[0], best)
    write_bytes(out / SHEET, sheet)
    return sheet


def write_scores(scores: Sequence[Scores], out: Path) -> None:
    """Write correlations by gene and section, and their summary."""
    means = [
        {"way": one.name, "mean": one.by_gene.to_numpy(), "mean_equal_totals": one.r_equal.mean(axis=1).to_numpy()}
        for one in scores
    ]
    rows = [one.r.rename_axis("gene").reset_index().assign(**own) for one, own in zip(scores, means, strict=True)]
    columns = ["way", "gene", "mean", "mean_equal_totals", *scores[0].r.columns]
    write_csv(pd.concat(rows, ignore_index=True)[columns].round(4), out / GENES)
    write_csv(summary(scores), out / SUMMARY)


def summary(scores: Sequence[Scores]) -> pd.DataFrame:
    """Return a row per way of making maps: way, median_r, n_above_0.3, median_r_equal_totals, the median r in each section."""
    figures = [{"median_r": one.median, "n_above_0.3": one.n_good, "median_r_equal_totals": one.median_equal} for one in scores]
    rows = [{"way": one.name, **own, **one.by_section} for one, own in zip(scores, figures, strict=True)]
    return pd.DataFrame(rows).round(4)


def best_genes(scores: Scores, n: int) -> list[str]:
    """Return the genes with the highest mean correlation, best first."""
    return [str(gene) for gene in scores.by_gene.sort_values(ascending=False, kind="stable").index[:n]]
