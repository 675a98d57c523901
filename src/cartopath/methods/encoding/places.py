"""Where the encoders of a study lie, and what the tasks that make them are called."""

from __future__ import annotations

from pathlib import Path

from cartopath.study.run import Study
from cartopath.training.fingerprint.bundle import CARD_NAME, WEIGHTS_NAME


def task_name(index: int) -> str:
    """Return the name of the task that makes an encoder."""
    return f"encoder {index}"


def encoder_files(study: Study, index: int, *more: str) -> tuple[Path, ...]:
    """Return the files of an encoder that is kept in the study."""
    folder = study.layout.encoder(study.config.method.name, index)
    return tuple(folder / name for name in (WEIGHTS_NAME, CARD_NAME, *more))
