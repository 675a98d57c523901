"""What a check can say of the network before any slide is cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from cartopath.cohort import Finding
from cartopath.core.errors import CartopathError
from cartopath.methods.tile_classifier.training import network_spec
from cartopath.models import NetworkSpec
from cartopath.study.config import StudyConfig


def network_findings(config: StudyConfig) -> Iterator[Finding]:
    """Yield an error where the network of a study cannot be built, or cannot take tiles of the study's size."""
    yield from unusable_network(network_spec(config))


def unusable_network(spec: NetworkSpec) -> Iterator[Finding]:
    """Yield an error where a network cannot be built, or cannot take tiles of its size."""
    import torch

    from cartopath.models import build_network, flushed_denormals

    spec = dataclasses.replace(spec, pretrained=False)  # What is to be downloaded later has the same shape.
    tiles = torch.zeros((1, 3, spec.size_px, spec.size_px), dtype=torch.uint8)
    try:
        with flushed_denormals(), torch.inference_mode():
            build_network(spec).eval()(tiles)
    except CartopathError as error:
        yield Finding("error", "network-unusable", "method.backbone", str(error))
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        message = f"{spec.backbone} cannot take tiles of {spec.size_px} px ({reason}); raise tiles.size_px or change the backbone"
        yield Finding("error", "network-unusable", "method.backbone", message)
