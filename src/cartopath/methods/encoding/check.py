"""What a check can say of the encoder before any slide is cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cartopath.cohort import Finding
from cartopath.core.errors import BundleError, CartopathError
from cartopath.methods.encoding.copied import require_encoder
from cartopath.methods.encoding.published import full_spec
from cartopath.methods.encoding.registered import registered_name, require_tiles, weights_file
from cartopath.methods.encoding.settings import PUBLISHED, encoded, encoder_spec
from cartopath.models.encoders import find_encoder
from cartopath.study.config import StudyConfig


def encoder_findings(config: StudyConfig, root: Path) -> Iterator[Finding]:
    """Yield an error where the encoder of a study is not there, cannot take its tiles, lacks its weights, or is named twice.

    Args:
        config: The study file.
        root: Its folder.
    """
    where = "method.backbone" if encoded(config).encoder in ("own", "random") else "method.encoder"
    yield from _second_network(config)
    is_sound = True
    for key, require in ((where, _require_network), ("method.weights", weights_file)):
        try:
            require(config, root)
        except CartopathError as error:
            is_sound = False
            yield Finding("error", "network-unusable", key, str(error).removeprefix(f"{key}: "))
    if is_sound:
        yield from _weights_to_fetch(config, root)


def _second_network(config: StudyConfig) -> Iterator[Finding]:
    """Yield an error where a study names a backbone beside an encoder that is a network of its own, which would go unused."""
    method = encoded(config)
    named, encoder = "backbone" in method.model_fields_set, method.encoder
    if named and encoder not in ("own", "random", "none") and encoder.removeprefix(PUBLISHED) != method.backbone:
        message = (
            f"{method.backbone} would go unused: the encoder {encoder!r} is a network already; leave out backbone, or set "
            "method.encoder to own or random, which are made from it"
        )
        yield Finding("error", "setting-without-effect", "method.backbone", message)


def _weights_to_fetch(config: StudyConfig, root: Path) -> Iterator[Finding]:
    """Yield a warning where a registered encoder's weights are not in the hub's cache, so that `run` would have to fetch them."""
    from cartopath.training.encoding.hub import fetch_weights

    name = registered_name(config)
    if name is None or weights_file(config, root) is not None:
        return
    card = find_encoder(name)
    try:
        fetch_weights(card, offline=True)
    except BundleError:
        terms = f" and a token of someone who accepted its terms ({card.url})" if card.gated else ""
        message = (
            f"the weights of {name} are not in the hub's cache: `run` fetches them, which takes a network{terms}; or name a file "
            "that you have as method.weights"
        )
        yield Finding("warning", "weights-not-cached", "method.encoder", message)


def _require_network(config: StudyConfig, root: Path) -> None:
    encoder = encoded(config).encoder
    if (name := registered_name(config)) is not None:
        require_tiles(config, name)
    elif encoder in ("own", "random") or encoder.startswith(PUBLISHED):
        full_spec(encoder_spec(config))
    else:
        require_encoder(config, root / Path(encoder).expanduser())
