"""What a check can say of a study of fingerprints before any slide is cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cartopath.cohort import Finding
from cartopath.core.errors import CartopathError
from cartopath.methods.encoding.check import encoder_findings
from cartopath.methods.encoding.settings import is_direct
from cartopath.methods.fingerprints.settings import direct_spec, fingerprints
from cartopath.methods.tile_classifier.check import unusable_network
from cartopath.study.config import StudyConfig


def fingerprint_findings(config: StudyConfig, root: Path) -> Iterator[Finding]:
    """Yield an error where the encoder, or the model of tissue types, is not there or cannot take the tiles of a study.

    Args:
        config: The study file.
        root: Its folder.
    """
    if is_direct(config):
        yield from _backbone_findings(config)
    else:
        yield from encoder_findings(config, root)
    model = fingerprints(config).tissue_model
    if model is not None:
        yield from _tissue_findings(root / model.expanduser())


def _backbone_findings(config: StudyConfig) -> Iterator[Finding]:
    try:
        yield from unusable_network(direct_spec(config))
    except CartopathError as error:
        yield Finding("error", "network-unusable", "method.encoder", str(error))


def _tissue_findings(folder: Path) -> Iterator[Finding]:
    """Yield an error where the model of tissue types cannot be read."""
    from cartopath.methods.tissue_types.model import read_tissue_card

    try:
        read_tissue_card(folder)
    except CartopathError as error:
        yield Finding("error", "tissue-model-unusable", "method.tissue_model", str(error))
