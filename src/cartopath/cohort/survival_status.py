"""Survival times and events out of a clinical table: whatever the columns are called, in months or in days [A14].

Nothing is guessed: a status word that nobody knows ends the reading with the word, how often it stands there and where.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cartopath.cohort.cells import name_key
from cartopath.cohort.clinical import Clinical, find_column, match_column, number_column
from cartopath.cohort.vital_status import VitalColumns, built_times, events, refuse_disagreement, vital_columns
from cartopath.core.errors import StatusError, TableError, TraitError

DAYS_PER_MONTH = 30.4375
"""A twelfth of 365.25 days. cBioPortal divided by 30.44, so that days come back to within 0.01 %."""

DAY_OF_DEATH_ZERO = 0.5
"""Days given to a patient who died on day 0."""

_UNITS = {"days": 1.0, "months": DAYS_PER_MONTH, "years": 365.25}

_ALIASES = {"PFS": "PFI", "DFI": "DFS"}
ENDPOINTS = ("OS", "DSS", "PFI", "DFS")
"""Overall survival, disease-specific survival, progression-free interval (also PFS), disease-free survival (also DFI)."""

_LONG_NAMES = {
    "OS": ("Overall Survival", "survival"),
    "DSS": ("Disease-specific Survival",),
    "PFI": ("Progress Free Survival", "Progression Free Survival", "Progression Free", "Progression Free Interval"),
    "DFS": ("Disease Free", "Disease Free Survival", "Disease Free Interval"),
}
_SHORT_NAMES = {"OS": ("OS",), "DSS": ("DSS",), "PFI": ("PFI", "PFS"), "DFS": ("DFI", "DFS")}
_OTHER_TIME_NAMES = {"DSS": ("Months of disease-specific survival",)}
_OTHER_STATUS_NAMES = {"OS": ("censorship", "censored", "vital_status")}


@dataclass(frozen=True)
class Survival:
    """Times and events of one endpoint.

    Attributes:
        table: `patient_id`, `time_days` (float, above 0), `event` (1 = happened, 0 = censored), sorted by patient.
        left_out: Reason -> patients who are not in the table, sorted.
        endpoint: `OS`, `DSS`, `PFI` or `DFS`.
        time_column: Where the times were; of times made of several columns their names, joined by " and ".
        status_column: Where the events were.
        unit: Of the times in the file.
    """

    table: pd.DataFrame
    left_out: dict[str, tuple[str, ...]]
    endpoint: str
    time_column: str
    status_column: str
    unit: str


def survival_record(
    clinical: Clinical,
    endpoint: str = "OS",
    *,
    time_column: str | None = None,
    status_column: str | None = None,
    time_unit: str | None = None,
    require_events: bool = True,
) -> Survival:
    """Read one endpoint of all patients and say who is left out and why.

    The rules: a patient without a time or without a status is left out; so is one with a negative time, and one who is censored
    on day 0 and so was never followed. A patient who died on day 0 is kept, at half a day.

    Where a table has no time of overall survival but the vital status, the day of death and the last follow-up (GDC, BCR biotab,
    RTCGA), the dead are followed to their death and the living to the last of their follow-ups. A dead patient without a day of
    death, and a living one with it, are left out.

    Args:
        clinical: From `read_clinical`.
        endpoint: `OS`, `DSS`, `PFI` (or `PFS`), `DFS` (or `DFI`).
        time_column: The column of the times, where its name is none of those known. With it or `status_column` nothing is put
            together of several columns.
        status_column: The column of the events, likewise.
        time_unit: `days`, `months` or `years`, where the name of the column does not say it.
        require_events: Refuse a table in which nobody had an event.

    Raises:
        TraitError: There is no such column.
        StatusError: A status is unknown, or nobody had an event.
        TableError: A time is no number, or the rows of a patient disagree.
    """
    endpoint = _ALIASES.get(endpoint.upper(), endpoint.upper())
    if endpoint not in ENDPOINTS:
        raise TableError(f"no endpoint {endpoint!r} (there are: {', '.join(ENDPOINTS)})")
    built = _vital_columns(clinical, endpoint) if time_column is None and status_column is None else None
    if built is not None:
        _refuse_unit_of_days(clinical, time_unit)
        table, where = built_times(clinical, built), (built.times, built.status, "days")
    else:
        time_name, status_name = _columns(clinical, endpoint, time_column, status_column)
        unit = _unit(clinical, time_name, time_unit)
        table = _times(clinical, endpoint, time_name, status_name, _UNITS[unit])
        where = (time_name, status_name, unit)
    kept, left_out = _apply_rules(table)
    if require_events and not (kept["event"] == 1).any():
        raise StatusError(
            f"{clinical.where}: no {endpoint} event among {len(kept)} patients (column {where[1]!r}); survival cannot be "
            "analysed, check the column"
        )
    return Survival(kept, left_out, endpoint, *where)


def survival_times(
    clinical: Clinical,
    endpoint: str = "OS",
    *,
    time_column: str | None = None,
    status_column: str | None = None,
    time_unit: str | None = None,
) -> pd.DataFrame:
    """Return `patient_id, time_days, event` of one endpoint; see `survival_record` for the rules, arguments and errors."""
    return survival_record(clinical, endpoint, time_column=time_column, status_column=status_column, time_unit=time_unit).table


def time_names(endpoint: str) -> tuple[str, ...]:
    """Return the names of columns that hold the times of an endpoint, those of cBioPortal first."""
    long, short = _LONG_NAMES[endpoint], _SHORT_NAMES[endpoint]
    by_unit = [
        (*(f"{name} ({unit.capitalize()})" for name in long), *(f"{name}_{unit.upper()}" for name in short))
        for unit in ("months", "days", "years")
    ]
    return (*itertools.chain(*by_unit), *_OTHER_TIME_NAMES.get(endpoint, ()), *(f"{name}.time" for name in short))


def status_names(endpoint: str) -> tuple[str, ...]:
    """Return the names of columns that hold the events of an endpoint."""
    long, short = _LONG_NAMES[endpoint], _SHORT_NAMES[endpoint]
    return (
        *(f"{name} Status" for name in long),
        *(f"{name}_STATUS" for name in short),
        *short,
        *(f"{name}_event" for name in (*short, *long)),
        *_OTHER_STATUS_NAMES.get(endpoint, ()),
    )


def _columns(clinical: Clinical, endpoint: str, time: str | None, status: str | None) -> tuple[str, str]:
    time_name = find_column(clinical, time) if time else _known(clinical, endpoint, time_names(endpoint), "time")
    status_name = find_column(clinical, status) if status else _known(clinical, endpoint, status_names(endpoint), "status")
    return time_name, status_name


def _times(clinical: Clinical, endpoint: str, time_name: str, status_name: str, days: float) -> pd.DataFrame:
    for name in (time_name, status_name):
        refuse_disagreement(clinical, name)
    return pd.DataFrame(
        {
            "patient_id": clinical.table.index,
            "time_days": number_column(clinical, time_name).to_numpy() * days,
            "event": events(clinical, status_name, endpoint).to_numpy(),
            "reason": "",
        }
    )


def _vital_columns(clinical: Clinical, endpoint: str) -> VitalColumns | None:
    """Return the columns that overall survival is put together of, where there is no column of its time."""
    columns = clinical.table.columns
    if endpoint != "OS" or any(match_column(columns, name) is not None for name in time_names(endpoint)):
        return None
    return vital_columns(clinical)


def _refuse_unit_of_days(clinical: Clinical, stated: str | None) -> None:
    if stated not in (None, "days"):
        raise TableError(
            f"{clinical.where}: a day of death and a last follow-up in {stated}; they are days everywhere, leave time_unit out"
        )


def _apply_rules(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    time, event = table["time_days"], table["event"]
    reason = table["reason"].copy()
    reason[(time == 0) & (event == 0)] = "never followed: censored on day 0"
    reason[time < 0] = "negative time"
    reason[event.isna()] = "no status"
    reason[time.isna() & (table["reason"] == "")] = "no time"
    reason[time.isna() & event.isna() & (table["reason"] == "")] = "neither time nor status"
    left_out = {str(why): tuple(sorted(group["patient_id"])) for why, group in table.groupby(reason) if why}
    kept = table[reason == ""].drop(columns="reason").sort_values("patient_id", ignore_index=True)
    kept["time_days"] = kept["time_days"].mask(kept["time_days"] == 0, DAY_OF_DEATH_ZERO)
    return kept.astype({"time_days": float, "event": int}), left_out


_TIMES_IN_DAYS = {f"{name}.time" for names in _SHORT_NAMES.values() for name in names}
"""As the TCGA clinical data resource writes them, and everybody who has them from there."""


def _known(clinical: Clinical, endpoint: str, names: Sequence[str], what: str) -> str:
    for name in names:
        column = match_column(clinical.table.columns, name)
        if column is not None:
            return column
    raise TraitError(
        f"{clinical.where}: no {endpoint} {what} column (looked for {', '.join(names[:6])}, ...; found "
        f"{', '.join(list(clinical.table.columns)[:8])}, ...); "
        f"state it as {what}_column"
    )


def _unit(clinical: Clinical, column: str, stated: str | None) -> str:
    if stated is not None:
        if stated not in _UNITS:
            raise TableError(f"no unit {stated!r} of time (there are: {', '.join(_UNITS)})")
        return stated
    key = name_key(column)
    if column in _TIMES_IN_DAYS:
        return "days"
    for unit in _UNITS:
        if unit.removesuffix("s") in key:
            return unit
    raise TableError(f"{clinical.where}: column {column!r} does not say whether its times are days or months; state time_unit")
