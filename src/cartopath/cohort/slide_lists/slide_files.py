"""Which files of a folder are slides: by suffix or pattern, without what lies beside slides (masks, labels, thumbnails)."""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from cartopath.cohort.slide_lists.beside_slides import kind_of_folder, named_beside
from cartopath.cohort.slide_lists.dicom_series import dicom_slides
from cartopath.cohort.slide_lists.remote_folders import walk_remote
from cartopath.core.errors import TableError
from cartopath.core.locations import is_remote

SLIDE_SUFFIXES = (
    *(".bif", ".btf", ".czi", ".dcm", ".mrxs", ".ndpi", ".qptiff", ".scn", ".svs", ".svslide"),
    *(".tf2", ".tf8", ".tif", ".tiff", ".vms", ".vmu"),
)
"""Files of a folder that are taken for slides; a table may name any file."""

PICTURE_SUFFIXES = (".jpeg", ".jpg", ".png")
"""Plain pictures: slides only where a table or a pattern names them, or where a folder holds no file with a slide's suffix."""

_FEATURE_SUFFIXES = (".h5", ".pt")
"""Tables of other tools may name the embeddings of a slide instead of the slide."""

_FOREIGN_FOLDERS = {"lost+found", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "__MACOSX"}


@dataclass(frozen=True)
class SlideFile:
    """A file that is a slide, or that would be taken for one.

    Attributes:
        path: The file; for a slide of many files (DICOM, MIRAX) the one that is opened.
        relative: The same below the folder.
        exclude: Why it is not taken for a slide, or "".
        names: What else it may be called: the folder of its DICOM series, say.
        container: What its DICOM header calls the slide, or "".
    """

    path: Path
    relative: PurePosixPath
    exclude: str = ""
    names: tuple[str, ...] = ()
    container: str = ""

    @property
    def stem(self) -> str:
        """The file's name without its suffix, whatever suffix a pattern has asked for."""
        stem = slide_stem(self.path.name)
        return self.path.stem if stem == self.path.name else stem


def slide_stem(name: str) -> str:
    """Return the name of a slide out of that of its file: the suffix of a slide, a picture or an embedding is taken off.

    >>> slide_stem("A1.ome.tif"), slide_stem("TCGA-49-4488-01Z-00-DX10.930e7dc2"), slide_stem("case.7.h5")
    ('A1', 'TCGA-49-4488-01Z-00-DX10.930e7dc2', 'case.7')
    """
    stem, dot, suffix = name.rpartition(".")
    if not stem or f"{dot}{suffix}".lower() not in (*SLIDE_SUFFIXES, *PICTURE_SUFFIXES, *_FEATURE_SUFFIXES):
        return name
    return stem[:-4] if stem.lower().endswith(".ome") and len(stem) > 4 else stem


