"""What a regression found: tables of genes, arms, patients and trainings, and how it came to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.regression.control import Control
from cartopath.methods.regression.evaluation import Judged
from cartopath.methods.regression.expression import Expression
from cartopath.methods.regression.patients import Patients
from cartopath.methods.regression.settings import Inputs, Settings
from cartopath.store.artifacts import Header, write_csv, write_table

PREDICTIONS = "regression_predictions"


@dataclass(frozen=True, eq=False)
class Regression:
    """Everything that a page or a command needs.

    Attributes:
        inputs: What was read.
        settings: What was asked.
        patients: Who took part.
        expression: What was measured.
        splits: Who trained, watched and was predicted: `repeat, fold, patient_id, set`.
        measured: (n_patients, n_genes) in deviations from the mean of the patients who trained, averaged over repeats.
        judged: All arms: heads as asked, then baselines.
        baseline: Name of the arm that has to be beaten.
        baseline_note: Why it is this one.
        arms: One row per arm.
        genes: One row per arm and gene.
        training: One row per training.
        control: The first head on shuffled patients; None where it was not asked for.
        n_attention_slides: Slides of each gene whose attention was written.
    """

    inputs: Inputs
    settings: Settings
    patients: Patients
    expression: Expression
    splits: pd.DataFrame
    measured: NDArray[np.float64]
    judged: Sequence[Judged]
    baseline: str
    baseline_note: str
    arms: pd.DataFrame
    genes: pd.DataFrame
    training: pd.DataFrame
    control: Control | None
    n_attention_slides: Mapping[str, int]

    @property
    def first(self) -> Judged:
        """The first head."""
        return self.judged[0]

    def write(self, folder: Path) -> None:
        """Write all tables into a folder."""
        tables = {
            "genes": self.genes,
            "arms": self.arms,
            "splits": self.splits,
            "training": self.training,
            "slides": self._slides(),
            "left_out": self._left_out(),
        }
        if self.control is not None:
            tables["control"] = self._control(self.control)
        for name, table in tables.items():
            write_csv(table, folder / f"{name}.csv")
        write_table(self._predictions(), folder / "predictions.parquet", Header(kind=PREDICTIONS, meta=self._meta()))

    def _meta(self) -> dict[str, object]:
        return {"encoder": self.patients.encoder, "panel": self.expression.panel, "transform": self.expression.transform}

    def _predictions(self) -> pd.DataFrame:
        """Return one row per arm, gene and patient, in deviations from the mean of those who trained."""
        names, genes = self.patients.names, self.expression.values.columns
        n_patients, n_genes = len(names), len(genes)
        values = self.expression.values.to_numpy()
        codes = {"patient_id": np.tile(np.arange(n_patients), n_genes), "gene": np.repeat(np.arange(n_genes), n_patients)}
        columns = {"patient_id": pd.Index(names), "gene": pd.Index(genes)}
        tables = []
        codes |= {"arm": np.empty(n_patients * n_genes, np.int64)}
        columns |= {"arm": pd.Index([each.arm.name for each in self.judged])}
        for number, one in enumerate(self.judged):
            codes["arm"][:] = number
            table = pd.DataFrame(
                {name: pd.Categorical.from_codes(codes[name], columns[name]) for name in ("arm", "gene", "patient_id")}
            )
            table["measured"] = values.T.ravel().astype(np.float32)
            table["measured_score"] = self.measured.T.ravel().astype(np.float32)
            table["predicted_score"] = one.arm.scores.T.ravel().astype(np.float32)
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def _slides(self) -> pd.DataFrame:
        rows = [
            (tiles.slide_id, name, tiles.n_tiles, tiles.stop - tiles.start)
            for name in self.patients.names
            for tiles in self.patients.slides[name]
        ]
        return pd.DataFrame(rows, columns=["slide_id", "patient_id", "n_tiles", "n_used"])

    def _left_out(self) -> pd.DataFrame:
        slides = self.patients.left_out.rename(columns={"slide_id": "name"}).assign(what="slide")
        known = set(slides["reason"])
        others = [("slide", slide, reason) for slide, reason in self.patients.unreadable if reason not in known]
        genes = self.expression.left_out.rename(columns={"gene": "name"}).assign(what="gene")
        patients = self.patients.absent.rename(columns={"patient_id": "name"}).assign(what="patient")
        columns = ["what", "name", "reason"]
        return pd.concat([slides, pd.DataFrame(others, columns=columns), genes, patients], ignore_index=True)[columns]

    @staticmethod
    def _control(control: Control) -> pd.DataFrame:
        found = control.metrics
        return pd.DataFrame({"gene": control.genes, "n": found.n, "pearson": found.pearson, "pearson_p": found.pearson_p})
