"""Which feature of a molecular table a trait's name means [F10].

`MKI67`, `mki67` and `MKI67|4288` are one gene; `hsa-mir-17` (a precursor) and `hsa-miR-17-5p` (one of its mature arms) are two
things, so small and capital letters count in the names of miRNAs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from cartopath.cohort.gene_names import known_gene
from cartopath.core.errors import TraitError, closest

_SYMBOL_ENTREZ = re.compile(r"(?P<symbol>[^|]+)\|(?P<entrez>\d+)$")
_ENSEMBL = re.compile(r"(?P<gene>ENSG\d{11})(?:\.\d+)?$")
_ARM = re.compile(r"-[35]p$")
_OMICS_SUFFIX = re.compile(r"(?P<symbol>.+)_rnaseq$")


def is_mirna(name: str) -> bool:
    """Whether a name is that of a human miRNA."""
    return name.casefold().startswith("hsa-")


def _symbol(feature: str) -> str:
    for pattern in (_SYMBOL_ENTREZ, _OMICS_SUFFIX):
        match = pattern.match(feature)
        if match:
            return match["symbol"]
    return feature


class FeatureIndex:
    """The features of one table, found by any of their names.

    Args:
        features: Their names as the table writes them, in its order.
        path: The table, for messages.
    """

    def __init__(self, features: Sequence[str], path: Path | str) -> None:
        self._features = features
        self._path = Path(path)
        self._by_key: dict[str, list[str]] = defaultdict(list)
        self._by_folded: dict[str, list[str]] = defaultdict(list)
        for feature in features:
            for key in self._keys(feature):
                self._by_key[key].append(feature)
            if not is_mirna(feature):
                self._by_folded[_symbol(feature).casefold()].append(feature)

    @staticmethod
    def _keys(feature: str) -> set[str]:
        ensembl = _ENSEMBL.match(feature)
        return {feature, _symbol(feature), ensembl["gene"] if ensembl else feature}

    def find(self, name: str) -> str:
        """Return the feature that `name` means, as the table writes it.

        Raises:
            TraitError: None does, with the closest names, or several do, with all of them.
        """
        for candidates in self._candidates(name.strip()):
            if len(candidates) == 1:
                return candidates[0]
            if candidates:
                raise TraitError(self._ambiguous(name, candidates))
        raise TraitError(self._not_found(name))

    def _ambiguous(self, name: str, candidates: list[str]) -> str:
        distinct = list(dict.fromkeys(candidates))
        if len(distinct) == 1:
            return f"{self._path}: {distinct[0]!r} is there {len(candidates)} times; keep one"
        return f"{self._path}: {name!r} means {len(distinct)} features ({', '.join(distinct[:5])}); name one of them in full"

    def _candidates(self, name: str) -> list[list[str]]:
        """Return lists of features, the surest meaning first."""
        exact = [name] * self._features.count(name) if name in self._by_key else []
        pair = _SYMBOL_ENTREZ.match(name)
        symbol = pair["symbol"] if pair else name
        by_symbol = self._by_key.get(symbol, [])
        if pair:  # MKI67|4288 is not MKI67|9999, but it is MKI67.
            by_symbol = [feature for feature in by_symbol if not _SYMBOL_ENTREZ.match(feature)]
        lists = [exact, by_symbol]
        ensembl = _ENSEMBL.match(name)
        if ensembl:
            lists.append(self._by_key.get(ensembl["gene"], []))
        if not is_mirna(name):
            lists.append(self._other_names(symbol, pair["entrez"] if pair else None))
            lists.append([] if pair else self._by_folded.get(symbol.casefold(), []))
        return lists

    def _other_names(self, symbol: str, entrez: str | None) -> list[str]:
        gene = known_gene(symbol)
        if gene is None or entrez not in (None, gene.entrez):
            return []
        for key in (gene.ensembl, f"{gene.symbol}|{gene.entrez}", gene.symbol, *gene.previous):
            if self._by_key.get(key):
                return self._by_key[key]
        return []

    def closest(self, name: str) -> list[str]:
        """Return up to three features whose names look most like `name`, best first.

        Swapped letters and the precursor of a mature arm come before everything else.
        """
        pair = _SYMBOL_ENTREZ.match(name)
        wanted = pair["symbol"] if pair else name
        symbols: dict[str, str] = {}
        for feature in self._features:
            if is_mirna(feature) == is_mirna(name):
                symbols.setdefault(_symbol(feature), feature)
        folded = _ARM.sub("", wanted).casefold()
        likely = closest(wanted, symbols, n=12)
        likely.sort(key=lambda symbol: (symbol.casefold() != folded, sorted(symbol.casefold()) != sorted(folded)))
        return [symbols[symbol] for symbol in likely[:3]]

    def _not_found(self, name: str) -> str:
        likely = self.closest(name)
        hint = f"closest: {', '.join(likely)}" if likely else "none looks like it"
        if is_mirna(name):
            kind = "miRNA"
            if not any(is_mirna(feature) for feature in self._features):
                hint = "none of them a miRNA"
            elif _ARM.search(name) and likely and not any(_ARM.search(other) for other in likely):
                hint += "; the table holds precursors, not mature arms (-5p, -3p)"
        else:
            kind = "gene"
            if self._features and all(_ENSEMBL.match(feature) for feature in self._features[:20]):
                hint = "they are Ensembl ids: name the gene as ENSG..."
        return f"{self._path}: no {kind} {name!r} ({len(self._features):,} features; {hint})"