def walk_files(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted: links are followed, each folder is visited once, hidden names are left out.

    Links that lead nowhere are returned too.

    Args:
        folder: A folder of this machine, or what `as_path` made of a URL.

    Raises:
        TableError: A folder cannot be listed.
    """
    if is_remote(folder):
        return walk_remote(folder)
    seen: set[tuple[int, int]] = set()
    found: list[Path] = []
    folders, linked = [folder], list[Path]()
    while folders or linked:
        here = folders.pop() if folders else linked.pop(0)  # Links last: what is really there keeps its own path.
        status = here.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        for path in _entries(here):
            if path.is_dir():
                (linked if path.is_symlink() else folders).append(path)
            elif path.is_file() or path.is_symlink():
                found.append(path)
    return sorted(found)


def _entries(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = {entry.name for entry in entries if not entry.name.startswith(".") and entry.name not in _FOREIGN_FOLDERS}
    except OSError as error:
        raise TableError(
            f"{folder}: cannot be listed ({error.strerror}); make it readable, or take it away from there"
        ) from error
    mirax = {name[: -len(".mrxs")] for name in names if name.lower().endswith(".mrxs")}
    return [folder / name for name in sorted(names - mirax)]


def slide_files(folder: Path, pattern: str | None = None, *, with_pictures: bool = False) -> list[SlideFile]:
    """List the slides below a folder, and what looks like one and is set aside with a reason.

    Args:
        folder: Where to look, with all its subfolders.
        pattern: Which files are slides, such as `*.svs` or `images/*.jpg` (the end of the path below the folder, without case).
            Without one, files with a slide's suffix are; pictures only where there is no such file.
        with_pictures: List pictures too where they are not taken for slides, because a table may name them.

    Returns:
        In order of their paths. A DICOM series is one slide.

    Raises:
        TableError: A folder cannot be listed, or no file matches the pattern.
    """
    everything = walk_files(folder)
    paths = _matching(everything, folder, pattern) if pattern is not None else _by_suffix(everything)
    files = [_file(path, folder) for path in paths]
    stems = {slide_stem(path.name) for path in everything if path.suffix.lower() in (*SLIDE_SUFFIXES, *PICTURE_SUFFIXES)}
    files = [replace(file, exclude=_unusable(file.path) or named_beside(file.stem, stems, pattern or "")) for file in files]
    judged = _set_aside_by_folder(files)
    listed = _one_per_series(judged)
    if with_pictures and pattern is None:
        taken = set(paths)
        more = [path for path in everything if path.suffix.lower() in PICTURE_SUFFIXES and path not in taken]
        listed += [_file(path, folder, exclude="a picture") for path in more]
    return listed


def _file(path: Path, folder: Path, exclude: str = "") -> SlideFile:
    return SlideFile(path, PurePosixPath(path.relative_to(folder).as_posix()), exclude)


def _by_suffix(paths: list[Path]) -> list[Path]:
    slides = [path for path in paths if path.suffix.lower() in SLIDE_SUFFIXES]
    return slides or [path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES]


def _matching(paths: list[Path], folder: Path, pattern: str) -> list[Path]:
    if not pattern.strip() or pattern.startswith("/"):
        raise TableError(f"{folder}: the pattern {pattern!r} is no pattern of files; write one such as *.svs, or leave it out")
    states_suffix = re.fullmatch(r"\.\w+", PurePosixPath(pattern).suffix) is not None
    known = (*SLIDE_SUFFIXES, *PICTURE_SUFFIXES)
    found = [
        path
        for path in paths
        if PurePosixPath(path.relative_to(folder).as_posix().lower()).match(pattern.lower())
        and (states_suffix or path.suffix.lower() in known)
    ]
    if not found:
        held = Counter(path.suffix.lower() or "no suffix" for path in paths).most_common(5)
        listed = ", ".join(f"{suffix}: {n}" for suffix, n in held) or "it is empty"
        raise TableError(f"{folder}: no file matches the pattern {pattern!r} ({listed}); correct slides.pattern")
    return found


def _unusable(path: Path) -> str:
    """Return why nothing can be done with a path, or ""."""
    if is_remote(path):
        return ""
    try:
        str(path).encode()
        path.stat()
    except UnicodeEncodeError:
        return "its name is not UTF-8 text; rename it"
    except OSError as error:
        return "a link that leads in a circle" if error.errno == errno.ELOOP else ""
    return ""


def _set_aside_by_folder(files: list[SlideFile]) -> list[SlideFile]:
    """Set aside what lies in a folder of masks or the like and is called as a slide that lies elsewhere."""
    aside = {file.path: kind_of_folder(file.relative.parts[:-1]) for file in files}
    slides = {file.stem for file in files if not file.exclude and not aside[file.path]}
    return [
        replace(file, exclude=f"looks like a {aside[file.path]} by its folder (of {file.stem})")
        if not file.exclude and aside[file.path] and file.stem in slides
        else file
        for file in files
    ]


def _one_per_series(files: list[SlideFile]) -> list[SlideFile]:
    """Keep of every DICOM series the file that is opened."""
    relative = {file.path: file for file in files if file.path.suffix.lower() == ".dcm" and not file.exclude}
    kept = {}
    for slide in dicom_slides(relative):
        file = relative[slide.path]
        kept[slide.path] = replace(file, exclude=slide.exclude, names=slide.names, container=slide.container)
    return [kept.get(file.path, file) for file in files if file.path not in relative or file.path in kept]
