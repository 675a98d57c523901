"""Which genes are predicted, and what was measured of them, as logarithms."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cartopath.cohort.features import bare_name
from cartopath.cohort.gene_names import read_gene_names
from cartopath.cohort.matrices.measure import UNKNOWN_UNIT
from cartopath.cohort.molecular import MolecularTable, open_molecular
from cartopath.cohort.panels import PANELS, Panel, PanelGene, find_panel, panel_of, read_panel
from cartopath.core.errors import TableError, TraitError
from cartopath.methods.regression.settings import ALL_GENES, Inputs, Settings
from cartopath.methods.regression.table_notes import rows_of, table_notes

_NAMED = 5
"""How many missing genes a note names."""


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


def read_expression(table: MolecularTable, settings: Settings, patients: Sequence[str], inputs: Inputs) -> Expression:
    """Read the genes that are asked for, of these patients.

    Args:
        table: The molecular table.
        settings: Which genes, and how much of them must be expressed.
        patients: Who takes part.
        inputs: Where names of genes come from.

    Raises:
        TraitError: A gene that is named one by one is not in the table.
        TableError: No gene is left.
    """
    features, panel, missing, hint = _features(table, settings, inputs)
    values = table.read(list(features)).reindex(list(patients))
    values.columns = pd.Index([gene.symbol for gene in features.values()])
    logs, transform = _logarithms(values, table)
    reasons = _unusable(logs, settings if panel == ALL_GENES else None)
    kept = [gene for gene in features.values() if gene.symbol not in reasons]
    left_out = [*missing, *reasons.items()]
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
        notes=(*table_notes(table), *((hint,) if hint else ())),
    )


def _features(
    table: MolecularTable, settings: Settings, inputs: Inputs
) -> tuple[dict[str, PanelGene], str, list[tuple[str, str]], str]:
    """Return genes by their feature in the table, the panel's name, which genes are missing and why, and what to do about it."""
    if settings.genes.casefold() == ALL_GENES:
        names = [bare_name(feature) for feature in table.features]
        times, whole = rows_of(table), Counter(table.features)
        genes = {
            feature: PanelGene(name if times[name] == 1 else feature)
            for feature, name in zip(table.features, names, strict=True)
            if whole[feature] == 1
        }
        twice = [(feature, "there several times in the table") for feature, n in whole.items() if n > 1]
        return genes, ALL_GENES, twice, ""
    panel, is_list = asked_panel(settings.genes, inputs)
    found = find_panel(panel, table, strict=is_list)
    by_symbol = {gene.symbol: gene for gene in panel.genes}
    rows = rows_of(table)
    missing = [
        (symbol, f"stands for {rows[symbol]} rows of the table" if rows[symbol] > 1 else f"not in the table; closest: {near}")
        for symbol, near in ((symbol, ", ".join(names) or "none") for symbol, names in found.missing.items())
    ]
    advice = f"; {found.hint} (--gene-names)" if found.hint else ""
    first = ", ".join(symbol for symbol, _ in missing[:_NAMED]) + ("..." if len(missing) > _NAMED else "")
    hint = f"{panel.name}: {len(missing)} of {len(panel.genes)} genes not in the table: {first}{advice}" if missing else ""
    return {feature: by_symbol[symbol] for symbol, feature in found.features.items()}, panel.name, missing, hint


def asked_panel(genes: str, inputs: Inputs) -> tuple[Panel, bool]:
    """Return the panel that a word of the command line means, and whether it is a list of names."""
    names = None if inputs.gene_names is None else read_gene_names(inputs.gene_names)
    if genes.casefold() in PANELS:
        return read_panel(genes.casefold()), False
    if Path(genes).is_file():
        return read_panel(genes, names=names), False
    near = difflib.get_close_matches(genes.casefold(), PANELS, n=1, cutoff=0.7)
    if near:
        raise TraitError(f"--genes {genes}: no such panel and no such file; did you mean {near[0]}?")
    return panel_of([name.strip() for name in genes.split(",") if name.strip()], where="--genes", names=names), True


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
