"""A list of genes with what a publication says of each: its class, and whether it goes up or down there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["up", "down", ""]


@dataclass(frozen=True, slots=True)
class PanelGene:
    """One gene of a panel.

    Attributes:
        symbol: HGNC symbol of today where it is known, otherwise as written.
        group: What it stands for in the panel, such as `CMS1`; or "".
        direction: Whether it is high (`up`) or low (`down`) in that group; or "".
        former: How the publication or the file writes it, where that is another name; or "".
    """

    symbol: str
    group: str = ""
    direction: Direction = ""
    former: str = ""


@dataclass(frozen=True)
class Panel:
    """A list of genes.

    Attributes:
        name: Short name, or the name of its file.
        genes: Each gene once, in the order of the list.
        source: Where the list comes from and what is not certain about it; "" for a user's own.
    """

    name: str
    genes: tuple[PanelGene, ...]
    source: str = ""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols in the order of the list."""
        return tuple(gene.symbol for gene in self.genes)
