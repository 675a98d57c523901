"""Labels of a trait: extremes, halves and tenths of its distribution, and who is out of distribution [A2-A5, F13, F14].

Labels follow ranks only. The threshold for `lo` is the largest value at or below the percentile, for `hi` the smallest at or
above it (Levy-Jurgenson et al. 2020 interpolate between the two, which gives the same labels to the patients that the percentiles
are taken of). Taking logarithms of an expression table therefore never changes a label, not even of a patient held out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.cohort.cells import is_missing
from cartopath.core.errors import LabelError

OOD_MARGIN = 10
"""Percentage points beyond the extremes that still count as near."""

_HI_WORDS = {"hi", "high", "positive", "pos", "yes", "true", "1"}
_LO_WORDS = {"lo", "low", "negative", "neg", "no", "false", "0"}


@dataclass(frozen=True)
class TraitLabels:
    """Labels of one trait.

    Attributes:
        table: One row per patient, sorted: `patient_id`, `value`, `label` (`hi`, `lo` or ""), `median_label` (likewise), `decile`
            (0.1 to 1.0, NaN without value) and `ood` (`near`, `far` or ""; only of patients with a value and no label).
        thresholds: `lo`, `hi`, `median`, `near_lo`, `near_hi`: values at or below (`lo`, `median`, `near_lo`) or at or above
            (`hi`) or above (`near_hi`) which a patient counts; `n_fit`: patients they are taken of. Empty for binary labels.
    """

    table: pd.DataFrame
    thresholds: dict[str, float]

    @property
    def counts(self) -> dict[str, int]:
        """How many patients are `hi`, `lo`, `near`, `far`, and `missing` (no value or no status)."""
        label, ood = self.table["label"], self.table["ood"]
        found = {word: int((label == word).sum()) for word in ("hi", "lo")}
        found |= {word: int((ood == word).sum()) for word in ("near", "far")}
        return found | {"missing": len(self.table) - sum(found.values())}


def trait_labels(
    values: pd.Series, *, fit_patients: Iterable[str] | None = None, low: float = 20, high: float = 80
) -> TraitLabels:
    """Label patients by the extremes of a continuous trait.

    Args:
        values: The measured values, indexed by patient; NaN where nothing was measured.
        fit_patients: Patients whose values define the percentiles: those outside the test set [A2]. None takes all of them, as
            the paper did, which lets test values into the thresholds.
        low: `lo` is at or below this percentile.
        high: `hi` is at or above this percentile.

    Raises:
        LabelError: No fitting patient has a value, or both percentiles are the same value, as for a gene that is mostly zero.

    >>> labels = trait_labels(pd.Series(range(101), index=[f"P{i:03}" for i in range(101)]))
    >>> labels.counts
    {'hi': 21, 'lo': 21, 'near': 19, 'far': 40, 'missing': 0}
    """
    if not 0 <= low < high <= 100:
        raise LabelError(f"percentiles must be 0 <= low < high <= 100; got low={low!r}, high={high!r}")
    numbers = _numbers(values)
    fitted = _fitted(numbers, fit_patients)
    thresholds = {
        "lo": _rank_threshold(fitted, low, "down"),
        "hi": _rank_threshold(fitted, high, "up"),
        "median": _rank_threshold(fitted, 50, "down"),
        "near_lo": _rank_threshold(fitted, min(low + OOD_MARGIN, 100), "down"),
        "near_hi": _rank_threshold(fitted, max(high - OOD_MARGIN, 0), "down"),
    }
    if thresholds["lo"] >= thresholds["hi"]:
        share = float(np.mean(fitted == thresholds["lo"]))
        raise LabelError(
            f"{values.name or 'trait'}: percentiles {low:g} and {high:g} of {len(fitted)} patients are both {thresholds['lo']:g} "
            f"({share:.0%} have that value); extremes cannot be told apart, choose another trait or a clinical column"
        )
    table = _label(numbers, thresholds, _decile(numbers, fitted))
    return TraitLabels(
        table, {**thresholds, "low_percentile": float(low), "high_percentile": float(high), "n_fit": float(len(fitted))}
    )


def _refuse_repeats(values: pd.Series) -> None:
    twice = sorted(set(map(str, values.index[values.index.duplicated()])))
    if twice:
        who = f"{len(twice)} patients have several values ({', '.join(twice[:5])})"
        raise LabelError(f"{values.name or 'trait'}: {who}; keep one for each")


def _numbers(values: pd.Series) -> pd.Series:
    _refuse_repeats(values)
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    words = values[numbers.isna() & values.notna()]
    if len(words):
        raise LabelError(
            f"{values.name or 'trait'}: {words.iloc[0]!r} is no number ({len(words)} such values); use binary_labels for words"
        )
    return numbers.sort_index()


def _fitted(numbers: pd.Series, patients: Iterable[str] | None) -> NDArray[np.float64]:
    chosen = numbers if patients is None else numbers[numbers.index.isin(list(patients))]
    fitted = np.sort(chosen.dropna().to_numpy(dtype=np.float64))
    if not len(fitted):
        raise LabelError(f"{numbers.name or 'trait'}: none of the patients that define the percentiles has a value")
    return fitted


def _rank_threshold(ordered: NDArray[np.float64], percentile: float, rounding: Literal["down", "up"]) -> float:
    """Return the value of the rank next to a percentile; exact, since 0.3 * 100 is not 30 in floating point."""
    rank = Fraction(str(percentile)) / 100 * (len(ordered) - 1)
    return float(ordered[math.ceil(rank) if rounding == "up" else math.floor(rank)])


def _decile(numbers: pd.Series, fitted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest tenth whose percentile a value does not exceed; above all of them it is 1.0."""
    edges = np.array([_rank_threshold(fitted, 10 * tenth, "down") for tenth in range(1, 11)])
    place = np.searchsorted(edges, numbers.to_numpy(dtype=np.float64), side="left")
    deciles = (np.minimum(place, 9) + 1) / 10
    return np.where(numbers.isna(), np.nan, deciles)


