"""What a check can say of the encoder before any slide is cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cartopath.cohort import Finding
from cartopath.core.errors import CartopathError
from cartopath.methods.encoding.pretraining import require_encoder
from cartopath.methods.encoding.published import full_spec
from cartopath.methods.encoding.settings import PUBLISHED, encoder_spec
from cartopath.methods.fingerprints.settings import direct_spec, fingerprints
from cartopath.methods.tile_classifier.check import unusable_network
from cartopath.study.config import StudyConfig


def encoder_findings(config: StudyConfig, root: Path) -> Iterator[Finding]:
    """Yield an error where the encoder of a study is not there or cannot take its tiles.

    Args:
        config: The study file.
        root: Its folder.
    """
    method = fingerprints(config)
    try:
        if method.encoder == "none":
            yield from unusable_network(direct_spec(config))
        elif method.encoder in ("own", "random") or method.encoder.startswith(PUBLISHED):
            full_spec(encoder_spec(config))
        else:
            require_encoder(config, root / Path(method.encoder).expanduser())
        if method.tissue_model is not None:
            yield from _tissue_findings(root / method.tissue_model.expanduser())
    except CartopathError as error:
        where = "method.encoder" if method.encoder not in ("own", "random") else "method.backbone"
        yield Finding("error", "network-unusable", where, str(error))


def _tissue_findings(folder: Path) -> Iterator[Finding]:
    """Yield an error where the model of tissue types cannot be read."""
    from cartopath.methods.tissue_types.model import read_tissue_card

    try:
        read_tissue_card(folder)
    except CartopathError as error:
        yield Finding("error", "tissue-model-unusable", "method.tissue_model", str(error))
