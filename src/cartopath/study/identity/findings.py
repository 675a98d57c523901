"""Everything that can be said of whether the tables of a study speak of the same patients."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from cartopath.cohort import Clinical, Finding, MolecularTable
from cartopath.core.errors import TableError
from cartopath.study.identity.agreement import agreement_findings, agreements, marker_genes
from cartopath.study.identity.matching import ProfileMatch, match_profiles
from cartopath.study.identity.profiles import read_profiles
from cartopath.study.identity.repeats import SAME, repeated_profiles
from cartopath.study.identity.sex import contradicted_sex

_N_EXAMPLES = 5


def identity_findings(molecular: Sequence[MolecularTable], clinical: Clinical | None = None) -> Iterator[Finding]:
    """Yield what the tables say of each other's patients.

    Errors are suspected mix-ups of a whole table, warnings those of single patients, notes what bears a join out or says
    nothing: genes against receptors and sex, profiles of one table against another's, equal profiles within a table.

    Args:
        molecular: The molecular tables.
        clinical: The clinical table, if there is one.
    """
    vouched: set[str] = set()
    for table in molecular:
        if clinical is not None:
            markers = marker_genes(table)
            pairs = list(agreements(markers, clinical))
            vouched |= {table.path.name} if any(pair.is_borne_out for pair in pairs) else set()
            yield from agreement_findings(table, pairs)
            yield from _sex_findings(table, contradicted_sex(markers, clinical))
    try:
        profiles = read_profiles(molecular)
    except TableError as error:
        yield Finding("info", "identity-undecided", "molecular tables", f"profiles cannot be compared: {error}")
        return
    for table, profile in zip(molecular, profiles, strict=True):
        yield from _repeat_findings(table, repeated_profiles(profile), profile.shape[1])
    for first, second in itertools.combinations(range(len(molecular)), 2):
        names = molecular[first].path.name, molecular[second].path.name
        if names[0] == names[1]:
            names = str(molecular[first].path), str(molecular[second].path)
        match = match_profiles(profiles[first], profiles[second])
        if match is not None:
            yield from _match_findings(match, *names, vouched)


def _sex_findings(table: MolecularTable, wrong: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    if wrong:
        listed = _listed([f"{patient} is {sex}" for patient, sex in wrong])
        message = (
            f"suspected identity mix-up. The genes of {len(wrong)} patients are those of the other sex than stated ({listed})"
        )
        yield Finding("warning", "sex-contradicted", table.path.name, message.replace("of 1 patients", "of 1 patient"))


def _repeat_findings(table: MolecularTable, groups: Sequence[tuple[str, ...]], n_features: int) -> Iterator[Finding]:
    if groups:
        n = sum(len(group) for group in groups)
        listed = _listed([" = ".join(group) for group in groups])
        message = (
            f"suspected duplicates. {n} patients share a profile with another, r > {SAME:g} over {n_features} features ({listed})"
        )
        yield Finding("warning", "duplicate-profile", table.path.name, message)


def _match_findings(match: ProfileMatch, first: str, second: str, vouched: set[str]) -> Iterator[Finding]:
    subject = f"{first} and {second}"
    measured = (
        f"{match.n_own} of {match.n_patients} patients are their own best match over {match.n_features} shared features "
        f"(1 expected by chance; mean r of own profiles {match.own_correlation:.2f})"
    )
    matches = _listed([f"{a} matches {b}" for a, b, _, _ in match.matched_others])
    if match.is_contradiction:
        right = sorted({first, second} & vouched)
        message = f"suspected identity mix-up. {measured}, although both measure the same: the names of one are probably shuffled"
        message += f"; {' and '.join(right)} agree{'s' if len(right) == 1 else ''} with the clinical table" if right else ""
        yield Finding("error", "identity-contradicted", subject, message + (f" ({matches})" if matches else ""))
        return
    if match.swapped:
        listed = _listed([f"{a} matches {b}, r {r:.2f} against {own:.2f}" for a, b, r, own in match.swapped])
        message = f"suspected identity mix-up of {len(match.swapped)} of {match.n_patients} patients: in the first table {listed}"
        yield Finding("warning", "identity-swapped-patients", subject, message)
    if match.is_borne_out:
        yield Finding("info", "identity-confirmed", subject, measured)
    elif match.is_better_than_chance:
        yield Finding("info", "identity-not-contradicted", subject, measured)
    else:
        yield Finding("info", "identity-undecided", subject, measured)


def _listed(items: Sequence[str]) -> str:
    return "; ".join(items[:_N_EXAMPLES]) + ("; ..." if len(items) > _N_EXAMPLES else "")
