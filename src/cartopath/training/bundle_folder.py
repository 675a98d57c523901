"""Folders with a trained network: its weights, and a card that names them; written last, the card makes the folder a bundle."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cartopath.core.errors import ArtifactError, BundleError, ConfigError
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.store.hashing import file_sha256
from cartopath.store.weights import read_arrays, write_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

WEIGHTS_NAME = "weights.safetensors"

Card = TypeVar("Card")
Network = TypeVar("Network", bound="nn.Module")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFolder:
    """A sort of bundle.

    Attributes:
        what: It is, for messages.
        card_name: File name of the card.
        kind: Of the card.
        version: Of the card's layout.
    """

    what: str
    card_name: str
    kind: str
    version: int = 1

    def write(self, folder: Path | str, weights: Mapping[str, NDArray[Any]], content: dict[str, Any], *, key: str) -> None:
        """Write a bundle; until the last file is complete the folder is no bundle.

        Args:
            folder: Made if need be; a bundle in it is replaced.
            weights: By name.
            content: Of the card, as JSON values; the sha256 of the weights is added to it.
            key: Of the task that made it.
        """
        folder = Path(folder)
        (folder / self.card_name).unlink(missing_ok=True)
        write_arrays(weights, folder / WEIGHTS_NAME)
        content = {**content, "weights_sha256": file_sha256(folder / WEIGHTS_NAME)}
        write_json(content, folder / self.card_name, Header(kind=self.kind, version=self.version, key=key))

    def read_card(self, folder: Path | str, card_of: Callable[[dict[str, Any]], Card]) -> Card:
        """Return what a card says, without reading weights or importing torch.

        Args:
            folder: Of the bundle.
            card_of: Makes it of the content of the file.

        Raises:
            BundleError: The folder is no bundle, or its card is damaged or newer than this program.
        """
        path = Path(folder) / self.card_name
        if not path.is_file():
            reason = "is not a folder" if not Path(folder).is_dir() else f"holds no {self.card_name}"
            raise BundleError(f"{folder}: no {self.what}: it {reason}; give the folder that training wrote")
        try:
            content = read_json(path, self.kind, version=self.version)
            if not isinstance(content["card"], dict) or not isinstance(content["weights_sha256"], str):
                raise BundleError(
                    f"{path}: damaged: 'card' must be an object and 'weights_sha256' a string; write the bundle again"
                )
            return card_of(content)
        except BundleError:
            raise
        except (ArtifactError, ConfigError) as error:
            raise BundleError(f"{path}: unusable ({error})") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"{path}: damaged: missing or misshapen {error}; write the bundle again") from error

    def read_weights(self, folder: Path | str, sha256: str) -> dict[str, NDArray[Any]]:
        """Return the weights, by name.

        Args:
            folder: Of the bundle.
            sha256: That its card names.

        Raises:
            BundleError: They are missing, damaged or of another bundle.
        """
        path = Path(folder) / WEIGHTS_NAME
        if not path.is_file():
            raise BundleError(f"{path}: missing, though {self.card_name} is there; copy the whole folder")
        found = file_sha256(path)
        if found != sha256:
            raise BundleError(
                f"{path}: its sha256 is {found[:12]}..., {self.card_name} names {sha256[:12]}...: damaged, or of another bundle; "
                f"copy the folder again"
            )
        with usable(folder):
            return read_arrays(path)

    def read_network(self, folder: Path | str, sha256: str, build: Callable[[], Network]) -> Network:
        """Return a network with the weights of a bundle, in evaluation mode.

        Args:
            folder: Of the bundle.
            sha256: That its card names.
            build: Makes the network, with whatever weights.

        Raises:
            BundleError: The weights are missing, damaged or of another bundle, or do not fit the network.
        """
        from cartopath.models import load_weights

        weights = self.read_weights(folder, sha256)
        with usable(folder):
            network = build()
            load_weights(network, weights, source=str(Path(folder) / WEIGHTS_NAME))
        return network.eval()


@contextlib.contextmanager
def usable(folder: Path | str) -> Generator[None, None, None]:
    """Say of which bundle it is that something cannot be used."""
    try:
        yield
    except (ArtifactError, ConfigError) as error:
        raise BundleError(f"{folder}: cannot be used here: {error}") from error
