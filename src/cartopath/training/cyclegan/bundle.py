"""A trained CycleGAN on disk: `a_to_b.safetensors`, `b_to_a.safetensors`, and `cyclegan.json`, which is written last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError, BundleError, ConfigError
from cartopath.models.cyclegan.spec import GeneratorSpec
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.store.hashing import file_sha256
from cartopath.store.weights import read_arrays, write_arrays

KIND = "cyclegan"
VERSION = 1
CARD_NAME = "cyclegan.json"
DIRECTIONS = ("a_to_b", "b_to_a")


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleGanCard:
    """What a bundle says of itself.

    Attributes:
        generator: Sizes of both generators.
        names: Of the two styles, the first one's first.
        sha256: Of the two files of weights, by direction.
        key: Of the training.
        card: Whatever its maker recorded, such as the recipe and the curve of losses.
    """

    generator: GeneratorSpec
    names: tuple[str, str]
    sha256: dict[str, str]
    key: str
    card: dict[str, Any]


def write_generators(
    folder: Path | str,
    weights: Mapping[str, Mapping[str, NDArray[Any]]],
    *,
    generator: GeneratorSpec,
    names: tuple[str, str],
    card: Mapping[str, Any],
    key: str = "",
) -> None:
    """Write a bundle; until the last file is complete the folder is none.

    Args:
        folder: Made if need be; a bundle in it is replaced.
        weights: By direction (`DIRECTIONS`), by name. Weights of the authors' program have the names that are used here.
        generator: What the weights are for.
        names: Of the two styles.
        card: JSON values that travel with the networks.
        key: Of the training that made them.
    """
    folder = Path(folder)
    (folder / CARD_NAME).unlink(missing_ok=True)
    for direction in DIRECTIONS:
        write_arrays(weights[direction], _weights_path(folder, direction))
    content = {
        "generator": generator.to_dict(),
        "names": list(names),
        "sha256": {direction: file_sha256(_weights_path(folder, direction)) for direction in DIRECTIONS},
        "key": key,
        "card": dict(card),
    }
    write_json(content, folder / CARD_NAME, Header(kind=KIND, version=VERSION, key=key))


def read_cyclegan_card(folder: Path | str) -> CycleGanCard:
    """Return what a bundle says of itself, without reading weights or importing torch.

    Raises:
        BundleError: The folder holds no bundle, or a damaged or newer one.
    """
    path = Path(folder) / CARD_NAME
    if not path.is_file():
        raise BundleError(f"{folder}: no trained CycleGAN: it holds no {CARD_NAME}; give the folder that the training wrote")
    try:
        content = read_json(path, KIND, version=VERSION)
        first, second = content["names"]
        sha256 = {direction: str(content["sha256"][direction]) for direction in DIRECTIONS}
        generator = GeneratorSpec.from_dict(content["generator"])
        return CycleGanCard(
            generator=generator, names=(first, second), sha256=sha256, key=content["key"], card=dict(content["card"])
        )
    except (ArtifactError, ConfigError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{path}: unusable ({error}); train again, or give another folder") from error


def read_generator_weights(folder: Path | str, direction: str) -> dict[str, NDArray[Any]]:
    """Return the weights of one generator.

    Raises:
        BundleError: There is no such direction, or the file is not the one that the card names.
        ArtifactError: The file is missing or damaged.
    """
    card = read_cyclegan_card(folder)
    if direction not in DIRECTIONS:
        raise BundleError(f"{folder}: no direction {direction!r}; there are {DIRECTIONS[0]!r} and {DIRECTIONS[1]!r}")
    path = _weights_path(Path(folder), direction)
    arrays = read_arrays(path)
    if file_sha256(path) != card.sha256[direction]:
        raise BundleError(f"{path}: not the weights that {CARD_NAME} names (sha256 differs); copy the whole folder again")
    return arrays


def _weights_path(folder: Path, direction: str) -> Path:
    return folder / f"{direction}.safetensors"
