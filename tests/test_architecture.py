"""ARCHITECTURE.md names every module, and names none that is gone."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _modules() -> set[str]:
    source = ROOT / "src" / "cartopath"
    return {path.relative_to(source).with_suffix("").as_posix() for path in source.rglob("*.py") if path.name != "__init__.py"}


def _documented() -> set[str]:
    found: set[str] = set()
    layer = ""
    for line in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            layer = line.removeprefix("### ").strip()
        elif layer and (match := re.match(r"\* `([^`]+)`:", line)) and not match[1].endswith("/"):
            found.add(f"{layer}/{match[1]}")
    return found


def test_every_module_has_its_line_in_the_architecture():
    assert _documented() == _modules()
