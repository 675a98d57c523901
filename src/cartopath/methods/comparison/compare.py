"""The comparison of methods on the same splits as a whole: what is compared, and the tables that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cartopath.methods.comparison.arm import Arm, read_arms
from cartopath.methods.comparison.effort import training_seconds
from cartopath.methods.comparison.heterogeneity import hti_agreement
from cartopath.methods.comparison.maps import map_agreement, planted_maps
from cartopath.methods.comparison.performance import compared_fields, missing_rounds, round_performance, trait_performance
from cartopath.methods.comparison.same_ground import require_same_ground, shared_traits, slide_differences
from cartopath.store.artifacts import write_csv

_FIGURES = ("auroc", "rounds_auroc", "spearman", "pearson", "planted")
_ENDINGS = ("", "_low", "_high", "_n", "_difference", "_difference_low", "_difference_high", "_p", "_reason")
_NAMES = ["trait", "study", "method", "encoder", "n_patients", "n_high", "n_low"]
_MAPS = ["map_agreement", "map_agreement_low", "map_agreement_high", "map_slides"]
TABLE_COLUMNS = [
    *_NAMES,
    *(f"{figure}{ending}" for figure in _FIGURES for ending in _ENDINGS),
    *_MAPS,
    "training_seconds",
    "shared_seconds",
]
ROUND_COLUMNS = ["trait", "study", "round", "n_patients", "n_high", "n_low", *(f"auroc{ending}" for ending in _ENDINGS)]
MAP_COLUMNS = ["trait", "study", "slide_id", "patient_id", "n_tiles", "spearman", "reason"]
HTI_COLUMNS = ["study", "n_patients", "median_hti", "spearman", "low", "high", "p_value", "reason"]
HTI_COLUMNS += [f"planted{ending}" for ending in _ENDINGS]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Studies compared on the same splits.

    Attributes:
        studies: Names of the studies in the order given; differences are to the first.
        folders: Where each lies.
        scheme: `rounds` or `folds`.
        traits: What all of them have scores of.
        table: One row per trait and study; see `TABLE_COLUMNS`.
        rounds: One row per trait, round or fold, and study.
        maps: One row per trait, held-out slide and study after the first.
        hti: One row per study; empty where HTI cannot be compared.
        notes: What a reader must know, as sentences.
    """

    studies: list[str]
    folders: list[Path]
    scheme: str
    traits: list[str]
    table: pd.DataFrame
    rounds: pd.DataFrame
    maps: pd.DataFrame
    hti: pd.DataFrame
    notes: list[str]

    def write(self, folder: Path) -> list[Path]:
        """Write the tables as CSV, and return their files."""
        tables = {"comparison": self.table, "rounds": self.rounds, "maps": self.maps, "hti": self.hti}
        for name, table in tables.items():
            write_csv(table, folder / f"{name}.csv")
        return [folder / f"{name}.csv" for name in tables]


def compare_studies(paths: Sequence[Path]) -> Comparison:
    """Compare studies that have run on the same splits, labels and patients.

    Args:
        paths: Two or more studies; differences are to the first.

    Raises:
        ConfigError: There are fewer than two, or they have no trait in common.
        ArtifactError: One has not run to the end of its evaluation.
        SplitError: Their splits, labels or patients differ.
    """
    arms = read_arms(paths)
    traits = shared_traits(arms)
    require_same_ground(arms, traits)
    maps = pd.DataFrame([row for trait in traits for row in map_agreement(arms, trait)], columns=MAP_COLUMNS)
    rows = [row for trait in traits for row in _trait_rows(arms, trait, maps[maps["trait"] == trait])]
    return Comparison(
        studies=[arm.name for arm in arms],
        folders=[arm.study.root for arm in arms],
        scheme=arms[0].study.config.splits.scheme,
        traits=traits,
        table=pd.DataFrame(rows).reindex(columns=TABLE_COLUMNS),
        rounds=pd.DataFrame([row for trait in traits for row in round_performance(arms, trait)]).reindex(columns=ROUND_COLUMNS),
        maps=maps,
        hti=pd.DataFrame(hti_agreement(arms)).reindex(columns=HTI_COLUMNS),
        notes=_notes(arms, traits),
    )


def _trait_rows(arms: Sequence[Arm], trait: str, maps: pd.DataFrame) -> list[dict[str, Any]]:
    rows = trait_performance(arms, trait)
    for i, found in enumerate(planted_maps(arms, trait)):
        rows[i] |= compared_fields("planted", found, is_first=i == 0)
    for row, arm in zip(rows, arms, strict=True):
        own, shared = training_seconds(arm)
        row |= {"training_seconds": own[trait], "shared_seconds": shared}
        agreement = maps.loc[maps["study"] == arm.name, "spearman"].dropna().to_numpy(dtype=float)
        if len(agreement):
            low, middle, high = np.percentile(agreement, [25, 50, 75])
            row |= dict(zip(_MAPS, (middle, low, high, len(agreement)), strict=True))
    return rows


def _notes(arms: Sequence[Arm], traits: Sequence[str]) -> list[str]:
    notes = [f"{sentence}." for sentence in slide_differences(arms, traits)]
    for arm in arms:
        if arm.has_own_encoder and arm.study.config.splits.scheme == "rounds":
            notes.append(
                f"{arm.name}: patients without a class, who count in correlations and maps, are new to its heads alone; its "
                "encoder learned from everybody outside the test set, without labels."
            )
        others = [trait for trait in arm.traits if trait not in traits]
        if others:
            notes.append(f"{arm.name} also has {', '.join(others)}, which another study lacks: left out.")
    for trait in traits:
        lacking = missing_rounds(arms, trait)
        if lacking:
            named = ", ".join(map(str, lacking))
            notes.append(f"{trait}: round or fold {named} counts in no mean, since not every study has trained it.")
    return notes
