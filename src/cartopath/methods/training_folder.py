"""A folder that belongs to one training, so that another is not replaced unasked."""

from __future__ import annotations

import shutil
from pathlib import Path

from cartopath.core.errors import ArtifactError
from cartopath.store.artifacts import Header, read_json, write_json

NOTE_NAME, NOTE_KIND = "training.json", "training_folder"
WORK_NAME = "work"
"""Where a training keeps the state from which it goes on."""


def claim_folder(folder: Path, key: str, *, card_name: str, anew: bool) -> None:
    """Note which training a folder is of; with `anew`, clear away another one's result and state.

    Args:
        folder: Made if need be.
        key: Of everything that decides what is learned.
        card_name: File without which the folder holds no result.
        anew: Replace another training.

    Raises:
        ArtifactError: The folder holds another training.
    """
    note = folder / NOTE_NAME
    if note.is_file() and read_json(note, NOTE_KIND).get("key") == key:
        return
    if (note.is_file() or (folder / card_name).is_file()) and not anew:
        raise ArtifactError(
            f"{folder}: holds a training of other inputs or settings; choose another folder, or replace it with --anew"
        )
    (folder / card_name).unlink(missing_ok=True)
    shutil.rmtree(folder / WORK_NAME, ignore_errors=True)
    write_json({"key": key}, note, Header(kind=NOTE_KIND, key=key))
