"""HTI by groups of patients: receptor status, subtype, expression (compare Fig. 6 of Levy-Jurgenson et al. 2020)."""

from __future__ import annotations

import pandas as pd

from cartopath.report.blocks import Cell, Figure, Grid, Picture, Section, missing, number_columns, text_columns
from cartopath.report.figures.heterogeneity import GroupBox, draw_hti_groups
from cartopath.report.numbers import NO_VALUE, count, interval, is_known, number, p_equals, p_value
from cartopath.report.results import StudyResults
from cartopath.report.verdicts import p_verdict

HTI_DIFFERS = "HTI differs between groups"


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
                    p_verdict(row["p_value"], found=HTI_DIFFERS).cell(row["reason"]) if first else Cell(""),
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
