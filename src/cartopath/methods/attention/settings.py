"""From the study file's words for attention to those of heads and their training."""

from __future__ import annotations

from cartopath.core.errors import ConfigError
from cartopath.models.mil import MilSpec
from cartopath.study.config import AttentionConfig, StudyConfig
from cartopath.training.mil import MilTraining

METHOD = "attention"


def attention(config: StudyConfig) -> AttentionConfig:
    """Return the `method:` of a study of attention.

    Raises:
        ConfigError: The study asks for another method.
    """
    if not isinstance(config.method, AttentionConfig):
        raise ConfigError(f"method.name: expected {METHOD!r}, found {config.method.name!r}")
    return config.method


def mil_spec(config: StudyConfig, *, n_features: int, target: str, n_outputs: int = 1) -> MilSpec:
    """Return what a head is.

    Args:
        config: The study file.
        n_features: Length of the features of its encoder.
        target: `regression` or `classification`.
        n_outputs: Traits of one head.
    """
    asked = attention(config)
    return MilSpec(
        head=asked.head,
        n_features=n_features,
        n_outputs=n_outputs,
        target=target,
        n_hidden=asked.hidden,
        n_attention=asked.attention_units,
        dropout=asked.dropout,
    )


def mil_training(config: StudyConfig) -> MilTraining:
    """Return how heads are trained."""
    asked = attention(config).training
    return MilTraining(
        optimizer=asked.optimizer,
        lr=asked.learning_rate,
        momentum=asked.momentum,
        nesterov=asked.momentum > 0,
        weight_decay=asked.weight_decay,
        loss=asked.loss,
        balance=asked.balance,
        max_epochs=asked.max_epochs,
        patience=asked.stop_patience,
        bags_per_step=asked.patients_per_step,
        tiles_per_bag=asked.tiles_per_patient,
        validation_tiles=asked.validation_tiles,
        components=asked.components,
        feature_noise=asked.feature_noise,
        seed=config.seed,
    )
