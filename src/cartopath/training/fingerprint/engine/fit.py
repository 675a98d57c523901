"""Training a fingerprint network with Lightning."""

from __future__ import annotations

from collections.abc import Sequence

from cartopath.core.rng import seed_for
from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network
from cartopath.training.engine.devices import resolve_hardware
from cartopath.training.engine.progress import Progress
from cartopath.training.engine.training import train_in_chunks
from cartopath.training.fingerprint.engine.data import FingerprintData
from cartopath.training.fingerprint.engine.module import Fingerprinting
from cartopath.training.fingerprint.pieces import Piece
from cartopath.training.fingerprint.places import Places
from cartopath.training.fingerprint.reading import Style
from cartopath.training.fingerprint.spec import FingerprintTraining
from cartopath.training.work_dir import WorkDir


def fit(
    pieces: Sequence[Piece],
    places: Places,
    network: FingerprintSpec,
    spec: FingerprintTraining,
    *,
    style: Style | None,
    work_dir: WorkDir,
    progress: Progress | None,
) -> None:
    """Train until the end, from the state in `work_dir` where there is one.

    Raises:
        TrainingError: The hardware is not there, the loss is no longer a number, or a spawned process failed.
        SlideError: A slide cannot be read.
    """
    run = spec.execution()
    hardware = resolve_hardware(run)
    data = FingerprintData(pieces, places, network, spec, style)
    seed = seed_for(spec.seed, "fingerprint network", *spec.stream)
    module = Fingerprinting(
        build_fingerprint_network(network, n_pieces=len(pieces), seed=seed),
        spec,
        size_px=network.size_px,
        n_batches=data.n_batches,
        n_validation=len(data.watched),
    )
    train_in_chunks(module, data, run, hardware, work_dir=work_dir, progress=progress)
