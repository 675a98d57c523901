"""How well reading keeps up with one network, in prediction and in training, as lines of the table and as facts for advice."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from cartopath.benchmark.advice import ENOUGH, Network
from cartopath.benchmark.networks.fitting import measure_training
from cartopath.benchmark.networks.prediction import MEMORY, SLIDE, TURN_SECONDS, NetworkJob, measure_prediction
from cartopath.benchmark.probe import in_time
from cartopath.benchmark.race import race
from cartopath.benchmark.readers import Job, stream
from cartopath.benchmark.results import Measure, measure
from cartopath.benchmark.sample import Sample, scaled_sample
from cartopath.models import NetworkSpec
from cartopath.slides import open_slide
from cartopath.training import Example, SlideTiles, TrainingSpec

_CPU_PIXELS = 1 << 20


def measure_network(
    slides: Sequence[Path],
    network: NetworkSpec,
    *,
    mpp: float,
    threads: int,
    n_tiles: int = 1024,
    assume_mpp: float | None = None,
    device: str = "auto",
    seconds: float = 60.0,
    turn_seconds: float = TURN_SECONDS,
) -> tuple[list[Measure], Network]:
    """Measure prediction on the first slide and training on all, in half of the time each.

    Args:
        slides: At least one.
        network: What is fed; its weights are random.
        mpp: Micrometres per pixel of its tiles.
        threads: Of torch on the CPU.
        n_tiles: At most so many tiles of each slide.
        assume_mpp: Micrometres per level-0 pixel of slides that do not say.
        device: `auto`, `cpu` or `cuda:i`.
        seconds: About how long it may take, though each turn is made three times at least.
        turn_seconds: About how long one turn takes.

    Raises:
        SlideError: A slide cannot be read, or is smaller than a tile.
    """
    found = [_sample(path, network.size_px, mpp, n_tiles, assume_mpp) for path in slides]
    tiles = [
        _tiles(path, sample, assume_mpp, str(number)) for number, (path, sample) in enumerate(zip(slides, found, strict=True))
    ]
    job = NetworkJob(network, tiles[0], threads, device, turn_seconds)
    name = f"{network.backbone} at {network.size_px} px"
    key = f"{network.backbone}_{network.size_px}"
    alone = in_time(Job(slides[0], found[0], 1, assume_mpp), lambda few: [stream(few)], seconds=seconds / 8)
    read = race([stream(alone)], seconds=0.0).rate("stream")
    predicted = measure_prediction(job, seconds=seconds / 2)
    trained = measure_training(
        job, _examples(tiles), batch_size=_train_batch(network.size_px, is_gpu=job.where.type != "cpu"), seconds=seconds / 2
    )
    rows = [
        measure(predicted, f"prediction_{key}", f"prediction, {name}", SLIDE, MEMORY, goal=ENOUGH, note=str(job.where)),
        measure(trained, f"training_{key}", f"training steps, {name}", SLIDE, MEMORY, goal=ENOUGH, note=str(job.where)),
    ]
    facts = Network(
        name=name,
        device="the GPU" if job.where.type != "cpu" else f"{threads} CPU threads",
        predict_rate=predicted.rate(MEMORY),
        train_rate=trained.rate(MEMORY),
        predict_share=rows[0].ratio.median,
        train_share=rows[1].ratio.median,
        read_rate=read,
    )
    return rows, facts


def _sample(path: Path, size_px: int, mpp: float, n_tiles: int, assume_mpp: float | None) -> Sample:
    with open_slide(path, assume_mpp=assume_mpp) as slide:
        return scaled_sample(slide, size_px, mpp, n_tiles=n_tiles)


def _tiles(path: Path, sample: Sample, assume_mpp: float | None, name: str) -> SlideTiles:
    return SlideTiles(
        slide_id=name,
        patient_id=name,
        path=path,
        xy_px0=sample.xy_px0,
        window_px0=sample.window_px0,
        size_px=sample.size_px,
        assume_mpp=assume_mpp,
    )


def _examples(tiles: Sequence[SlideTiles]) -> list[Example]:
    """Return labelled slides: alternately negative and positive; of a single slide each half of the tiles is one."""
    if len(tiles) == 1:
        half = -(-tiles[0].n_tiles // 2)
        parts = (tiles[0].xy_px0[:half], tiles[0].xy_px0[half:])
        tiles = [
            dataclasses.replace(tiles[0], slide_id=str(number), xy_px0=part) for number, part in enumerate(parts) if len(part)
        ]
    return [Example(slide, number % 2) for number, slide in enumerate(tiles)]


def _train_batch(size_px: int, *, is_gpu: bool) -> int:
    """Return tiles per training step: as many as the recipe has on a GPU, one megapixel on a CPU, where a step takes seconds.

    >>> _train_batch(512, is_gpu=False), _train_batch(224, is_gpu=False), _train_batch(512, is_gpu=True)
    (4, 20, 32)
    """
    largest = TrainingSpec().batch_size
    return largest if is_gpu else max(2, min(largest, _CPU_PIXELS // size_px**2))
