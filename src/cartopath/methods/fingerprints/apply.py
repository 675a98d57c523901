"""Heads on new slides: their encoder is read from beside them, and each slide goes through an encoder once for all traits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import BundleError
from cartopath.methods.encoding.embedding import tile_features
from cartopath.methods.ensemble import read_ensemble
from cartopath.methods.fingerprints.prediction import score_features
from cartopath.store.hashing import file_sha256
from cartopath.training import SlideTiles
from cartopath.training.fingerprint import read_fingerprint_card
from cartopath.training.heads import HeadCard, read_head_card
from cartopath.training.heads.bundle import CARD_NAME, WEIGHTS_NAME


def is_head(bundle: Path) -> bool:
    """Whether a folder holds a head rather than a network that sees tiles itself."""
    return (bundle / CARD_NAME).is_file()


def read_intact_head(bundle: Path) -> dict[str, Any]:
    """Return what the maker of a head recorded, once neither it nor its encoder is damaged.

    Raises:
        BundleError: One is, or the encoder is missing or another than the head learned from.
    """
    card = read_head_card(bundle)
    _require(bundle / WEIGHTS_NAME, card.weights_sha256)
    encoder = _encoder_folder(card)
    found = read_fingerprint_card(encoder)
    if found.weights_sha256 != card.encoder.sha256:
        raise BundleError(
            f"{encoder}: another encoder than the one {bundle} learned from; copy the whole folder of the study's models again"
        )
    _require(encoder / WEIGHTS_NAME, found.weights_sha256)
    return card.card


def _require(weights: Path, sha256: str) -> None:
    if not weights.is_file() or file_sha256(weights) != sha256:
        raise BundleError(f"{weights}: missing, damaged, or of another network; copy the whole folder of the model again")


def _encoder_folder(card: HeadCard) -> Path:
    """Return where the encoder of a head lies.

    Raises:
        BundleError: It is not there.
    """
    folder = card.encoder_dir
    if folder is None or not folder.is_dir():
        raise BundleError(
            f"{card.folder}: its encoder {card.encoder.name!r} is not there ({folder}); copy the study's whole folder of models, "
            "in which encoders lie beside the traits"
        )
    return folder


def score_by_heads(
    table: pd.DataFrame,
    source: SlideTiles,
    folders: Sequence[Path],
    *,
    only_voting: bool = True,
    batch_size: int | None,
    device: str,
) -> list[pd.DataFrame]:
    """Return the tile scores of a slide for each trait, by every round or by those that vote.

    Args:
        table: Tiles of the slide: col, row, x_px0, y_px0.
        source: The same tiles, readable.
        folders: Ensemble folder of each trait.
        only_voting: Leave out the rounds that do not vote.
        batch_size: Tiles per step; None for as many as memory likes.
        device: `auto`, `cpu` or `cuda:i`.
    """
    features: dict[Path, NDArray[Any]] = {}
    found = []
    for folder in folders:
        encoders = {
            r: _encoder_folder(read_head_card(folder / f"round_{r}"))
            for r in read_ensemble(folder)["voting" if only_voting else "rounds"]
        }
        for encoder in set(encoders.values()) - set(features):
            options: dict[str, Any] = {"batch_size": batch_size, "device": device, "precision": "auto", "threads": 1}
            features[encoder] = tile_features(encoder, source, **options)[0]
        found.append(score_features(table, {r: features[encoder] for r, encoder in encoders.items()}, folder))
    return found
