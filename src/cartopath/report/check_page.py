"""`check.html`: what a check found of a cohort, on one page that a pathologist can scan and a bioinformatician can act upon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cartopath.report.blocks import (
    Block,
    Cell,
    Claim,
    Claims,
    Grid,
    KeyNumber,
    KeyNumbers,
    Listing,
    Paragraph,
    Section,
    Tone,
    number_columns,
    text_columns,
)
from cartopath.report.numbers import count, counted, is_known, number, percent, short
from cartopath.report.page import render_page
from cartopath.report.sections.quality import contact_sheet, flaw_grids, slide_print
from cartopath.store.atomic import write_text
from cartopath.study.check import Checked
from cartopath.study.layout import Layout

MOST_PRINTS = 1500
"""More pictures than that make a page that no browser likes; flawed slides come first."""
_MOST_ROWS = 2000
_TONES: dict[str, Tone] = {"error": "bad", "warning": "strong", "info": "muted"}
_SOURCE = "The tables on this page are also in `check.csv`, `tables/findings.csv` and `tables/quality_flags.csv`."
_RANKS = ("unusable", "look", "ok", "excluded")


def write_check_page(checked: Checked, layout: Layout, *, title: str) -> Path:
    """Write `check.html` of a study or of a folder of slides and return its path.

    The page stands alone, loads nothing and runs nothing.

    Args:
        checked: What the check found.
        layout: Where the pictures of the slides lie and the page goes.
        title: Its title.
    """
    sections = [_summary(checked), _findings(checked), _quality(checked, layout), _slides(checked)]
    decisions = _decisions(checked)
    sections += [decisions] if decisions else []
    write_text(layout.check_page, render_page(sections, title=title, kicker="cartopath check", source=_SOURCE))
    return layout.check_page


def _summary(checked: Checked) -> Section:
    slides, opened = checked.slides, checked.opened
    n = {verdict: int((slides["verdict"] == verdict).sum()) for verdict in _RANKS}
    patients = int(slides.loc[slides["patient_id"] != "", "patient_id"].nunique())
    items = [
        KeyNumber(count(len(slides)), "slides listed", f"of {counted(patients, 'patient')}" if patients else ""),
        KeyNumber(count(n["ok"]), "without a flaw"),
        KeyNumber(count(n["look"]), "to look at"),
        KeyNumber(count(n["unusable"]), "unusable"),
        KeyNumber(count(n["excluded"]), "excluded"),
    ]
    if len(opened):
        items.append(KeyNumber(short(float(opened["tissue_mm2"].sum())), "mm² of tissue", f"{counted(_n_tiles(opened), 'tile')}"))
    n_errors = sum(finding.severity == "error" and finding.code != "slide-unusable" for finding in checked.findings)
    n_warnings = sum(finding.severity == "warning" for finding in checked.findings)
    if n_errors:
        claim = Claim("Verdict", f"{counted(n_errors, 'error')} must be mended before a run.", "not ready", "bad")
    elif n_warnings or n["unusable"]:
        text = f"A run can start; {counted(n_warnings, 'warning')} should be read first."
        text += f" It leaves out {counted(n['unusable'], 'slide')} that cannot be used." if n["unusable"] else ""
        claim = Claim("Verdict", text, "with reservations", "strong")
    else:
        claim = Claim("Verdict", "Everything can be read and joined.", "ready", "good")
    return Section("summary", "Summary", (KeyNumbers(tuple(items)), Claims((claim,))))


def _n_tiles(opened: pd.DataFrame) -> int:
    return int(opened["n_tiles"].fillna(0).sum())


def _findings(checked: Checked) -> Section:
    rows = tuple(
        (
            Cell(finding.severity, tone=_TONES[finding.severity]),
            Cell(finding.subject),
            Cell(finding.message),
            Cell(finding.code, tone="muted"),
        )
        for finding in checked.findings
    )
    if not rows:
        return Section("findings", "Findings", (Paragraph("Nothing was found to be wrong."),))
    grid = Grid("What was found, worst first.", text_columns("Severity", "Subject", "Message", "Code"), rows, "findings.csv")
    return Section("findings", "Findings", (grid,))


def _quality(checked: Checked, layout: Layout) -> Section:
    ranked = _ranked(checked)
    shown = ranked[ranked["verdict"] != "excluded"].head(MOST_PRINTS)
    prints = [
        slide_print(
            layout, row, checked.flags, verdict=row["verdict"], reason=_reason(row) if row["verdict"] == "unusable" else ""
        )
        for row in shown.to_dict("records")
    ]
    blocks: list[Block] = [contact_sheet(prints, n_all=len(ranked), source="check.csv")] if prints else []
    blocks += flaw_grids(checked.flags)
    return Section("quality", "Slide quality", tuple(blocks or [Paragraph("There is no slide to look at.", "missing")]))


def _reason(row: dict[Any, Any]) -> str:
    """Return why a slide cannot be used, without its path, which stands beside it."""
    return str(row["reasons"]).removeprefix(f"{row['path']}: ")


def _ranked(checked: Checked) -> pd.DataFrame:
    n_flaws = checked.slides["slide_id"].map(checked.flags["slide_id"].value_counts()).fillna(0)
    rank = checked.slides["verdict"].map({verdict: place for place, verdict in enumerate(_RANKS)})
    order = pd.DataFrame({"rank": rank, "n": -n_flaws, "id": checked.slides["slide_id"]})
    return checked.slides.loc[order.sort_values(["rank", "n", "id"], kind="stable").index]


def _slides(checked: Checked) -> Section:
    tones: dict[str, Tone] = {"ok": "good", "look": "strong", "unusable": "bad", "excluded": "muted"}
    rows = tuple(
        (
            Cell(row["slide_id"]),
            Cell(row["patient_id"]),
            Cell(row["verdict"], tone=tones[row["verdict"]]),
            Cell(number(row["mpp"], digits=4), str(row["mpp_source"]) if is_known(row["mpp"]) else ""),
            Cell(f"{row['width_px0']:,.0f} × {row['height_px0']:,.0f}" if is_known(row["width_px0"]) else "–"),
            Cell(short(row["tissue_mm2"])),
            Cell(count(row["n_tiles"])),
            Cell(short(row["sharpness"])),
            *(Cell(percent(row[f"{flag}_share"])) for flag in _SHARES),
        )
        for row in _ranked(checked).head(_MOST_ROWS).to_dict("records")
    )
    columns = (
        *text_columns("Slide", "Patient", "Verdict"),
        *number_columns("µm per pixel", "Pixels", "Tissue, mm²", "Tiles", "Sharpness"),
        *number_columns(*_SHARES, group="Share of tissue"),
    )
    grid = Grid("Every slide. The file has all measures.", columns, rows, "check.csv", folded=len(rows) > 40)
    return Section("slides", "Slides", (grid,))


_SHARES = ("pen", "fold", "dark", "blur", "stain", "saturated", "coverslip")


def _decisions(checked: Checked) -> Section | None:
    """Offer the lines that would leave out what cannot be used, for a person to copy or not."""
    unusable = checked.slides[checked.slides["verdict"] == "unusable"]
    flawed = checked.slides[checked.slides["verdict"] == "look"]
    if unusable.empty and flawed.empty:
        return None
    text = (
        "Nothing is left out by itself. To leave slides out, copy the lines you agree with into `study.yaml`; the reason goes "
        "into the report. To drop flawed tiles and keep the slides, name the flaws in `tiles.drop_flagged`."
    )
    blocks: list[Block] = [Paragraph(text)]
    for name, rows in (("Slides that cannot be used", unusable), ("Slides with flaws", flawed)):
        if len(rows):
            reasons = {row["slide_id"]: _reason(row) for row in rows.to_dict("records")}
            decided = {"slides": {"exclude": reasons}}
            listing = yaml.safe_dump(decided, sort_keys=False, allow_unicode=True, width=1000)
            blocks.append(Listing(f"{name}: {len(rows):,}", listing))
    return Section("decisions", "Decisions to take", tuple(blocks))