def _label(numbers: pd.Series, thresholds: dict[str, float], deciles: NDArray[np.float64]) -> pd.DataFrame:
    value = numbers.to_numpy(dtype=np.float64)
    label = np.where(value <= thresholds["lo"], "lo", np.where(value >= thresholds["hi"], "hi", ""))
    median = np.where(np.isnan(value), "", np.where(value <= thresholds["median"], "lo", "hi"))
    near = (value <= thresholds["near_lo"]) | (value > thresholds["near_hi"])
    ood = np.where(np.isnan(value) | (label != ""), "", np.where(near, "near", "far"))
    return pd.DataFrame(
        {
            "patient_id": numbers.index.astype(str),
            "value": value,
            "label": label.astype(object),
            "median_label": median.astype(object),
            "decile": deciles,
            "ood": ood.astype(object),
        }
    )


def binary_labels(values: pd.Series, *, positive: str | Collection[str] | None = None) -> TraitLabels:
    """Label patients by a trait that has two values, such as a receptor status.

    Args:
        values: By patient: `hi`/`lo`, positive/negative, yes/no, 1/0; "" or NaN where nothing is known.
        positive: The words that mean `hi`; all others then mean `lo`.

    Raises:
        LabelError: A word has no known meaning and `positive` is not stated, or only one class is there.

    >>> binary_labels(pd.Series(["Positive", "Negative", ""], index=["A", "B", "C"])).table["label"].tolist()
    ['hi', 'lo', '']
    """
    _refuse_repeats(values)
    values = values.sort_index()
    name = values.name or "trait"
    words = [_word(value) for value in values]
    stated = None if positive is None else {_word(word) for word in ([positive] if isinstance(positive, str) else positive)}
    if stated is not None and not stated & set(words):
        there = ", ".join(map(repr, sorted(set(words) - {""})[:5]))
        raise LabelError(f"{name}: none of the stated positive words {sorted(stated)} is among the values ({there})")
    known = {word: _polarity(word, stated) for word in set(words)}
    unknown = sorted(word for word, label in known.items() if label is None)
    if unknown:
        counted = ", ".join(f"{word!r} ({words.count(word)})" for word in unknown[:5])
        raise LabelError(f"{name}: cannot tell which is high of {counted}; state the words that are positive")
    labels = [known[word] or "" for word in words]
    if len({label for label in labels if label}) < 2:
        known_status = len(labels) - labels.count("")
        raise LabelError(f"{name}: {known_status} patients with a status, all of one class; nothing to learn")
    table = pd.DataFrame(
        {
            "patient_id": values.index.astype(str),
            "value": [{"hi": 1.0, "lo": 0.0}.get(label, np.nan) for label in labels],
            "label": labels,
            "median_label": labels,
            "decile": np.nan,
            "ood": "",
        }
    )
    return TraitLabels(table, {})


def _word(value: object) -> str:
    """Return a cell as a word to compare: without case, whole numbers without a point, "" where there is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    word = str(value).strip()
    return "" if value is None or is_missing(word) else word.casefold()


def _polarity(word: str, stated: set[str] | None) -> str | None:
    if not word:
        return ""
    if stated is not None:
        return "hi" if word in stated else "lo"
    return "hi" if word in _HI_WORDS else "lo" if word in _LO_WORDS else None
