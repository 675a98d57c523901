"""Identity and similarity heat maps of regions (Rawat et al. 2020, figures 3 and 4; F49, F50)."""

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
from cartopath.report.numbers import count, number, percent
from cartopath.report.pictures import gallery
from cartopath.report.results import StudyResults

_PICTURE_PX = 1200
_MOST_PICTURES = 3
_PICTURES = (
    (
        "identity",
        "Identity heat maps",
        "the probability of the right patient, summed over the patient's regions, for tiles that overlap by 80 %. Left of the "
        "broken line the encoder was trained, right of it never",
    ),
    (
        "similarity",
        "Similarity heat maps",
        "how similar each tile of one half is to the mean fingerprint of the other half: 1 − distance / 2 of fingerprints of "
        "length 1",
    ),
)


def identity_section(results: StudyResults) -> Section | None:
    """Show heat maps of regions that the encoder was trained on; None where there are none."""
    if not results.has("identity_maps"):
        return None
    table = results.table("identity_maps")
    title = "Where tissue is recognised"
    if table.problem:
        return Section("identity", title, (missing("Identity maps", table),))
    text = (
        "The encoder was trained to say which region a tile comes from. These maps say where it can: in the right halves of the "
        "regions, which it never saw, tissue that is recognised is tissue with something of its own."
    )
    return Section("identity", title, (Paragraph(text), *_galleries(results), _table(table.rows)))


def _galleries(results: StudyResults) -> list[Block]:
    blocks: list[Block] = []
    for kind, title, what in _PICTURES:
        paths = sorted((results.root / "maps" / "identity").glob(f"*_{kind}.png"))
        labels = {path: path.stem.removesuffix(f"_{kind}").replace("_", " ") for path in paths[:_MOST_PICTURES]}
        pictures = [(path, label, f"{title}, {label}: regions beside their maps.") for path, label in labels.items()]
        more = f" {len(pictures)} of {len(paths)} encoders." if len(paths) > len(pictures) else ""
        blocks += gallery(pictures, f"{title}: {what}.{more}", "identity_maps.csv", max_px=_PICTURE_PX)
    return blocks


def _table(rows: pd.DataFrame) -> Grid:
    cells = []
    for (encoder, half), own in rows.groupby(["encoder", "half"], sort=True):
        patients = own["n_patients"].iloc[0]
        quartiles = own["probability"].quantile([0.25, 0.75])
        cells.append(
            (
                Cell(str(encoder).replace("_", " ")),
                Cell({"left": "left, trained", "right": "right, watched"}.get(str(half), str(half))),
                Cell(count(len(own)), f"{count(own['n_tiles'].sum())} tiles"),
                Cell(number(own["probability"].mean()), f"quartiles {number(quartiles[0.25])}–{number(quartiles[0.75])}"),
                Cell(percent(own["share_right"].mean())),
                Cell(number(own["similarity"].mean())),
                Cell(percent(1 / patients if patients else None, digits=1), f"{count(patients)} patients"),
            )
        )
    columns = (
        *text_columns("Encoder", "Half"),
        *number_columns(
            "regions", "probability of the right patient", "tiles whose patient is first", "similarity of halves", "chance"
        ),
    )
    return Grid("Identity in the regions shown, means over regions.", columns, tuple(cells), "identity_maps.csv")
