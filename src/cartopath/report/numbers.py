"""How numbers are written on the page: the same number of digits everywhere, a real minus sign, never a bare NaN."""

from __future__ import annotations

import math
from numbers import Real

NOT_AVAILABLE = "not available"
NO_VALUE = "–"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def is_known(value: object) -> bool:
    """Whether a cell of a table holds a finite number."""
    return isinstance(value, Real) and math.isfinite(value)


def number(value: float | None, *, digits: int = 2) -> str:
    """Return a number with a fixed count of decimals.

    >>> number(0.8333), number(-0.5), number(float("nan"))
    ('0.83', '−0.50', '–')
    """
    if value is None or not is_known(value):
        return NO_VALUE
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def short(value: float | None) -> str:
    """Return a measured value of unknown scale with four significant digits.

    >>> short(1234.567), short(0.00012345), short(12.0)
    ('1,235', '0.0001234', '12')
    """
    if value is None or not is_known(value):
        return NO_VALUE
    if value != 0 and not 1e-4 <= abs(value) < 1e7:
        return _power(value, 2)
    decimals = 0 if value == 0 else max(0, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def count(value: float | None) -> str:
    """Return a count with thousands separated.

    >>> count(1234.0), count(None)
    ('1,234', '–')
    """
    return number(value, digits=0)


def counted(value: float | None, noun: str, *, plural: str = "") -> str:
    """Return a count with its noun.

    >>> counted(1, "slide"), counted(2, "slide")
    ('1 slide', '2 slides')
    """
    return f"{count(value)} {noun if value == 1 else plural or noun + 's'}"


def interval(low: float | None, high: float | None, *, digits: int = 2) -> str:
    """Return a range, empty when one of its ends is unknown.

    >>> interval(0.7412, 0.96), interval(-0.2, 0.1), interval(None, 1)
    ('0.74–0.96', '−0.20 to 0.10', '')
    """
    if low is None or high is None or not is_known(low) or not is_known(high):
        return ""
    between = " to " if min(low, high) < 0 else "–"
    return f"{number(low, digits=digits)}{between}{number(high, digits=digits)}"


def p_value(value: float | None) -> str:
    """Return a p or q value: two significant digits, powers of ten below 0.001.

    >>> p_value(0.0432), p_value(0.5), p_value(0.00712), p_value(0.0000213), p_value(0.0)
    ('0.043', '0.50', '0.0071', '2.1 × 10⁻⁵', '< 10⁻³⁰⁰')
    """
    if value is None or not is_known(value):
        return NO_VALUE
    if value <= 1e-300:
        return "< 10⁻³⁰⁰"
    if value < 1e-3:
        return _power(value, 1)
    return f"{value:.{2 if value >= 0.1 else 3 if value >= 0.01 else 4}f}"


def p_equals(value: float | None, *, name: str = "p") -> str:
    """Return `p = 0.043`, or `p < 10⁻³⁰⁰`.

    >>> p_equals(0.0432)
    'p = 0.043'
    """
    text = p_value(value)
    return f"{name} {text}" if text.startswith("<") else f"{name} = {text}"


def percent(part: float | None, *, digits: int = 0) -> str:
    """Return a share as percent.

    >>> percent(0.756)
    '76 %'
    """
    return NO_VALUE if part is None or not is_known(part) else f"{number(100 * part, digits=digits)} %"


def duration(seconds: float | None) -> str:
    """Return a time span in the unit a reader would choose.

    >>> duration(12.34), duration(125), duration(7384)
    ('12.3 s', '2 min 5 s', '2 h 3 min')
    """
    if seconds is None or not is_known(seconds):
        return NO_VALUE
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _power(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}".replace("-", "−")
