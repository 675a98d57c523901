"""Which tiles and which slides have a flaw: by fixed limits, and by their distance from the rest of the cohort."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cartopath.slides.quality.classes import TILE_FLAGS
from cartopath.slides.quality.limits import QualityLimits

COLUMNS = ("slide_id", "flag", "measure", "value", "limit", "rule", "message")
_SHARES = {
    "pen": "pen on {} of the tissue",
    "fold": "folds on {} of the tissue",
    "dark": "dust or other dark matter on {} of the tissue",
    "blur": "{} of the sampled tiles are out of focus",
    "stain": "the stain of {} of the sampled tiles is out of range",
    "saturated": "{} of the sampled tiles are clipped",
    "coverslip": "an edge of the coverslip over {} of the tissue",
    "padding": "{} of the tissue was filled in by a program",
    "unreadable": "{} of the slide cannot be decoded",
}
_COHORT = {
    "sharpness": ("blur", "sharpness", "", (-1,)),
    "haematoxylin": ("stain", "haematoxylin", "", (-1, 1)),
    "eosin": ("stain", "eosin", "", (-1, 1)),
    "glass_brightness": ("glass", "brightness of the glass", "", (-1, 1)),
    "tissue_mm2": ("tissue-area", "tissue area", " mm²", (-1, 1)),
}


def tile_flags(tiles: pd.DataFrame, limits: QualityLimits | None = None) -> pd.DataFrame:
    """Return which tiles have which flaw.

    Args:
        tiles: From `SlideQuality.tiles`.
        limits: From which share on.

    Returns:
        One bool column per `TILE_FLAGS`, rows as in `tiles`. What was not measured is no flaw.
    """
    shares = (limits or QualityLimits()).tile_share
    flags = {name: tiles[name].to_numpy(np.float64, na_value=np.nan) >= shares[name] for name in TILE_FLAGS}
    return pd.DataFrame(flags, index=tiles.index)


def quality_flags(measures: pd.DataFrame, limits: QualityLimits | None = None) -> pd.DataFrame:
    """Return every flaw of every slide of a cohort.

    Args:
        measures: `slide_id` and any of `MEASURES`, one row per slide; a missing column or NaN raises no flag.
        limits: What counts as a flaw.

    Returns:
        `slide_id`, `flag`, `measure`, `value`, `limit`, `rule` ("absolute" or "cohort") and `message` in plain words; by flag,
        the worst slide of each first. A slide that breaks a fixed limit is not reported against the cohort for the same flag.
    """
    limits = limits or QualityLimits()
    absolute = pd.DataFrame([*_absolute(measures, limits)], columns=[*COLUMNS, "badness"])
    cohort = pd.DataFrame([*_cohort(measures, limits)], columns=[*COLUMNS, "badness"])
    known = set(zip(absolute["slide_id"], absolute["flag"], strict=True))
    is_new = [pair not in known for pair in zip(cohort["slide_id"], cohort["flag"], strict=True)]
    parts = [part for part in (absolute, cohort[np.array(is_new, bool)]) if len(part)]
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=float if name in ("value", "limit") else object) for name in COLUMNS})
    flags = pd.concat(parts).sort_values(
        ["flag", "rule", "badness", "slide_id"], ascending=[True, True, False, True], kind="stable"
    )
    return flags[[*COLUMNS]].reset_index(drop=True)


def _absolute(measures: pd.DataFrame, limits: QualityLimits) -> Iterator[tuple[Any, ...]]:
    for flag, words in _SHARES.items():
        limit, name = limits.slide_share[flag], f"{flag}_share"
        for slide, value in _values(measures, name):
            if value >= limit:
                yield (slide, flag, name, value, limit, "absolute", words.format(_percent(value)), value / limit)
    shares = dict(_values(measures, "pen_share"))
    for slide, value in _values(measures, "pen_mm2"):
        if value >= limits.pen_mm2 and not shares.get(slide, 0.0) >= limits.slide_share["pen"]:
            words = f"{value:.3g} mm² of pen, most of it on glass"
            yield (slide, "pen", "pen_mm2", value, limits.pen_mm2, "absolute", words, 0.0)
    for slide, value in _values(measures, "tissue_mm2"):
        if value < limits.little_tissue_mm2:
            words = f"only {value:.2g} mm² of tissue"
            yield (slide, "little-tissue", "tissue_mm2", value, limits.little_tissue_mm2, "absolute", words, -value)


def _cohort(measures: pd.DataFrame, limits: QualityLimits) -> Iterator[tuple[Any, ...]]:
    for name, (flag, words, unit, sides) in _COHORT.items():
        known = _values(measures, name)
        if len(known) < limits.cohort_slides:
            continue
        values = np.array([value for _, value in known])
        median = float(np.median(values))
        deviation = 1.4826 * float(np.median(np.abs(values - median)))
        allowed = max(limits.robust_z * deviation, limits.cohort_difference[name])
        for slide, value in known:
            side = 1 if value > median else -1
            if side in sides and abs(value - median) > allowed:
                where = "above" if side > 0 else "below"
                message = f"{words} {value:.3g}{unit} is far {where} the cohort's median of {median:.3g}{unit}"
                limit = median + side * allowed
                yield (slide, flag, name, value, limit, "cohort", message, abs(value - median) / allowed)


def _values(measures: pd.DataFrame, name: str) -> list[tuple[str, float]]:
    """Return the slides that have a measure, with its value."""
    if name not in measures.columns:
        return []
    values = pd.to_numeric(measures[name], errors="coerce").to_numpy(np.float64)
    pairs = zip(measures["slide_id"].astype(str), values, strict=True)
    return [(slide, float(value)) for slide, value in pairs if np.isfinite(value)]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.1f} %"
