"""Registered encoders (`cartopath embed --list`) in a study: they stay where they are, and a card says which one it is.

Their weights come from the hub's cache, or from a file that the study names (`method.weights`). A file is looked for where it
was, and beside the card, where whoever moves the models can put it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartopath.core.errors import BundleError, ConfigError
from cartopath.methods.encoding.settings import PUBLISHED
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
        weights: The file that they came from, "" where that was the hub.
    """

    name: str
    sha256: str
    n_features: int
    size_px: int
    mpp: float
    licence: str
    weights: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what decides the features, besides the weights, as JSON values."""
        return {"registered": self.name, "n_features": self.n_features, "size_px": self.size_px, "mpp": self.mpp}


def registered_name(config: StudyConfig) -> str | None:
    """Return the encoder that a study of attention refers to and does not hold; None where it asks for another sort.

    It is one of the registry, or a model of timm whose weights are in a file of the user.
    """
    method = config.method
    if not isinstance(method, AttentionConfig):
        return None
    is_own_file = method.weights is not None and method.encoder.startswith(PUBLISHED)
    return method.encoder if method.encoder in ENCODERS or is_own_file else None


def require_tiles(config: StudyConfig, name: str) -> None:
    """Check that a registered encoder takes the tiles of a study.

    Raises:
        ConfigError: It takes another size.
    """
    if name.startswith(PUBLISHED):  # Built for the study's tiles.
        return
    card = find_encoder(name)
    if card.size_px != config.tiles.size_px:
        raise ConfigError(
            f"method.encoder: {name} takes tiles of {card.size_px} px at {card.mpp:g} um/px, the study has "
            f"{config.tiles.size_px} px at {config.tiles.mpp:g}; set tiles.size_px and tiles.mpp to the encoder's"
        )


def weights_file(config: StudyConfig, root: Path) -> Path | None:
    """Return the file that a study takes the weights of its encoder from; None where it names none and needs none.

    Args:
        config: The study file.
        root: Its folder.

    Raises:
        ConfigError: The file is not there, the encoder takes none, or its weights can be had in no other way.
    """
    method, name = config.method, registered_name(config)
    if not isinstance(method, AttentionConfig):
        return None
    if method.weights is None:
        if name is not None and not find_encoder(name).repository:
            raise ConfigError(
                f"method.weights: the weights of {name} are on no hub; get them from their makers "
                f"({find_encoder(name).reference}) and name their file here"
            )
        return None
    if name is None:
        raise ConfigError(
            f"method.weights: the encoder {method.encoder!r} takes no file of weights; name one of `cartopath embed --list` or "
            f"{PUBLISHED}NAME as method.encoder, or leave out weights"
        )
    path = root / method.weights.expanduser()
    if not path.is_file():
        raise ConfigError(f"method.weights: no file {path}; name the file with the weights of {name} that you have")
    return path


def is_registered(folder: Path) -> bool:
    """Whether the folder of an encoder holds the card of a registered one."""
    return (folder / CARD_NAME).is_file()


def write_registered(
    folder: Path, name: str, *, mpp: float, key: str, weights: Path | None = None, size_px: int | None = None
) -> RegisteredCard:
    """Fetch the weights of a registered encoder where they are not there yet, and write its card.

    Args:
        folder: For the card.
        name: As `registered_name` gives it.
        mpp: Micrometres per pixel of the study's tiles.
        key: Of the task.
        weights: The file that holds them; None for the hub.
        size_px: Side of the study's tiles, for models of timm.

    Raises:
        BundleError: The weights cannot be had; the message says what to do.
    """
    try:
        known = load_encoder(name, weights=weights, size_px=size_px, mpp=mpp).card
    except BundleError as error:
        if weights is None:
            raise BundleError(f"{error}; in a study, that file is method.weights") from error
        raise
    source = "" if weights is None else str(weights)
    card = RegisteredCard(name, known.sha256, known.n_features, known.size_px, known.mpp, known.licence, source)
    write_json(vars(card), folder / CARD_NAME, Header(kind=_KIND, key=key))
    return card


def read_registered(folder: Path) -> RegisteredCard:
    """Return which registered encoder a folder stands for.

    Raises:
        ArtifactError: Its card is damaged.
    """
    content = read_json(folder / CARD_NAME, _KIND)
    return RegisteredCard(**{name: content[name] for name in RegisteredCard.__dataclass_fields__ if name in content})


def registered_file(folder: Path) -> Path | None:
    """Return the file that holds the weights of a registered encoder; None where they are in the hub's cache.

    Raises:
        BundleError: The file is no longer there.
    """
    card = read_registered(folder)
    if not card.weights:
        return None
    known = Path(card.weights)
    for path in (folder / known.name, known):
        if path.is_file():
            return path
    raise BundleError(
        f"{folder}: the weights of {card.name} are not at {known} any more; put the file back, or copy it into {folder} under "
        f"the name {known.name} (sha256 {card.sha256[:12]})"
    )


def load_registered(folder: Path) -> LoadedEncoder:
    """Return the encoder that a folder stands for, with its weights from this machine.

    Raises:
        BundleError: They are not here, or are others than the study learned from.
    """
    card, weights = read_registered(folder), registered_file(folder)
    size_px = card.size_px if card.name.startswith(PUBLISHED) else None
    loaded = load_encoder(card.name, weights=weights, offline=True, size_px=size_px, mpp=card.mpp)
    if loaded.card.sha256 != card.sha256:
        raise BundleError(
            f"{folder}: the weights of {card.name} {weights or 'on this machine'} are {loaded.card.sha256[:12]}, the study "
            f"learned from {card.sha256[:12]}; fetch those, or run the study again"
        )
    return loaded
