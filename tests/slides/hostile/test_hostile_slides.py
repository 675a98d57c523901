"""Every case of tests/slides/cases: a slide, what is done to it, and what must come of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from edits import EDITS
from small_slides import CASE_BASES, STATED
from use_slide import use_slide

from cartopath.core import errors

FOLDER = Path(__file__).parents[1] / "cases"
KEYS = {"base", "edits", "open", "expect", "class", "mpp", "unreadable", "unread_levels", "kept", "not_as_root"}


def _cases():
    for file in sorted(FOLDER.glob("*.yaml")):
        for name, case in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            yield pytest.param(case, id=f"{file.stem}: {name}")


CASES = list(_cases())


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_slide_is_used_or_refused_as_stated(case, tmp_path):
    assert set(case) <= KEYS
    if case.get("not_as_root") and os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = CASE_BASES[case["base"]](tmp_path)
    for edit in case.get("edits", []):
        ((name, argument),) = edit.items()
        path = EDITS[name](path, argument)
    stated = {"mpp": STATED[case["base"]]} if case["base"] in STATED else {}
    used = use_slide(path, **{**stated, **case.get("open", {})})
    assert used.leaked == 0
    if case["expect"] == "ok":
        assert used.error is None, used.error
        assert used.mpp == pytest.approx(case.get("mpp", 0.5), rel=1e-4)
        assert used.counts["kept"] == case["kept"] if "kept" in case else used.counts["kept"] > 0
        assert used.counts.get("unreadable", 0) == case.get("unreadable", 0)
        assert used.unread == case.get("unread_levels", 0)
    else:
        assert used.error is not None, f"it was used: {used}"
        assert re.search(case["expect"]["error"], str(used.error)), str(used.error)
        assert isinstance(used.error, getattr(errors, case["expect"].get("class", "SlideError")))
        assert str(path) in str(used.error)


def test_there_are_enough_cases_and_each_says_what_it_expects():
    assert len(CASES) >= 80
    assert all(param.values[0]["expect"] == "ok" or param.values[0]["expect"]["error"] for param in CASES)
