"""The encoder that lies beside trained heads: that it is there, is the one they learned from, and what it makes of a slide."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cartopath.core.errors import BundleError
from cartopath.methods.encoding.registered import is_registered, read_registered, registered_file
from cartopath.methods.encoding.tile_features import tile_features
from cartopath.store.hashing import file_sha256
from cartopath.training import SlideTiles
from cartopath.training.bundle_folder import WEIGHTS_NAME
from cartopath.training.fingerprint import read_fingerprint_card


def require_weights(bundle: Path, sha256: str) -> None:
    """Check the weights of a bundle.

    Raises:
        BundleError: They are missing, damaged, or of another bundle.
    """
    weights = bundle / WEIGHTS_NAME
    if not weights.is_file() or file_sha256(weights) != sha256:
        raise BundleError(f"{weights}: missing, damaged, or of another network; copy the whole folder of the model again")


def encoder_beside(head: Path, folder: Path | None, *, name: str) -> Path:
    """Return where the encoder of a head lies.

    Args:
        head: Folder of the head.
        folder: Of its encoder, as its card says.
        name: Of its encoder.

    Raises:
        BundleError: It is not there.
    """
    if folder is None or not folder.is_dir():
        raise BundleError(
            f"{head}: its encoder {name!r} is not there ({folder}); copy the study's whole folder of models, in which encoders "
            "lie beside the traits"
        )
    return folder


def require_encoder_beside(head: Path, folder: Path | None, *, name: str, sha256: str) -> None:
    """Check that the encoder of a head is there, undamaged, and the one that it learned from.

    Raises:
        BundleError: It is not, or its weights lie in a file that is no longer there.
    """
    encoder = encoder_beside(head, folder, name=name)
    registered = is_registered(encoder)
    found = read_registered(encoder).sha256 if registered else read_fingerprint_card(encoder).weights_sha256
    if found != sha256:
        raise BundleError(
            f"{encoder}: another encoder than the one {head} learned from; copy the whole folder of the study's models again"
        )
    if registered:
        registered_file(encoder)  # What it holds is checked when it is loaded.
    else:
        require_weights(encoder, found)


def pretrained_by(encoder: Path) -> list[str]:
    """Return the patients whose tissue an encoder learned from, in order; nobody of a study for a registered one."""
    return [] if is_registered(encoder) else sorted(set(read_fingerprint_card(encoder).patients))


class SlideFeatures:
    """The features of a slide's tiles by several encoders, each of which sees the slide once.

    Args:
        source: The tiles.
        batch_size: Tiles per step; None for as many as memory likes.
        device: `auto`, `cpu` or `cuda:i`.
    """

    def __init__(self, source: SlideTiles, *, batch_size: int | None, device: str) -> None:
        self._source = source
        self._options: dict[str, Any] = {"batch_size": batch_size, "device": device, "precision": "auto", "threads": 1}
        self._found: dict[Path, NDArray[Any]] = {}

    def by(self, encoders: Iterable[Path]) -> dict[Path, NDArray[Any]]:
        """Return (n_tiles, n_features) by the folder of each encoder."""
        wanted = set(encoders)
        for encoder in wanted - set(self._found):
            self._found[encoder] = tile_features(encoder, self._source, **self._options)[0]
        return {encoder: self._found[encoder] for encoder in wanted}
