"""One arm of a comparison: a study that has run, with its splits, its slide scores, and what kind of method it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.core.errors import ArtifactError, ConfigError
from cartopath.study.config import Section, StudyConfig
from cartopath.study.run import Study
from cartopath.study.stages.divide import read_splits
from cartopath.study.study_file import read_config


@dataclass(frozen=True, eq=False)
class Arm:
    """A study that has run.

    Attributes:
        name: What the comparison calls it: the study's name, or its folder's where names are the same.
        study: As it ran last, by its `study.lock.yaml`.
        splits: patient_id, round, set.
        scores: `tables/slide_scores.csv`: one row per trait and slide.
    """

    name: str
    study: Study
    splits: pd.DataFrame
    scores: pd.DataFrame

    @property
    def method(self) -> str:
        """The recipe."""
        return self.study.config.method.name

    @property
    def encoder(self) -> str:
        """What turns a tile into numbers, and whether labels trained it."""
        return encoder_of(self.study.config)

    @property
    def has_own_encoder(self) -> bool:
        """Whether an encoder learned from this cohort, without labels: from everybody who is not in a test set."""
        return getattr(self.study.config.method, "encoder", "") == "own"

    @property
    def traits(self) -> list[str]:
        """The traits that have scores, in the order of the study file."""
        scored = set(self.scores["trait"])
        return [trait for trait in self.study.config.trait_names if trait in scored]


def read_arms(paths: Sequence[Path]) -> list[Arm]:
    """Read studies that have run.

    Raises:
        ConfigError: There are fewer than two, or one is named twice.
        ArtifactError: One has not run, or not to the end of its evaluation.
    """
    studies = [_as_it_ran(path) for path in paths]
    roots = [study.root for study in studies]
    twice = [root for root, n in Counter(roots).items() if n > 1]
    if twice or len(studies) < 2:
        what = f"{twice[0]} is named twice" if twice else f"found {len(studies)}"
        raise ConfigError(f"a comparison needs two or more studies; {what}")
    return [_read_arm(study, name) for study, name in zip(studies, _names(studies), strict=True)]


def _as_it_ran(path: Path) -> Study:
    study = Study.read(path)
    if not study.layout.lock.is_file():
        raise ArtifactError(f"{study.root}: this study has not run; `cartopath run` it first")
    return Study(read_config(study.layout.lock), study.root)


def _names(studies: list[Study]) -> list[str]:
    for names in ([study.config.name for study in studies], [study.root.name for study in studies]):
        if len(set(names)) == len(names):
            return names
    return [str(study.root) for study in studies]


def _read_arm(study: Study, name: str) -> Arm:
    table = study.layout.table("slide_scores")
    if not table.is_file():
        raise ArtifactError(f"{table}: missing; `cartopath run {study.root}` goes on to the stage `evaluate`, which writes it")
    text = dict.fromkeys(("trait", "slide_id", "patient_id", "set", "role", "ood", "label", "median_label"), str)
    scores = pd.read_csv(table, dtype=text)
    if scores.empty:
        raise ArtifactError(f"{table}: has no slide; the trainings or predictions of this study failed")
    scores[list(text)] = scores[list(text)].fillna("")
    return Arm(name, study, read_splits(study), scores)


def encoder_of(config: StudyConfig) -> str:
    """Return in words what turns a tile into numbers.

    >>> encoder_of(StudyConfig())
    'inception_v3, trained on labels'
    """
    method: Section = config.method
    keys: dict[str, Any] = method.model_dump(mode="json")
    encoder, backbone = str(keys.get("encoder", "none")), str(keys.get("backbone", ""))
    if encoder == "none":
        return f"{backbone}, trained on labels"
    if encoder == "own":
        return f"own {backbone}, trained without labels"
    return f"random {backbone}, not trained" if encoder == "random" else encoder
