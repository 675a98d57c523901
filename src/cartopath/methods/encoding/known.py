"""What methods need to know of the encoders of a study, whatever sort they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cartopath.methods.encoding.places import task_name
from cartopath.methods.encoding.registered import is_registered, read_registered
from cartopath.store.hashing import value_key
from cartopath.study.run import Study, completed_key
from cartopath.training.fingerprint import read_fingerprint_card

_KEY_DIGITS = 16


@dataclass(frozen=True)
class KnownEncoder:
    """An encoder of a study.

    Attributes:
        sha256: Of its weights.
        details: What decides the features besides them, as JSON values.
    """

    sha256: str
    details: dict[str, Any]

    @property
    def key(self) -> str:
        """Name of exactly this encoder: of its weights, and of what is done to tiles before them."""
        return value_key([self.sha256, self.details])[:_KEY_DIGITS]


def known_encoder(study: Study, index: int) -> KnownEncoder | None:
    """Return what is known of an encoder of the study; None where it could not be made."""
    if completed_key(study.layout, "pretrain", task_name(index)) is None:
        return None
    folder = study.layout.encoder(study.config.method.name, index)
    if is_registered(folder):
        registered = read_registered(folder)
        return KnownEncoder(registered.sha256, registered.to_dict())
    card = read_fingerprint_card(folder)
    return KnownEncoder(card.weights_sha256, card.spec.to_dict())
