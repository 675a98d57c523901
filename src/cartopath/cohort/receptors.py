"""Receptor status of breast cancers out of immunohistochemistry and FISH, equivocal results handled by one rule [A30, F15].

Oestrogen and progesterone receptor: positive is hi, negative is lo, the rest has no status. HER2: IHC 0 or 1+ is negative, 3+
positive; 2+ (equivocal), indeterminate or no IHC is decided by FISH where there is any, otherwise there is no status. Where the
word and the score of the IHC disagree, it counts as equivocal.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import pandas as pd

from cartopath.cohort.cells import is_missing, name_key
from cartopath.cohort.clinical import Clinical, match_column
from cartopath.core.errors import StatusError, TraitError

RECEPTORS = ("ER", "PR", "HER2")

_WORD_COLUMNS = {
    "ER": (
        *("ER Status By IHC", "er_ihc", "breast_carcinoma_estrogen_receptor_status", "ER_STATUS", "ER"),
        "ER_Status_nature2012",
    ),
    "PR": (
        *("PR Status By IHC", "pr_ihc", "breast_carcinoma_progesterone_receptor_status", "PR_STATUS", "PR"),
        "PR_Status_nature2012",
    ),
    "HER2": (
        *("IHC-HER2", "HER2 Status By IHC", "her2_ihc", "lab_proc_her2_neu_immunohistochemistry_receptor_status"),
        *("HER2_STATUS", "HER2", "HER2_Final_Status_nature2012"),
    ),
}
_SCORE_COLUMNS = ("HER2 ihc score", "her2_immunohistochemistry_level_result")
_FISH_COLUMNS = (
    *("HER2 fish status", "her2_ish", "her2_fish", "her2_ish_status"),
    "lab_procedure_her2_neu_in_situ_hybrid_outcome_type",
)
_WORDS = {
    **dict.fromkeys(("positive", "pos", "positve", "1", "10", "+"), "positive"),  # METABRIC misspells it.
    **dict.fromkeys(("negative", "neg", "0", "00", "-"), "negative"),
    **dict.fromkeys(("equivocal", "borderline"), "equivocal"),
    "indeterminate": "indeterminate",
    **dict.fromkeys(("performedbutnotavailable", "notperformed", "notevaluated", "nottested", "notdone"), ""),
}
_SCORES = {
    **dict.fromkeys(("0", "00", "1", "10", "01"), "negative"),
    **dict.fromkeys(("2", "20"), "equivocal"),
    **dict.fromkeys(("3", "30"), "positive"),
}
_FISH_WORDS = {**_WORDS, "amplified": "positive", "notamplified": "negative", "nonamplified": "negative"}
_PLUS = re.compile(r"[0-3]\s*\+")
"""An IHC score (2+), which in a column of words must not be taken for a number."""


@dataclass(frozen=True)
class ReceptorStatus:
    """Status of one receptor.

    Attributes:
        receptor: `ER`, `PR` or `HER2`.
        table: Indexed by `patient_id`: `status` (`hi` positive, `lo` negative, "" none) and `reason`.
        columns: The columns it was read from.
    """

    receptor: str
    table: pd.DataFrame
    columns: tuple[str, ...]

    @property
    def counts(self) -> pd.DataFrame:
        """How many patients have each `status` for each `reason`: columns `status, reason, n`, most first."""
        counted = Counter(zip(self.table["status"], self.table["reason"], strict=True))
        rows = sorted(((status, reason, n) for (status, reason), n in counted.items()), key=lambda row: (-row[2], row[1]))
        return pd.DataFrame(rows, columns=["status", "reason", "n"])


def receptor_record(clinical: Clinical, receptor: str) -> ReceptorStatus:
    """Read the status of a receptor, with the reason for every patient.

    Raises:
        TraitError: No column holds it.
        StatusError: A word is unknown; the message names the word, its count and the column.
    """
    receptor = receptor.upper()
    if receptor not in RECEPTORS:
        raise TraitError(f"no receptor {receptor!r} (there are: {', '.join(RECEPTORS)})")
    word = _column(clinical, _WORD_COLUMNS[receptor])
    score = _column(clinical, _SCORE_COLUMNS) if receptor == "HER2" else None
    fish = _column(clinical, _FISH_COLUMNS) if receptor == "HER2" else None
    columns = tuple(column for column in (word, score, fish) if column)
    if not columns:
        raise TraitError(f"{clinical.where}: no column of {receptor} status (looked for {', '.join(_WORD_COLUMNS[receptor])})")
    if receptor == "HER2" and score is None and word is not None and _holds_scores(clinical, word):
        word, score = None, word
    words, fishes = _translate(clinical, word, _WORDS), _translate(clinical, fish, _FISH_WORDS)
    if receptor == "HER2":
        scores = _translate(clinical, score, _SCORES)
        decided = [_her2(*results) for results in zip(words, scores, fishes, strict=True)]
    else:
        decided = [_by_word(result) for result in words]
    table = pd.DataFrame(decided, columns=["status", "reason"], index=clinical.table.index)
    return ReceptorStatus(receptor, table, columns)


def receptor_status(clinical: Clinical, receptor: str) -> pd.Series:
    """Return the status of a receptor by patient: `hi` positive, `lo` negative, "" none; see `receptor_record`."""
    return receptor_record(clinical, receptor).table["status"].rename(receptor.upper())


def receptor_of_column(clinical: Clinical, column: str) -> str | None:
    """Return the receptor whose status a column holds, or None."""
    return next((receptor for receptor in RECEPTORS if column == _column(clinical, _WORD_COLUMNS[receptor])), None)


def _column(clinical: Clinical, names: tuple[str, ...]) -> str | None:
    found = (match_column(clinical.table.columns, name) for name in names)
    return next((column for column in found if column is not None), None)


def _by_word(result: str) -> tuple[str, str]:
    status = {"positive": "hi", "negative": "lo"}.get(result, "")
    return status, f"ihc {result}" if result else "not tested"


def _her2(word: str, score: str, fish: str) -> tuple[str, str]:
    ihc = score or word
    if word in ("positive", "negative", "equivocal") and score and word != score:
        ihc = "contradictory"
    if ihc in ("positive", "negative"):
        return ("hi" if ihc == "positive" else "lo"), f"ihc {ihc}"
    before = f"ihc {ihc}" if ihc else "no ihc"
    if fish in ("positive", "negative"):
        return ("hi" if fish == "positive" else "lo"), f"{before}, fish {fish}"
    if not ihc and not fish:
        return "", "not tested"
    return "", f"{before}, {f'fish {fish}' if fish else 'no fish'}"


def _holds_scores(clinical: Clinical, column: str) -> bool:
    """Whether a column of HER2 status holds scores from 0 to 3+ and no words."""
    said = [str(word).strip() for word in clinical.table[column].dropna()]
    return any(_PLUS.fullmatch(word) for word in said) and all(name_key(word) in _SCORES for word in said)


def _translate(clinical: Clinical, column: str | None, words: dict[str, str]) -> list[str]:
    """Return the results in a column, "" where there is none."""
    if column is None:
        return [""] * len(clinical.table)
    found = ["" if word != word or is_missing(str(word)) else str(word).strip() for word in clinical.table[column]]
    keys = {word: _key(word, is_score=words is _SCORES) for word in set(found)}
    unknown = Counter(word for word in found if word and keys[word] not in words)
    if unknown:
        listed = ", ".join(f"{word!r} ({count})" for word, count in unknown.most_common(5))
        raise StatusError(
            f"{clinical.where}: column {column!r}: unknown words {listed}; write "
            f"{'0, 1+, 2+ or 3+' if words is _SCORES else 'Positive, Negative or Equivocal'}, or leave it empty"
        )
    return [words[keys[word]] if word else "" for word in found]


def _key(word: str, *, is_score: bool) -> str:
    if word in ("+", "-") or (_PLUS.fullmatch(word) and not is_score):
        return word
    return name_key(word)
