"""Which features of a molecular table the genes of a panel are, and which it does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cartopath.cohort.features import bare_name
from cartopath.cohort.molecular import MolecularTable
from cartopath.cohort.panels.panel import Panel
from cartopath.core.errors import TraitError


@dataclass(frozen=True)
class FoundPanel:
    """A panel in a table.

    Attributes:
        panel: The panel.
        features: Feature of the table by symbol, for the genes that it holds, in the order of the panel.
        missing: For each symbol that it does not hold, the features whose names look most like it.
        hint: What to do where the table speaks another language, "" where it does not.
    """

    panel: Panel
    features: Mapping[str, str]
    missing: Mapping[str, tuple[str, ...]]
    hint: str = ""

    @property
    def missing_sentence(self) -> str:
        """What is missing as words, "" where nothing is: `LYX (closest: LYZ, LYN), ...`."""
        former = {gene.symbol: gene.former for gene in self.panel.genes}
        words = []
        for symbol, near in self.missing.items():
            remarks = [f"asked for as {former[symbol]}"] * bool(former[symbol])
            remarks += [f"closest: {', '.join(bare_name(name) for name in near)}"] * bool(near)
            words.append(f"{symbol} ({'; '.join(remarks)})" if remarks else symbol)
        return ", ".join(words)


def find_panel(panel: Panel, table: MolecularTable, *, strict: bool = False) -> FoundPanel:
    """Find the genes of a panel in a molecular table.

    Args:
        panel: The panel.
        table: The table.
        strict: Refuse a table that lacks a gene; otherwise what it lacks is `missing`.

    Raises:
        TraitError: The table holds none of the genes; or, if strict, lacks one; or two names of the panel are one feature.
    """
    features: dict[str, str] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for gene in panel.genes:
        try:
            features[gene.symbol] = table.find(gene.symbol)
        except TraitError:
            missing[gene.symbol] = tuple(table.closest(gene.symbol))
    found = FoundPanel(panel, features, missing, _hint(table) if missing else "")
    if missing and (strict or not features):
        raise TraitError(
            f"{table.path}: {len(missing)} of {len(panel.genes)} genes ({panel.name}) not in the table: "
            f"{found.missing_sentence}{'; ' if found.hint else ''}{found.hint}"
        )
    _refuse_doubles(found, table)
    return found


def _hint(table: MolecularTable) -> str:
    if not all(feature.startswith("ENSG") for feature in table.features[:20]):
        return ""
    return "the table names genes by Ensembl ids: give a table that leads from these to symbols, such as hgnc_complete_set.txt"


def _refuse_doubles(found: FoundPanel, table: MolecularTable) -> None:
    first: dict[str, str] = {}
    for symbol, feature in found.features.items():
        other = first.setdefault(feature, symbol)
        if other != symbol:
            raise TraitError(f"{found.panel.name}: {other} and {symbol} are one feature of {table.path} ({feature}); keep one")
