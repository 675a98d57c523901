"""Registered encoders (`cartopath embed --list`) in a study: they stay where they are, and a card says which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartopath.core.errors import BundleError, ConfigError
from cartopath.models.encoders import ENCODERS, find_encoder
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.study.config import AttentionConfig, StudyConfig
from cartopath.training.encoding import LoadedEncoder, load_encoder

CARD_NAME = "registered.json"
_KIND = "registered_encoder"


@dataclass(frozen=True)
class RegisteredCard:
    """Which registered encoder a study uses.

    Attributes:
        name: In the registry.
        sha256: Of its weights, as they were when the study asked for it first.
        n_features: Length of the features of a tile.
        size_px: Side of its tiles in pixels.
        mpp: Micrometres per pixel of the study's tiles.
        licence: Of the weights.
    """

    name: str
    sha256: str
    n_features: int
    size_px: int
    mpp: float
    licence: str

    def to_dict(self) -> dict[str, Any]:
        """Return what decides the features, besides the weights, as JSON values."""
        return {"registered": self.name, "n_features": self.n_features, "size_px": self.size_px, "mpp": self.mpp}


def registered_name(config: StudyConfig) -> str | None:
    """Return the registered encoder that a study of attention asks for; None where it asks for another sort."""
    method = config.method
    return method.encoder if isinstance(method, AttentionConfig) and method.encoder in ENCODERS else None


def require_tiles(config: StudyConfig, name: str) -> None:
    """Check that a registered encoder takes the tiles of a study.

    Raises:
        ConfigError: It takes another size.
    """
    card = find_encoder(name)
    if card.size_px != config.tiles.size_px:
        raise ConfigError(
            f"method.encoder: {name} takes tiles of {card.size_px} px at {card.mpp:g} um/px, the study has "
            f"{config.tiles.size_px} px at {config.tiles.mpp:g}; set tiles.size_px and tiles.mpp to the encoder's"
        )


def is_registered(folder: Path) -> bool:
    """Whether the folder of an encoder holds the card of a registered one."""
    return (folder / CARD_NAME).is_file()


def write_registered(folder: Path, name: str, *, mpp: float, key: str) -> RegisteredCard:
    """Fetch the weights of a registered encoder where they are not there yet, and write its card.

    Raises:
        BundleError: The weights cannot be had; the message says what to do.
    """
    known = load_encoder(name, mpp=mpp).card
    card = RegisteredCard(name, known.sha256, known.n_features, known.size_px, known.mpp, known.licence)
    write_json(vars(card), folder / CARD_NAME, Header(kind=_KIND, key=key))
    return card


def read_registered(folder: Path) -> RegisteredCard:
    """Return which registered encoder a folder stands for.

    Raises:
        ArtifactError: Its card is damaged.
    """
    content = read_json(folder / CARD_NAME, _KIND)
    return RegisteredCard(**{name: content[name] for name in RegisteredCard.__dataclass_fields__})


def load_registered(folder: Path) -> LoadedEncoder:
    """Return the encoder that a folder stands for, with its weights from this machine.

    Raises:
        BundleError: They are not here, or are others than the study learned from.
    """
    card = read_registered(folder)
    loaded = load_encoder(card.name, offline=True, mpp=card.mpp)
    if loaded.card.sha256 != card.sha256:
        raise BundleError(
            f"{folder}: the weights of {card.name} on this machine are {loaded.card.sha256[:12]}, the study learned from "
            f"{card.sha256[:12]}; fetch those, or run the study again"
        )
    return loaded
