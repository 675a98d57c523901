"""Where slides, molecular table and clinical table do not fit together, and what each trait is left with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import pandas as pd

from cartopath.cohort.clinical import Clinical
from cartopath.cohort.findings import Finding, Severity, counted, examples, sort_findings
from cartopath.cohort.id_spelling import MIN_SHARE, spelling_that_joins
from cartopath.cohort.labels import TraitLabels
from cartopath.cohort.leakage import class_counts, trait_sets
from cartopath.cohort.molecular import MolecularTable
from cartopath.cohort.slide_findings import slide_findings
from cartopath.cohort.survival_status import survival_record
from cartopath.cohort.traits import TraitRequest, find_trait
from cartopath.core.errors import StatusError, TableError, TraitError

MIN_PER_CLASS = 5
"""Patients of each class in each set below which an AUROC says little."""

MIN_EVENTS = 10
"""Events below which no survival analysis finds anything."""


def join_findings(
    slides: pd.DataFrame,
    molecular: MolecularTable | Collection[str] | None = None,
    clinical: Clinical | Collection[str] | None = None,
    *,
    traits: Sequence[TraitRequest | str] = (),
    labels: Mapping[str, TraitLabels] | None = None,
    splits: pd.DataFrame | None = None,
    endpoint: str | None = None,
    min_per_class: int = MIN_PER_CLASS,
    kind: str = "DX",
) -> list[Finding]:
    """Report everything that does not fit in a cohort, errors first.

    Args:
        slides: From `read_slides`.
        molecular: The molecular table, or only its patients.
        clinical: The clinical table, or only its patients.
        traits: What the study asks for; looked up where the tables themselves are given.
        labels: Labels by trait.
        splits: From `draw_rounds` or `draw_folds`; with labels, every set of every trait is counted.
        endpoint: The survival endpoint to check, such as `OS`; None leaves survival out.
        min_per_class: Patients of each class that a set should have.
        kind: The kind of slide that counts.
    """
    found = list(slide_findings(slides, kind=kind))
    used = slides[(slides["exclude"] == "") & (slides["patient_id"] != "")]
    with_slides = set(used["patient_id"])
    if molecular is not None:
        patients = set(molecular.patients if isinstance(molecular, MolecularTable) else molecular)
        found += _unmatched(with_slides, patients, "molecular table", "patient-without-expression", "expression-without-slide")
    if clinical is not None:
        patients = set(clinical.patients if isinstance(clinical, Clinical) else clinical)
        found += _unmatched(with_slides, patients, "clinical table", "patient-without-clinical", "clinical-without-slide")
    if isinstance(clinical, Clinical):
        found += _clinical_rows(clinical)
        found += survival_findings(clinical, endpoint, patients=with_slides) if endpoint else []
    table = molecular if isinstance(molecular, MolecularTable) else None
    found += trait_findings(traits, table, clinical if isinstance(clinical, Clinical) else None)
    found += label_findings(labels or {}, splits, patients=with_slides, min_per_class=min_per_class)
    return sort_findings(found)


def _unmatched(with_slides: set[str], patients: set[str], subject: str, lacking: str, spare: str) -> Iterator[Finding]:
    if with_slides and not with_slides & patients:
        ours = f"{counted(len(with_slides), 'patient')} with slides {examples(sorted(with_slides))}"
        theirs = f"{counted(len(patients), 'patient')} of the {subject} {examples(sorted(patients))}"
        cure = _spelled_alike(with_slides, patients) or "check the ids"
        yield Finding("error", "no-patient-in-common", subject, f"none of {ours} is among {theirs}; {cure}")
        return
    if len(with_slides & patients) < MIN_SHARE * min(len(with_slides), len(patients)):
        cure = _spelled_alike(with_slides, patients)
        if cure:
            joined = f"{len(with_slides & patients):,} of {counted(len(with_slides), 'patient')} with slides are in the {subject}"
            yield Finding("warning", "ids-spelled-differently", subject, f"only {joined}; {cure}")
    without = sorted(with_slides - patients)
    if without:
        message = (
            f"{len(without):,} of {counted(len(with_slides), 'patient')} with slides are not in the {subject} {examples(without)}"
        )
        yield Finding("warning", lacking, subject, message)
    slideless = sorted(patients - with_slides)
    if slideless:
        message = (
            f"{len(slideless):,} of {counted(len(patients), 'patient')} of the {subject} have no slide {examples(slideless)}"
        )
        yield Finding("info", spare, subject, message)


def _spelled_alike(ours: set[str], theirs: set[str]) -> str:
    """Return how ids would have to be spelled to join, "" where no spelling does."""
    spelling = spelling_that_joins(ours, theirs)
    if spelling is None:
        return ""
    joined = f"{spelling.n_joined:,} would be, compared {spelling.description} ({spelling.example})"
    return f"{joined}; spell them alike in both tables, or state patient_id in the slide table"


def _clinical_rows(clinical: Clinical) -> Iterator[Finding]:
    patients = sorted({patient for several in clinical.disagreements.values() for patient in several})
    if patients:
        several = f"{counted(len(patients), 'patient has', 'patients have')} several rows {examples(patients)}"
        message = f"{several}; the primary tumour's was taken; columns that differ: {examples(clinical.disagreements)}"
        yield Finding("info", "clinical-duplicate-patient", "clinical table", message)


def survival_findings(
    clinical: Clinical,
    endpoint: str = "OS",
    *,
    patients: Collection[str] | None = None,
    time_column: str | None = None,
    status_column: str | None = None,
    time_unit: str | None = None,
) -> Iterator[Finding]:
    """Yield what keeps an endpoint from being analysed, among these patients; the columns are as for `survival_record`."""
    subject = f"survival {endpoint}"
    try:
        record = survival_record(
            clinical,
            endpoint,
            time_column=time_column,
            status_column=status_column,
            time_unit=time_unit,
            require_events=False,
        )
    except StatusError as error:
        yield Finding("error", "unknown-status-word", subject, str(error))
        return
    except TraitError as error:
        yield Finding("error", "survival-column-missing", subject, str(error))
        return
    except TableError as error:
        yield Finding("error", "survival-unreadable", subject, str(error))
        return
    wanted = set(clinical.patients if patients is None else patients)
    known = record.table[record.table["patient_id"].isin(wanted)]
    n_events = int(known["event"].sum())
    if not n_events:
        among = f"{counted(len(known), 'patient')} with slides (column {record.status_column!r})"
        message = f"no event among {among}; survival cannot be analysed"
        yield Finding("error", "no-events", subject, message)
    elif n_events < MIN_EVENTS:
        yield Finding(
            "warning",
            "few-events",
            subject,
            f"{counted(n_events, 'event')} among {counted(len(known), 'patient')} with slides; no analysis will find much",
        )
    for reason, everyone in sorted(record.left_out.items()):
        concerned = sorted(wanted.intersection(everyone))
        if concerned:
            yield Finding(
                "info",
                "survival-left-out",
                subject,
                f"{counted(len(concerned), 'patient')} left out, {reason} {examples(concerned)}",
            )


def trait_findings(
    traits: Iterable[TraitRequest | str], molecular: MolecularTable | None, clinical: Clinical | None
) -> Iterator[Finding]:
    """Yield the traits that no table holds, with the closest names."""
    if molecular is None and clinical is None:
        return
    for trait in traits:
        try:
            find_trait(trait, molecular, clinical)
        except TraitError as error:
            yield Finding("error", "trait-not-found", trait if isinstance(trait, str) else trait.name, str(error))


def label_findings(
    labels: Mapping[str, TraitLabels],
    splits: pd.DataFrame | None,
    *,
    patients: Collection[str],
    min_per_class: int = MIN_PER_CLASS,
    classes_teach: bool = True,
) -> Iterator[Finding]:
    """Yield, for each trait, the patients without a value and the sets with too few patients of a class.

    Args:
        labels: Labels by trait.
        splits: None leaves the sets out.
        patients: Those with slides.
        min_per_class: Patients of each class that a set should have.
        classes_teach: Whether classes are learned. Where values are, classes only judge: those of the test set are counted, for
            the sake of its AUROC.
    """
    for name, trait in labels.items():
        known = set(trait.table["patient_id"][trait.table["value"].notna()])
        without = sorted(set(patients) - known)
        if without:
            message = f"{len(without):,} of {counted(len(patients), 'patient')} with slides have no value {examples(without)}"
            yield Finding("info", "trait-without-value", name, message)
        if splits is not None:
            mine = TraitLabels(trait.table[trait.table["patient_id"].isin(patients)], trait.thresholds)
            yield from _small_classes(name, trait_sets(splits, mine), min_per_class, classes_teach)


def _small_classes(name: str, sets: pd.DataFrame, min_per_class: int, classes_teach: bool) -> Iterator[Finding]:
    counts = class_counts(sets)
    only = "" if classes_teach else "; only the AUROC is concerned, since values are learned and not classes"
    for set_name in ("train", "validation", "test") if classes_teach else ("test",):
        of_set = counts[counts["set"] == set_name]
        for label in ("hi", "lo"):
            fewest = int(of_set[label].min()) if len(of_set) else 0
            if fewest >= min_per_class:
                continue
            rounds = sorted(int(number) for number in of_set["round"][of_set[label] == fewest])
            where = f"in {set_name}, {'round' if len(rounds) == 1 else 'rounds'} {', '.join(map(str, rounds)) or 'none'}"
            if fewest:
                yield Finding(
                    "warning",
                    "class-too-small",
                    name,
                    f"{counted(fewest, 'patient')} labelled {label} {where}; at least {min_per_class} are wanted{only}",
                )
                continue
            severity: Severity = "warning" if set_name == "test" else "error"
            lost = "no AUROC can be computed" if set_name == "test" else "nothing can be learned"
            yield Finding(severity, "empty-class", name, f"no patient labelled {label} {where}; {lost}{only}")
