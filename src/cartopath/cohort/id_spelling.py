"""Ids of patients that would meet if both sides spelled them alike: the difference between no cohort and a whole one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

MIN_SHARE = 0.5
"""Share of the smaller side that a spelling must join to be worth naming."""

MIN_DISTINCT = 0.95
"""Share of the ids of a side that must stay distinct: a spelling that makes one of many patients joins nothing."""


def _plain(text: str) -> str:
    return text.strip()


def _dashes(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text.strip()).strip("-")


def _folded(text: str) -> str:
    return _dashes(text).casefold()


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _without_zeros(text: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", _folded(text))


def _without_end(text: str) -> str:
    return re.sub(r"-[^-]*$", "", _folded(text))


def _without_beginning(text: str) -> str:
    return re.sub(r"^[^-]*-", "", _folded(text))


def _digits(text: str) -> str:
    return re.sub(r"\D+", "-", text).strip("-")


_SPELLINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("without regard to capital letters", lambda text: _plain(text).casefold()),
    ("with dashes for dots, underscores and spaces", _dashes),
    ("without dashes, dots, underscores, spaces and capital letters", _letters),
    ("without zeros before numbers", _without_zeros),
    ("without what follows their last dash", _without_end),
    ("without what precedes their first dash", _without_beginning),
    ("by their digits alone", _digits),
)
"""From the mildest to the boldest."""


@dataclass(frozen=True)
class Spelling:
    """A way of spelling ids by which two tables meet.

    Attributes:
        description: What it does to the ids.
        n_joined: Patients that it joins.
        example: An id of either side that become one, as `ours = theirs`.
    """

    description: str
    n_joined: int
    example: str


def spelling_that_joins(ours: Collection[str], theirs: Collection[str]) -> Spelling | None:
    """Return the mildest spelling that joins far more ids than now, or None.

    Far more means at least half of the smaller side and twice what joins as it is. Where the spelling cuts ids, one
    side may be whole already.

    >>> spelling_that_joins({"p-01", "p-02"}, {"P01", "P02"}).description
    'without dashes, dots, underscores, spaces and capital letters'
    """
    n_now = len(set(ours) & set(theirs))
    enough = max(MIN_SHARE * min(len(set(ours)), len(set(theirs))), 2 * n_now, 1)
    for description, spell in _SPELLINGS:
        cut = ((spell, _folded), (_folded, spell)) if spell in (_without_end, _without_beginning) else ()
        for mine, other in ((spell, spell), *cut):
            ours_by, theirs_by = _by_spelling(ours, mine), _by_spelling(theirs, other)
            shared = set() if ours_by is None or theirs_by is None else set(ours_by) & set(theirs_by)
            if ours_by and theirs_by and len(shared) >= enough and len(shared) > n_now:
                first = min(shared)
                return Spelling(description, len(shared), f"{ours_by[first]} = {theirs_by[first]}")
    return None


def _by_spelling(ids: Collection[str], spell: Callable[[str], str]) -> dict[str, str] | None:
    """Return ids by their new spelling, or None where too many of them become one, or one vanishes."""
    spelled = {spell(id_): id_ for id_ in sorted(set(ids), reverse=True)}
    return spelled if len(spelled) >= MIN_DISTINCT * len(set(ids)) and "" not in spelled else None
