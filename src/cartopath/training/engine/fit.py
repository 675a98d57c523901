"""Training a tile classifier with Lightning."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cartopath.core.errors import TrainingError
from cartopath.core.rng import seed_for
from cartopath.models import NetworkSpec, build_network
from cartopath.training.engine.classification import TileClassification
from cartopath.training.engine.data import TileData
from cartopath.training.engine.devices import resolve_hardware
from cartopath.training.engine.progress import Progress
from cartopath.training.engine.training import train_in_chunks
from cartopath.training.spec import TrainingSpec
from cartopath.training.tiles import Example
from cartopath.training.validation import class_weights
from cartopath.training.work_dir import WorkDir


def fit(
    train: Sequence[Example],
    validation: Sequence[Example],
    network: NetworkSpec,
    spec: TrainingSpec,
    *,
    work_dir: WorkDir,
    progress: Progress | None,
) -> None:
    """Train until the end, from the state in `work_dir` where there is one.

    Raises:
        TrainingError: The hardware is not there, the loss is no longer a number, or a spawned process failed.
        SlideError: A slide cannot be read.
    """
    hardware = resolve_hardware(spec)
    data = TileData(train, validation, spec)
    if data.order.smallest_batch < hardware.n_devices:
        raise TrainingError(
            f"batches of {data.order.smallest_batch} tiles cannot be shared by {hardware.n_devices} devices; use fewer devices"
        )
    module = TileClassification(
        build_network(network, seed=seed_for(spec.seed, "training", *spec.stream, "network")),
        spec,
        class_weights=class_weights(data.train_labels, balance=spec.balance),
        validation_labels=data.validation_labels,
        validation_slides=data.validation_slides,
        validation_index=data.validation_index,
    )
    # Batches arrive channels-last; convolutions are faster when the weights are too.
    module.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    train_in_chunks(module, data, spec, hardware, work_dir=work_dir, progress=progress)
