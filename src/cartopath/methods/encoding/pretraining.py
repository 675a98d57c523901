"""The encoders of a study: trained on regions of its slides without labels, random, published, or somebody's bundle.

Each ends as a bundle in the study's folder of models, or as a card that names it, so that heads find it there, whatever it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cartopath.methods.encoding import registered
from cartopath.methods.encoding.copied import plan_copy
from cartopath.methods.encoding.own import plan_own
from cartopath.methods.encoding.places import encoder_files, task_name
from cartopath.methods.encoding.published import published_network
from cartopath.methods.encoding.registered import registered_name, require_tiles, weights_file
from cartopath.methods.encoding.settings import PUBLISHED, encoded, encoder_indices, encoder_name, encoder_spec
from cartopath.store.hashing import file_sha256
from cartopath.study.config import StudyConfig
from cartopath.study.run import Study, completed_key
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.fingerprint import FingerprintCard, read_fingerprint_card, write_fingerprint
from cartopath.training.fingerprint.bundle import CARD_NAME, WEIGHTS_NAME

VERSION = 1
UNTRAINED = ("nothing", "nothing else")
"""Pieces of the classifier of a network that never learned to tell any apart: it must have two."""


def plan_pretraining(study: Study) -> list[Task]:
    """Return one task per encoder.

    Raises:
        BundleError: The encoder is a bundle that cannot be used in this study.
    """
    encoder = encoded(study.config).encoder
    if encoder == "own":
        return [plan_own(study, index) for index in encoder_indices(study.config)]
    if encoder == "none":
        return []
    if (name := registered_name(study.config)) is not None:
        return [_plan_registered(study, name)]
    (study.layout.encoder(study.config.method.name, 0) / registered.CARD_NAME).unlink(missing_ok=True)  # Of an earlier encoder.
    if encoder == "random" or encoder.startswith(PUBLISHED):
        return [_plan_made(study)]
    return [plan_copy(study, study.path(Path(encoder)))]


def _plan_made(study: Study) -> Task:
    config = study.config
    spec = encoder_spec(config)
    key = task_key("pretrain", VERSION, network=spec.to_dict(), seed=None if spec.pretrained else config.seed)
    arguments = {"config": config, "folder": study.layout.encoder(study.config.method.name, 0), "key": key}
    return Task("pretrain", task_name(0), key, make_encoder, arguments, encoder_files(study, 0))


def make_encoder(*, config: StudyConfig, folder: Path, key: str) -> Result:
    """Write the bundle of a random encoder, or of one with published weights, which are downloaded.

    Raises:
        ConfigError: There is no such network, or its weights cannot be had.
    """
    from cartopath.models import weights_of
    from cartopath.models.fingerprint import build_fingerprint_network

    spec = encoder_spec(config)
    if spec.pretrained:
        spec, network = published_network(spec)
    else:
        network = build_fingerprint_network(spec, n_pieces=len(UNTRAINED), seed=config.seed)
    card = {"method": config.method.name, "study": config.name, "encoder": encoder_name(config), "key": key}
    write_fingerprint(folder, spec=spec, weights=weights_of(network), pieces=UNTRAINED, patients=("", ""), card=card, key=key)
    return {"n_features": spec.n_features}


def _plan_registered(study: Study, name: str) -> Task:
    require_tiles(study.config, name)
    folder, tiles = study.layout.encoder(study.config.method.name, 0), study.config.tiles
    arguments = {"name": name, "mpp": tiles.mpp, "folder": folder}
    weights = weights_file(study.config, study.root)
    of_file: dict[str, Any] = {}
    if weights is not None:  # Its place counts too: it stands in the card.
        of_file = {"weights": [file_sha256(weights), str(weights)], "size_px": tiles.size_px}
        arguments |= {"weights": weights, "size_px": tiles.size_px if name.startswith(PUBLISHED) else None}
    key = task_key("pretrain", VERSION, registered=name, mpp=tiles.mpp, **of_file)
    outputs = (folder / registered.CARD_NAME,)
    return Task("pretrain", task_name(0), key, refer_to_encoder, arguments | {"key": key}, outputs, is_local=True)


def refer_to_encoder(
    *, name: str, mpp: float, folder: Path, key: str, weights: Path | None = None, size_px: int | None = None
) -> Result:
    """Write which registered encoder the study uses; its weights are fetched where they are not there yet.

    Args:
        name: Of the encoder.
        mpp: Micrometres per pixel of the study's tiles.
        folder: Of the encoder.
        key: Of the task.
        weights: The file that holds them; None for the hub.
        size_px: Side of the study's tiles, for models of timm.

    Raises:
        BundleError: The weights cannot be had; the message says what to do.
    """
    for file in (CARD_NAME, WEIGHTS_NAME):  # Of an encoder that the study had before.
        if folder / file != weights:
            (folder / file).unlink(missing_ok=True)
    card = registered.write_registered(folder, name, mpp=mpp, key=key, weights=weights, size_px=size_px)
    return {"n_features": card.n_features, "licence": card.licence}


def encoder_card(study: Study, index: int) -> FingerprintCard | None:
    """Return what is known of an encoder of the study; None where it could not be made."""
    if completed_key(study.layout, "pretrain", task_name(index)) is None:
        return None
    return read_fingerprint_card(study.layout.encoder(study.config.method.name, index))
