"""Reading panels: those that come with cartopath (`*.csv` beside this file), and lists and tables of a user.

Retired symbols become those of today, WARS becomes WARS1; names that are known to be misprints of a gene are refused.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import cast

from cartopath.cohort.cells import is_missing, name_key
from cartopath.cohort.delimited import read_words
from cartopath.cohort.gene_names import GeneNames, listed_names
from cartopath.cohort.panels.panel import Direction, Panel, PanelGene
from cartopath.cohort.spreadsheet_damage import dates_among
from cartopath.core.errors import TableError, TraitError, closest

PANELS: Mapping[str, str] = {
    "graziani_2022": (
        "Graziani et al. 2022: the 35 genes that the scripts of the authors' repository name. The paper speaks of 45; the other "
        "ten are not published. Groups say which scripts name a gene: training, attention, or both."
    ),
    "colotype": (
        "ColoType (Buechler et al. 2020, Sci Rep 10:12123): 32 of the 40 genes, those of CMS1, CMS2 and CMS3, as transcribed by "
        "others; the eight of CMS4 could not be verified and are left out."
    ),
    "pam50": "PAM50 (Parker et al. 2009, J Clin Oncol 27:1160): the 50 genes of the intrinsic subtypes of breast cancer.",
}
"""The panels that come with cartopath, and where they come from."""

_SYMBOL = ("symbol", "gene", "genes", "genesymbol", "genename", "hgncsymbol", "name", "feature", "id")
_GROUP = ("group", "class", "set", "subtype", "cms", "signature", "pathway")
_DIRECTION = {"up": "up", "down": "down", "high": "up", "low": "down", "+": "up", "-": "down", "1": "up", "-1": "down"}
_RENAMED = ("SEPTIN", "MARCHF")
"""Families whose names of today look to the rule of renaming, which works both ways, like retired ones; `ARS1` is another."""

_TABLES = (".csv", ".tsv", ".xlsx")


def read_panel(name_or_path: str | Path, *, names: GeneNames | None = None) -> Panel:
    """Read a panel.

    Args:
        name_or_path: One of `PANELS`; or a file: one name per line, or a table with a column `symbol` (or `gene`) and, if there
            are, `group` and `direction` (up or down).
        names: Names of genes in other vocabularies; by default those that come with cartopath.

    Raises:
        TableError: There is no such panel or file, or it holds no genes.
        TraitError: A name is a misprint of a gene, or a date that a spreadsheet made of one.
    """
    if str(name_or_path) in PANELS:
        return _listed(str(name_or_path))
    path = Path(name_or_path)
    if not path.is_file():
        likely = closest(str(name_or_path), PANELS)
        hint = f"closest: {likely[0]}; " if likely else ""
        raise TableError(f"{name_or_path}: no such panel ({hint}there are {', '.join(PANELS)}) and no such file")
    genes = _table(path) if path.suffix.casefold() in _TABLES else _lines(path)
    if not genes:
        raise TableError(f"{path}: holds no names of genes; give one per line, or a table with a column symbol")
    return panel_of(genes, name=path.stem, where=str(path), names=names)


def panel_of(
    genes: Iterable[str | PanelGene], *, name: str = "genes", where: str = "the list of genes", names: GeneNames | None = None
) -> Panel:
    """Return a panel of these genes, each once, under their symbols of today.

    Args:
        genes: Their names.
        name: What the panel is called.
        where: Where the names come from, for messages.
        names: Names of genes in other vocabularies.

    Raises:
        TraitError: A name is a misprint of a gene, or a date that a spreadsheet made of one.

    >>> panel_of(["WARS", "TP53", "WARS1"]).symbols
    ('WARS1', 'TP53')
    """
    asked = [gene if isinstance(gene, PanelGene) else PanelGene(gene) for gene in genes]
    _refuse_damaged([gene.symbol for gene in asked], where)
    known = listed_names() if names is None else names
    current: dict[str, PanelGene] = {}
    for gene in asked:
        symbol = _symbol_of_today(gene.symbol, known)
        former = "" if symbol == gene.symbol else gene.symbol
        current.setdefault(symbol, PanelGene(symbol, gene.group, gene.direction, former))
    return Panel(name, tuple(current.values()))


def _symbol_of_today(name: str, known: GeneNames) -> str:
    if name.startswith(("ENSG", "hsa-", "MIMAT")) or "|" in name:
        return name
    called = known.called(name)
    if len(called) == 1 and name in called[0].previous and not name.startswith(_RENAMED) and not name.endswith("ARS1"):
        return called[0].symbol
    return name


def _refuse_damaged(symbols: list[str], where: str) -> None:
    dates = dates_among(symbols)
    if dates:
        raise TraitError(f"{where}: {', '.join(dates[:3])}: a spreadsheet made dates of names of genes such as SEPT2 and MARCH1")
    wrong = [f"{symbol} is a misprint of {_misprints()[symbol]}" for symbol in symbols if symbol in _misprints()]
    if wrong:
        raise TraitError(f"{where}: no gene has this name: {'; '.join(wrong)}")


@functools.cache
def _misprints() -> Mapping[str, str]:
    """Return from misprints in the sources of the panels to the genes that are meant."""
    return {row["misprint"]: row["symbol"] for name in PANELS for row in _rows(name) if row["misprint"]}


@functools.cache
def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("cartopath.cohort.panels").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@functools.cache
def _listed(name: str) -> Panel:
    genes = [PanelGene(row["symbol"], row["group"], cast(Direction, row["direction"]), row["former"]) for row in _rows(name)]
    return Panel(name, tuple(genes), PANELS[name])


def _lines(path: Path) -> list[PanelGene]:
    """Return the names in a list: one per line, or several with commas between them; what follows a # is left out."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise TableError(f"{path}: no text ({error}); give one name per line") from error
    words = [word.strip().strip('"') for line in lines for word in line.split("#")[0].replace("\t", ",").split(",")]
    if words and name_key(words[0]) in _SYMBOL:
        del words[0]
    return [PanelGene(word) for word in words if word]


def _table(path: Path) -> list[PanelGene]:
    head, rows = read_words(path)
    keys = [name_key(title) for title in head.header]
    symbol = next((keys.index(name) for name in _SYMBOL if name in keys), None)
    if symbol is None:
        if len(head.header) == 1:
            return _lines(path)
        raise TableError(f"{path}: no column symbol or gene; found {', '.join(head.header[:6])}")
    group, direction = (next((keys.index(n) for n in wanted if n in keys), None) for wanted in (_GROUP, ("direction", "sign")))
    genes = []
    for row in rows:
        if not is_missing(row[symbol]):
            way = "" if direction is None else _DIRECTION.get(row[direction].strip().casefold(), "")
            group_name = "" if group is None or is_missing(row[group]) else row[group].strip()
            genes.append(PanelGene(row[symbol].strip(), group_name, cast(Direction, way)))
    return genes
