"""The external cohort: its slides without those of patients who trained a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cartopath.core.errors import ConfigError
from cartopath.core.locations import as_path
from cartopath.methods.external.frozen import FrozenModels, known_slides
from cartopath.study.inputs import listed_slides, slide_identities
from cartopath.study.run import Study
from cartopath.study.stages.cohort import exclusions


@dataclass(frozen=True)
class ExternalSlide:
    """A slide that the models are applied to.

    Attributes:
        slide_id: Its name.
        patient_id: Whose it is.
        path: The file.
        mpp: Um per pixel that the cohort's slide table states, or None.
        identity: Key of its content.
    """

    slide_id: str
    patient_id: str
    path: Path
    mpp: float | None
    identity: str


@dataclass(frozen=True, eq=False)
class ExternalCohort:
    """Who is judged.

    Attributes:
        slides: Slides that the models are applied to.
        excluded: slide_id, patient_id, reason.
        remarks: What else a reader must know, as sentences.
    """

    slides: list[ExternalSlide]
    excluded: pd.DataFrame
    remarks: list[str]


def read_cohort(cohort: Study, models: FrozenModels) -> ExternalCohort:
    """Return the slides of a cohort that the models may be judged on.

    A patient is left out with all slides who trained or validated any model or its encoder, by name, or because a slide of
    theirs has the content of a slide of the study's own patients who did.

    Raises:
        ConfigError: No slide is left.
        TableError: The folder or the table of slides is missing or damaged.
    """
    table = listed_slides(cohort)
    table["reason"] = exclusions(table, cohort.config.slides.kind)
    used = table[table["reason"] == ""]
    paths = [as_path(path) for path in used["path"]]
    identity = pd.Series(slide_identities(paths), index=used.index, dtype=str)
    for patient, why in _insiders(used.assign(identity=identity), models).items():
        table.loc[(table["patient_id"] == patient) & (table["reason"] == ""), "reason"] = why
    left = table[table["reason"] == ""]
    if left.empty:
        raise ConfigError(f"{cohort.path(cohort.config.slides.dir)}: no slide is left to judge the models on; {_why(table)}")
    slides = [
        ExternalSlide(
            slide_id=str(row["slide_id"]),
            patient_id=str(row["patient_id"]),
            path=cohort.path(as_path(row["path"])),
            mpp=None if pd.isna(row["mpp"]) else float(row["mpp"]),
            identity=identity[i],
        )
        for i, row in left.sort_values("slide_id").iterrows()
    ]
    excluded = table.loc[table["reason"] != "", ["slide_id", "patient_id", "reason"]].sort_values(["patient_id", "slide_id"])
    return ExternalCohort(slides, excluded.reset_index(drop=True), _remarks(slides, models))


def _why(table: pd.DataFrame) -> str:
    reasons = table["reason"].value_counts()
    return f"{reasons.iloc[0]} of {len(table)} slides: {reasons.index[0]}" if len(reasons) else "it holds none"


def _insiders(slides: pd.DataFrame, models: FrozenModels) -> dict[str, str]:
    """Return by patient of the cohort why they are none that the models have never seen."""
    found: dict[str, str] = {}
    known = known_slides(models)
    for row in slides.to_dict("records"):
        patient = str(row["patient_id"])
        if patient in models.trained:
            found[patient] = f"this patient {_listed(models.trained[patient])}"
        elif row["identity"] in known:
            slide, other = known[row["identity"]]
            if other in models.trained:
                found[patient] = f"slide {row['slide_id']} is {slide} of {other}, who {_listed(models.trained[other])}"
    return found


def _listed(what: list[str]) -> str:
    return ", ".join(what[:3]) + (f" and {len(what) - 3} more" if len(what) > 3 else "")


def _remarks(slides: list[ExternalSlide], models: FrozenModels) -> list[str]:
    known = known_slides(models)
    own = {patient for _, patient in known.values()}
    inside = sorted({s.patient_id for s in slides if s.patient_id in own or s.identity in known})
    if not inside:
        return []
    examples = ", ".join(inside[:3]) + (" ..." if len(inside) > 3 else "")
    return [
        f"{len(inside)} patients are of the study's own cohort but trained nothing, and are judged with the others ({examples})."
    ]
