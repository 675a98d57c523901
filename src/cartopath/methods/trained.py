"""Trained networks as they are applied to slides: what each must be given, and that it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartopath.core.errors import BundleError, closest
from cartopath.methods.attention.apply import is_attention, read_intact_attention
from cartopath.methods.ensemble import read_ensemble
from cartopath.methods.fingerprints.apply import is_head, read_intact_head
from cartopath.slides import StainStatistics
from cartopath.store.hashing import file_sha256, value_key
from cartopath.study.config import TilesConfig
from cartopath.training import read_card
from cartopath.training.bundle import WEIGHTS_NAME

_SIGNS = {
    "study.yaml": "a study that has trained none yet",
    "fingerprint.json": "an encoder, or a model of tissue types, which scores no trait",
    "registered.json": "an encoder, which scores no trait",
    "cyclegan.json": "a network between two styles, which scores no trait",
}
_MOST_NAMED = 4


@dataclass(frozen=True)
class TrainedTrait:
    """The networks of one trait and what they must be given.

    Attributes:
        trait: Its name.
        folder: Where its ensemble lies.
        key: Changes when its networks do.
        tiles: How slides are to be cut.
        stain: Stain of the training slides.
        mpp: Resolutions of the training slides, um per pixel.
        patients: Patients who trained or validated any of the voting networks.
        method: The recipe that trained them.
        by_heads: Whether they are receptor heads, which read the fingerprints of an encoder.
        by_attention: Whether they are attention heads, which read the features of an encoder.
    """

    trait: str
    folder: Path
    key: str
    tiles: TilesConfig
    stain: tuple[StainStatistics, ...]
    mpp: tuple[float, ...]
    patients: frozenset[str]
    method: str = "tile_classifier"
    by_heads: bool = False
    by_attention: bool = False


def read_trained(model: Path) -> list[TrainedTrait]:
    """Return the trained traits at a folder: one trait's ensemble, or several side by side.

    Raises:
        BundleError: There are none, they cut slides differently, or something of them is missing or damaged.
    """
    folders = [model] if (model / "ensemble.json").is_file() else sorted(file.parent for file in model.glob("*/ensemble.json"))
    if not folders:
        wanted = "models/<method> of a study, or one trait's folder in it"
        raise BundleError(f"{model}: no trained networks: {_found_instead(model)}; expected {wanted}")
    traits = [_read_trait(folder) for folder in folders]
    for trait in traits[1:]:
        if trait.tiles != traits[0].tiles:
            raise BundleError(f"{model}: {traits[0].trait} and {trait.trait} need different tiles; apply them one by one")
    return traits


def _read_trait(folder: Path) -> TrainedTrait:
    ensemble = read_ensemble(folder)
    cards = [read_intact_card(folder / f"round_{round_}") for round_ in ensemble["voting"]]
    stain = {value_key(item): item for card in cards for item in card["stain"] if item}
    return TrainedTrait(
        trait=str(ensemble["trait"]),
        folder=folder.resolve(),
        key=value_key([ensemble, [card["key"] for card in cards]]),
        tiles=TilesConfig.model_validate(cards[0]["tiles"]),
        stain=tuple(StainStatistics(**item) for item in stain.values()),
        mpp=tuple(sorted({mpp for card in cards for mpp in card["resolution"]})),
        patients=frozenset(patient for card in cards for group in card["patients"].values() for patient in group),
        method=str(cards[0]["method"]),
        by_heads=is_head(folder / f"round_{ensemble['voting'][0]}"),
        by_attention=is_attention(folder / f"round_{ensemble['voting'][0]}"),
    )


def read_intact_card(bundle: Path) -> dict[str, Any]:
    """Return a network's card; a slide must not be opened for networks that turn out to be damaged."""
    if is_head(bundle):
        return read_intact_head(bundle)
    if is_attention(bundle):
        return read_intact_attention(bundle)
    _, card, sha256 = read_card(bundle)
    weights = bundle / WEIGHTS_NAME
    if not weights.is_file() or file_sha256(weights) != sha256:
        raise BundleError(f"{weights}: missing, damaged, or of another network; copy the whole folder of the model again")
    return card


def _found_instead(path: Path) -> str:
    """Return in words what lies where trained networks were looked for."""
    if path.is_file():
        return "it is a file, and networks are a folder"
    if not path.is_dir():
        near = closest(path.name, [other.name for other in path.parent.iterdir()], n=1) if path.parent.is_dir() else []
        return f"there is no such folder{f'; beside it lies {near[0]}' if near else ''}"
    if (path.parent / "ensemble.json").is_file():
        return f"it is one round of them; give {path.parent} or {path.parent.parent}"
    for within in (path / "models", path):
        methods = sorted({file.parent.parent for file in within.glob("*/*/ensemble.json")})
        if methods:
            return f"it is a folder of {', '.join(folder.name for folder in methods)}; give {methods[0]}"
    for name, sign in _SIGNS.items():
        if (path / name).is_file():
            return f"it is {sign}"
    names = sorted(other.name for other in path.iterdir())
    return f"the folder holds {', '.join(names[:_MOST_NAMED]) or 'nothing'}{', ...' if len(names) > _MOST_NAMED else ''}"
