"""Heads on new slides: their encoder is read from beside them, and each slide goes through an encoder once for all traits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.methods.encoding.beside import SlideFeatures, encoder_beside, require_encoder_beside, require_weights
from cartopath.methods.ensemble import read_ensemble
from cartopath.methods.fingerprints.prediction import score_features
from cartopath.training.heads import read_head_card
from cartopath.training.heads.bundle import CARD_NAME


def is_head(bundle: Path) -> bool:
    """Whether a folder holds a head rather than a network that sees tiles itself."""
    return (bundle / CARD_NAME).is_file()


def read_intact_head(bundle: Path) -> dict[str, Any]:
    """Return what the maker of a head recorded, once neither it nor its encoder is damaged.

    Raises:
        BundleError: One is, or the encoder is missing or another than the head learned from.
    """
    card = read_head_card(bundle)
    require_weights(bundle, card.weights_sha256)
    require_encoder_beside(bundle, card.encoder_dir, name=card.encoder.name, sha256=card.encoder.sha256)
    return card.card


def head_encoder(bundle: Path) -> Path:
    """Return where the encoder of a head lies.

    Raises:
        BundleError: It is not there.
    """
    card = read_head_card(bundle)
    return encoder_beside(bundle, card.encoder_dir, name=card.encoder.name)


def score_by_heads(
    table: pd.DataFrame, features: SlideFeatures, folders: Sequence[Path], *, only_voting: bool = True
) -> list[pd.DataFrame]:
    """Return the tile scores of a slide for each trait, by every round or by those that vote.

    Args:
        table: Tiles of the slide: col, row, x_px0, y_px0.
        features: Of the same tiles.
        folders: Ensemble folder of each trait.
        only_voting: Leave out the rounds that do not vote.
    """
    found = []
    for folder in folders:
        rounds: list[int] = read_ensemble(folder)["voting" if only_voting else "rounds"]
        encoders = {r: head_encoder(folder / f"round_{r}") for r in rounds}
        own = features.by(encoders.values())
        found.append(score_features(table, {r: own[encoder] for r, encoder in encoders.items()}, folder))
    return found
