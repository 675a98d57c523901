"""The same profile under several patients: one sample that was entered, copied or measured under several names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cartopath.study.identity.profiles import informative, standardised, unit_rows

SAME = 0.9999
"""Profiles that correlate more are one; different tumours of TCGA reach 0.9."""

MIN_FEATURES = 20
MIN_PATIENTS = 5
_BLOCK = 500


def repeated_profiles(profiles: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return groups of patients of one table who have the same profile.

    Args:
        profiles: Patients by features, from `read_profiles`. Features with few distinct values do not count.
    """
    values = profiles.to_numpy(dtype=np.float64)
    if len(values) < MIN_PATIENTS:
        return []
    values = values[:, informative(values) > 0]
    if values.shape[1] < MIN_FEATURES:
        return []
    rows = unit_rows(standardised(values))
    leader = np.arange(len(rows))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK] @ rows.T
        for i, j in np.argwhere(block > SAME):
            leader[start + i] = min(leader[start + i], leader[j])
    groups: dict[int, list[str]] = {}
    for patient, first in zip(profiles.index, leader, strict=True):
        groups.setdefault(int(first), []).append(str(patient))
    return [tuple(group) for group in groups.values() if len(group) > 1]
