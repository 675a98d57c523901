"""What one cell of a table says: a number, nothing, or a word; and when two names of columns are the same."""

from __future__ import annotations

import math

_MISSING = {"", "na", "n/a", "nan", "null", "none", "--", "'--", ".", "not reported", "not available", "unknown"}


def is_missing(word: str) -> bool:
    """Whether a cell says that there is no value: empty, NA, `'--`, `[Not Available]` and the like.

    >>> is_missing("[Not Evaluated]"), is_missing("0")
    (True, False)
    """
    word = word.strip()
    return word.casefold() in _MISSING or (word.startswith("[") and word.endswith("]"))


def name_key(name: str) -> str:
    """Return what of a column's name counts when columns are looked for: its letters and digits, without case.

    >>> name_key("ER Status By IHC") == name_key("er_status_by_ihc")
    True
    """
    return "".join(character for character in name.casefold() if character.isalnum())


def to_number(word: str) -> float:
    """Return a cell as a number, NaN where it says that there is none.

    Raises:
        ValueError: It is a word, or infinite.
    """
    try:
        number = float(word)
        if "_" in word:  # Python's own way of writing thousands.
            raise ValueError(f"{word!r} is no number")
    except ValueError:
        if is_missing(word):
            return math.nan
        raise
    if math.isinf(number):
        raise ValueError(f"infinite value {word!r}")
    return number


def is_number(word: str) -> bool:
    """Whether a cell is a finite number or says that there is none."""
    try:
        to_number(word)
    except ValueError:
        return False
    return True
