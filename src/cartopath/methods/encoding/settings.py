"""From the study file's words for encoders to those of networks and their training."""

from __future__ import annotations

from pathlib import Path

from cartopath.core.errors import ConfigError
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.study.config import EncodedConfig, StudyConfig
from cartopath.training.fingerprint import AugmentationSpec, FingerprintTraining

PUBLISHED = "timm/"


def encoded(config: StudyConfig) -> EncodedConfig:
    """Return the `method:` of a study whose tiles go through an encoder.

    Raises:
        ConfigError: The study asks for a method that learns from pixels.
    """
    if not isinstance(config.method, EncodedConfig):
        raise ConfigError(f"method.name: expected a method with an encoder, found {config.method.name!r}")
    return config.method


def is_direct(config: StudyConfig) -> bool:
    """Whether the backbone itself learns the traits, without an encoder before it: the control arm of fingerprints (F53)."""
    return encoded(config).encoder == "none"


def encoder_name(config: StudyConfig) -> str:
    """Return what people call the encoder: the word of the study file, of a bundle the name of its folder."""
    encoder = encoded(config).encoder
    return encoder if encoder in ("own", "random", "none") or encoder.startswith(PUBLISHED) else Path(encoder).name


def encoder_indices(config: StudyConfig) -> list[int]:
    """Return the numbers of the encoders: one per distinct test set where they learn from this cohort, otherwise one in all."""
    if is_direct(config):
        return []
    return list(range(config.splits.rounds)) if _has_one_per_fold(config) else [0]


def encoder_of(config: StudyConfig, round_: int) -> int:
    """Return which encoder a round's heads learn from."""
    return round_ if _has_one_per_fold(config) else 0


def _has_one_per_fold(config: StudyConfig) -> bool:
    return encoded(config).encoder == "own" and config.splits.scheme == "folds"


def encoder_spec(config: StudyConfig) -> FingerprintSpec:
    """Return the network of an own or random encoder; of a published one all but the length of its fingerprint."""
    method = encoded(config)
    published = method.encoder.startswith(PUBLISHED)
    return FingerprintSpec(
        backbone=method.encoder.removeprefix(PUBLISHED) if published else method.backbone,
        n_features=method.n_features,
        size_px=config.tiles.size_px,
        mpp=config.tiles.mpp,
        colour=method.colour,
        pretrained=published,
        input_range="imagenet" if published else "0..1",
    )


def pretraining_spec(config: StudyConfig, index: int, *, devices: list[int] | None) -> FingerprintTraining:
    """Return how an own encoder is trained."""
    asked = encoded(config).pretraining
    return FingerprintTraining(
        pairing="style" if asked.style == "stain" else "none",
        style_name=f"stain {asked.stain_gain:g} {asked.stain_shift:g}" if asked.style == "stain" else "",
        gamma=asked.gamma,
        augmentation=AugmentationSpec(
            rotation=asked.rotation,
            flips=asked.flips,
            brightness=asked.brightness,
            contrast=asked.contrast,
            saturation=asked.saturation,
            hue=asked.hue,
            grey=asked.grey,
        ),
        min_tissue=asked.min_tissue,
        tiles_per_piece=asked.tiles_per_region,
        validation_tiles_per_piece=asked.validation_tiles_per_region,
        lr=asked.learning_rate,
        schedule=asked.schedule,
        batch_size=asked.batch_size,
        max_chunks=asked.max_chunks,
        plateau_patience=asked.plateau_patience,
        plateau_factor=asked.plateau_factor,
        stop_patience=asked.stop_patience,
        seed=config.seed,
        stream=("pretraining", index),
        precision=config.training.precision,
        threads=config.training.threads,
        accelerator="gpu" if devices else config.compute.accelerator,
        devices=tuple(devices) if devices else 1,
    )
