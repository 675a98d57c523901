"""Heads trained for all genes of one part, and what they say of its test patients."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.regression.division import Part
from cartopath.methods.regression.patients import Patients
from cartopath.methods.regression.settings import Machine, Settings
from cartopath.models.mil.spec import MilSpec
from cartopath.training.mil import Job, MilEncoder, MilTraining, Outcome, iter_trained, write_mil_bundle

Progress = Callable[[int, int], None]
TRAINING_COLUMNS = ("gene", "n_epochs", "best_epoch", "validation_loss", "ending", "reason")


@dataclass(frozen=True, eq=False)
class HeadValues:
    """What heads say of the test patients of a part.

    Attributes:
        values: (n_test, n_genes) in the units of the targets.
        training: How each training went, `TRAINING_COLUMNS`.
    """

    values: NDArray[np.float64]
    training: pd.DataFrame


def recipe_of(settings: Settings, n_features: int) -> MilTraining:
    """Return the recipe of all trainings."""
    recipe = MilTraining.as_published(seed=settings.seed) if settings.published else MilTraining(seed=settings.seed)
    if 0 < settings.components < n_features:
        recipe = dataclasses.replace(recipe, components=settings.components)
    return recipe if settings.max_epochs is None else dataclasses.replace(recipe, max_epochs=settings.max_epochs)


def head_values(
    head: str,
    patients: Patients,
    values: NDArray[np.float64],
    genes: Sequence[str],
    part: Part,
    settings: Settings,
    machine: Machine,
    *,
    stream: str = "",
    models: Path | None = None,
    kept: Collection[str] = (),
    progress: Progress | None = None,
) -> HeadValues:
    """Train a head for every gene on the training patients of a part, all together, and predict its test patients.

    Args:
        head: Which kind.
        patients: With their bags.
        values: (n_patients, n_genes), NaN for missing.
        genes: Names of the genes.
        part: Who trains, stops early, and is predicted.
        settings: How.
        machine: On what.
        stream: Sets the random numbers of this training apart from others of the same head.
        models: Folder for the models of `kept` genes.
        kept: Genes whose models are written.
        progress: Called with the trainings that have ended and all trainings.
    """
    n_outputs = len(genes) if settings.together else 1
    spec = MilSpec(head=head, n_features=patients.n_features, n_outputs=n_outputs)
    recipe = recipe_of(settings, patients.n_features)
    predicted = np.zeros((len(part.test), len(genes)))
    rows = []
    trained = iter_trained(
        patients.bags,
        _jobs(head, values, genes, part, together=settings.together, stream=stream),
        spec,
        recipe,
        threads=machine.threads,
        memory_bytes=machine.memory_bytes,
        progress=progress,
        device=machine.device,
    )
    for some in trained:
        places = np.arange(len(genes)) if settings.together else np.array([each.position for each in some])
        predicted[:, places] = _said([each.outcome for each in some], patients, part.test)
        rows += [_row("all" if settings.together else genes[each.position], each.outcome) for each in some]
        for each in some:
            if models is not None and genes[each.position] in kept:
                _write(models, each.outcome, genes[each.position], patients, part)
    return HeadValues(predicted, pd.DataFrame(rows, columns=list(TRAINING_COLUMNS)))


def _jobs(head: str, values: NDArray[np.float64], genes: Sequence[str], part: Part, *, together: bool, stream: str) -> list[Job]:
    where = f"{head}, repeat {part.repeat}, fold {part.fold}"
    names = ("regression", head, part.repeat, part.fold, stream)
    if together:
        return [Job(f"{len(genes)} genes, {where}", values, part.train, part.validation, stream=names)]
    return [
        Job(f"{gene}, {where}", values[:, place], part.train, part.validation, stream=(*names, gene))
        for place, gene in enumerate(genes)
    ]


def _said(outcomes: Sequence[Outcome], patients: Patients, test: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what is predicted of test patients, (n_test, n_heads) or, of one head with many outputs, (n_test, n_outputs)."""
    from cartopath.training.mil import predict_many

    said = [[each.value for each in predict_many(outcomes, patients.bags[place].features)] for place in test]
    return np.array([np.concatenate(row) for row in said])


def _row(gene: str, outcome: Outcome) -> tuple[str, int, int, float, str, str]:
    n_epochs = len(outcome.train_losses)
    return gene, n_epochs, outcome.best_epoch, outcome.validation, outcome.ending, outcome.reason


def safe_name(name: str) -> str:
    """Return a name as part of a path.

    >>> safe_name("TP53|7157"), safe_name("attention (random/resnet18)")
    ('TP53_7157', 'attention__random_resnet18_')
    """
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in name)


def model_folder(models: Path, gene: str, part: Part) -> Path:
    """Return where the model of a gene and part is kept."""
    return models / safe_name(gene) / f"repeat_{part.repeat}_fold_{part.fold}"


def _write(models: Path, outcome: Outcome, gene: str, patients: Patients, part: Part) -> None:
    names = patients.names
    sets = {name: [names[place] for place in getattr(part, name)] for name in ("train", "validation", "test")}
    card = {"trait": gene, "repeat": part.repeat, "fold": part.fold, "patients": sets, "ending": outcome.ending}
    write_mil_bundle(
        model_folder(models, gene, part), head=outcome.head, encoder=MilEncoder(name=patients.encoder or "unnamed"), card=card
    )
