"""Does the profile of a patient in one table look like the same patient's in another?

Features become ranks among the patients, so units and platforms do not matter; then every profile of one table is correlated with
every profile of the other. In a right join a patient's own profile is the best match; in a shuffled one it is no better than any.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from cartopath.core.rng import stream
from cartopath.study.identity.profiles import MAX_COMPARED, informative, ranked, unit_rows

MIN_PATIENTS = 10
MIN_FEATURES = 8
"""Fewer patients or features in common say nothing of a join."""

MIN_FEATURES_FOR_PAIRS = 40
"""Fewer features do not tell one patient from all others."""

MAX_PATIENTS = 2000
"""Of more patients in common so many are drawn."""

SAME_MEASUREMENT = 0.5
"""How far features must go together in the same way in both tables before profiles that do not match are held against a join."""

UNRELATED = 0.2
"""A mean correlation of own profiles surely below this is that of different patients; right joins of TCGA give 0.89 and more."""

_Z99 = 2.576
_N_NULL = 20


@dataclass(frozen=True)
class ProfileMatch:
    """How the profiles of two tables match.

    Attributes:
        n_patients: Patients compared.
        n_features: Features compared.
        n_own: Patients whose own profile is the best match.
        own_correlation: Mean correlation of patients with their own profile.
        own_error: Its standard error.
        same_structure: Correlation between the tables of how features correlate with each other; near 1 if both measure the same.
        n_sure: Patients who have one match that stands out.
        matched_others: Those whose match is another patient: patient, the other table's patient, their correlation, that with the
            own profile.
    """

    n_patients: int
    n_features: int
    n_own: int
    own_correlation: float
    own_error: float
    same_structure: float
    n_sure: int
    matched_others: tuple[tuple[str, str, float, float], ...]

    @property
    def is_contradiction(self) -> bool:
        """Whether both tables measure the same, and not on the same patients.

        Own profiles that go against each other are of the same patients: methylation, say, against expression.
        """
        unrelated = abs(self.own_correlation) + _Z99 * self.own_error < UNRELATED
        mostly_others = len(self.matched_others) >= 5 and 2 * len(self.matched_others) >= self.n_sure
        mostly_others = mostly_others and self.own_correlation > -UNRELATED
        return self.same_structure >= SAME_MEASUREMENT and (unrelated or mostly_others)

    @property
    def is_borne_out(self) -> bool:
        """Whether most patients are their own best match."""
        return 2 * self.n_own >= self.n_patients and not self.is_contradiction

    @property
    def swapped(self) -> tuple[tuple[str, str, float, float], ...]:
        """The single patients who match another where most match themselves; as `matched_others`."""
        return self.matched_others if self.is_borne_out else ()

    @property
    def is_better_than_chance(self) -> bool:
        """Whether own profiles go together at all."""
        return self.own_correlation > 4 * self.own_error


def match_profiles(first: pd.DataFrame, second: pd.DataFrame) -> ProfileMatch | None:
    """Compare the profiles that two tables have of the same patients, or return None where they share too little.

    Args:
        first: Patients by features, from `read_profiles`.
        second: The same of the other table.
    """
    patients = first.index.intersection(second.index)
    features = first.columns.intersection(second.columns)
    if len(patients) < MIN_PATIENTS or len(features) < MIN_FEATURES:
        return None
    if len(patients) > MAX_PATIENTS:
        patients = patients[np.sort(stream(0, "identity", "patients").choice(len(patients), MAX_PATIENTS, replace=False))]
    a, b = (table.loc[patients, features].to_numpy(dtype=np.float64) for table in (first, second))
    chosen = _most_informative(a, b)
    if len(chosen) < MIN_FEATURES:
        return None
    a, b = ranked(a[:, chosen]), ranked(b[:, chosen])
    return _matched(a, b, [str(patient) for patient in patients])


def _most_informative(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.intp]:
    spreads = informative(a), informative(b)
    usable = (spreads[0] > 0) & (spreads[1] > 0)
    score = np.where(usable, np.minimum(rankdata(spreads[0]), rankdata(spreads[1])), -1.0)
    order = np.argsort(-score, kind="stable")[: min(MAX_COMPARED, int(usable.sum()))]
    return np.sort(order)


def _matched(a: NDArray[np.float64], b: NDArray[np.float64], patients: list[str]) -> ProfileMatch:
    rows, columns = unit_rows(a), unit_rows(b)
    correlation = rows @ columns.T  # (patients of a, patients of b)
    own = np.diag(correlation)
    best, lead = _leads(correlation)
    stands_out = lead > _lead_by_chance(rows, columns) if a.shape[1] >= MIN_FEATURES_FOR_PAIRS else np.zeros(len(own), dtype=bool)
    other = np.flatnonzero(stands_out & (best != np.arange(len(own))))
    return ProfileMatch(
        n_patients=len(own),
        n_features=a.shape[1],
        n_own=int((best == np.arange(len(own))).sum()),
        own_correlation=float(own.mean()),
        own_error=float(own.std(ddof=1) / np.sqrt(len(own))),
        same_structure=_same_structure(a, b),
        n_sure=int(stands_out.sum()),
        matched_others=tuple((patients[i], patients[best[i]], float(correlation[i, best[i]]), float(own[i])) for i in other),
    )


def _leads(correlation: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return each row's best column, and by how much the pair leads over the others of its row and column; -1 if not mutual."""
    best = correlation.argmax(axis=1)
    top_rows = np.partition(correlation, -2, axis=1)[:, -2:]
    top_columns = np.partition(correlation, -2, axis=0)[-2:]
    lead = np.minimum(top_rows[:, 1] - top_rows[:, 0], (top_columns[1] - top_columns[0])[best])
    mutual = correlation.argmax(axis=0)[best] == np.arange(len(best))
    return best, np.where(mutual, lead, -1.0)


def _lead_by_chance(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> float:
    """Return the largest lead of any pair when features of one table are held against other features of the other."""
    rng = stream(0, "identity", "chance")
    return max(float(_leads(rows @ columns[:, rng.permutation(columns.shape[1])].T)[1].max()) for _ in range(_N_NULL))


def _same_structure(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    upper = np.triu_indices(a.shape[1], 1)
    n = len(a)
    first, second = (a.T @ a / n)[upper], (b.T @ b / n)[upper]
    if min(np.ptp(first), np.ptp(second)) < 1e-9:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
