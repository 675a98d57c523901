"""Events out of a column of status words, and overall survival out of vital status, day of death and last follow-up [A14]."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from cartopath.cohort.clinical import Clinical, match_column, number_column
from cartopath.cohort.clinical.follow_ups import DEATH_COLUMNS, LAST_CONTACT_COLUMNS, VITAL_STATUS_COLUMNS
from cartopath.cohort.status_words import parse_status
from cartopath.core.errors import StatusError, TableError


@dataclass(frozen=True)
class VitalColumns:
    """The columns that overall survival is put together of.

    Attributes:
        status: Whether the patient died.
        death: The day of death.
        last_contacts: The days of last contacts, of which the latest counts.
    """

    status: str
    death: str
    last_contacts: tuple[str, ...]

    @property
    def times(self) -> str:
        """The columns of days, for messages."""
        return " and ".join((self.death, *self.last_contacts))


def vital_columns(clinical: Clinical) -> VitalColumns | None:
    """Return the columns of vital status, death and last contact, or None where one of the three is not there."""
    status, death, last = (
        [column for name in names if (column := match_column(clinical.table.columns, name)) is not None]
        for names in (VITAL_STATUS_COLUMNS, DEATH_COLUMNS, LAST_CONTACT_COLUMNS)
    )
    return VitalColumns(status[0], death[0], tuple(dict.fromkeys(last))) if status and death and last else None


def built_times(clinical: Clinical, columns: VitalColumns) -> pd.DataFrame:
    """Follow the dead to their death and the living to their last contact.

    Returns:
        `patient_id, time_days, event` (NaN where nothing is known) and `reason`: why a patient has no time, or "".

    Raises:
        StatusError: A status is unknown.
        TableError: A time is no number, or the rows of a patient disagree.
    """
    for name in (columns.status, columns.death, *columns.last_contacts):
        refuse_disagreement(clinical, name)
    event = events(clinical, columns.status, "OS")
    death = number_column(clinical, columns.death)
    last = pd.concat([number_column(clinical, name) for name in columns.last_contacts], axis=1).max(axis=1)
    reason = pd.Series("", index=event.index)
    reason[(event == 1) & death.isna()] = "dead without a day of death"
    reason[(event == 0) & last.isna()] = "alive without a last follow-up"
    reason[(event == 0) & death.notna()] = "alive with a day of death"
    time = death.where(event == 1, last)
    return pd.DataFrame({"patient_id": event.index, "time_days": time, "event": event, "reason": reason}).reset_index(drop=True)


def refuse_disagreement(clinical: Clinical, column: str) -> None:
    """Make sure that the rows of every patient agree in a column.

    Raises:
        TableError: They do not; the message names the patients.
    """
    patients = clinical.disagreements.get(column, ())
    if patients:
        raise TableError(
            f"{clinical.where}: the rows of {len(patients)} patients disagree in {column!r} ({', '.join(patients[:5])}); keep "
            "one row for each"
        )


def events(clinical: Clinical, column: str, endpoint: str) -> pd.Series:
    """Return 1 for an event, 0 for none and NaN for nothing known, by patient.

    Raises:
        StatusError: Words are unknown; the message names each, the column and how many patients have it.
    """
    words = clinical.table[column]
    found: dict[object, float] = {}
    problems: list[str] = []
    for word, count in Counter("" if word != word else word for word in words).items():
        try:
            event = parse_status(word, column=column, endpoint=endpoint)
        except StatusError as error:
            problems.append(f"{error} ({count} {'patient' if count == 1 else 'patients'})")
            continue
        found[word] = float("nan") if event is None else event
    if problems:
        raise StatusError(
            f"{clinical.where}: column {column!r}: {'; '.join(problems[:5])}; write 1:DECEASED or 0:LIVING, 1 or 0, or leave the "
            "cell empty"
        )
    return words.map(lambda word: found["" if word != word else word]).astype("float64")
