"""Feature files read one by one: what cannot be read, or is of another encoder than the rest, costs itself and is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cartopath.cohort.findings import counted
from cartopath.core.errors import ArtifactError
from cartopath.training.feature_files import TileFeatures, fatal_feature_files, read_features

_FEW = 10
"""One file, or one in so many, may be of another encoder by mishap; a folder of which more are is a mixture."""
_ODD, _USUAL = 20, 3
"""How many files a message about a mixture names: of each odd encoder, and of the one that most files are of."""

Progress = Callable[[int, int], None]
Kind = tuple[int, str]
"""Numbers per tile, and the encoder, "" where the file does not say it."""


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features of one encoder.

    Attributes:
        tiles: What can be used, by file, in the order asked for.
        failed: Why other files cannot be, by file, one sentence each that names it.
    """

    tiles: Mapping[Path, TileFeatures]
    failed: Mapping[Path, str]


def read_feature_set(
    files: Mapping[Path, str],
    *,
    encoder: str | None = None,
    needs_places: bool = False,
    by_name: bool = True,
    progress: Progress | None = None,
) -> FeatureSet:
    """Read feature files that belong together.

    A file that is damaged costs itself. So does one, or at most one in ten, whose features are of another length than those of
    the rest: that is as likely a mishap. Where there are more, nobody but the user can say which of them are meant.

    Args:
        files: The slide of each file.
        encoder: Which features, where files hold those of several encoders.
        needs_places: Files that do not say where their tiles lie cannot be used.
        by_name: Files that name another encoder than the rest are of another one, even where features are as long; those that
            name none are not.
        progress: Called with the files read and all files.

    Raises:
        ArtifactError: No file can be used, or they are of different encoders.
    """
    tiles: dict[Path, TileFeatures] = {}
    failed: dict[Path, str] = {}
    fatal = fatal_feature_files(files)
    for number, (path, slide) in enumerate(files.items()):
        try:
            if path in fatal:
                raise ArtifactError(fatal[path])
            tiles[path] = _read(path, slide, encoder, needs_places)
        except ArtifactError as error:
            failed[path] = str(error)
        if progress is not None:
            progress(number + 1, len(files))
    if not tiles:
        raise ArtifactError(next(iter(failed.values())))
    odd = _odd_ones({path: (own.n_features, own.encoder) for path, own in tiles.items()}, by_name)
    kept = {path: own for path, own in tiles.items() if path not in odd}
    return FeatureSet(kept, {path: reason for path in files if (reason := {**failed, **odd}.get(path))})


def _read(path: Path, slide: str, encoder: str | None, needs_places: bool) -> TileFeatures:
    found = read_features(path, encoder=encoder, slide_id=slide)
    if needs_places and found.xy_px0 is None and found.xy_um is None:
        raise ArtifactError(f"{path}: does not say where its tiles lie; give the file with coordinates")
    return found


def _odd_ones(kinds: Mapping[Path, Kind], by_name: bool) -> dict[Path, str]:
    """Return why the few files that are of another encoder than the rest cannot be used.

    Raises:
        ArtifactError: They are not few.
    """
    usual = _usual(kinds.values())
    odd = [path for path, kind in kinds.items() if not _fits(kind, usual, by_name)]
    n_usual = len(kinds) - len(odd)
    if len(odd) > max(1, len(kinds) // _FEW) or len(odd) >= n_usual:
        raise ArtifactError(_mixture(kinds, usual, odd))
    return {
        path: f"{path}: {_words(kinds[path])}, where {n_usual} of {len(kinds)} files hold {_words(usual)}; compute its features "
        "again with the encoder of the others"
        for path in odd
    }


def _usual(kinds: Collection[Kind]) -> Kind:
    """Return what most files hold: the most frequent length, and of the files with that the most frequent name."""
    width = Counter(n for n, _ in kinds).most_common(1)[0][0]
    names = Counter(name for n, name in kinds if n == width and name)
    return width, names.most_common(1)[0][0] if names else ""


def _fits(kind: Kind, usual: Kind, by_name: bool) -> bool:
    return kind[0] == usual[0] and (not by_name or kind[1] in ("", usual[1]))


def _words(kind: Kind) -> str:
    n, encoder = kind
    return f"{n} numbers per tile{f' of {encoder}' if encoder else ''}"


def _mixture(kinds: Mapping[Path, Kind], usual: Kind, odd: Sequence[Path]) -> str:
    groups: dict[Kind, list[Path]] = {}
    for path, kind in kinds.items():
        groups.setdefault(kind if path in odd else usual, []).append(path)
    words = []
    for kind, own in sorted(groups.items(), key=lambda group: -len(group[1])):
        names = _named(own, list(kinds), _USUAL if kind == usual else _ODD)
        words.append(f"{counted(len(own), 'file holds', 'files hold')} {_words(kind)}: {names}")
    where = ", ".join(dict.fromkeys(str(path.parent) for path in kinds))
    return (
        f"{where}: feature files are of different encoders ({'; '.join(words)}); give one folder for each encoder, or compute "
        "all features with one"
    )


def _named(own: Sequence[Path], every: Sequence[Path], n: int) -> str:
    """Return the names of files, with their folders where there are several; or of the folder that they are all of."""
    folders = {path.parent for path in every}
    if len(folders) > 1 and {path for path in every if path.parent == own[0].parent} == set(own):
        return f"all of {own[0].parent.name}"
    names = [path.name if len(folders) == 1 else f"{path.parent.name}/{path.name}" for path in own]
    return ", ".join(names[:n]) + (", ..." if len(names) > n else "")
