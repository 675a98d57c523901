"""A trained head on disk, with the name of the encoder whose features it reads: `weights.safetensors` and `mil.json`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cartopath.core.errors import BundleError
from cartopath.models.mil.spec import MilSpec
from cartopath.training.bundle_folder import BundleFolder
from cartopath.training.mil.head import MilHead
from cartopath.training.mil.scaling import FeatureScaling

if TYPE_CHECKING:
    from numpy.typing import NDArray

CARD_NAME = "mil.json"
_FOLDER = BundleFolder(what="multiple-instance head", card_name=CARD_NAME, kind="mil_head")
_OWN = "head."


@dataclass(frozen=True, slots=True, kw_only=True)
class MilEncoder:
    """Which encoder a head reads.

    Attributes:
        name: For people: `own`, `random`, `timm/resnet50`, `uni`, a folder's name.
        sha256: Of its weights: the name of exactly this encoder; empty where features came without it.
        folder: Where its bundle lies, relative to the head's folder; empty where it is given by `name` alone.
        details: JSON values that its maker recorded, such as tile size and micrometres per pixel.
    """

    name: str
    sha256: str = ""
    folder: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class MilCard:
    """What is known of a trained head without reading its weights.

    Attributes:
        folder: Of the bundle.
        spec: What the head is; its `n_features` are those after scaling.
        n_features: Length of the features that its encoder gives.
        encoder: Which encoder gives them.
        card: Whatever its maker recorded: recipe, curve, trait, patients, versions.
        weights_sha256: Of the weights file: the name of exactly this head.
    """

    folder: Path
    spec: MilSpec
    n_features: int
    encoder: MilEncoder
    card: dict[str, Any]
    weights_sha256: str

    @property
    def encoder_dir(self) -> Path | None:
        """Where the encoder's bundle lies; None where it is given by its name alone."""
        return Path(os.path.normpath(self.folder / self.encoder.folder)) if self.encoder.folder else None


@dataclass(frozen=True, eq=False, kw_only=True)
class MilBundle:
    """A head ready to use, and what is known of it."""

    head: MilHead
    card: MilCard


def write_mil_bundle(folder: Path | str, *, head: MilHead, encoder: MilEncoder, card: Mapping[str, Any], key: str = "") -> None:
    """Write a bundle; until the last file is complete the folder is no bundle.

    Args:
        folder: Made if need be; a bundle in it is replaced.
        head: As `Outcome.head`.
        encoder: Whose features it reads.
        card: JSON values that travel with the head.
        key: Of the task that made it.
    """
    arrays: dict[str, NDArray[Any]] = {_OWN + name: some for name, some in head.weights.items()}
    arrays |= {"features.mean": head.scaling.mean, "features.factor": head.scaling.factor}
    arrays |= {"target.mean": head.target_mean, "target.sd": head.target_sd}
    if head.scaling.components is not None:
        arrays["features.components"] = head.scaling.components
    described = {"spec": head.spec.to_dict(), "n_features": len(head.scaling.mean), "encoder": asdict(encoder)}
    _FOLDER.write(folder, arrays, {"card": dict(card), **described}, key=key)


def read_mil_card(folder: Path | str) -> MilCard:
    """Read what is known of a bundle, without its weights and without torch.

    Raises:
        BundleError: The folder is no bundle, or its card is damaged or newer than this program.
    """

    def card_of(content: dict[str, Any]) -> MilCard:
        return MilCard(
            folder=Path(folder),
            spec=MilSpec.from_dict(content["spec"]),
            n_features=int(content["n_features"]),
            encoder=MilEncoder(**content["encoder"]),
            card=content["card"],
            weights_sha256=content["weights_sha256"],
        )

    return _FOLDER.read_card(folder, card_of)


def read_mil_bundle(folder: Path | str) -> MilBundle:
    """Read a bundle, checking that its weights are those its card was written with.

    Raises:
        BundleError: The folder is no bundle, or a file is missing, damaged, of another bundle or newer than this program.
    """
    card = read_mil_card(folder)
    arrays = _FOLDER.read_weights(folder, card.weights_sha256)
    _check_arrays(arrays, card)
    scaling = FeatureScaling(arrays["features.mean"], arrays["features.factor"], arrays.get("features.components"))
    head = MilHead(
        spec=card.spec,
        weights={name.removeprefix(_OWN): some for name, some in arrays.items() if name.startswith(_OWN)},
        scaling=scaling,
        target_mean=arrays["target.mean"],
        target_sd=arrays["target.sd"],
    )
    return MilBundle(head=head, card=card)


def _check_arrays(arrays: Mapping[str, NDArray[Any]], card: MilCard) -> None:
    """Check that arrays are those of the head that a card describes."""
    from cartopath.models.mil import parameter_shapes

    expected: dict[str, tuple[int, ...]] = {_OWN + name: shape for name, shape in parameter_shapes(card.spec).items()}
    expected |= {"features.mean": (card.n_features,), "features.factor": (card.n_features,)}
    expected |= {"target.mean": (card.spec.n_outputs,), "target.sd": (card.spec.n_outputs,)}
    if "features.components" in arrays or card.spec.n_features != card.n_features:
        expected["features.components"] = (card.n_features, card.spec.n_features)
    found = {name: np.shape(some) for name, some in arrays.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        name = wrong[0]
        raise BundleError(
            f"{card.folder}: its weights are not those of the head in {CARD_NAME}: {name} is {found.get(name, 'missing')}, "
            f"should be {expected.get(name, 'absent')}; copy the folder again"
        )
