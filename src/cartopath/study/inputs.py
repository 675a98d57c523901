"""What a study reads: its slides and tables as the study file says to read them, and what their content is called in keys."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cartopath.cohort import Clinical, MolecularTable, open_molecular, read_clinical, read_slides
from cartopath.core.errors import ConfigError
from cartopath.core.locations import as_path, is_remote
from cartopath.store.hashing import file_identity, file_sha256, value_key
from cartopath.study.run import Study

_ASKED_AT_ONCE = 16
"""Slides at URLs whose versions are asked for at once: a request takes tens of milliseconds, and a cohort has thousands."""


@dataclass(frozen=True)
class MolecularSource:
    """One molecular table and how it is read.

    Attributes:
        path: A file, or a folder of one file per sample.
        format: Its stated format, or None.
        sample_sheet: Which sample each file of a folder is of, or None.
        column: The column or layer to read where a file holds several, or None.
    """

    path: Path
    format: str | None = None
    sample_sheet: Path | None = None
    column: str | None = None


@dataclass(frozen=True)
class MolecularInput:
    """The molecular tables of a study.

    Attributes:
        sources: The tables.
        genes: A table of gene names, or None.
    """

    sources: tuple[MolecularSource, ...]
    genes: Path | None = None

    @classmethod
    def of(cls, study: Study) -> MolecularInput:
        """Return what a study file says of them."""
        config = study.config.molecular
        sources = [
            MolecularSource(
                study.path(table.path),
                table.format or config.format,
                _path(study, table.sample_sheet or config.sample_sheet),
                table.column or config.column,
            )
            for table in config.table
        ]
        return cls(tuple(sources), _path(study, config.genes))

    @property
    def key(self) -> str:
        """Key of their content and of how they are read."""
        sources = [
            [content_name(one.path), one.sample_sheet and content_name(one.sample_sheet), one.format, one.column]
            for one in self.sources
        ]
        return value_key([sources, self.genes and content_name(self.genes)])

    def open(self, source: MolecularSource) -> MolecularTable:
        """Open one of the tables.

        Raises:
            TableError: It is missing, damaged, or of no known format.
        """
        return open_molecular(
            source.path, format=source.format, sample_sheet=source.sample_sheet, column=source.column, genes=self.genes
        )


def _path(study: Study, path: Path | None) -> Path | None:
    return None if path is None else study.path(path)


@dataclass(frozen=True)
class ClinicalInput:
    """The clinical tables of a study: one, several that are joined by patient, or none.

    Attributes:
        tables: Files, or a folder of a cBioPortal study.
        format: Their stated format, or None.
        sheet: Sheet of a workbook, or None for the first that holds a table.
    """

    tables: tuple[Path, ...]
    format: str | None = None
    sheet: str | None = None

    @classmethod
    def of(cls, study: Study) -> ClinicalInput:
        """Return what a study file says of them."""
        config = study.config.clinical
        return cls(tuple(study.path(path) for path in config.table), config.format, config.sheet)

    def __bool__(self) -> bool:
        return bool(self.tables)

    @property
    def key(self) -> str:
        """Key of their content and of how they are read."""
        return value_key([[content_name(path) for path in self.tables], self.format, self.sheet])

    def read(self) -> Clinical:
        """Read them.

        Raises:
            TableError: One is missing, damaged, or names no patients.
        """
        return read_clinical(self.tables, format=self.format, sheet=self.sheet)


def content_name(path: Path) -> str:
    """Return a name of the content of a table: of a file, of all files of a folder, or that there is none."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return value_key([[file.relative_to(path).as_posix(), file_identity(file)] for file in files])
    return file_sha256(path) if path.is_file() else "absent"


def require_tables(study: Study) -> None:
    """Make sure that every table that the study file names is there.

    Raises:
        ConfigError: One is not.
    """
    molecular = MolecularInput.of(study)
    named = [path for one in molecular.sources for path in (one.path, one.sample_sheet)]
    named += [molecular.genes, *ClinicalInput.of(study).tables]
    for path in named:
        if path is not None and not path.exists():
            raise ConfigError(f"{path}: no such table; check molecular.table and clinical.table in the study file")


def listed_slides(study: Study) -> pd.DataFrame:
    """Return the slides of a study as `read_slides` lists them, those that the study file excludes with its reason.

    What the study itself has written, such as its maps, is no slide of it.

    Raises:
        TableError: The folder or the table of slides is missing or damaged.
    """
    config = study.config.slides
    table = None if config.table is None else study.path(config.table)
    slides = read_slides(study.path(config.dir), table, pattern=config.pattern)
    if table is None:
        is_output = [study.layout.is_output(as_path(path)) for path in slides["path"]]
        slides = slides.drop(index=slides.index[is_output]).reset_index(drop=True)
    decided = slides["slide_id"].map(config.exclude)
    slides["exclude"] = slides["exclude"].where(decided.isna(), decided)
    return slides


def unknown_exclusions(study: Study, slides: pd.DataFrame) -> list[str]:
    """Return the slides that the study file excludes and that are not there."""
    return sorted(set(study.config.slides.exclude) - set(slides["slide_id"]))


def slide_identity(path: Path) -> str:
    """Return a key of a slide's content; one that cannot be read has a key too, and its message comes from its task."""
    if not is_remote(path) and not os.access(path, os.R_OK):
        return "unreadable"
    try:
        return file_identity(path)
    except OSError as error:
        return f"unreadable: {error.strerror or error}"


def slide_identities(paths: Sequence[Path]) -> list[str]:
    """Return `slide_identity` of many slides; servers are asked side by side."""
    if not any(is_remote(path) for path in paths):
        return [slide_identity(path) for path in paths]
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        return list(pool.map(slide_identity, paths))
