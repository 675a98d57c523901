"""Attention and tile values of the slides of test patients, from models that never saw the patient (F67, F68)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cartopath.methods.regression.division import Part
from cartopath.methods.regression.heads import model_folder, safe_name
from cartopath.methods.regression.patients import Patients
from cartopath.store.artifacts import Header, write_table
from cartopath.training.mil import read_mil_bundle

KIND = "regression_attention"


def write_attention(folder: Path, models: Path, gene: str, patients: Patients, parts: Sequence[Part]) -> int:
    """Write what the models of a gene see in each test slide, and return how many slides there are.

    One table per slide, `<gene>/<slide>.parquet`: `x_px0`, `y_px0` (missing where the feature file has no places), `attention`
    (summing to 1 over the slides of the patient) and `value` (deviations from the mean of training patients), means over repeats.

    Args:
        folder: In which the gene gets a folder of its own.
        models: Where its models lie.
        gene: Its name.
        patients: With their bags.
        parts: All folds of all repeats.
    """
    n_slides = 0
    for place, attention, value in _seen(models, gene, patients, parts):
        for tiles in patients.slides[patients.names[place]]:
            own = slice(tiles.start, tiles.stop)
            xy = np.full((tiles.stop - tiles.start, 2), np.nan) if tiles.xy_px0 is None else tiles.xy_px0
            table = pd.DataFrame({"x_px0": xy[:, 0], "y_px0": xy[:, 1], "attention": attention[own], "value": value[own]})
            meta: dict[str, object] = {"gene": gene, "slide_id": tiles.slide_id, "patient_id": patients.names[place]}
            meta |= {"encoder": patients.encoder, "window_px0": tiles.window_px0, "n_tiles_of_slide": tiles.n_tiles}
            write_table(table, folder / safe_name(gene) / f"{tiles.slide_id}.parquet", Header(kind=KIND, meta=meta))
            n_slides += 1
    return n_slides


def _seen(models: Path, gene: str, patients: Patients, parts: Sequence[Part]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield place, attention and tile values of each patient, means over the models that tested them."""
    from cartopath.training.mil import predict_bag

    heads = {(part.repeat, part.fold): read_mil_bundle(model_folder(models, gene, part)) for part in parts}
    for place, bag in enumerate(patients.bags):
        said = [predict_bag(heads[part.repeat, part.fold], bag.features) for part in parts if place in part.test]
        attention = np.mean([one.weights[:, 0] for one in said], axis=0)
        value = np.mean([one.tile_scores[:, 0] for one in said], axis=0)
        yield place, attention, value
