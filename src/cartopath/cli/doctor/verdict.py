"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check.

    Attributes:
        level: `ok`; `warning`, something works worse than it could; `problem`, cartopath will fail here.
        found: What was found, one line.
        advice: What to do, one line; empty where nothing needs doing.
    """

    level: Level
    found: str
    advice: str = ""
