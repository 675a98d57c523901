"""Where slides lie: paths of this machine, and URLs that are read piece by piece.

A URL becomes a `UPath` of universal_pathlib, which has the methods of a `Path` (`name`, `parent`, `/`, `open`, ...) without being
one; `is_remote` tells them apart. Nothing is imported and nothing is asked over a network before a URL is met.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from cartopath.core.errors import ConfigError

if TYPE_CHECKING:
    from upath import UPath

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.:-]+):/(/?)(.*)", re.DOTALL)
_LOCAL = ("", "file", "local")


def as_path(location: Path | UPath | str) -> Path:
    """Return a location as a path: of this machine, or of what a URL leads to.

    A `Path` made of a URL has lost one of its two slashes; it is put back.

    Args:
        location: `slides/a.svs`, `s3://bucket/a.svs`, `https://host/a.svs`, `file:///data/a.svs`, ...

    Returns:
        A `Path`, or for a URL to elsewhere what behaves like one.

    Raises:
        ConfigError: Nothing here knows such URLs.

    >>> as_path("file:///data/a.svs").as_posix(), as_path(Path("memory://a/b.svs")).name
    ('/data/a.svs', 'b.svs')
    """
    if isinstance(location, str | Path):
        text = location.as_posix() if isinstance(location, Path) else location
        url = _URL.match(text)
        if url is None or not (url[2] or _is_known(url[1])):
            return Path(location)
        protocol = url[1].lower()
        return Path(_rooted(url[3])) if protocol in _LOCAL else cast("Path", _upath(f"{protocol}://{url[3]}"))
    return Path(location.path) if location.protocol in _LOCAL else cast("Path", location)


def is_url(text: str) -> bool:
    """Whether a text is a URL rather than a path of this machine.

    >>> is_url("s3://bucket/a.svs"), is_url("C:/slides/a.svs"), is_url("odd: name.svs")
    (True, False, False)
    """
    url = _URL.match(text)
    return url is not None and bool(url[2] or _is_known(url[1]))


def is_remote(path: Path) -> bool:
    """Whether a path that `as_path` made leads to another machine."""
    return not isinstance(path, Path)


def resolved(path: Path) -> Path:
    """Return a path in full; a URL is full already."""
    return path if is_remote(path) else path.resolve()


def open_binary(path: Path) -> BinaryIO:
    """Open a file for reading bytes; at a URL only the blocks that are looked at are fetched.

    Raises:
        OSError: It is not there or cannot be read; says what to install where a URL needs another package.
    """
    if not is_remote(path):
        return path.open("rb")
    from cartopath.core.remote_file import RemoteFile

    return cast("BinaryIO", RemoteFile(path))


def _rooted(rest: str) -> str:
    """Return the path of a local URL with one slash before it, but none before a drive letter of Windows."""
    rest = rest.lstrip("/")
    return rest if re.match(r"[A-Za-z]:/", rest) else f"/{rest}"


def _is_known(protocol: str) -> bool:
    from fsspec import available_protocols

    return protocol.rpartition("::")[2].lower() in available_protocols()


def _upath(url: str) -> Any:
    from upath import UPath

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Of file systems that UPath has no class of its own for.
            return UPath(url)
    except ValueError as error:
        raise ConfigError(f"{url}: nothing here reads such URLs; copy the file to a folder and name that") from error
