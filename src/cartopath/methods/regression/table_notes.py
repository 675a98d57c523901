"""What a reader of a molecular table should know: samples that do not count, and names that stand for several rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cartopath.cohort.features import bare_name
from cartopath.cohort.findings import counted
from cartopath.cohort.molecular import MolecularTable

_NAMED = 3
_OTHER_CHOSEN = "another sample of the patient was chosen"


def table_notes(table: MolecularTable) -> tuple[str, ...]:
    """Return what is odd about a molecular table, one sentence each."""
    return (*table.notes, *_samples(table), *_names(table))


def rows_of(table: MolecularTable) -> Mapping[str, int]:
    """Return how many rows of a table each bare name stands for."""
    return Counter(bare_name(feature) for feature in table.features)


def _samples(table: MolecularTable) -> Iterator[str]:
    idle = table.choices[~table.choices["chosen"]]
    if idle.empty:
        return
    reasons = idle["reason"].str.partition(":")[0]
    why = ", ".join(f"{n:,} {reason}" for reason, n in reasons.value_counts().items())
    others = idle["patient_id"][reasons == _OTHER_CHOSEN].unique()
    of = f"; of {counted(len(others), 'patient')} with several ({_some(others)}) one counts" if len(others) else ""
    yield f"{len(idle):,} of {len(table.choices):,} samples do not count: {why}{of}"


def _names(table: MolecularTable) -> Iterator[str]:
    whole = Counter(table.features)
    equal = [name for name, n in whole.items() if n > 1]
    if equal:
        yield f"names that are there several times cannot be told apart and are left out: {len(equal):,} ({_some(equal)})"
    several = [name for name, n in Counter(bare_name(feature) for feature in whole).items() if n > 1]
    if several:
        rows = [feature for feature in whole if bare_name(feature) == several[0]]
        yield f"symbols of several rows, which go by their full names ({rows[0]}): {len(several):,} ({_some(several)})"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_NAMED]) + (", ..." if len(listed) > _NAMED else "")
