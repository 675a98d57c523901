"""What a check can say of the encoder before any slide is cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cartopath.cohort import Finding
from cartopath.core.errors import CartopathError
from cartopath.methods.encoding.copied import require_encoder
from cartopath.methods.encoding.published import full_spec
from cartopath.methods.encoding.registered import registered_name, require_tiles, weights_file
from cartopath.methods.encoding.settings import PUBLISHED, encoded, encoder_spec
from cartopath.study.config import StudyConfig


def encoder_findings(config: StudyConfig, root: Path) -> Iterator[Finding]:
    """Yield an error where the encoder of a study is not there, cannot take its tiles, or lacks its weights.

    Args:
        config: The study file.
        root: Its folder.
    """
    where = "method.backbone" if encoded(config).encoder in ("own", "random") else "method.encoder"
    for key, require in ((where, _require_network), ("method.weights", weights_file)):
        try:
            require(config, root)
        except CartopathError as error:
            yield Finding("error", "network-unusable", key, str(error))


def _require_network(config: StudyConfig, root: Path) -> None:
    encoder = encoded(config).encoder
    if (name := registered_name(config)) is not None:
        require_tiles(config, name)
    elif encoder in ("own", "random") or encoder.startswith(PUBLISHED):
        full_spec(encoder_spec(config))
    else:
        require_encoder(config, root / Path(encoder).expanduser())
