"""Sections out of folders: the layout of the first spatial arrays, and that of Visium."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cartopath.core.errors import ConfigError, TableError
from cartopath.methods.spatial.array_layout import is_array_folder, read_array_folder
from cartopath.methods.spatial.section import Section
from cartopath.methods.spatial.visium_layout import is_visium_folder, read_visium_folder


def read_sections(paths: Sequence[Path], *, only: Sequence[str] = (), pitch_um: float | None = None) -> list[Section]:
    """Return the sections of folders, in the order given.

    Args:
        paths: Folders with `counts/`, `spots/` and `images/`, which may hold several sections, or Visium folders with one each.
        only: Names of the sections that are wanted; all where empty.
        pitch_um: Micrometres from spot to spot where they are not those of the platform: 200 and 100.

    Raises:
        TableError: A folder is of neither layout, or what it holds cannot be read.
        ConfigError: A section that is wanted is not there, or two have the same name.
    """
    sections = [section for path in paths for section in _read(path, only, pitch_um)]
    names = [section.name for section in sections]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ConfigError(f"two sections are called {doubled[0]!r}; rename one of their folders")
    missing = [name for name in only if name not in names]
    if missing:
        known = sorted({*names, *(file.name.split(".")[0] for path in paths for file in (path / "counts").glob("*"))})
        raise ConfigError(f"--only {missing[0]}: no such section; there are {', '.join(known) or 'none'}")
    return sections


def _read(path: Path, only: Sequence[str], pitch_um: float | None) -> list[Section]:
    if not path.is_dir():
        raise TableError(f"{path}: no such folder; name a folder with counts/, spots/ and images/, or a Visium folder")
    if is_array_folder(path):
        return read_array_folder(path, only=only, pitch_um=pitch_um)
    if is_visium_folder(path):
        return [] if only and path.name not in only else [read_visium_folder(path, pitch_um=pitch_um)]
    raise TableError(
        f"{path}: neither counts/, spots/ and images/ nor a Visium folder (spatial/tissue_positions*.csv beside "
        "filtered_feature_bc_matrix.h5 or its folder)"
    )
