"""From slides to patients, so that in a metric each patient counts once [A11]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Names, binary, names_of, numbers, same_length


@dataclass(frozen=True, eq=False)
class PatientScores:
    """One label and one score per patient.

    Attributes:
        patients: (n,) sorted patient ids.
        labels: (n,) booleans.
        scores: (n,) mean score of the patient's slides.
    """

    patients: NDArray[np.str_]
    labels: NDArray[np.bool_]
    scores: NDArray[np.float64]


def patient_scores(patients: Names, labels: ArrayLike, scores: ArrayLike) -> PatientScores:
    """Return one label and the mean score per patient, for metrics in which each patient counts once [A11].

    Args:
        patients: (n,) patient of each slide.
        labels: (n,) booleans or 0 and 1; the slides of a patient must agree.
        scores: (n,) scores of the slides.

    Raises:
        StatisticsError: The slides of a patient have different labels, a row has no patient, or a value is missing.

    >>> by_patient = patient_scores(["b", "a", "b"], [1, 0, 1], [0.4, 0.1, 0.8])
    >>> by_patient.patients.tolist(), by_patient.scores.round(3).tolist()
    (['a', 'b'], [0.1, 0.6])
    """
    positive, score = binary(labels, "patient_scores: labels"), numbers(scores, "patient_scores: scores")
    names = names_of(patients, "patient_scores: patients")
    same_length(patients=names, labels=positive, scores=score)
    if (names == "").any():
        raise StatisticsError(f"patient_scores: {(names == '').sum()} rows have no patient")
    unique, index = np.unique(names, return_inverse=True)
    n = np.bincount(index, minlength=len(unique))
    n_positive = np.bincount(index, weights=positive, minlength=len(unique))
    mixed = unique[(n_positive != 0) & (n_positive != n)]
    if mixed.size:
        raise StatisticsError(f"patient_scores: slides of one patient have different labels ({', '.join(mixed[:3])})")
    return PatientScores(unique, n_positive > 0, np.bincount(index, weights=score, minlength=len(unique)) / n)
