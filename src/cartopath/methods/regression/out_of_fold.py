"""Out-of-fold predictions of heads and baselines: the same genes, patients and folds for all of them."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.regression.control import Control, control_of, shuffle
from cartopath.methods.regression.division import Part
from cartopath.methods.regression.evaluation import Arm
from cartopath.methods.regression.expression import Expression
from cartopath.methods.regression.heads import HeadValues, head_values, recipe_of
from cartopath.methods.regression.parts import KeptParts, averaged, training_table
from cartopath.methods.regression.patients import Patients
from cartopath.methods.regression.ridge import ridge_values
from cartopath.methods.regression.settings import Machine, Settings
from cartopath.methods.regression.standards import Standard, standard_of
from cartopath.stats import gene_metrics
from cartopath.store.hashing import value_key

Telling = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""
VERSION = 1
_DECIDE_NOTHING = ("heads", "control", "genes", "min_expressed")
"""Settings that change no prediction of a head and part, beside those genes that are in its key anyway."""


class OutOfFold:
    """Predictions for the test patients of every part.

    Args:
        expression: What is predicted.
        parts: All folds of all repeats.
        settings: How.
        machine: On what.
        out: Folder in which predictions and models are kept.
        say: Told of progress.
    """

    def __init__(
        self, expression: Expression, parts: Sequence[Part], settings: Settings, machine: Machine, out: Path, say: Telling
    ) -> None:
        self._parts, self._settings, self._machine, self._out, self._say = parts, settings, machine, out, say
        self._values = expression.values.to_numpy(np.float64)
        self._genes = [str(gene) for gene in expression.values.columns]
        self._standards = [standard_of(self._values, part) for part in parts]
        self._keys: dict[int, str] = {}
        self._trainings: list[tuple[str, Part, HeadValues]] = []

    @property
    def models(self) -> Path:
        """Folder of the models of the genes whose attention is asked for."""
        return self._out / "models"

    @property
    def training(self) -> pd.DataFrame:
        """How all trainings went."""
        return training_table(self._trainings)

    def measured(self) -> NDArray[np.float64]:
        """Return what was measured on the scale of the predictions, (n_patients, n_genes)."""
        return _measured(self._parts, self._standards, self._values)

    def head(self, name: str, head: str, patients: Patients, *, keeps: bool = False) -> Arm:
        """Return the predictions of a head.

        Args:
            name: What this head on these features is called.
            head: Which kind.
            patients: With their bags, in the order of the measurements.
            keeps: Write the models of the genes whose attention is asked for.
        """
        kept = self._settings.attention if keeps else ()
        found = [self._part(name, head, patients, self._values, self._genes, part, kept=kept) for part in self._parts]
        return self._arm(name, [one.values for one in found], sum(one.seconds for one in found), is_baseline=False)

    def ridge(self, name: str, vectors: NDArray[np.float64]) -> Arm:
        """Return the predictions of ridge regression on one vector per patient, (n_patients, n)."""
        start, found = time.perf_counter(), []
        for part in self._parts:
            found.append(ridge_values(vectors, self._values, part))
            self._say(name, len(found), len(self._parts))
        return self._arm(name, found, time.perf_counter() - start, is_baseline=True)

    def control(self, head: str, patients: Patients) -> Control:
        """Return what a head makes of shuffled patients, in the first repeat."""
        shuffled = shuffle(self._values, self._settings.seed)
        genes = [self._genes[place] for place in shuffled.places]
        parts = [part for part in self._parts if part.repeat == 0]
        found = [self._part(f"shuffled_{head}", head, patients, shuffled.values, genes, part) for part in parts]
        standards = [standard_of(shuffled.values, part) for part in parts]
        scores = [standard(one.values) for standard, one in zip(standards, found, strict=True)]
        measured = _measured(parts, standards, shuffled.values)
        return control_of(genes, gene_metrics(measured, averaged(parts, scores, len(measured))))

    def folds(self) -> NDArray[np.int64] | None:
        """Return the fold that tested each patient; None where several repeats did."""
        if self._settings.repeats > 1:
            return None
        folds = np.zeros(len(self._values), np.int64)
        for part in self._parts:
            folds[part.test] = part.fold
        return folds

    def _part(
        self,
        name: str,
        head: str,
        patients: Patients,
        values: NDArray[np.float64],
        genes: Sequence[str],
        part: Part,
        *,
        kept: Collection[str] = (),
    ) -> HeadValues:
        what = f"{name}, fold {part.fold + 1} of {self._settings.folds}"
        what += f", repeat {part.repeat + 1}" if self._settings.repeats > 1 else ""
        store = KeptParts(self._out / "work", self._key(patients))
        found = store.read(name, part, len(genes))
        if found is None:
            start = time.perf_counter()
            found = head_values(
                head,
                patients,
                values,
                genes,
                part,
                self._settings,
                self._machine,
                stream=name,
                models=self.models,
                kept=kept,
                progress=lambda done, of: self._say(what, done, of),
            )
            found = dataclasses.replace(found, seconds=time.perf_counter() - start)
            store.write(name, part, found)
        else:
            self._say(what, len(genes), len(genes))
        self._trainings.append((name, part, found))
        return found

    def _key(self, patients: Patients) -> str:
        """Return the key of everything that decides the predictions of a head and part."""
        if id(patients) not in self._keys:
            settings = dataclasses.asdict(self._settings)
            self._keys[id(patients)] = value_key(
                {
                    "version": VERSION,
                    "settings": {name: value for name, value in settings.items() if name not in _DECIDE_NOTHING},
                    "recipe": recipe_of(self._settings, patients.n_features).recipe(),
                    "bags": patients.digest(),
                    "values": hashlib.sha256(np.ascontiguousarray(self._values).tobytes()).hexdigest(),
                    "genes": self._genes,
                }
            )
        return self._keys[id(patients)]

    def _arm(self, name: str, predicted: Sequence[NDArray[np.float64]], seconds: float, *, is_baseline: bool) -> Arm:
        scores = [standard(values) for standard, values in zip(self._standards, predicted, strict=True)]
        return Arm(name, is_baseline, averaged(self._parts, scores, len(self._values)), seconds)


def _measured(parts: Sequence[Part], standards: Sequence[Standard], values: NDArray[np.float64]) -> NDArray[np.float64]:
    of_part = [standard(values[part.test]) for part, standard in zip(parts, standards, strict=True)]
    return averaged(parts, of_part, len(values))
