"""Scores of tiles from a trained head, from -1 (negative) to +1 (positive)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError, TrainingError
from cartopath.models import load_weights
from cartopath.models.fingerprint.receptor_head import ReceptorHead
from cartopath.training.inference import torch_threads

_TILES_AT_ONCE = 4096


def head_of(weights: Mapping[str, NDArray[Any]], *, source: str = "weights") -> ReceptorHead:
    """Return the head with these weights, in evaluation mode.

    Args:
        weights: By name, as `HeadOutcome.weights`.
        source: Where they came from, for messages.

    Raises:
        ArtifactError: They are not those of a receptor head.
    """
    first = weights.get("layers.0.weight")
    if first is None or first.ndim != 2:
        raise ArtifactError(f"{source}: no weights of a receptor head: 'layers.0.weight' is missing or no matrix")
    head = ReceptorHead(first.shape[1], n_hidden=first.shape[0])
    load_weights(head, weights, source=source)
    return head.eval()


def head_scores(head: ReceptorHead, features: NDArray[Any]) -> NDArray[np.float32]:
    """Return the score of each tile; a patient's score is their mean.

    The number of threads of torch changes nothing.

    Args:
        head: What `head_of` or `read_head_bundle` returned.
        features: (n_tiles, n_features) of any floating-point type, as they come from the head's encoder.

    Returns:
        (n_tiles,) float32 in -1..1.

    Raises:
        TrainingError: Features have another length than the head's encoder gives.
    """
    if features.ndim != 2 or features.shape[1] != head.n_features:
        raise TrainingError(
            f"the head takes (n, {head.n_features}) features. Got {features.shape}; use the encoder it was made for."
        )
    scores = np.empty(len(features), np.float32)
    with torch.inference_mode(), torch_threads(1):
        for first in range(0, len(features), _TILES_AT_ONCE):
            some = np.ascontiguousarray(features[first : first + _TILES_AT_ONCE], np.float32)
            scores[first : first + len(some)] = head(torch.from_numpy(some)).numpy()
    return scores
