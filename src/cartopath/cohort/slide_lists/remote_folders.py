"""The files below a URL that can be listed: a bucket, a folder in it, the index of a web server."""

from __future__ import annotations

from pathlib import Path

from cartopath.core.errors import TableError
from cartopath.core.remote import plain_errors


def walk_remote(folder: Path) -> list[Path]:
    """Return the files below a URL, sorted, without hidden ones; one listing, however many there are.

    Args:
        folder: What `as_path` made of the URL.

    Raises:
        TableError: It cannot be listed, is a file, or nothing is there.
    """
    try:
        with plain_errors(folder):
            base = str(folder.path).rstrip("/")  # type: ignore[attr-defined]
            names = folder.fs.find(base)  # type: ignore[attr-defined]
            if not names:
                folder.fs.ls(base)  # type: ignore[attr-defined]  # Says why, where `find` passes over it.
    except OSError as error:
        raise TableError(f"{folder}: cannot be listed ({error}); check slides.dir") from error
    if [str(name).rstrip("/") for name in names] == [base]:
        raise TableError(f"{folder}: a file; give the folder it lies in, with --pattern {folder.name!r} (slides.pattern)")
    below = [str(name).removeprefix(base).lstrip("/") for name in names]
    parts = sorted(tuple(name.split("/")) for name in below if name and not any(part.startswith(".") for part in name.split("/")))
    if not parts:
        raise TableError(f"{folder}: no file is there; check slides.dir")
    mirax = {(*part[:-1], part[-1][: -len(".mrxs")]) for part in parts if part[-1].lower().endswith(".mrxs")}
    return [folder.joinpath(*part) for part in parts if not any(part[:n] in mirax for n in range(1, len(part)))]
