"""Which patients enter a survival analysis: those on whom no model was trained [A12]."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import choice

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class SurvivalSet:
    """The patients of a survival analysis.

    Attributes:
        patients: Their ids, sorted.
        n_test: How many of them are test patients.
        n_ood: How many were outside the labels of every trait (neither high nor low), and so never trained on.
        n_unknown: Patients left out because a trait was not measured in them.
    """

    patients: tuple[str, ...]
    n_test: int
    n_ood: int
    n_unknown: int


def survival_set(
    test_patients: Collection[str],
    labels: Mapping[str, pd.DataFrame],
    *,
    mode: Literal["known", "pathomch-code"] = "known",
) -> SurvivalSet:
    """Return the patients on whom no model of these traits was trained: the test set, and the unlabelled ones [A12].

    Args:
        test_patients: Patients of the fixed test set.
        labels: By trait, a table with the columns patient_id, value (bulk measurement, NaN if unknown) and label ("hi", "lo", or
            "" for neither).
        mode: "known" asks for a measured value of every trait; "pathomch-code" repeats the authors' code, which takes a
            patient without any measurement for one outside the labels, and test patients as they are.

    Raises:
        StatisticsError: There are no traits, or a table lists a patient twice.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"patient_id": ["a", "b", "c"], "value": [9.0, 5.0, None], "label": ["hi", "", ""]})
    >>> survival_set(["a"], {"MKI67": table})
    SurvivalSet(patients=('a', 'b'), n_test=1, n_ood=1, n_unknown=1)
    """
    import pandas as pd

    choice(mode, ("known", "pathomch-code"), "mode")
    if not labels:
        raise StatisticsError("survival_set: no traits")
    tables = {trait: table.set_index("patient_id") for trait, table in labels.items()}
    for trait, table in tables.items():
        if table.index.has_duplicates:
            raise StatisticsError(f"survival_set: the labels of {trait} list a patient twice")
    everyone = sorted(set(test_patients).union(*(table.index for table in tables.values())))
    known = np.logical_and.reduce([table["value"].reindex(everyone).notna().to_numpy() for table in tables.values()])
    unlabelled = np.logical_and.reduce(
        [(table["label"].reindex(everyone).fillna("") == "").to_numpy(dtype=bool) for table in tables.values()]
    )
    is_test = pd.Index(everyone).isin(list(test_patients))
    wanted = is_test | unlabelled
    kept = wanted & known if mode == "known" else wanted
    chosen = tuple(patient for patient, keep in zip(everyone, kept, strict=True) if keep)
    return SurvivalSet(chosen, int((kept & is_test).sum()), int((kept & ~is_test).sum()), int((wanted & ~kept).sum()))
