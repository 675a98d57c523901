"""What every test can ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real slides and tables; tests that ask for it are skipped where there is none."""
    stated = os.environ.get("CARTOPATH_TEST_DATA")
    folder = Path(stated) if stated else Path(__file__).parents[1].parent / "shared" / "data"
    if not (folder / "README.md").is_file():
        pytest.skip("no real data: set CARTOPATH_TEST_DATA to its folder")
    return folder
