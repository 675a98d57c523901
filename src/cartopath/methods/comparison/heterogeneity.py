"""Whether the arms find the same slides heterogeneous, and where a cohort is simulated those that are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from cartopath.core.rng import stream
from cartopath.methods.comparison.arm import Arm
from cartopath.methods.comparison.maps import truth_folder
from cartopath.methods.comparison.performance import compared_fields
from cartopath.stats import correlation
from cartopath.stats.paired import compare_correlations
from cartopath.store.artifacts import read_header, read_table
from cartopath.study.stages.heterogeneity import patient_hti


def hti_agreement(arms: Sequence[Arm]) -> list[dict[str, Any]]:
    """Return one row per arm: Spearman's correlation of its HTI with the first arm's, and with the planted one.

    Over held-out patients, each with the slide that stands for them. Empty where the arms map different traits, or a single one.
    """
    traits = [sorted(arm.study.config.heterogeneity_traits) for arm in arms]
    tables = [_held_out(arm) for arm in arms]
    if len(traits[0]) < 2 or any(own != traits[0] for own in traits) or any(table.empty for table in tables):
        return []
    joined = pd.concat([table.rename(i) for i, table in enumerate(tables)], axis=1, join="inner").dropna().sort_index()
    rows = []
    for i, arm in enumerate(arms):
        found = correlation(joined[0].to_numpy(dtype=float), joined[i].to_numpy(dtype=float))
        row: dict[str, Any] = {"study": arm.name, "n_patients": len(joined), "median_hti": joined[i].median()}
        if i > 0:
            row |= {"spearman": found.r, "low": found.low, "high": found.high, "p_value": found.p_value, "reason": found.reason}
        rows.append(row)
    for i, fields in enumerate(_against_planted(arms, joined, traits[0])):
        rows[i] |= fields
    return rows


def _held_out(arm: Arm) -> pd.Series:
    file = arm.study.layout.table("hti")
    slides = pd.read_csv(file, dtype={"slide_id": str, "patient_id": str}) if file.is_file() else pd.DataFrame()
    hti: pd.Series = patient_hti(slides)["hti"] if len(slides) else pd.Series(dtype=float)
    return hti


def _against_planted(arms: Sequence[Arm], hti: pd.DataFrame, traits: list[str]) -> list[dict[str, Any]]:
    """Return for each arm the correlation with the planted HTI; empty where none of these traits is planted."""
    folder = truth_folder(arms[0].study)
    if folder is None or sorted(read_header(folder / "patients.parquet", "simulated_patients").meta["traits"]) != traits:
        return []
    planted = read_table(folder / "patients.parquet", "simulated_patients").set_index("patient_id")["hti"].reindex(hti.index)
    known = hti[planted.notna()]
    rng = stream(arms[0].study.config.seed, "compare", "hti")
    found = compare_correlations(planted.dropna(), known.to_numpy().T, known.index, rng=rng)
    return [compared_fields("planted", one, is_first=i == 0) for i, one in enumerate(found)]
