"""What steps of training, rounds and votes are called in the report: tile classifiers, heads on fingerprints and folds differ."""

from __future__ import annotations

from dataclasses import dataclass

from cartopath.report.numbers import is_known
from cartopath.report.results import StudyResults

PAPER_VALIDATIONS = 16
"""Validations in a pass over the training tiles in Levy-Jurgenson et al. 2020."""


_SCORES = {
    "tile_classifier": "Share of positive tiles per slide",
    "fingerprints": "Mean score of the tiles of a slide",
    "attention": "Score of a slide",
}


@dataclass(frozen=True, slots=True)
class MethodWords:
    """How to speak of the networks of a study.

    Attributes:
        step: What is followed by a validation.
        step_is: What that is, as a sentence.
        judged: What the AUROC that chooses is over: `slide` or `patient`.
        labelled: What the label is of, as a sentence.
        score: What the score of a slide is, as the beginning of a sentence.
        ensemble: What the score of the ensemble is, as the end of a sentence.
        choice: How the rounds that count are chosen, as sentences.
        is_ranked: Whether some rounds are chosen, so that they have ranks.
        drawing: `round` of resampling or `fold` of cross-validation.
        is_first_paper: Whether results are laid out as Table 1 of Levy-Jurgenson et al. 2020.
    """

    step: str
    step_is: str
    judged: str
    labelled: str
    score: str
    ensemble: str
    choice: str
    is_ranked: bool
    drawing: str
    is_first_paper: bool

    @property
    def has_tile_auroc(self) -> bool:
        """Whether networks are validated tile by tile, too."""
        return self.judged == "slide"

    @property
    def drawings(self) -> str:
        """What rounds or folds are, as a sentence without its end."""
        return "Folds of cross-validation" if self.drawing == "fold" else "Rounds of resampling"


def method_words(results: StudyResults) -> MethodWords:
    """Return the words for the method of a study; those of tile classifiers where nothing is known of it."""
    name = results.setting("method", "name") or "tile_classifier"
    is_by_heads = name != "tile_classifier" and results.setting("method", "encoder") != "none"
    drawing = "fold" if results.setting("splits", "scheme") == "folds" else "round"
    is_ranked = drawing == "round" and (name != "attention" or results.setting("method", "ensemble") is not None)
    by_value = traits_learned_by_value(results)
    only_values = bool(by_value) and set(by_value) == set(results.traits)
    return MethodWords(
        step="epoch" if is_by_heads else "validation interval",
        step_is="In an epoch every training patient is shown once." if is_by_heads else _interval(results),
        judged="patient" if is_by_heads else "slide",
        labelled="The label is of all tiles of a patient together."
        if is_by_heads
        else "Tiles inherit the label of their patient.",
        score=_SCORES.get(name, _SCORES["tile_classifier"]),
        ensemble=_ensemble(name, drawing, _best(is_ranked, only_values)),
        choice=_choice(drawing, is_ranked, by_value, only_values),
        is_ranked=is_ranked,
        drawing=drawing,
        is_first_paper=name == "tile_classifier",
    )


def traits_learned_by_value(results: StudyResults) -> list[str]:
    """Return the traits whose measured values were learned rather than their classes.

    By default those with thresholds: a trait that has two values has none.
    """
    target = results.setting("method", "target") or "auto"
    if results.setting("method", "name") != "attention" or target == "classification":
        return []
    if target == "regression":
        return results.traits
    labels = results.table("labels").rows
    return [str(row["trait"]) for _, row in labels.iterrows() if is_known(row["low_threshold"])]


def _best(is_ranked: bool, only_values: bool) -> str:
    """Return which rounds make the ensemble."""
    if not is_ranked:
        return "all rounds"
    return "the rounds with the lowest validation loss" if only_values else "the rounds that were best in validation"


def _choice(drawing: str, is_ranked: bool, by_value: list[str], only_values: bool) -> str:
    if drawing == "fold":
        return "None is chosen: every patient is judged by the fold that has not seen it."
    if not is_ranked:
        return "All rounds count: none is chosen."
    if only_values:
        return "Ranks are by validation loss only; the best make the ensemble."
    but = f" ({', '.join(by_value)}, learned by value: by validation loss)" if by_value else ""
    return f"Ranks are by validation AUROC only{but}; the best make the ensemble."


def _interval(results: StudyResults) -> str:
    validations = results.setting("training", "validations_per_epoch")
    if not isinstance(validations, int):
        return "One validation interval is a fixed share of a pass over the training tiles."
    share = "a whole pass" if validations == 1 else f"one {_ordinal(validations)} of a pass"
    paper = "" if validations == PAPER_VALIDATIONS else f" (one {_ordinal(PAPER_VALIDATIONS)} in Levy-Jurgenson et al. 2020)"
    return f"One validation interval is {share} over the training tiles{paper}."


def _ordinal(n: int) -> str:
    """Return the n-th part, n from 2 on.

    >>> _ordinal(2), _ordinal(4), _ordinal(16), _ordinal(21)
    ('half', 'quarter', '16th', '21st')
    """
    if n in (2, 4):
        return {2: "half", 4: "quarter"}[n]
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{n}{'th' if n % 100 in (11, 12, 13) else endings.get(n % 10, 'th')}"


def _ensemble(name: str, drawing: str, best: str) -> str:
    """Return what the score of the ensemble is; with folds the one that has not seen the patient decides."""
    own = "the fold that has not seen the patient"
    by_whom = f"by {own}" if drawing == "fold" else f"averaged over {best}"
    if name == "fingerprints":
        return f"the mean score of the slide's tiles, {by_whom}"
    if name == "attention":
        return f"the value of the slide, {by_whom}"
    return f"the share of tiles that {f'{own} calls' if drawing == 'fold' else f'most of {best} call'} positive"
