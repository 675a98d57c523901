"""Which genes can be predicted, and what was measured of them, as logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cartopath.cohort.matrices.measure import UNKNOWN_UNIT
from cartopath.cohort.molecular import MolecularTable, open_molecular
from cartopath.core.errors import TableError
from cartopath.methods.regression.asked_genes import AskedGenes
from cartopath.methods.regression.settings import ALL_GENES, Inputs, Settings
from cartopath.methods.regression.table_notes import table_notes


@dataclass(frozen=True, eq=False)
class Expression:
    """What was measured.

    Attributes:
        values: float64, one row per patient (index `patient_id`), one column per gene; NaN where a value is missing. Logarithms,
            unless the table's values are none that can be logarithms' arguments.
        genes: One row per column of `values`: `gene`, `feature` (as the table calls it), `group`, `direction` (of the panel).
        panel: Name of the panel, or `all`.
        transform: What was done to the values, as words.
        left_out: Genes that are not predicted: `gene`, `reason`.
        notes: What is odd about the table, as sentences.
    """

    values: pd.DataFrame
    genes: pd.DataFrame
    panel: str
    transform: str
    left_out: pd.DataFrame
    notes: tuple[str, ...]


def open_table(inputs: Inputs) -> MolecularTable:
    """Open the molecular table of a regression."""
    return open_molecular(
        inputs.table, format=inputs.format, sample_sheet=inputs.sample_sheet, column=inputs.column, genes=inputs.gene_names
    )


def read_expression(table: MolecularTable, asked: AskedGenes, settings: Settings, patients: Sequence[str]) -> Expression:
    """Read the genes that are asked for, of these patients.

    Args:
        table: The molecular table.
        asked: Which genes.
        settings: How much of them must be expressed.
        patients: Who takes part.

    Raises:
        TableError: No gene is left.
    """
    features, panel = asked.features, asked.panel
    values = table.read(list(features)).reindex(list(patients))
    values.columns = pd.Index([gene.symbol for gene in features.values()])
    logs, transform = _logarithms(values, table)
    reasons = _unusable(logs, settings if panel == ALL_GENES else None)
    kept = [gene for gene in features.values() if gene.symbol not in reasons]
    left_out = [*asked.missing, *reasons.items()]
    if not kept:
        raise TableError(f"{table.path}: none of {len(left_out)} genes can be predicted ({left_out[0][0]}: {left_out[0][1]})")
    by_symbol = {gene.symbol: feature for feature, gene in features.items()}
    rows = [(gene.symbol, by_symbol[gene.symbol], gene.group, gene.direction) for gene in kept]
    return Expression(
        values=logs[[gene.symbol for gene in kept]],
        genes=pd.DataFrame(rows, columns=["gene", "feature", "group", "direction"]),
        panel=panel,
        transform=transform,
        left_out=pd.DataFrame(left_out, columns=["gene", "reason"]),
        notes=(*table_notes(table), *((asked.hint,) if asked.hint else ())),
    )


def _logarithms(values: pd.DataFrame, table: MolecularTable) -> tuple[pd.DataFrame, str]:
    if table.transform == "none" and np.nanmin(values.to_numpy(), initial=0.0) >= 0:
        known = "" if table.unit in ("linear", UNKNOWN_UNIT) else f" of {table.unit}"
        return np.log1p(values), f"log(1 + x){known}"
    return values, f"values as in the table ({table.transform} of {table.unit})"


def _unusable(values: pd.DataFrame, filtered: Settings | None) -> dict[str, str]:
    """Return genes that cannot be predicted, or, where a table is filtered, are hardly expressed, each with the reason."""
    array = values.to_numpy()
    known = ~np.isnan(array)
    n = known.sum(axis=0)
    low = np.where(known, array, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, array, -np.inf).max(axis=0, initial=-np.inf)
    share = (known & (array > low)).sum(axis=0) / max(len(array), 1)
    reasons = {}
    for place, gene in enumerate(values.columns):
        if n[place] < 3:
            reasons[gene] = f"measured in {n[place]} patients"
        elif high[place] - low[place] <= 1e-12 * max(abs(high[place]), abs(low[place])):
            reasons[gene] = "the same in all patients"
        elif filtered is not None and share[place] < filtered.min_expressed:
            reasons[gene] = f"above its lowest value in {share[place]:.0%} of patients"
    return reasons
