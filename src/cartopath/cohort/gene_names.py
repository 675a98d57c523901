"""Names of genes and mature miRNAs in other vocabularies.

A table says `ESR1`, `ESR1|2099` or `ENSG00000091831.14`; a study says one of them and means all. `genes.csv` beside this file
lists the genes that the three papers and the receptors speak of, and others whose symbols changed; `_families` adds renamings
that follow a rule; `mirnas.csv` lists mature arms with their accessions. A table of all genes (the complete set of HGNC, or gene
ids with names) or of all miRNAs (of miRBase) can be given on top, see `read_gene_names`.
"""

from __future__ import annotations

import csv
import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from cartopath.cohort.cells import is_missing, name_key
from cartopath.cohort.delimited import open_binary, read_words
from cartopath.core.errors import TableError

_SYNTHETASES = "ACDGHIKLMNQRSTVWY"
"""Letters before ARS of the cytosolic aminoacyl-tRNA synthetases, which got a 1 in 2019: WARS became WARS1."""

_ACCESSION = re.compile(r"MIMAT\d{7}")


@dataclass(frozen=True, slots=True)
class Gene:
    """One gene.

    Attributes:
        symbol: HGNC symbol of today.
        entrez: NCBI gene number, or "".
        ensembl: Ensembl id without version, or "".
        previous: Retired symbols.
        aliases: Other names.
    """

    symbol: str
    entrez: str = ""
    ensembl: str = ""
    previous: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def _families(symbol: str) -> tuple[str, ...]:
    """Return what a symbol is called before or after a family of genes was renamed.

    >>> _families("SEPT2"), _families("MARCHF5"), _families("WARS"), _families("PARS2")
    (('SEPTIN2',), ('MARCH5',), ('WARS1',), ())
    """
    for old, new, last in (("SEPT", "SEPTIN", 14), ("MARCH", "MARCHF", 11)):
        match = re.fullmatch(rf"({new}|{old})(\d+)", symbol)
        if match and 1 <= int(match[2]) <= last and match[2] != "13":
            return ((new if match[1] == old else old) + match[2],)
    match = re.fullmatch(rf"([{_SYNTHETASES}]ARS)(1?)", symbol)
    if match:
        return (match[1] if match[2] else f"{match[1]}1",)
    return ()


class GeneNames:
    """Genes by any of their names, and mature miRNAs by accession and name.

    Args:
        genes: The genes.
        mature: From accessions of mature miRNAs to their names.
    """

    def __init__(self, genes: Iterable[Gene], mature: Mapping[str, str]) -> None:
        self._tiers: tuple[dict[str, list[Gene]], ...] = (defaultdict(list), defaultdict(list), defaultdict(list))
        for gene in genes:
            current, previous, aliases = self._tiers
            for name in (gene.symbol, gene.ensembl):
                if name:
                    current[name].append(gene)
            for name in gene.previous:
                previous[name].append(gene)
            for name in gene.aliases:
                aliases[name].append(gene)
        self._mature = dict(mature)
        self._accessions: dict[str, list[str]] = defaultdict(list)
        for accession, name in mature.items():
            self._accessions[name].append(accession)

    def called(self, name: str) -> Sequence[Gene]:
        """Return the genes of a name: of a symbol of today or an Ensembl id, else of a retired symbol, else of an alias."""
        for tier in self._tiers:
            if name in tier:
                return tier[name]
        return [Gene(other, previous=(name,)) for other in _families(name)]

    @functools.cached_property
    def ensembl_ids(self) -> frozenset[str]:
        """The Ensembl ids of all genes."""
        return frozenset(gene.ensembl for genes in self._tiers[0].values() for gene in genes if gene.ensembl)

    def mature_name(self, accession: str) -> str:
        """Return the name of a mature miRNA, the accession itself where it is not listed."""
        return self._mature.get(accession, accession)

    def accessions(self, name: str) -> Sequence[str]:
        """Return the accessions of the mature miRNA of a name."""
        return self._accessions.get(name, [])

    def with_more(self, genes: Iterable[Gene], mature: Mapping[str, str]) -> GeneNames:
        """Return these names and others, the others first where they disagree."""
        others = list(genes)
        symbols = {gene.symbol for gene in others}
        mine = {id(gene): gene for tier in self._tiers for named in tier.values() for gene in named}
        return GeneNames([*others, *(gene for gene in mine.values() if gene.symbol not in symbols)], {**self._mature, **mature})


