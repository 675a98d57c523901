"""Which feature of a molecular table a trait's name means [F10].

`MKI67`, `mki67`, `MKI67|4288` and `ENSG00000148773` are one gene; `hsa-mir-17` (a precursor) and `hsa-miR-17-5p` (one of its
mature arms) are two things, so small and capital letters count in the names of miRNAs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from cartopath.cohort.gene_names import GeneNames, listed_names
from cartopath.cohort.spreadsheet_damage import could_be_date, dates_among
from cartopath.core.errors import TraitError, closest

_SYMBOL_ENTREZ = re.compile(r"(?P<symbol>[^|]+)\|(?P<entrez>\d+)$")
_MATURE = re.compile(r"(?:(?P<name>[^|/]+)[|/])?(?P<accession>MIMAT\d{7})$")
_ENSEMBL = re.compile(r"(?P<gene>ENSG\d{11})(?:\.\d+)?$")
_SECOND_COPY = re.compile(r"ENSG\d{11}(?:\.\d+)?_PAR_Y$")
"""The copy on the Y chromosome of a gene that X and Y share. The GDC counts all reads of such a gene on X."""

_ARM = re.compile(r"-[35]p$")
_OMICS = (re.compile(r"(?P<symbol>.+)_rnaseq$"), re.compile(r"rna_(?P<symbol>.+)$"))
_MIRNA = re.compile(r"(?:miR|mir|let)-\d")


def is_mirna(name: str) -> bool:
    """Whether a name is that of a human miRNA, or the accession of a mature one."""
    return name.casefold().startswith("hsa-") or bool(_MATURE.match(name))


def is_mature_arm(name: str) -> bool:
    """Whether a name is that of a mature arm of a miRNA rather than of its precursor.

    >>> is_mature_arm("hsa-miR-17-5p"), is_mature_arm("hsa-mir-17")
    (True, False)
    """
    return bool(_ARM.search(name))


def _symbol(feature: str) -> str:
    for pattern in (_SYMBOL_ENTREZ, *_OMICS):
        match = pattern.match(feature)
        if match:
            return match["symbol"]
    return feature


def bare_name(feature: str) -> str:
    """Return a feature's name without what formats add to a gene's symbol or Ensembl id.

    >>> bare_name("ESR1|2099"), bare_name("rna_ESR1"), bare_name("ENSG00000091831.14"), bare_name("hsa-mir-17")
    ('ESR1', 'ESR1', 'ENSG00000091831', 'hsa-mir-17')
    """
    ensembl = _ENSEMBL.match(feature)
    return ensembl["gene"] if ensembl else _symbol(feature)


class FeatureIndex:
    """The features of one table, found by any of their names.

    Where the table itself gives two genes one symbol, the copy on the Y chromosome (`_PAR_Y`) steps back, then all but the gene
    whose Ensembl id or Entrez number is known to go with the symbol; where that does not decide, the name is refused.

    Args:
        features: Their names as the table writes them, in its order.
        path: The table, for messages.
        aliases: Further names that the table gives, each a sequence as long as `features`.
        names: Names of genes and miRNAs in other vocabularies; by default those that come with cartopath.
    """

    def __init__(
        self,
        features: Sequence[str],
        path: Path | str,
        *,
        aliases: Sequence[Sequence[str]] = (),
        names: GeneNames | None = None,
    ) -> None:
        self._features = features
        self._path = Path(path)
        self._names = listed_names() if names is None else names
        self._by_key: dict[str, list[str]] = defaultdict(list)
        self._by_folded: dict[str, list[str]] = defaultdict(list)
        self._shown: dict[str, str] = {}
        for feature, *others in zip(features, *aliases, strict=True):
            self._add(feature, [name for name in others if name])

    def _add(self, feature: str, aliases: list[str]) -> None:
        if _SECOND_COPY.match(feature):
            self._by_key[feature].append(feature)
            return
        keys = {key for name in (feature, *aliases) for key in self._keys(name)}
        for key in keys:
            self._by_key[key].append(feature)
        symbols = {_symbol(name) for name in (feature, *aliases)}
        for symbol in symbols:
            self._shown.setdefault(symbol, feature)
            if not is_mirna(symbol):
                self._by_folded[symbol.casefold()].append(feature)

    def _keys(self, name: str) -> set[str]:
        mature = _MATURE.match(name)
        keys = {name, bare_name(name)}
        if mature:
            named = mature["name"] if mature["name"] and _ARM.search(mature["name"]) else name
            keys |= {mature["accession"], named, self._names.mature_name(mature["accession"])}
        return keys

    def find(self, name: str) -> str:
        """Return the feature that `name` means, as the table writes it.

        Raises:
            TraitError: None does, with the closest names, or several do, with all of them.
        """
        for candidates in self._candidates(name.strip()):
            if len(candidates) > 1:
                candidates = self._decided(name.strip(), candidates)
            if len(candidates) == 1:
                return candidates[0]
            if candidates:
                raise TraitError(self._ambiguous(name, candidates))
        raise TraitError(self._not_found(name))

    def _decided(self, name: str, candidates: list[str]) -> list[str]:
        """Return the candidates that are known to be the gene of that symbol; all where that is none."""
        genes = self._names.called(_symbol(name))
        known = {key for gene in genes for key in (gene.ensembl, f"{gene.symbol}|{gene.entrez}") if key}
        sure = [feature for feature in candidates if {feature, feature.split(".")[0]} & known]
        return sure if len(sure) == 1 else candidates

    def _ambiguous(self, name: str, candidates: list[str]) -> str:
        distinct = list(dict.fromkeys(candidates))
        if len(distinct) == 1:
            return f"{self._path}: {distinct[0]!r} is there {len(candidates)} times; keep one"
        return f"{self._path}: {name!r} means {len(distinct)} features ({', '.join(distinct[:5])}); name one of them in full"

    def _candidates(self, name: str) -> Iterator[list[str]]:
        """Yield lists of features, the surest meaning first."""
        yield [feature for feature in self._by_key.get(name, []) if feature == name]
        pair = _SYMBOL_ENTREZ.match(name)
        symbol = _symbol(name)
        by_symbol = self._by_key.get(symbol, [])
        if pair:  # MKI67|4288 is not MKI67|9999, but it is MKI67.
            by_symbol = [feature for feature in by_symbol if not _SYMBOL_ENTREZ.match(feature)]
        yield by_symbol
        ensembl, mature = _ENSEMBL.match(name), _MATURE.match(name)
        if ensembl:
            yield self._by_key.get(ensembl["gene"], [])
        if mature:
            yield self._by_key.get(mature["accession"], [])
        for accession in self._names.accessions(name):
            yield self._by_key.get(accession, [])
        if _MIRNA.match(name):
            yield self._by_key.get(f"hsa-{name}", [])
            yield from (self._by_key.get(accession, []) for accession in self._names.accessions(f"hsa-{name}"))
        elif not is_mirna(name):
            yield self._other_names(bare_name(name), pair["entrez"] if pair else None)
            yield [] if pair else self._by_folded.get(symbol.casefold(), [])

    def _other_names(self, name: str, entrez: str | None) -> list[str]:
        found: list[str] = []
        for gene in self._names.called(name):
            if entrez is not None and gene.entrez and entrez != gene.entrez:
                continue
            pair = f"{gene.symbol}|{gene.entrez}"
            keys = (gene.ensembl, pair, gene.symbol, *gene.previous, *gene.aliases, gene.entrez)
            found += next((self._by_key[key] for key in keys if key and key in self._by_key), [])
        return list(dict.fromkeys(found))

    def closest(self, name: str) -> list[str]:
        """Return up to three features whose names look most like `name`, best first.

        Swapped letters and the precursor of a mature arm come before everything else.
        """
        pair = _SYMBOL_ENTREZ.match(name)
        wanted = pair["symbol"] if pair else f"hsa-{name}" if _MIRNA.match(name) else name
        alike = {symbol: feature for symbol, feature in self._shown.items() if is_mirna(symbol) == is_mirna(wanted)}
        folded = _ARM.sub("", wanted).casefold()
        likely = closest(wanted, alike, n=12)
        likely.sort(key=lambda symbol: (symbol.casefold() != folded, sorted(symbol.casefold()) != sorted(folded)))
        return list(dict.fromkeys(alike[symbol] for symbol in likely))[:3]

    def _not_found(self, name: str) -> str:
        likely = self.closest(name)
        hint = f"closest: {', '.join(likely)}" if likely else "none looks like it"
        kind = "gene"
        if is_mirna(name) or _MIRNA.match(name):
            kind = "miRNA"
            hint = self._mirna_hint(name, likely, hint)
        elif self._holds_only_ensembl():
            hint = "they are Ensembl ids: name the gene as ENSG..., or state a table of names such as hgnc_complete_set.txt"
        elif self._is_lost_to_dates(name):
            dates = dates_among(self._features)
            hint = (
                f"{len(dates)} names of the table are dates ({', '.join(dates[:3])}): a spreadsheet made them of names "
                "such as SEPT2 and MARCH1, and this gene may be among them; take the table from its source again"
            )
        return f"{self._path}: no {kind} {name!r} ({len(self._features):,} features; {hint})"

    def _mirna_hint(self, name: str, likely: list[str], hint: str) -> str:
        if not any(is_mirna(feature) for feature in self._features):
            return "none of them a miRNA"
        if any(_MATURE.match(feature) for feature in self._features[:2000]):
            return (
                f"{hint}; mature arms that cartopath does not list go by their accession, such as MIMAT0000070, or by name "
                "if you state miRBase's mature.fa as the table of names"
            )
        if _ARM.search(name) and likely and not any(_ARM.search(other) for other in likely):
            return f"{hint}; the table holds precursors, not mature arms (-5p, -3p)"
        return hint

    def _holds_only_ensembl(self) -> bool:
        return bool(self._shown) and all(_ENSEMBL.match(name) for name in [*self._shown][:20])

    def _is_lost_to_dates(self, name: str) -> bool:
        others = [other for gene in self._names.called(name) for other in (gene.symbol, *gene.previous)]
        return any(could_be_date(other) for other in (name, *others)) and bool(dates_among(self._features))
