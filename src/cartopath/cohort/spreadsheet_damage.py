"""Names of genes that a spreadsheet turned into dates: SEPT2 became 2-Sep, MARCH1 became 1-Mar, and stayed so when saved.

What a date was cannot be told for certain (1-Mar was MARCH1 or MARC1), so nothing is mended; it is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)"
_DATE = re.compile(
    rf"\d{{1,2}}-{_MONTH}|{_MONTH}-\d{{1,4}}|\d{{4}}-\d{{2}}-\d{{2}}(?:[ T].*)?|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}", re.IGNORECASE
)
_SERIAL = re.compile(r"[34]\d{4}(?:\.0)?")
"""A date as Excel counts it: 30000 is in 1982, 49999 in 2036."""

_AT_RISK = re.compile(r"SEPT(?:IN)?\d+|MARCHF?\d+|M(?:T)?ARC\d+|DEL?EC1", re.IGNORECASE)


def dates_among(features: Sequence[str]) -> list[str]:
    """Return the names that are dates: `2-Sep`, `Mar-01`, `2021-09-02`, and 44256 where the other names are no numbers.

    >>> dates_among(["TP53", "2-Sep", "MARCHF1", "44256"])
    ['2-Sep', '44256']
    """
    dates = [name for name in features if _DATE.fullmatch(name)]
    serials = [name for name in features if _SERIAL.fullmatch(name)]
    n_numbers = sum(name.replace(".", "", 1).isdigit() for name in features)
    if serials and n_numbers == len(serials) and n_numbers <= max(1, len(features) // 20):
        dates += serials
    return dates


def could_be_date(name: str) -> bool:
    """Whether a spreadsheet takes the gene of that name, or its older name, for a date.

    >>> could_be_date("SEPTIN2"), could_be_date("TP53")
    (True, False)
    """
    return bool(_AT_RISK.fullmatch(name))
