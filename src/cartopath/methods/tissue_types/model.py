"""A trained model of tissue types as a folder: a fingerprint network whose classifier tells types apart instead of pieces.

So the folder is a fingerprint bundle too, and what its network saw, whose slides they were and how well it did travel with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartopath.core.errors import BundleError
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.training.fingerprint.bundle import FingerprintCard, read_fingerprint, read_fingerprint_card, write_fingerprint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cartopath.models.fingerprint import FingerprintNetwork

_CARD = "tissue_types"


@dataclass(frozen=True, eq=False)
class TissueModel:
    """A model ready to use.

    Attributes:
        network: In evaluation mode, on the CPU.
        spec: What it is.
        types: What it tells apart, in the order of its outputs.
        sha256: Of its weights: the name of exactly this model.
    """

    network: FingerprintNetwork
    spec: FingerprintSpec
    types: tuple[str, ...]
    sha256: str


def write_tissue_model(
    folder: Path,
    *,
    spec: FingerprintSpec,
    weights: Mapping[str, NDArray[np.generic]],
    types: tuple[str, ...],
    card: dict[str, Any],
) -> None:
    """Write a model.

    Args:
        folder: Made if need be.
        spec: What the weights are for.
        weights: By name, the classifier's among them.
        types: In the order of the classifier's outputs.
        card: JSON values that travel with it.
    """
    write_fingerprint(folder, spec=spec, weights=weights, pieces=types, patients=[""] * len(types), card={_CARD: card})


def read_tissue_card(folder: Path) -> tuple[FingerprintCard, dict[str, Any]]:
    """Return what is known of a model without its weights, and what its maker recorded.

    Raises:
        BundleError: It is no model of tissue types, or damaged.
    """
    card = read_fingerprint_card(folder)
    if _CARD not in card.card:
        raise BundleError(f"{folder}: a fingerprint network, but no model of tissue types; train one: cartopath tissue train")
    return card, dict(card.card[_CARD])


def read_tissue_model(folder: Path) -> TissueModel:
    """Return a model, checking that its weights are its own.

    Raises:
        BundleError: It is no model of tissue types, or damaged.
    """
    card, _ = read_tissue_card(folder)
    bundle = read_fingerprint(folder)
    return TissueModel(bundle.network, card.spec, card.pieces, card.weights_sha256)
