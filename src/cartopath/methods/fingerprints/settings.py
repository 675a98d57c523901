"""From the study file's words for fingerprints to those of heads and their training."""

from __future__ import annotations

from cartopath.core.errors import ConfigError
from cartopath.models import NetworkSpec
from cartopath.study.config import FingerprintsConfig, StudyConfig
from cartopath.training.heads import HeadTraining

METHOD = "fingerprints"


def fingerprints(config: StudyConfig) -> FingerprintsConfig:
    """Return the `method:` of a study of fingerprints.

    Raises:
        ConfigError: The study asks for another method.
    """
    if not isinstance(config.method, FingerprintsConfig):
        raise ConfigError(f"method.name: expected {METHOD!r}, found {config.method.name!r}")
    return config.method


def head_spec(config: StudyConfig, trait: str, round_: int) -> HeadTraining:
    """Return how a head is trained."""
    asked = fingerprints(config).head
    return HeadTraining(
        n_hidden=asked.hidden,
        lr=asked.learning_rate,
        weight_decay=asked.weight_decay,
        bags_per_step=asked.patients_per_step,
        tiles_per_bag=asked.tiles_per_patient,
        max_epochs=asked.max_epochs,
        patience=asked.stop_patience,
        balance=asked.balance,
        seed=config.seed,
        stream=("training", trait, round_),
    )


def direct_spec(config: StudyConfig) -> NetworkSpec:
    """Return the network that learns a trait itself where there is no encoder."""
    return NetworkSpec(backbone=fingerprints(config).backbone, pool="avg", size_px=config.tiles.size_px)
