"""Survival times and events out of a clinical table: whatever the columns are called, in months or in days [A14].

Nothing is guessed: a status word that nobody knows ends the reading with the word, how often it stands there and where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from cartopath.cohort.cells import name_key
from cartopath.cohort.clinical import Clinical, find_column, match_column
from cartopath.cohort.status_words import parse_status
from cartopath.core.errors import StatusError, TableError, TraitError

DAYS_PER_MONTH = 30.4375
"""A twelfth of 365.25 days. cBioPortal divided by 30.44, so that days come back to within 0.01 %."""

DAY_OF_DEATH_ZERO = 0.5
"""Days given to a patient who died on day 0."""

_UNITS = {"days": 1.0, "months": DAYS_PER_MONTH, "years": 365.25}

_TIME_COLUMNS = {
    "OS": (
        *("Overall Survival (Months)", "OS_MONTHS", "OS.time", "os_days", "os_time"),
        *("overall_survival_days", "survival_days", "survival_months"),
    ),
    "DSS": ("Months of disease-specific survival", "Disease-specific Survival (Months)", "DSS_MONTHS", "DSS.time", "dss_days"),
    "PFI": (
        *("Progress Free Survival (Months)", "Progression Free Survival (Months)", "PFS_MONTHS", "PFI_MONTHS"),
        *("PFI.time", "PFS.time", "pfi_days"),
    ),
    "DFS": ("Disease Free (Months)", "DFS_MONTHS", "DFI_MONTHS", "DFI.time", "DFS.time", "dfs_days"),
}
_STATUS_COLUMNS = {
    "OS": ("Overall Survival Status", "OS_STATUS", "OS", "os_event", "censorship", "censored", "vital_status"),
    "DSS": ("Disease-specific Survival status", "DSS_STATUS", "DSS", "dss_event"),
    "PFI": ("Progression Free Status", "PFS_STATUS", "PFI", "PFI_STATUS", "PFS", "pfi_event"),
    "DFS": ("Disease Free Status", "DFS_STATUS", "DFI", "DFS", "DFI_STATUS", "dfs_event"),
}
_TIMES_IN_DAYS = {name_key(f"{endpoint}.time") for endpoint in ("OS", "DSS", "PFI", "PFS", "DFI", "DFS")}
_ALIASES = {"PFS": "PFI", "DFI": "DFS"}
ENDPOINTS = ("OS", "DSS", "PFI", "DFS")
"""Overall survival, disease-specific survival, progression-free interval (also PFS), disease-free survival (also DFI)."""


@dataclass(frozen=True)
class Survival:
    """Times and events of one endpoint.

    Attributes:
        table: `patient_id`, `time_days` (float, above 0), `event` (1 = happened, 0 = censored), sorted by patient.
        left_out: Reason -> patients who are not in the table, sorted.
        endpoint: `OS`, `DSS`, `PFI` or `DFS`.
        time_column: Where the times were.
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

    Args:
        clinical: From `read_clinical`.
        endpoint: `OS`, `DSS`, `PFI` (or `PFS`), `DFS` (or `DFI`).
        time_column: The column of the times, where its name is none of those known.
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
    time_name = find_column(clinical, time_column) if time_column else _known(clinical, endpoint, _TIME_COLUMNS[endpoint], "time")
    status_name = (
        find_column(clinical, status_column) if status_column else _known(clinical, endpoint, _STATUS_COLUMNS[endpoint], "status")
    )
    for name in (time_name, status_name):
        _refuse_disagreement(clinical, name)
    unit = _unit(clinical, time_name, time_unit)
    table = pd.DataFrame(
        {
            "patient_id": clinical.table.index,
            "time_days": _times(clinical, time_name).to_numpy() * _UNITS[unit],
            "event": _events(clinical, status_name).to_numpy(),
        }
    )
    kept, left_out = _apply_rules(table)
    if require_events and not (kept["event"] == 1).any():
        raise StatusError(
            f"{clinical.path}: no {endpoint} event among {len(kept)} patients (column {status_name!r}); survival cannot be "
            "analysed, check the column"
        )
    return Survival(kept, left_out, endpoint, time_name, status_name, unit)


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


def _apply_rules(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    time, event = table["time_days"], table["event"]
    reason = pd.Series("", index=table.index)
    reason[(time == 0) & (event == 0)] = "never followed: censored on day 0"
    reason[time < 0] = "negative time"
    reason[event.isna()] = "no status"
    reason[time.isna()] = "no time"
    reason[time.isna() & event.isna()] = "neither time nor status"
    left_out = {str(why): tuple(sorted(group["patient_id"])) for why, group in table.groupby(reason) if why}
    kept = table[reason == ""].sort_values("patient_id", ignore_index=True)
    kept["time_days"] = kept["time_days"].mask(kept["time_days"] == 0, DAY_OF_DEATH_ZERO)
    return kept.astype({"time_days": float, "event": int}), left_out


def _known(clinical: Clinical, endpoint: str, names: Iterable[str], what: str) -> str:
    for name in names:
        column = match_column(clinical.table.columns, name)
        if column is not None:
            return column
    raise TraitError(
        f"{clinical.path}: no {endpoint} {what} column (looked for {', '.join(names)}; found "
        f"{', '.join(list(clinical.table.columns)[:8])}, ...); "
        f"state it as {what}_column"
    )


def _refuse_disagreement(clinical: Clinical, column: str) -> None:
    patients = clinical.disagreements.get(column, ())
    if patients:
        raise TableError(
            f"{clinical.path}: the rows of {len(patients)} patients disagree in {column!r} ({', '.join(patients[:5])}); keep "
            "one row for each"
        )


def _unit(clinical: Clinical, column: str, stated: str | None) -> str:
    if stated is not None:
        if stated not in _UNITS:
            raise TableError(f"no unit {stated!r} of time (there are: {', '.join(_UNITS)})")
        return stated
    key = name_key(column)
    if key in _TIMES_IN_DAYS:
        return "days"
    for unit in _UNITS:
        if unit.removesuffix("s") in key:
            return unit
    raise TableError(f"{clinical.path}: column {column!r} does not say whether its times are days or months; state time_unit")


def _times(clinical: Clinical, column: str) -> pd.Series:
    words = clinical.table[column]
    times = pd.to_numeric(words, errors="coerce")
    wrong = words[times.isna() & words.notna()]
    if len(wrong):
        raise TableError(
            f"{clinical.path}: {len(wrong)} times in {column!r} are no numbers ({', '.join(map(repr, wrong.unique()[:5]))}); "
            "mend them"
        )
    return times


def _events(clinical: Clinical, column: str) -> pd.Series:
    words = clinical.table[column]
    events: dict[object, float] = {}
    problems: list[str] = []
    for word, count in Counter("" if word != word else word for word in words).items():
        try:
            event = parse_status(word, column=column)
        except StatusError as error:
            problems.append(f"{error} ({count} {'patient' if count == 1 else 'patients'})")
            continue
        events[word] = float("nan") if event is None else event
    if problems:
        raise StatusError(
            f"{clinical.path}: column {column!r}: {'; '.join(problems[:5])}; write 1:DECEASED or 0:LIVING, 1 or 0, or leave the "
            "cell empty"
        )
    return words.map(lambda word: events["" if word != word else word])
