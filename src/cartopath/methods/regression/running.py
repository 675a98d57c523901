"""A regression from beginning to end: features and a molecular table in, out-of-fold predictions and their judgement out."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError
from cartopath.methods.regression.attention import write_attention
from cartopath.methods.regression.composition import read_composition
from cartopath.methods.regression.control import Control, control_of, shuffle
from cartopath.methods.regression.division import Part, divide
from cartopath.methods.regression.evaluation import Arm, arm_row, judge
from cartopath.methods.regression.expression import Expression, open_table, read_expression
from cartopath.methods.regression.heads import HeadValues, head_values, recipe_of
from cartopath.methods.regression.parts import KeptParts, averaged, training_table
from cartopath.methods.regression.patients import Patients, read_patients
from cartopath.methods.regression.result import Regression
from cartopath.methods.regression.ridge import ridge_values
from cartopath.methods.regression.settings import Inputs, Machine, Settings
from cartopath.methods.regression.standards import Standard, standard_of
from cartopath.stats import gene_metrics
from cartopath.store.hashing import value_key

Telling = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""
RIDGE, COMPOSITION, CONTROL = "ridge", "composition", "shuffled"
VERSION = 1


def regress(
    inputs: Inputs, settings: Settings, out: Path, *, machine: Machine | None = None, tell: Telling | None = None
) -> Regression:
    """Predict the expression of genes from features of tiles, patient by patient, by models that never saw the patient.

    Predictions of each fold are kept in `work` of the folder, from which the same call goes on after it was stopped.

    Args:
        inputs: Features and measurements.
        settings: What is asked.
        out: Folder for everything; tables are not written, see `Regression.write`.
        machine: What may be used.
        tell: Told of progress.

    Raises:
        CartopathError: Features, table or settings cannot be used; the message says what to do.
    """
    say: Telling = tell or (lambda what, done, of: None)
    table = open_table(inputs)
    patients = read_patients(inputs, settings, table.patients, progress=lambda done, of: say("features", done, of))
    expression = read_expression(table, settings, patients.names, inputs)
    _check_attention(settings, expression)
    parts, splits = divide(patients.names, folds=settings.folds, repeats=settings.repeats, seed=settings.seed)
    study = _Study(patients, expression, parts, settings, machine or Machine(), out, say)
    arms = [study.head(head) for head in settings.heads]
    baselines, note = study.baselines(inputs)
    control = study.control() if settings.control else None
    seen = study.attention()
    say("judging", 0, len(arms) + len(baselines))
    return study.judged(inputs, splits, arms, baselines, note, control, seen)


def _check_attention(settings: Settings, expression: Expression) -> None:
    unknown = [gene for gene in settings.attention if gene not in expression.values.columns]
    if unknown:
        raise ConfigError(
            f"--attention {', '.join(unknown)}: not among the {expression.values.shape[1]} genes that are predicted"
        )


class _Study:
    """One regression on its way."""

    def __init__(
        self,
        patients: Patients,
        expression: Expression,
        parts: list[Part],
        settings: Settings,
        machine: Machine,
        out: Path,
        say: Telling,
    ) -> None:
        self._patients, self._expression, self._parts = patients, expression, parts
        self._settings, self._machine, self._say = settings, machine, say
        self._out = out
        self._values = expression.values.to_numpy(np.float64)
        self._genes = [str(gene) for gene in expression.values.columns]
        self._standards = [standard_of(self._values, part) for part in parts]
        self._kept = KeptParts(out / "work", self._key())
        self._trainings: list[tuple[str, Part, HeadValues]] = []

    def _key(self) -> str:
        """Return the key of everything that decides the predictions of a head and part."""
        settings = dataclasses.asdict(self._settings)
        for name in ("heads", "control", "genes", "min_expressed"):
            del settings[name]
        return value_key(
            {
                "version": VERSION,
                "settings": settings,
                "recipe": recipe_of(self._settings, self._patients.n_features).recipe(),
                "bags": self._patients.digest(),
                "values": hashlib.sha256(np.ascontiguousarray(self._values).tobytes()).hexdigest(),
                "genes": self._genes,
            }
        )

    def head(self, head: str) -> Arm:
        """Return the out-of-fold predictions of a head."""
        start = time.perf_counter()
        is_first = head == self._settings.heads[0]
        found = [self._part(head, head, self._values, self._genes, part, keeps=is_first) for part in self._parts]
        return self._arm(head, [one.values for one in found], start, is_baseline=False)

    def _part(
        self, arm: str, head: str, values: NDArray[np.float64], genes: Sequence[str], part: Part, *, keeps: bool = False
    ) -> HeadValues:
        found = self._kept.read(arm, part, len(genes))
        what = f"{arm}, fold {part.fold + 1} of {self._settings.folds}"
        what += f", repeat {part.repeat + 1}" if self._settings.repeats > 1 else ""
        if found is None:
            found = head_values(
                head,
                self._patients,
                values,
                genes,
                part,
                self._settings,
                self._machine,
                stream=arm,
                models=self._models if keeps else None,
                kept=self._settings.attention if keeps else (),
                progress=lambda done, of: self._say(what, done, of),
            )
            self._kept.write(arm, part, found)
        self._say(what, 1, 1)
        self._trainings.append((arm, part, found))
        return found

    @property
    def _models(self) -> Path:
        return self._out / "models"

    def _arm(self, name: str, predicted: Sequence[NDArray[np.float64]], start: float, *, is_baseline: bool) -> Arm:
        scores = [standard(values) for standard, values in zip(self._standards, predicted, strict=True)]
        return Arm(name, is_baseline, averaged(self._parts, scores, len(self._values)), time.perf_counter() - start)

    def baselines(self, inputs: Inputs) -> tuple[list[Arm], str]:
        """Return the baselines, the one to beat first, and why it is this one."""
        means = np.array([bag.features.mean(axis=0, dtype=np.float64) for bag in self._patients.bags])
        found = [self._ridge(RIDGE, means)]
        composition = read_composition(self._patients, inputs.slide_dir, inputs.slides)
        if composition.vectors is None:
            return found, (
                "The baseline is ridge regression on the mean of each patient's features. Composition (mean colour, stain and "
                f"density of nuclei) could not be one: {composition.reason}."
            )
        note = (
            "The baseline is ridge regression on the composition of the tissue: mean colour, stain and density of nuclei of some "
            "tiles of each slide. Ridge on the mean features stands beside it."
        )
        return [self._ridge(COMPOSITION, composition.vectors), *found], note

    def _ridge(self, name: str, vectors: NDArray[np.float64]) -> Arm:
        start, found = time.perf_counter(), []
        for part in self._parts:
            found.append(ridge_values(vectors, self._values, part))
            self._say(name, len(found), len(self._parts))
        return self._arm(name, found, start, is_baseline=True)

    def control(self) -> Control:
        """Return what the first head makes of shuffled patients, in the first repeat."""
        shuffled = shuffle(self._values, self._settings.seed)
        genes = [self._genes[place] for place in shuffled.places]
        parts = [part for part in self._parts if part.repeat == 0]
        head = self._settings.heads[0]
        found = [self._part(f"{CONTROL}_{head}", head, shuffled.values, genes, part) for part in parts]
        standards = [standard_of(shuffled.values, part) for part in parts]
        measured = self._measured(parts, standards, shuffled.values)
        scores = [standard(one.values) for standard, one in zip(standards, found, strict=True)]
        return control_of(genes, gene_metrics(measured, averaged(parts, scores, len(measured))))

    @staticmethod
    def _measured(parts: Sequence[Part], standards: Sequence[Standard], values: NDArray[np.float64]) -> NDArray[np.float64]:
        return averaged(
            parts, [standard(values[part.test]) for part, standard in zip(parts, standards, strict=True)], len(values)
        )

    def attention(self) -> dict[str, int]:
        """Write the attention of the genes that are asked for, and return how many slides each has."""
        found = {}
        for number, gene in enumerate(self._settings.attention):
            folder = self._out / "attention" / gene
            found[gene] = write_attention(folder, self._models, gene, self._patients, self._parts, encoder=self._patients.encoder)
            self._say("attention", number + 1, len(self._settings.attention))
        return found

    def judged(
        self,
        inputs: Inputs,
        splits: pd.DataFrame,
        heads: Sequence[Arm],
        baselines: Sequence[Arm],
        note: str,
        control: Control | None,
        seen: dict[str, int],
    ) -> Regression:
        """Judge all arms and return everything that was found."""
        measured = self._measured(self._parts, self._standards, self._values)
        baseline, first = baselines[0], heads[0]
        judged = []
        for number, arm in enumerate([*heads, *baselines]):
            judged.append(
                judge(
                    arm,
                    measured,
                    self._expression.genes,
                    [baseline] if arm is first else [baseline, first],
                    baseline.name,
                    groups=self._folds(),
                    seed=self._settings.seed,
                )
            )
            self._say("judging", number + 1, len(heads) + len(baselines))
        return Regression(
            inputs=inputs,
            settings=self._settings,
            patients=self._patients,
            expression=self._expression,
            splits=splits,
            measured=measured,
            judged=judged,
            baseline=baseline.name,
            baseline_note=note,
            arms=pd.DataFrame([arm_row(one, baseline.name, first.name) for one in judged]),
            genes=pd.concat([one.genes for one in judged], ignore_index=True),
            training=training_table(self._trainings),
            control=control,
            n_attention_slides=seen,
        )

    def _folds(self) -> NDArray[np.int64] | None:
        """Return the fold that tested each patient; None where several repeats did."""
        if self._settings.repeats > 1:
            return None
        folds = np.zeros(len(self._values), np.int64)
        for part in self._parts:
            folds[part.test] = part.fold
        return folds
