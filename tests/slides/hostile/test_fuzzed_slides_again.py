"""Mutated slides open or say why not: the second half of 2,000 seeded mutations."""

from __future__ import annotations

import pytest
from campaign import run_campaign

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("first", [1000, 1500])
def test_a_mutated_slide_is_used_or_refused_and_nothing_else(first, tmp_path):
    campaign = run_campaign(tmp_path, first, first + 500)
    assert not campaign.bad, "\n".join(campaign.bad)
    assert campaign.verdicts.total() == 500
