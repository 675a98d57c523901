"""The whole benchmark of one slide: what `cartopath benchmark` runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartopath.benchmark.advice import Advice, Facts, Missed, Network, advise
from cartopath.benchmark.peers import PEERS, Peer
from cartopath.benchmark.reading import measure_reading
from cartopath.benchmark.results import Absent, Measure, machine, write_results
from cartopath.benchmark.subject import Settings
from cartopath.core.cores import usable_cores
from cartopath.core.errors import SlideError
from cartopath.core.locations import as_path, is_remote
from cartopath.models import NetworkSpec

PAPER_NETWORKS = (NetworkSpec(backbone="resnet34", size_px=224), NetworkSpec(backbone="inception_v3", size_px=512))
"""Those of the papers, at their tile sizes."""


@dataclass(frozen=True)
class SlideBenchmark:
    """What was measured on a slide, and what follows from it.

    Attributes:
        path: The slide.
        settings: How it was measured.
        measures: The table.
        facts: What the advice was derived from.
        advice: What to do.
        machine: Processor, cores, versions.
    """

    path: Path
    settings: Settings
    measures: tuple[Measure | Absent, ...]
    facts: Facts
    advice: tuple[Advice, ...]
    machine: dict[str, Any]

    def write(self, out: Path) -> None:
        """Write all of it as JSON."""
        write_results(
            out,
            self.measures,
            machine=self.machine,
            slide=self.path.name,
            settings=dataclasses.asdict(self.settings),
            facts=dataclasses.asdict(self.facts),
            advice=[dataclasses.asdict(advice) for advice in self.advice],
        )


def benchmark_slide(
    path: Path,
    settings: Settings,
    *,
    networks: Sequence[NetworkSpec] = (),
    peers: Sequence[Peer] = PEERS,
    opened: Callable[[str, str], None] = lambda backend, reason: None,
    said: Callable[[str], None] = lambda what: None,
) -> SlideBenchmark:
    """Measure how fast a slide is read and, if asked, how well networks are fed from it, and derive advice.

    Args:
        path: The slide.
        settings: How to measure.
        networks: Each is measured in prediction and in training, which takes as long again as all reading, or longer.
        peers: Other libraries to compare with.
        opened: Called once with the name of the decoder and why it reads the slide, before anything is measured.
        said: Called with what is being measured.

    Raises:
        SlideError: The slide cannot be read, is not on this machine, holds no tile, or none that can be decoded.
    """
    path = as_path(path)
    if is_remote(path):
        raise SlideError(f"{path}: a benchmark compares readers of files, and most read no URL; copy the slide here")
    here = machine()  # first, so that the load is that of others
    reading = measure_reading(path, settings, peers=peers, opened=opened, said=said)
    measures: list[Measure | Absent] = [*reading.measures]
    fed: list[Network] = []
    for network in networks:
        from cartopath.benchmark.networks.feeding import measure_network  # torch and Lightning: only when asked for

        said(f"feeding {network.backbone}")
        rows, facts = measure_network(
            [path],
            network,
            mpp=settings.mpp,
            threads=settings.threads,
            n_tiles=settings.n_tiles,
            assume_mpp=settings.assume_mpp,
            seconds=settings.seconds,
            turn_seconds=min(5.0, settings.seconds / 8),
        )
        measures += rows
        fed.append(facts)
    found = Facts(
        path=path.name,
        threads=settings.threads,
        cores=usable_cores(),
        backend=reading.backend,
        reason=reading.reason,
        is_direct=reading.is_direct,
        stream_rate=reading.stream_rate,
        stream_rate_alone=reading.stream_rate_alone,
        threads_gain=reading.threads_gain,
        decode_rate=reading.decode_rate,
        disk_rate=reading.disk_rate,
        scaled_gain=reading.scaled_gain,
        n_tiles=reading.n_candidates,
        tile_bytes=settings.size_px**2 * 3,
        noise=reading.noise,
        n_read=reading.read.n_tiles,
        n_unreadable=reading.read.n_unreadable,
        missed=tuple(
            Missed(row.what, row.name, row.reference, row.ratio.median, row.goal)
            for row in reading.measures
            if isinstance(row, Measure) and row.goal is not None and not row.is_reached
        ),
        networks=tuple(fed),
    )
    return SlideBenchmark(path, settings, tuple(measures), found, tuple(advise(found)), here)
