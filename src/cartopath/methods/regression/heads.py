"""Heads trained for all genes of one part, and what they say of its test patients."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.regression.division import Part
from cartopath.methods.regression.patients import Patients
from cartopath.methods.regression.settings import Machine, Settings
from cartopath.models.mil.spec import MilSpec
from cartopath.training.mil import (
    FeatureScaling,
    Job,
    MilEncoder,
    MilHead,
    MilTraining,
    Outcome,
    iter_trained,
    write_mil_bundle,
)

Progress = Callable[[int, int], None]
TRAINING_COLUMNS = ("gene", "n_epochs", "best_epoch", "validation_loss", "ending", "reason")


@dataclass(frozen=True, eq=False)
class HeadValues:
    """What heads say of the test patients of a part.

    Attributes:
        values: (n_test, n_genes) in the units of the targets.
        training: How each training went, `TRAINING_COLUMNS`.
        seconds: That it took to train and to predict, in whatever call that was; NaN where nobody noted it.
    """

    values: NDArray[np.float64]
    training: pd.DataFrame
    seconds: float = math.nan


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
    bags = _TestBags(patients, part)
    for some in trained:
        places = np.arange(len(genes)) if settings.together else np.array([each.position for each in some])
        predicted[:, places] = bags.predicted([each.outcome.head for each in some])
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


class _TestBags:
    """The bags of test patients, whose features are brought to the scale of the heads once and not for every few of them.

    Args:
        patients: With their bags.
        part: Who is predicted.
    """

    def __init__(self, patients: Patients, part: Part) -> None:
        self._features: list[NDArray[Any]] = [patients.bags[place].features for place in part.test]
        self._scaling: FeatureScaling | None = None
        self._scaled: list[NDArray[Any]] = []

    def predicted(self, heads: Sequence[MilHead]) -> NDArray[np.float64]:
        """Return what heads of one kind and scale say, (n_test, n_heads) or, of one head, (n_test, n_outputs)."""
        from cartopath.training.mil import predict_many

        features = self._features
        if heads[0].spec.head != "transformer":  # That one looks for groups of tiles in features as they are.
            features = self._at_scale(heads[0].scaling)
            same = FeatureScaling(np.zeros(heads[0].spec.n_features), np.ones(heads[0].spec.n_features))
            heads = [dataclasses.replace(head, scaling=same) for head in heads]
        said = [[each.value for each in predict_many(heads, tiles)] for tiles in features]
        return np.array([np.concatenate(row) for row in said])

    def _at_scale(self, scaling: FeatureScaling) -> list[NDArray[Any]]:
        if scaling is not self._scaling:
            self._scaling, self._scaled = scaling, [scaling(tiles) for tiles in self._features]
        return self._scaled


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
