"""The page of an external validation: what frozen models are worth on a second cohort, and that they were frozen."""

from __future__ import annotations

from pathlib import Path

from cartopath.methods.external import External
from cartopath.report.blocks import (
    Block,
    Cell,
    Claim,
    Claims,
    Grid,
    KeyNumber,
    KeyNumbers,
    Paragraph,
    Section,
    number_columns,
    text_columns,
)
from cartopath.report.external_performance import external_performance, internal, metric
from cartopath.report.numbers import NO_VALUE, count, counted, interval, is_known, number, short
from cartopath.report.page import render_page
from cartopath.report.verdicts import auroc_verdict
from cartopath.store.atomic import write_text

_SOURCE = "Every number on this page is also in `tables/*.csv` beside it; scores of tiles are in `scores/external`."
_MOST_ROWS = 500


def write_external_page(found: External, folder: Path) -> Path:
    """Write `index.html` of an external validation and return its path. The page stands alone, loads nothing and runs nothing."""
    sections = [_summary(found), external_performance(found), _patients(found), _frozen(found)]
    title = f"{found.models.study.config.name} on {found.name}"
    traits = found.models.trait_names
    html = render_page(sections, title=title, kicker="cartopath external validation", source=_SOURCE, traits=traits)
    write_text(folder / "index.html", html)
    return folder / "index.html"


def _summary(found: External) -> Section:
    n_failed = int((found.slides["failed"] != "").sum())
    items = (
        KeyNumber(count(found.patients["patient_id"].nunique()), "patients judged"),
        KeyNumber(count(len(found.slides) - n_failed), "slides scored", f"{n_failed} could not be" if n_failed else ""),
        KeyNumber(count(len(found.cohort.excluded)), "slides left out"),
        KeyNumber(count(len(found.models.weights)), "files of weights", "unchanged by sha256"),
    )
    text = (
        "Nothing was fitted on this cohort: tiles are cut, positive tiles called and rounds chosen as in the study, whose "
        "weights were the same before and after. The cohort's own measurements gave the classes below, which only the "
        "evaluation used."
    )
    claims = [_claim(found, trait) for trait in found.models.trait_names]
    remarks = [Paragraph(remark, "remark") for remark in found.cohort.remarks]
    return Section("summary", "Summary", (KeyNumbers(items), Paragraph(text), Claims(tuple(claims)), *remarks))


def _claim(found: External, trait: str) -> Claim:
    reason, row = found.classes[trait].reason, metric(found, trait, "ensemble")
    if row is None or not is_known(row["value"]):
        why = reason or ("no patient has a class" if row is None else str(row["reason"]))
        return Claim(trait, f"Not judged: {why}.", "undefined", "muted")
    size = f"{counted(row['n'], 'patient')} ({count(row['n_high'])} high, {count(row['n_low'])} low)"
    text = f"AUROC {number(row['value'])} (95 % CI {interval(row['low'], row['high']) or 'undefined'}) on {size}"
    own = internal(found, trait, "ensemble")
    if own is not None and is_known(own["value"]):
        text += f"; on {counted(own['n'], 'test patient')} of the study's own {number(own['value'])}"
        text += f" ({interval(own['low'], own['high'])})" if is_known(own["low"]) else ""
    verdict = auroc_verdict(row["low"], row["high"])
    return Claim(trait, f"{text}.", verdict.text, verdict.tone)


def _patients(found: External) -> Section:
    blocks: list[Block] = []
    failed = found.slides[found.slides["failed"] != ""]
    if len(failed):
        rows = tuple((Cell(r["slide_id"]), Cell(r["patient_id"]), Cell(r["failed"], tone="bad")) for _, r in failed.iterrows())
        blocks.append(Grid("Slides that could not be scored.", text_columns("Slide", "Patient", "Reason"), rows, "slides.csv"))
    excluded = found.cohort.excluded
    if len(excluded):
        shown = excluded.head(_MOST_ROWS)
        rows = tuple((Cell(r["patient_id"]), Cell(r["slide_id"]), Cell(r["reason"])) for _, r in shown.iterrows())
        caption = f"Slides that were left out: {count(len(excluded))}."
        blocks.append(Grid(caption, text_columns("Patient", "Slide", "Reason"), rows, "excluded.csv", folded=len(excluded) > 20))
    warned = found.slides[found.slides["warnings"].fillna("") != ""]
    if len(warned):
        warned_rows = tuple((Cell(r["slide_id"]), Cell(r["warnings"])) for _, r in warned.head(_MOST_ROWS).iterrows())
        caption = (
            f"Slides unlike those that trained the models, or with flaws: {count(len(warned))} of {count(len(found.slides))}."
        )
        blocks.append(Grid(caption, text_columns("Slide", "How"), warned_rows, "slides.csv", folded=True))
    blocks.append(_scores(found))
    return Section("patients", "Patients and slides", tuple(blocks))


def _scores(found: External) -> Grid:
    words = {"hi": "high", "lo": "low"}
    rows = tuple(
        (
            Cell(row["trait"]),
            Cell(row["patient_id"]),
            Cell(words.get(row["label"], NO_VALUE)),
            Cell(short(row["value"])),
            Cell(count(row["n_slides"])),
            Cell(number(row["ensemble"], digits=3)),
        )
        for _, row in found.patients.head(_MOST_ROWS).iterrows()
    )
    columns = (*text_columns("Trait", "Patient", "Class"), *number_columns("measured", "slides", "score"))
    caption = "Scores of patients by the ensemble."
    caption += f" The first {_MOST_ROWS} of {count(len(found.patients))} rows." if len(found.patients) > _MOST_ROWS else ""
    return Grid(caption, columns, rows, "patients.csv", folded=True)


def _frozen(found: External) -> Section:
    models = found.models
    text = (
        f"Method {models.method.name.replace('_', ' ')} of the study in `{models.study.root}`. The sha256 of every file of "
        "weights was taken before the first and after the last slide, and compared; the validation ends with an error where "
        "one differs."
    )
    rows = tuple(
        (Cell(name), Cell(before), Cell("same" if found.weights_after[name] == before else "changed"))
        for name, before in models.weights.items()
    )
    voting = tuple(
        (Cell(trait), Cell(", ".join(map(str, models.rounds[trait]))), Cell(", ".join(map(str, models.voting[trait]))))
        for trait in models.trait_names
    )
    grids = (
        Grid("Models of each trait.", text_columns("Trait", "Trained", "In the ensemble"), voting),
        Grid(
            "Weights before and after.",
            text_columns("File", "sha256 before", "After"),
            rows,
            "weights.csv",
            folded=len(rows) > 30,
        ),
    )
    return Section("models", "The models, frozen", (Paragraph(text), *grids))
