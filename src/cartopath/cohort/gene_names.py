"""Names of genes in other vocabularies, for the genes that the three papers and the receptors speak of.

A table says `ESR1`, `ESR1|2099` or `ENSG00000091831.14`; a study says one of them and means all. The list is `genes.csv` beside
this file.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Gene:
    """One gene.

    Attributes:
        symbol: HGNC symbol of today.
        entrez: NCBI gene number.
        ensembl: Ensembl id without version.
        previous: Retired symbols.
    """

    symbol: str
    entrez: str
    ensembl: str
    previous: tuple[str, ...]


@functools.cache
def _by_symbol() -> dict[str, Gene]:
    text = resources.files("cartopath.cohort").joinpath("genes.csv").read_text(encoding="utf-8")
    genes = [
        Gene(row["symbol"], row["entrez"], row["ensembl"], tuple(row["previous"].split()))
        for row in csv.DictReader(text.splitlines())
    ]
    return {name: gene for gene in genes for name in (*gene.previous, gene.symbol)}


def known_gene(symbol: str) -> Gene | None:
    """Return the gene of that symbol, present or retired, or None where the list does not hold it.

    >>> known_gene("WARS").symbol
    'WARS1'
    """
    return _by_symbol().get(symbol)
