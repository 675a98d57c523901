"""The models of a study as they stand: what they are by the sha256 of their weights, who trained them, and that they stay so."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartopath.core.errors import ArtifactError, BundleError
from cartopath.methods.attention.apply import attention_encoder, is_attention
from cartopath.methods.encoding.beside import pretrained_by
from cartopath.methods.ensemble import read_ensemble
from cartopath.methods.fingerprints.apply import head_encoder, is_head
from cartopath.methods.trained import TrainedTrait, read_intact_card, read_trained
from cartopath.store.hashing import file_sha256
from cartopath.study.config import MethodConfig
from cartopath.study.run import Study
from cartopath.study.stages.cohort import included_records
from cartopath.study.study_file import read_config


@dataclass(frozen=True, eq=False)
class FrozenModels:
    """Every trained model of a study.

    Attributes:
        study: The study, as it ran last.
        folder: Where its models lie.
        traits: What they tell, and how slides are cut for them.
        rounds: Rounds or folds of each trait; all of them, not only those that vote.
        voting: Those that make up each trait's ensemble.
        trained: What each patient trained, in words, by patient.
        weights: sha256 of every file of weights, by its path below `folder`.
    """

    study: Study
    folder: Path
    traits: list[TrainedTrait]
    rounds: dict[str, list[int]]
    voting: dict[str, list[int]]
    trained: dict[str, list[str]]
    weights: dict[str, str]

    @property
    def method(self) -> MethodConfig:
        """The recipe."""
        return self.study.config.method

    @property
    def trait_names(self) -> list[str]:
        """Names of the traits, in the order of the study file."""
        return [trait.trait for trait in self.traits]


def read_frozen(path: Path) -> FrozenModels:
    """Read what is known of a study's models, and make sure that none is damaged.

    Raises:
        ArtifactError: The study has not run.
        BundleError: It has no trained models, or one is missing or damaged.
    """
    study = Study.read(path)
    if not study.layout.lock.is_file():
        raise ArtifactError(f"{study.root}: this study has not run; `cartopath run` it first")
    study = Study(read_config(study.layout.lock), study.root)
    folder = study.root / "models" / study.config.method.name
    order = {name: i for i, name in enumerate(study.config.trait_names)}
    traits = [trait for trait in read_trained(folder) if trait.trait in order]
    if not traits:
        raise BundleError(f"{folder}: holds models of none of the traits {', '.join(order)}; `cartopath run` the study")
    traits.sort(key=lambda trait: order[trait.trait])
    trained: dict[str, list[str]] = defaultdict(list)
    rounds, voting = {}, {}
    for trait in traits:
        ensemble = read_ensemble(trait.folder)
        rounds[trait.trait], voting[trait.trait] = list(ensemble["rounds"]), sorted(ensemble["voting"])
        for patient, what in _trained_by(trait.folder, rounds[trait.trait]):
            if what not in trained[patient]:
                trained[patient].append(what)
    return FrozenModels(study, folder, traits, rounds, voting, dict(trained), weights_of(folder))


def _trained_by(folder: Path, rounds: list[int]) -> list[tuple[str, str]]:
    """Return who trained or validated a trait's models, or pretrained their encoder, each with what they did."""
    found = []
    for round_ in rounds:
        bundle = folder / f"round_{round_}"
        card: dict[str, Any] = read_intact_card(bundle)
        found += [(str(p), f"{_WORDS[name]} {card['trait']}") for name, group in card["patients"].items() for p in group]
        encoder = head_encoder(bundle) if is_head(bundle) else attention_encoder(bundle) if is_attention(bundle) else None
        if encoder is not None:
            found += [(patient, "pretrained the encoder") for patient in pretrained_by(encoder)]
    return found


_WORDS = {"train": "trained", "validation": "validated"}


def weights_of(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of weights below a folder, by its relative path."""
    return {file.relative_to(folder).as_posix(): file_sha256(file) for file in sorted(folder.rglob("*.safetensors"))}


def require_unchanged(models: FrozenModels, after: dict[str, str]) -> None:
    """Make sure that the models are what they were.

    Args:
        models: As they were read.
        after: `weights_of` their folder now.

    Raises:
        BundleError: One has changed, gone or come.
    """
    changed = sorted(name for name in models.weights.keys() | after.keys() if models.weights.get(name) != after.get(name))
    if changed:
        raise BundleError(
            f"{models.folder / changed[0]}: changed while it was being applied ({len(changed)} such files), so this is no "
            "validation of a frozen model; let no other run write there, and start again with another --out"
        )


def known_slides(models: FrozenModels) -> dict[str, tuple[str, str]]:
    """Return the slides of the study's own cohort, by the key of their content: name and patient. Empty where it is not there."""
    if not models.study.layout.slides.is_file():
        return {}
    return {record.identity: (record.slide_id, record.patient_id) for record in included_records(models.study)}
