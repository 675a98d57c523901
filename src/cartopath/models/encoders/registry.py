"""The encoders that are known by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cartopath.core.errors import ConfigError, closest
from cartopath.models.encoders.card import EncoderCard
from cartopath.models.encoders.general import GENERAL
from cartopath.models.encoders.pathology import PATHOLOGY

ENCODERS: Mapping[str, EncoderCard] = MappingProxyType({card.name: card for card in (*GENERAL, *PATHOLOGY)})
"""By name: those of natural images first, then those of tissue."""


def find_encoder(name: str) -> EncoderCard:
    """Return an encoder by its name, whatever the case and the sort of dashes.

    Raises:
        ConfigError: There is none; the message names the closest.

    >>> find_encoder("UNI2_h").name, find_encoder("H-optimus-0").n_features
    ('uni2-h', 1536)
    """
    by_folded = {_folded(known): card for known, card in ENCODERS.items()}
    card = by_folded.get(_folded(name))
    if card is None:
        similar = ", ".join(closest(name, ENCODERS)) or ", ".join(ENCODERS)
        raise ConfigError(
            f"no encoder {name!r} (closest: {similar}); `cartopath embed --list` shows all. timm/NAME takes any model of timm"
        )
    return card


def _folded(name: str) -> str:
    return name.casefold().replace("_", "-").replace(" ", "-").replace(".", "").replace("-", "")
