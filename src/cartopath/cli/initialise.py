"""`cartopath init`."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from cartopath.cli.console import OK, console, guarded
from cartopath.core.errors import ConfigError
from cartopath.store.atomic import write_text
from cartopath.study.study_file import STUDY_FILE


def template() -> str:
    """Return the commented study file."""
    return files("cartopath.cli").joinpath("study_template.yaml").read_text(encoding="utf-8")


def initialise(folder: Path) -> int:
    """Make a study folder and return the exit code. A study file that is there already stays as it is."""

    def action() -> int:
        file = folder / STUDY_FILE
        if file.exists():
            raise ConfigError(f"{file}: there is a study already; delete it first, or choose another folder")
        slides = folder / "slides"
        taken = next((path for path in (slides, *slides.parents) if path.exists() and not path.is_dir()), None)
        if taken is not None:
            raise ConfigError(f"{folder}: cannot be a study folder, since {taken} is a file; choose another folder")
        slides.mkdir(parents=True, exist_ok=True)
        name = json.dumps(folder.resolve().name, ensure_ascii=False)  # In quotes: a folder may be called 2024, or no.
        write_text(file, template().replace("name: my-study", f"name: {name}", 1))
        console.print(f"made {file}\nnext: put slides into {slides}, edit the file, then: cartopath check {folder}")
        return OK

    return guarded(action)
