"""Traits wherever they are: a gene, a miRNA, a clinical column or a receptor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from cartopath.cohort.cells import is_number
from cartopath.cohort.clinical import Clinical, find_column, match_column, number_column
from cartopath.cohort.molecular import MolecularTable
from cartopath.cohort.receptors import RECEPTORS, receptor_of_column, receptor_record
from cartopath.core.errors import TraitError, closest


@dataclass(frozen=True, slots=True)
class TraitRequest:
    """What a study asks for.

    Attributes:
        name: Name of the trait in the study.
        column: Clinical column that holds it, where the name is not that of a gene, a miRNA, a column or a receptor.
        positive: Words of a clinical column that mean `hi`.
    """

    name: str
    column: str | None = None
    positive: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraitSource:
    """Where a trait is.

    Attributes:
        source: `molecular`, `clinical` or `receptor`.
        column: The feature, the clinical column, or the receptor.
    """

    source: Literal["molecular", "clinical", "receptor"]
    column: str


@dataclass(frozen=True)
class TraitValues:
    """The values of one trait.

    Attributes:
        request: What was asked for.
        source: Where it was found.
        kind: `continuous` (numbers, labelled by percentiles) or `binary` (words).
        values: By patient, sorted.
        unit: Of the numbers; "" for words.
    """

    request: TraitRequest
    source: TraitSource
    kind: Literal["continuous", "binary"]
    values: pd.Series
    unit: str


def find_trait(request: TraitRequest | str, molecular: MolecularTable | None, clinical: Clinical | None) -> TraitSource:
    """Say where a trait is: the stated column, else a feature of the molecular table, else a clinical column, else a receptor.

    Raises:
        TraitError: Nowhere; the message names the closest features and columns.
    """
    request = TraitRequest(request) if isinstance(request, str) else request
    if request.column is not None:
        if clinical is None:
            raise TraitError(
                f"trait {request.name!r} is the column {request.column!r} of a clinical table, and the study has none"
            )
        return _clinical_source(clinical, find_column(clinical, request.column))
    problem = "the study has no molecular table"
    if molecular is not None:
        try:
            return TraitSource("molecular", molecular.find(request.name))
        except TraitError as error:
            problem = str(error)
    if clinical is not None:
        column = match_column(clinical.table.columns, request.name)
        if column is not None:
            return _clinical_source(clinical, column)
        if request.name.upper() in RECEPTORS:
            return TraitSource("receptor", request.name.upper())
        likely = closest(request.name, clinical.table.columns)
        hint = f"closest: {', '.join(likely)}" if likely else "none looks like it"
        problem += f"; {clinical.where}: no such column ({hint})"
    raise TraitError(f"trait {request.name!r}: {problem}")


def _clinical_source(clinical: Clinical, column: str) -> TraitSource:
    receptor = receptor_of_column(clinical, column)
    return TraitSource("receptor", receptor) if receptor else TraitSource("clinical", column)


def read_trait(request: TraitRequest | str, molecular: MolecularTable | None, clinical: Clinical | None) -> TraitValues:
    """Read the values of one trait; see `find_trait` for where it is looked for."""
    return read_traits([request], molecular, clinical)[0]


def read_traits(
    requests: Iterable[TraitRequest | str], molecular: MolecularTable | None, clinical: Clinical | None
) -> list[TraitValues]:
    """Read several traits, going through the molecular table once.

    Raises:
        TraitError: A trait is nowhere.
        StatusError: A receptor status is unknown.
        TableError: A value is no number.
    """
    asked = [TraitRequest(request) if isinstance(request, str) else request for request in requests]
    sources = [find_trait(request, molecular, clinical) for request in asked]
    features = list(dict.fromkeys(source.column for source in sources if source.source == "molecular"))
    measured = molecular.read(features) if molecular is not None and features else pd.DataFrame()
    unit = molecular.unit if molecular is not None else ""
    return [_values(request, source, measured, clinical, unit) for request, source in zip(asked, sources, strict=True)]


def _values(
    request: TraitRequest, source: TraitSource, measured: pd.DataFrame, clinical: Clinical | None, unit: str
) -> TraitValues:
    if source.source == "molecular":
        return TraitValues(request, source, "continuous", measured[source.column].rename(request.name), unit)
    if clinical is None:
        raise TraitError(f"trait {request.name!r}: the study has no clinical table")
    if source.source == "receptor" and not request.positive:
        status = receptor_record(clinical, source.column).table["status"]
        return TraitValues(request, source, "binary", status.rename(request.name), "")
    values = clinical.table[source.column].rename(request.name)
    if not request.positive and _is_mostly_numbers(values):
        values = number_column(clinical, source.column).rename(request.name)
    is_numeric = pd.api.types.is_numeric_dtype(values) and values.nunique() > 2 and not request.positive
    return TraitValues(request, source, "continuous" if is_numeric else "binary", values, source.column if is_numeric else "")


def _is_mostly_numbers(values: pd.Series) -> bool:
    """Whether a column of words would be one of numbers but for a few cells, which then have to be named."""
    if pd.api.types.is_numeric_dtype(values):
        return False
    known = [str(word) for word in values.dropna()]
    return sum(is_number(word) for word in known) > len(known) / 2
