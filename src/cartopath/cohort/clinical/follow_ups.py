"""The latest follow-up of a patient with several rows: the last contact is the latest one, and a death stays a death.

A later visit overtakes an earlier one, so that such rows do not contradict each other. That holds for days of last contact in
every table, and for the vital status and the day of death in tables whose rows are visits (BCR biotab).
"""

from __future__ import annotations

from cartopath.cohort.cells import is_number, name_key

VITAL_STATUS_COLUMNS = ("vital_status",)
DEATH_COLUMNS = ("days_to_death", "death_days_to")
LAST_CONTACT_COLUMNS = (
    *("days_to_last_follow_up", "days_to_last_followup", "last_contact_days_to", "days_to_last_known_alive"),
    "days_to_follow_up",
)
"""Days from the diagnosis, in the words of the GDC, of biotab files old and new, and of RTCGA."""

_DEAD = {"dead", "deceased"}


def is_column_of(name: str, columns: tuple[str, ...]) -> bool:
    """Whether `name`, what stands before its last dot aside, is one of `columns`."""
    return name_key(name.rsplit(".")[-1]) in {name_key(column) for column in columns}


def is_follow_up_column(name: str, *, has_follow_ups: bool) -> bool:
    """Whether the latest of several cells of a column counts; `has_follow_ups` for tables whose rows are visits."""
    if is_column_of(name, LAST_CONTACT_COLUMNS):
        return True
    return has_follow_ups and is_column_of(name, (*VITAL_STATUS_COLUMNS, *DEATH_COLUMNS))


def latest(name: str, words: list[str]) -> str:
    """Return the cell that counts among those of a follow-up column.

    >>> latest("last_contact_days_to", ["500", "", "900"]), latest("vital_status", ["Alive", "Dead"])
    ('900', 'Dead')
    """
    said = [word for word in words if word]
    if is_column_of(name, VITAL_STATUS_COLUMNS):
        return next((word for word in said if word.casefold() in _DEAD), said[0] if said else "")
    if not all(is_number(word) for word in said):
        return next((word for word in said if not is_number(word)), "")  # For the reader of numbers to refuse.
    return max(said, key=float, default="")