@functools.cache
def listed_names() -> GeneNames:
    """Return the names that come with cartopath."""
    genes = [
        Gene(row["symbol"], row["entrez"], row["ensembl"], tuple(row["previous"].split()))
        for row in csv.DictReader(_listed("genes.csv"))
    ]
    return GeneNames(genes, {row["accession"]: row["name"] for row in csv.DictReader(_listed("mirnas.csv"))})


def _listed(name: str) -> list[str]:
    return resources.files("cartopath.cohort").joinpath(name).read_text(encoding="utf-8").splitlines()


def known_gene(symbol: str) -> Gene | None:
    """Return the gene of that symbol, present or retired, or None where the list does not hold it.

    >>> known_gene("WARS").symbol
    'WARS1'
    """
    genes = listed_names().called(symbol)
    return genes[0] if len(genes) == 1 else None


def read_gene_names(path: Path | str) -> GeneNames:
    """Read a table of gene names, on top of those that come with cartopath.

    Args:
        path: The complete set of HGNC (`hgnc_complete_set.txt`: symbol, alias_symbol, prev_symbol, entrez_id, ensembl_gene_id),
            or a table with the columns gene_id and gene_name (of GENCODE, Ensembl, or a gene list of the GDC), or miRBase's
            `mature.fa` or `hsa.gff3`, or a table with the columns accession and name.

    Raises:
        TableError: It is none of these.
    """
    path = Path(path)
    mature = _mirbase(path)
    if mature:
        return listed_names().with_more([], mature)
    head, rows = read_words(path)
    columns: dict[str, int] = {}
    for index, title in enumerate(head.header):
        columns.setdefault(name_key(title), index)
    accession, name = columns.get("accession"), columns.get("name")
    if accession is not None and name is not None:
        mature = {row[accession].strip(): row[name].strip() for row in rows if _ACCESSION.fullmatch(row[accession].strip())}
        if mature:
            return listed_names().with_more([], mature)
    genes = _genes(columns, rows)
    if not genes:
        raise TableError(
            f"{path}: not a table of gene names: expected the columns symbol, prev_symbol and alias_symbol (HGNC), gene_id and "
            f"gene_name (GENCODE), or accession and name (miRBase); found {', '.join(head.header[:6])}"
        )
    return listed_names().with_more(genes, {})


def _genes(columns: Mapping[str, int], rows: Sequence[Sequence[str]]) -> list[Gene]:
    def column(*names: str) -> int | None:
        return next((columns[name] for name in names if name in columns), None)

    def word(row: Sequence[str], index: int | None) -> str:
        return "" if index is None or is_missing(row[index]) else row[index].strip()

    symbol = column("symbol", "approvedsymbol", "genename", "genesymbol", "hgncsymbol", "externalgenename")
    ensembl = column("ensemblgeneid", "geneid", "ensemblid", "genestableid", "ensembl")
    entrez = column("entrezid", "ncbigeneid", "entrezgeneid", "entrez")
    previous, aliases = column("prevsymbol", "previoussymbols", "previous"), column("aliassymbol", "aliassymbols", "alias")
    if symbol is None or (ensembl, entrez, previous, aliases) == (None,) * 4:
        return []
    return [
        Gene(
            word(row, symbol),
            word(row, entrez).removesuffix(".0"),
            word(row, ensembl).split(".")[0],
            _several(word(row, previous)),
            _several(word(row, aliases)),
        )
        for row in rows
        if word(row, symbol)
    ]


def _several(word: str) -> tuple[str, ...]:
    """Return the names of one cell of HGNC: `A|B`, or `A, B` in the exports of its pages."""
    return tuple(name.strip() for name in re.split(r"[|,]", word) if name.strip())


_FASTA = re.compile(r">(\S+) (MIMAT\d{7})\b")
_GFF = re.compile(r"\tmiRNA\t.*\bAlias=(MIMAT\d{7})[^;]*;.*\bName=([^;\s]+)")


def _mirbase(path: Path) -> dict[str, str]:
    """Return accessions and names of human mature miRNAs out of `mature.fa` or `hsa.gff3`, none out of other files."""
    found: dict[str, str] = {}
    with open_binary(path) as file:
        for number, line in enumerate(iter(lambda: file.readline(1 << 16), b"")):
            text = line.decode("utf-8", errors="replace")
            if number == 200 and not found:
                break
            fasta, gff = _FASTA.match(text), _GFF.search(text)
            if fasta:
                found[fasta[2]] = fasta[1]
            elif gff:
                found[gff[1]] = gff[2]
    return {accession: name for accession, name in found.items() if name.startswith("hsa-")}
