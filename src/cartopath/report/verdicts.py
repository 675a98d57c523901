"""The words that a result earns: the same rule for every test on the page, and no softer words when nothing was found."""

from __future__ import annotations

from dataclasses import dataclass

from cartopath.report.blocks import Cell, Tone
from cartopath.report.numbers import is_known

ALPHA = 0.05
"""Level of every verdict."""
CHANCE = 0.5
"""AUROC of a coin."""


@dataclass(frozen=True)
class Verdict:
    """A verdict and how it is shown."""

    text: str
    tone: Tone

    def cell(self, reason: str) -> Cell:
        """Return it as a cell of a table, with the reason when it is undefined."""
        return Cell(f"undefined: {reason or 'no reason recorded'}" if self == UNDEFINED else self.text, tone=self.tone)


UNDEFINED = Verdict("undefined", "muted")
NOTHING_FOUND = Verdict("no association found", "strong")
ABOVE_CHANCE = Verdict("above chance", "good")
NOTHING_LEARNED = Verdict("every slide scores the same: nothing was learned", "bad")


def p_verdict(p_value: float, *, found: str) -> Verdict:
    """Return the verdict of a test.

    Args:
        p_value: Its p value, NaN when undefined.
        found: What a p value below `ALPHA` means.
    """
    if not is_known(p_value):
        return UNDEFINED
    return Verdict(found, "good") if p_value < ALPHA else NOTHING_FOUND


def auroc_verdict(low: float, high: float) -> Verdict:
    """Return the verdict of an AUROC from its confidence interval.

    An interval that is a single point at chance comes of scores without any difference, as a network gives that calls every tile
    the same: that is a failure of training, not a finding about the trait.

    >>> auroc_verdict(0.6, 0.9).text, auroc_verdict(0.4, 0.7).text, auroc_verdict(0.1, 0.3).text
    ('above chance', 'no association found', 'below chance: check the labels')
    >>> auroc_verdict(0.5, 0.5).text
    'every slide scores the same: nothing was learned'
    """
    if not is_known(low) or not is_known(high):
        return Verdict("no interval: nothing to claim", "muted")
    if low == high == CHANCE:
        return NOTHING_LEARNED
    if low > CHANCE:
        return ABOVE_CHANCE
    return Verdict("below chance: check the labels", "bad") if high < CHANCE else NOTHING_FOUND
