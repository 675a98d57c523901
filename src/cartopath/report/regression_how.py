"""Who takes part in a regression, who does not and why, and how its models were trained."""

from __future__ import annotations

import pandas as pd

from cartopath.methods.regression import Regression
from cartopath.report.blocks import (
    Block,
    Cell,
    Flow,
    FlowStep,
    Grid,
    Paragraph,
    Section,
    number_columns,
    text_columns,
)
from cartopath.report.numbers import count, counted, duration, number

_MOST_ROWS = 300


def n_slides(found: Regression) -> int:
    """Return how many slides take part."""
    return sum(len(slides) for slides in found.patients.slides.values())


def patients_section(found: Regression) -> Section:
    """Show who takes part, and who and which genes do not and why."""
    slides, genes = found.patients.left_out, found.expression.left_out
    n_patients, n_genes = found.measured.shape
    n_tiles = sum(tiles.n_tiles for own in found.patients.slides.values() for tiles in own)
    n_used = sum(tiles.stop - tiles.start for own in found.patients.slides.values() for tiles in own)
    steps = (
        FlowStep(
            "Feature files", counted(n_slides(found) + len(slides), "slide"), detail=found.patients.encoder or "unnamed encoder"
        ),
        FlowStep(
            "Readable, of a patient who was measured",
            f"{counted(n_slides(found), 'slide')} of {counted(n_patients, 'patient')}",
            lost=f"{count(len(slides))} left out" if len(slides) else "",
        ),
        FlowStep(
            "Tiles",
            count(n_used),
            lost=f"{count(n_tiles - n_used)} of {count(n_tiles)} not drawn" if n_used < n_tiles else "",
        ),
        FlowStep(
            "Genes", count(n_genes), lost=f"{count(len(genes))} left out" if len(genes) else "", detail=found.expression.transform
        ),
    )
    several = sum(len(own) > 1 for own in found.patients.slides.values())
    blocks: list[Block] = [Flow(steps, "Who and what takes part.", "slides.csv, left_out.csv")]
    if several:
        blocks.append(Paragraph(f"{counted(several, 'patient')} with several slides: all their tiles are one bag."))
    blocks += _reasons("Slides that were left out", slides, "slide_id")
    blocks += _reasons("Genes that were left out", genes, "gene")
    return Section("patients", "Patients, slides and genes", tuple(blocks))


def _reasons(what: str, table: pd.DataFrame, name: str) -> list[Block]:
    if table.empty:
        return []
    shown = table.head(_MOST_ROWS)
    rows = tuple((Cell(str(row[name])), Cell(str(row["reason"]))) for _, row in shown.iterrows())
    more = f" The first {_MOST_ROWS} of {count(len(table))}." if len(table) > _MOST_ROWS else ""
    return [Grid(f"{what}.{more}", text_columns("Name", "Reason"), rows, "left_out.csv", folded=len(table) > 12)]


def how_section(found: Regression) -> Section:
    """Show what was asked, how trainings went, and what was read."""
    settings = found.settings
    times = "once" if settings.repeats == 1 else f"{count(settings.repeats)} times anew"
    what = "one model for all genes" if settings.together else "one model for each gene"
    text = (
        f"Patients were divided into {settings.folds} folds, {times}; in each, one is predicted, "
        f"the next decides when a training ends, the others train: {what}. Targets are {found.expression.transform}, in "
        "deviations from the mean of training patients. "
    )
    if 0 < settings.components < found.patients.n_features:
        text += f"Heads see {settings.components} principal components of the features, those of training patients."
    else:
        text += f"Heads see all {count(found.patients.n_features)} features."
    return Section("how", "How it was done", (Paragraph(text), *_trainings(found), *_inputs(found)))


def _trainings(found: Regression) -> list[Block]:
    if found.training.empty:
        return []
    rows = []
    for arm, own in found.training.groupby("arm", sort=False):
        endings = own["ending"].value_counts()
        words = ", ".join(f"{ending.replace('_', ' ')} {count(n)}" for ending, n in endings.items())
        seconds = found.arms.loc[found.arms["arm"] == arm, "seconds"]
        rows.append(
            (
                Cell(str(arm).replace("shuffled_", "shuffled patients: ")),
                Cell(count(len(own))),
                Cell(number(own["n_epochs"].median(), digits=0)),
                Cell(words),
                Cell(duration(float(seconds.iloc[0])) if len(seconds) else "–"),
            )
        )
    columns = (
        *text_columns("Head"),
        *number_columns("trainings", "median epochs"),
        *text_columns("ended by"),
        *number_columns("time"),
    )
    note = "Time is what this call took; parts that were kept from before take none."
    return [Grid("Trainings.", columns, tuple(rows), "training.csv", (note,))]


def _inputs(found: Regression) -> list[Block]:
    inputs, settings = found.inputs, found.settings
    rows = [
        ("Features", str(inputs.features)),
        *(("Other features", str(folder)) for folder in inputs.also),
        ("Molecular table", str(inputs.table)),
        ("Slides", str(inputs.slides) if inputs.slides else "no table: names are barcodes or patients"),
        ("Genes", settings.genes),
        ("Seed", str(settings.seed)),
    ]
    cells = tuple((Cell(name), Cell(value)) for name, value in rows)
    return [Grid("What was read.", text_columns("What", "Value"), cells)]
