"""The folder of the demonstration is called the same wherever people read of it."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from cartopath.cli.main import app

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("README.md", r"everything is in (\S+)"),
        ("Makefile", r"DEMO_DIR \?= (\S+)"),
        ("CONTRIBUTING.md", r"the demonstration, into ([\w-]+)"),
        (".gitignore", r"^/(cartopath-demo)\*"),
    ],
)
def test_the_folder_is_the_default_of_the_command(file, pattern):
    default = next(option.default for option in get_command(app).commands["demo"].params if option.name == "out")
    found = re.search(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None and found[1] == str(default)
