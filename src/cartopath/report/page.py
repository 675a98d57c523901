"""The page as one file: all sections in order, numbered figures and tables, rendered by the templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cartopath.report.blocks import Block, ContactSheet, Figure, Flow, Gallery, Grid, Section
from cartopath.report.results import StudyResults, read_results
from cartopath.store.atomic import write_text
from cartopath.study.layout import Layout

_CODE = re.compile(r"`([^`]+)`")
_LOOSE = re.compile(r"(?<=\b[npq]) (?=[=<])|(?<=\b[npq] [=<]) (?=\S)|(?<=\d) (?=%)|(?<=CI) (?=\S)|(?<=%) (?=CI)")


_SOURCE = (
    "Every number on this page is also in `tables/*.csv` of the study folder. “The paper” is Levy-Jurgenson et al. 2020, "
    "Scientific Reports, doi 10.1038/s41598-020-75708-z."
)
_METHOD_SOURCES = {
    "fingerprints": " Rawat et al. 2020 is Scientific Reports 10:7275, doi 10.1038/s41598-020-64156-4.",
    "attention": " The method follows Graziani et al. 2022, attention-based interpretable regression of gene expression.",
}


@dataclass(frozen=True)
class NumberedBlock:
    """A block with what comes before its caption, such as "Figure 3."; empty for blocks without a caption."""

    block: Block
    number: str


@dataclass(frozen=True)
class NumberedSection:
    """A section with its number."""

    number: int
    anchor: str
    title: str
    blocks: tuple[NumberedBlock, ...]


def write_report(study_dir: Path | str, *, title: str | None = None, key: str = "") -> Path:
    """Write `report/index.html` of a study and return its path.

    The page stands alone: it loads nothing, runs nothing, and its bytes depend only on the files of the study folder.

    Args:
        study_dir: The study folder. Whatever is missing in it is named on the page.
        title: Title of the page; default the name of the study.
        key: Key of the task that asks for it, kept in the page's head.

    Raises:
        ArtifactError: There is no such folder.
    """
    path = Layout(Path(study_dir)).report
    write_text(path, render_report(read_results(Path(study_dir)), title=title, key=key))
    return path


def render_report(results: StudyResults, *, title: str | None = None, key: str = "") -> str:
    """Return the page as HTML; see `write_report`."""
    from cartopath.report.contents import SECTIONS  # brings matplotlib

    sections = [section for make in SECTIONS if (section := make(results)) is not None]
    name = title or f"{results.config.get('name') or 'Study'}: molecular cartography"
    source = _SOURCE + _METHOD_SOURCES.get(str(results.setting("method", "name")), "")
    return render_page(sections, title=name, kicker="cartopath study report", source=source, traits=results.traits, key=key)


def render_page(
    sections: Sequence[Section], *, title: str, kicker: str, source: str, traits: Sequence[str] = (), key: str = ""
) -> str:
    """Return sections as one HTML page.

    Args:
        sections: The sections in their order.
        title: Title of the page.
        kicker: What kind of page it is, above the title.
        source: Where its numbers come from, below everything.
        traits: Traits that it is about.
        key: Kept in the page's head.
    """
    environment = Environment(
        loader=PackageLoader("cartopath.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["prose"] = prose
    html = environment.get_template("page.html").render(
        title=title, kicker=kicker, source=source, key=key, sections=_numbered(sections), traits=traits
    )
    return "\n".join(line.rstrip() for line in html.splitlines()) + "\n"


def tight(text: str) -> str:
    """Return a text whose numbers stay on one line with their unit or their name.

    >>> tight("p = 0.04 in 5 %").count("\N{NO-BREAK SPACE}")
    3
    """
    return _LOOSE.sub("\N{NO-BREAK SPACE}", text)


def prose(text: str) -> Markup:
    """Return escaped text with `tight` numbers, in which words between backticks are set as code.

    >>> prose("run `check` on <b>")
    Markup('run <code>check</code> on &lt;b&gt;')
    """
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(tight(text)))))


def _numbered(sections: Sequence[Section]) -> list[NumberedSection]:
    counts = {"Table": 0, "Figure": 0}
    numbered = []
    for n, section in enumerate(sections, start=1):
        blocks = []
        for block in section.blocks:
            is_figure = isinstance(block, Figure | Flow | Gallery | ContactSheet)
            kind = "Table" if isinstance(block, Grid) else "Figure" if is_figure else ""
            if kind:
                counts[kind] += 1
            blocks.append(NumberedBlock(block, f"{kind} {counts[kind]}." if kind else ""))
        numbered.append(NumberedSection(n, section.anchor, section.title, tuple(blocks)))
    return numbered
