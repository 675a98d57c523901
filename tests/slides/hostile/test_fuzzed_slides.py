"""Mutated slides open or say why not: the first half of 2,000 seeded mutations; the other is next door, for parallel runs."""

from __future__ import annotations

from pathlib import Path

import campaign
import pytest
from campaign import run_campaign
from mutations import mutated
from small_slides import BASES, DAMAGED

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("first", [0, 500])
def test_a_mutated_slide_is_used_or_refused_and_nothing_else(first, tmp_path):
    ended = run_campaign(tmp_path, first, first + 500)
    assert not ended.bad, "\n".join(ended.bad)
    assert ended.verdicts.total() == 500
    assert {kind for kind, _ in ended.verdicts} == set(BASES)
    assert {verdict for _, verdict in ended.verdicts} == {"ok", "refused"}


def test_a_seed_always_gives_the_same_mutation_and_hardly_ever_none(tmp_path):
    bases = {}
    for kind, make in BASES.items():
        (tmp_path / kind).mkdir()
        path = make(tmp_path / kind)
        bases[kind] = (tmp_path / kind / DAMAGED.get(kind, path.name)).read_bytes()
    first = [mutated(seed, bases) for seed in range(60)]
    assert first == [mutated(seed, bases) for seed in range(60)]
    assert sum(content == bases[kind] for kind, content in first) < 6


CHILD_THAT_ERRS = """
import sys
sys.path.insert(0, {folder!r})
import fuzz_child, use_slide
kept, honest = [], use_slide.open_slide
def open_slide(path, **options):
    if path.parent.name == "scratch":
        {wrong}
    return honest(path, **options)
use_slide.open_slide = open_slide
fuzz_child.main()
"""


@pytest.mark.parametrize(
    ("wrong", "noticed"),
    [
        ("import os; os.abort()", "SIGABRT"),
        ("raise KeyError('x')", "KeyError"),
        ("import warnings; warnings.warn('x')", "UserWarning"),
        ("kept.append(open(path, 'rb'))", "1 descriptors leaked"),
        ("bytearray(2 << 30)", "MemoryError"),
        ("import time; time.sleep(60)", "hangs for more than 1 s"),
    ],
)
def test_a_campaign_notices(wrong, noticed, tmp_path, monkeypatch):
    child = tmp_path / "child_that_errs.py"
    child.write_text(CHILD_THAT_ERRS.format(folder=str(Path(campaign.__file__).parent), wrong=wrong))
    monkeypatch.setattr(campaign, "HANG_S", 1.0)
    (line,) = run_campaign(tmp_path, 0, 1, child=child).bad
    assert line.startswith("seed 0")
    assert noticed in line
