"""What heads say of patients: of the one slide they have, or of the tiles of all their slides as one bag (F61)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from cartopath.methods.attention.settings import METHOD
from cartopath.methods.encoding.embedding import SlideEmbedding
from cartopath.methods.encoding.settings import encoder_of
from cartopath.methods.ensemble import Wanted, chosen_rounds, read_ensemble
from cartopath.store.embeddings import read_embeddings
from cartopath.study.run import Study, completed_figures, completed_key
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.mil import predict_bag, read_mil_bundle

VERSION = 1
There = Mapping[tuple[int, str], SlideEmbedding]


def whole_features(study: Study, rounds: Sequence[int], slide_id: str, there: There) -> dict[int, SlideEmbedding]:
    """Return the features of all tiles of a slide by round; rounds whose encoder has none are not in it."""
    found = {r: there.get((encoder_of(study.config, r), slide_id)) for r in rounds}
    return {r: one for r, one in found.items() if one is not None and one.rows is None}


def patient_task(trait: str, patient_id: str) -> str:
    """Return the name of the task that predicts a patient with several slides."""
    return f"{trait} all slides of {patient_id}"


def plan_patients(study: Study, wanted: Sequence[Wanted], there: There) -> Iterator[Task]:
    """Yield one task per trait and patient of whom there are several slides with features."""
    of_patient: dict[tuple[str, str], list[Wanted]] = {}
    for one in wanted:
        of_patient.setdefault((one.trait, one.record.patient_id), []).append(one)
    for (trait, patient_id), slides in of_patient.items():
        name, folder = patient_task(trait, patient_id), study.layout.ensemble(METHOD, trait)
        ensemble = read_ensemble(folder)
        found = [whole_features(study, ensemble["rounds"], one.record.slide_id, there) for one in slides]
        parts = {r: own for r in ensemble["rounds"] if (own := [slide[r] for slide in found if r in slide])}
        if max(map(len, parts.values()), default=0) < 2 or not set(chosen_rounds(ensemble, slides[0].own_fold)) <= set(parts):
            study.layout.receipt("predict", name).unlink(missing_ok=True)  # What an earlier run said of the patient is void.
            continue
        key = task_key(
            "predict patients by attention",
            VERSION,
            ensemble=slides[0].ensemble_key,
            embeddings=[[r, slide.record.slide_id, slide.key] for r, own in parts.items() for slide in own],
        )
        arguments = {"folder": folder, "embeddings": {r: [slide.path for slide in own] for r, own in parts.items()}}
        yield Task("predict", name, key, predict_patient, arguments, (), trait=trait)


def predict_patient(*, folder: Path, embeddings: dict[int, list[Path]]) -> Result:
    """Return each round's value of a patient's whole bag.

    Args:
        folder: Ensemble folder of a trait.
        embeddings: Of all slides of the patient, by round.

    Raises:
        ArtifactError: A file is missing or damaged.
    """
    features = {path: read_embeddings(path)[0].features for path in {path for own in embeddings.values() for path in own}}
    said = {
        r: predict_bag(read_mil_bundle(folder / f"round_{r}"), np.concatenate([features[path] for path in own]))
        for r, own in embeddings.items()
    }
    return {"values": {str(r): float(one.score[0]) for r, one in said.items()}}


def patient_values(study: Study, trait: str, patient_id: str, slides: Sequence[str]) -> dict[int, float]:
    """Return each round's value of a patient, in deviations or logits; empty where it could not be computed.

    Args:
        study: The study.
        trait: What is predicted.
        patient_id: Of whom.
        slides: The patient's scored slides.
    """
    names = [patient_task(trait, patient_id), *([f"{trait} {slides[0]}"] if len(slides) == 1 else [])]
    said = next((found for name in names if (found := completed_figures(study.layout, "predict", name))), {})
    return {int(r): value for r, value in said.get("values", {}).items()}


def patient_keys(study: Study, trait: str, patients: Sequence[str]) -> list[str | None]:
    """Return the keys of what was said of patients with several slides, None for others."""
    return [completed_key(study.layout, "predict", patient_task(trait, patient)) for patient in patients]
