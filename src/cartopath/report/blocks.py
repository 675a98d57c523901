"""What a page is made of: sections of blocks, as plain values without any markup. The templates decide what they look like."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from cartopath.report.results import ResultTable

Tone = Literal["", "good", "bad", "muted", "strong"]


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, and in smaller print a detail (such as an interval) and the number of cases."""

    text: str
    detail: str = ""
    size: str = ""
    tone: Tone = field(default="", kw_only=True)


@dataclass(frozen=True)
class Column:
    """One column: its heading, the heading it shares with its neighbours, and whether it holds numbers."""

    title: str
    group: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Grid:
    """A table.

    `source` names the files of `tables/` that hold its numbers; `folded` tables open on a click; cells of `stacked` tables have
    their details below, not beside, the number.
    """

    kind: ClassVar[str] = "grid"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    source: str = ""
    notes: tuple[str, ...] = ()
    folded: bool = False
    stacked: bool = False

    @property
    def header_groups(self) -> list[tuple[str, int]]:
        """Runs of columns with the same shared heading, as (heading, width); empty when no column has one."""
        runs: list[tuple[str, int]] = []
        for column in self.columns:
            if runs and runs[-1][0] == column.group:
                runs[-1] = (column.group, runs[-1][1] + 1)
            else:
                runs.append((column.group, 1))
        return runs if any(group for group, _ in runs) else []


@dataclass(frozen=True)
class Picture:
    """An image inside the page."""

    content: bytes
    media_type: Literal["image/svg+xml", "image/png", "image/jpeg"]
    alt: str

    @property
    def uri(self) -> str:
        """The image as a `data:` address."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True)
class Figure:
    """A picture with its caption."""

    kind: ClassVar[str] = "figure"
    picture: Picture
    caption: str
    source: str = ""


@dataclass(frozen=True)
class Plate:
    """One picture of a gallery with a short label."""

    picture: Picture
    label: str


@dataclass(frozen=True)
class Gallery:
    """Pictures below each other that count as one figure."""

    kind: ClassVar[str] = "gallery"
    plates: tuple[Plate, ...]
    caption: str
    source: str = ""


@dataclass(frozen=True)
class Print:
    """One small picture of a contact sheet: whose it is, a verdict, and what there is to see."""

    picture: Picture | None
    title: str
    verdict: str
    tone: Tone = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContactSheet:
    """Many small pictures side by side, with the meaning of the colours drawn on them, as (name, (red, green, blue))."""

    kind: ClassVar[str] = "contact_sheet"
    prints: tuple[Print, ...]
    legend: tuple[tuple[str, tuple[int, int, int]], ...]
    caption: str
    source: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph. `role` tells plain text from a remark and from a notice that something is missing."""

    kind: ClassVar[str] = "paragraph"
    text: str
    role: Literal["text", "remark", "missing"] = "text"


@dataclass(frozen=True)
class FlowStep:
    """One step of a cohort: what remains after it, and what it cost."""

    title: str
    remaining: str
    lost: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Flow:
    """A flow diagram from top to bottom."""

    kind: ClassVar[str] = "flow"
    steps: tuple[FlowStep, ...]
    caption: str
    source: str = ""


@dataclass(frozen=True)
class KeyNumber:
    """A number that is shown large, with what it is."""

    value: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class KeyNumbers:
    """A row of large numbers."""

    kind: ClassVar[str] = "key_numbers"
    items: tuple[KeyNumber, ...]


@dataclass(frozen=True)
class Claim:
    """One result in plain language, with a verdict that does not rely on colour."""

    subject: str
    text: str
    verdict: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Claims:
    """The headline results."""

    kind: ClassVar[str] = "claims"
    items: tuple[Claim, ...]


@dataclass(frozen=True)
class Listing:
    """Text shown as it stands in a file."""

    kind: ClassVar[str] = "listing"
    title: str
    text: str


Block = Grid | Figure | Gallery | ContactSheet | Paragraph | Flow | KeyNumbers | Claims | Listing


@dataclass(frozen=True)
class Section:
    """A section of the page. `anchor` is its address within the page."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


def missing(what: str, table: ResultTable) -> Paragraph:
    """Say that something cannot be shown, which table it needs, and which stage writes that."""
    return Paragraph(f"{what}: nothing to show, because {table.problem or 'no row applies'}.", "missing")


def text_columns(*titles: str) -> tuple[Column, ...]:
    """Return columns of text with these headings."""
    return tuple(Column(title, numeric=False) for title in titles)


def number_columns(*titles: str, group: str = "") -> tuple[Column, ...]:
    """Return columns of numbers with these headings."""
    return tuple(Column(title, group=group) for title in titles)
