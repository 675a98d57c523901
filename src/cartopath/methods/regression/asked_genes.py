"""Which genes are asked for, held against the names of a molecular table before anything else is read."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cartopath.cohort.features import bare_name
from cartopath.cohort.gene_names import read_gene_names
from cartopath.cohort.molecular import MolecularTable
from cartopath.cohort.panels import PANELS, Panel, PanelGene, find_panel, panel_of, read_panel
from cartopath.core.errors import ConfigError, TraitError, closest
from cartopath.methods.regression.settings import ALL_GENES, Inputs, Settings
from cartopath.methods.regression.table_notes import rows_of

_NAMED = 5
"""How many missing genes a note names."""


@dataclass(frozen=True, eq=False)
class AskedGenes:
    """Genes that are asked for.

    Attributes:
        features: Genes by their feature in the table.
        panel: Name of the panel, or `all`.
        missing: Which genes cannot be read, and why.
        hint: What to do about these, "" where there is nothing.
    """

    features: Mapping[str, PanelGene]
    panel: str
    missing: tuple[tuple[str, str], ...]
    hint: str


def find_asked(table: MolecularTable, settings: Settings, inputs: Inputs) -> AskedGenes:
    """Find the genes that are asked for in a table.

    Args:
        table: The molecular table, of which only names are read.
        settings: Which genes are predicted, and of which attention is written.
        inputs: Where names of genes come from.

    Raises:
        TraitError: A gene that is named one by one is not in the table, or none of a panel's is.
        ConfigError: Attention is asked for of a gene that is not predicted.
    """
    asked = _all_genes(table) if settings.genes.casefold() == ALL_GENES else _panel_genes(table, settings, inputs)
    check_attention(settings, [gene.symbol for gene in asked.features.values()])
    return asked


def check_attention(settings: Settings, predicted: list[str]) -> None:
    """Refuse to write attention of genes that are not predicted.

    Raises:
        ConfigError: There is such a gene.
    """
    known = set(predicted)
    unknown = [gene for gene in settings.attention if gene not in known]
    if unknown:
        near = ", ".join(closest(unknown[0], predicted)) or "none"
        raise ConfigError(
            f"--attention {', '.join(unknown)}: not among the {len(predicted)} genes that are predicted; closest to "
            f"{unknown[0]}: {near}"
        )


def _all_genes(table: MolecularTable) -> AskedGenes:
    names = [bare_name(feature) for feature in table.features]
    times, whole = rows_of(table), Counter(table.features)
    genes = {
        feature: PanelGene(name if times[name] == 1 else feature)
        for feature, name in zip(table.features, names, strict=True)
        if whole[feature] == 1
    }
    twice = tuple((feature, "there several times in the table") for feature, n in whole.items() if n > 1)
    return AskedGenes(genes, ALL_GENES, twice, "")


def _panel_genes(table: MolecularTable, settings: Settings, inputs: Inputs) -> AskedGenes:
    panel, is_list = _asked_panel(settings.genes, inputs)
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
    genes = {feature: by_symbol[symbol] for symbol, feature in found.features.items()}
    return AskedGenes(genes, panel.name, tuple(missing), hint)


def _asked_panel(genes: str, inputs: Inputs) -> tuple[Panel, bool]:
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
