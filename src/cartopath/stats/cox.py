"""Cox's proportional hazards model with covariates. lifelines estimates; every warning it gives becomes part of the result."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cartopath.core.errors import StatisticsError, closest
from cartopath.stats.follow_up import follow_up

if TYPE_CHECKING:
    import pandas as pd

EVENTS_PER_VARIABLE = 10
_COLUMNS = ("covariate", "hazard_ratio", "low", "high", "p_value", "coefficient", "standard_error", "proportional_p_value")


@dataclass(frozen=True, eq=False)
class CoxResult:
    """A fitted proportional hazards model.

    Attributes:
        table: One row per covariate: covariate, hazard_ratio (per unit, or against the reference level), low, high (95 %),
            p_value (Wald, two-sided), coefficient (log hazard ratio), standard_error, proportional_p_value (small: the hazards
            are not proportional). Empty where no model could be fitted.
        n: Patients used.
        events: Deaths among them.
        n_missing: Patients left out because a covariate or stratum is missing.
        c_index: Concordance of the model with the data it was fitted on. None without a model.
        p_value: Likelihood-ratio test against no covariates. None without a model.
        warnings: What to know before believing the table.
        reason: Why there is no model, "" where there is one.
    """

    table: pd.DataFrame
    n: int
    events: int
    n_missing: int
    c_index: float | None
    p_value: float | None
    warnings: tuple[str, ...] = ()
    reason: str = ""


def cox(
    table: pd.DataFrame,
    covariates: Sequence[str],
    *,
    time: str = "time_days",
    event: str = "event",
    strata: Sequence[str] = (),
) -> CoxResult:
    """Return the hazard ratios of the covariates.

    Numbers enter as they are, so a hazard ratio is per unit. Text columns enter as one indicator per level against the most
    frequent level, named "column: level vs reference". Patients with a missing value are left out and counted.

    Args:
        table: One row per patient.
        covariates: Columns of `table` to estimate.
        time: Column of follow-up times.
        event: Column of events (1 = died).
        strata: Columns whose levels have baseline hazards of their own.

    Raises:
        StatisticsError: A column is missing, no covariate is given, or a time or event is missing or impossible.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"time_days": [9, 8, 7, 6, 5, 4, 3, 2], "event": [1, 0, 1, 1, 1, 1, 1, 1],
    ...                       "hti": [0.1, 0.3, 0.2, 0.6, 0.4, 0.5, 0.9, 0.3]})
    >>> result = cox(table, ["hti"])
    >>> bool(result.table.loc[0, "hazard_ratio"] > 1), result.warnings
    (True, ('7 events for 1 variables: fewer than 10 events per variable, the estimates are unreliable',))
    """
    _check_columns(table, covariates, (time, event, *strata))
    follow_up(table[time], table[event], "cox")
    complete = table[[time, event, *covariates, *strata]].replace({"": None}).dropna()
    n_missing = len(table) - len(complete)
    design, notes = _design(complete, covariates)
    n, events = len(complete), int(complete[event].sum())
    reason = "nobody died" if events == 0 else "" if design.shape[1] else "no covariate varies"
    if events < EVENTS_PER_VARIABLE * design.shape[1]:
        notes.append(
            f"{events} events for {design.shape[1]} variables: fewer than {EVENTS_PER_VARIABLE} events per variable, "
            "the estimates are unreliable"
        )
    if n_missing:
        notes.append(f"{n_missing} patients left out because a covariate or stratum is missing")
    if reason:
        return CoxResult(_empty(), n, events, n_missing, None, None, tuple(notes), reason)
    frame = design.assign(**{time: complete[time].astype(float), event: complete[event].astype(bool)}, **complete[list(strata)])
    return _fitted(frame, list(design.columns), time, event, list(strata), n_missing, notes)


def _check_columns(table: pd.DataFrame, covariates: Sequence[str], others: Sequence[str]) -> None:
    if not covariates:
        raise StatisticsError("cox: no covariates given")
    for column in (*covariates, *others):
        if column not in table.columns:
            like = ", ".join(closest(column, map(str, table.columns))) or "none is similar"
            raise StatisticsError(f"cox: no column {column!r} in the table (closest: {like})")


def _design(complete: pd.DataFrame, covariates: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return one numeric column per variable, and notes on covariates that cannot enter."""
    import pandas as pd

    columns: dict[str, Any] = {}
    notes: list[str] = []
    for name in covariates:
        values = complete[name]
        if values.nunique() < 2:
            notes.append(f"{name} has one value only and was left out")
        elif pd.api.types.is_numeric_dtype(values):
            columns[name] = values.astype(float)
        else:
            counts = values.astype(str).value_counts()
            reference, *levels = sorted(counts.index, key=lambda level: (-counts[level], level))
            columns |= {
                f"{name}: {level} vs {reference}": (values.astype(str) == level).astype(float) for level in sorted(levels)
            }
    return pd.DataFrame(columns, index=complete.index), notes


def _fitted(
    frame: pd.DataFrame, variables: list[str], time: str, event: str, strata: list[str], n_missing: int, notes: list[str]
) -> CoxResult:
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    n, events = len(frame), int(frame[event].sum())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitter = CoxPHFitter().fit(frame, duration_col=time, event_col=event, strata=strata or None)
        except (ConvergenceError, np.linalg.LinAlgError) as error:
            first = str(error).split(". ")[0].strip()
            return CoxResult(_empty(), n, events, n_missing, None, None, tuple(notes), f"the model did not converge ({first})")
        summary = fitter.summary.loc[variables]
        proportional = _proportional_p_values(fitter, frame, variables)
        overall = float(fitter.log_likelihood_ratio_test().p_value)
        c_index = float(fitter.concordance_index_)
    notes += [_first_sentence(warning.message) for warning in caught]
    columns = {
        "covariate": variables,
        "hazard_ratio": summary["exp(coef)"].to_numpy(),
        "low": summary["exp(coef) lower 95%"].to_numpy(),
        "high": summary["exp(coef) upper 95%"].to_numpy(),
        "p_value": summary["p"].to_numpy(),
        "coefficient": summary["coef"].to_numpy(),
        "standard_error": summary["se(coef)"].to_numpy(),
        "proportional_p_value": proportional,
    }
    notes += [
        f"the hazards of {name} are not proportional over time (p = {p:.2g}): its hazard ratio is an average"
        for name, p in zip(variables, proportional, strict=True)
        if p < 0.05
    ]
    table = _empty().__class__(columns)
    return CoxResult(table, n, events, n_missing, c_index, overall, tuple(dict.fromkeys(notes)))


def _proportional_p_values(fitter: Any, frame: pd.DataFrame, variables: list[str]) -> list[float]:
    from lifelines.statistics import proportional_hazard_test

    try:
        tested = proportional_hazard_test(fitter, frame, time_transform="rank").summary["p"]
    except (ValueError, np.linalg.LinAlgError):
        return [np.nan] * len(variables)
    return [float(tested[name]) for name in variables]


def _first_sentence(message: Warning | str) -> str:
    text = " ".join(str(message).split())
    return text.split(". ")[0].rstrip(".")


def _empty() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=list(_COLUMNS))
