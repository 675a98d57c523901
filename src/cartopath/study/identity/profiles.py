"""Molecular profiles that can be compared: a few hundred features of every patient, whatever they are called and measured in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from cartopath.cohort import MolecularTable
from cartopath.cohort.features import bare_name
from cartopath.cohort.gene_names import known_gene
from cartopath.core.rng import stream

MAX_READ = 600
"""Features read from a table at most, drawn at random."""

MAX_COMPARED = 200
"""The most variable of them are compared."""


def feature_key(feature: str) -> str:
    """Return a name of a feature that tables of different formats share.

    >>> feature_key("ESR1|2099"), feature_key("ENSG00000091831.14"), feature_key("ESR1_rnaseq"), feature_key("hsa-mir-17")
    ('ESR1', 'ESR1', 'ESR1', 'hsa-mir-17')
    """
    name = bare_name(feature)
    gene = known_gene(name)
    return gene.symbol if gene else name


def read_profiles(tables: Sequence[MolecularTable]) -> list[pd.DataFrame]:
    """Read up to `MAX_READ` features of each table: those that tables share if any do, otherwise any.

    Returns:
        For each table patients by features, float64, columns by `feature_key`. Each table is walked through once.

    Raises:
        TableError: A cell is no number.
    """
    named = [_features_by_key(table) for table in tables]
    n_tables = Counter(key for features in named for key in features)
    shared = _draw([key for key, n in n_tables.items() if n > 1], "shared")
    profiles = []
    for table, features in zip(tables, named, strict=True):
        wanted = [key for key in shared if key in features] or _draw(list(features), "own")
        read = table.read([features[key] for key in wanted])
        profiles.append(read.set_axis(wanted, axis=1))
    return profiles


def _features_by_key(table: MolecularTable) -> Mapping[str, str]:
    """Return the features of a table by key, without those that share one."""
    keys = [feature_key(feature) for feature in table.features]
    n_features = Counter(keys)
    return {key: feature for key, feature in zip(keys, table.features, strict=True) if n_features[key] == 1}


def _draw(keys: list[str], name: str) -> list[str]:
    order = stream(0, "identity", name).permutation(len(keys))
    ordered = sorted(keys)
    return [ordered[place] for place in order[:MAX_READ]]


def compressed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log2(x + 1) of values that look like amounts (never negative, some large), other values as they are."""
    if not values.size or np.nanmin(values, initial=np.inf) < 0 or np.nanmax(values, initial=-np.inf) <= 50:
        return values
    return np.asarray(np.log2(values + 1), dtype=np.float64)


def standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values by feature with mean 0 and standard deviation 1, at most 5 from it; NaN becomes the mean.

    Args:
        values: Float64, (patients, features), every feature with some values.
    """
    scaled = compressed(values)
    spread = np.nanstd(scaled, axis=0)
    centred = (scaled - np.nanmean(scaled, axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.asarray(np.clip(np.nan_to_num(centred), -5.0, 5.0), dtype=np.float64)


def informative(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much each feature varies, on a logarithmic scale where values look like amounts; 0 where they say little.

    Args:
        values: Float64, (patients, features).

    Returns:
        Float64, (features,): a standard deviation; 0 where fewer than half of the patients have values of their own.
    """
    scaled = compressed(values)
    distinct = np.array([len(np.unique(column[~np.isnan(column)])) for column in values.T])
    known = (~np.isnan(scaled)).sum(axis=0)
    enough = (distinct >= len(values) / 2) & (known >= 0.9 * len(values))
    spread = np.zeros(values.shape[1])
    spread[enough] = np.nanstd(scaled[:, enough], axis=0)
    return spread


def ranked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values as ranks among the patients, standardised by feature: free of units, transforms and differences of level.

    Args:
        values: Float64, (patients, features); NaN where missing, which becomes the mean.
    """
    ranks = np.asarray(rankdata(values, axis=0, nan_policy="omit"), dtype=np.float64)
    ranks = np.where(np.isnan(values), np.nan, ranks)
    centred = ranks - np.nanmean(ranks, axis=0)
    spread = np.nanstd(ranks, axis=0)
    return np.asarray(np.nan_to_num(centred / np.where(spread > 0, spread, 1.0)), dtype=np.float64)


def unit_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows centred and of length 1, so that their products are correlations; constant rows become 0."""
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.where(length > 1e-12, length, np.inf), dtype=np.float64)
