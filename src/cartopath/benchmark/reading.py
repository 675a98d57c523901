"""How fast the tiles of one slide are read: the stream against the bare decoder, OpenSlide and other libraries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cartopath.benchmark.library import jpeg_tables, library_decoder
from cartopath.benchmark.peers import PEERS, Peer, contender, note, trouble
from cartopath.benchmark.probe import FEWEST_TILES, Readable, in_time, readable, with_tiles
from cartopath.benchmark.race import Contender, Race, race
from cartopath.benchmark.readers import (
    Job,
    bare_decoder,
    can_forget,
    cold_disk,
    openslide_resized,
    single_threaded,
    stream,
)
from cartopath.benchmark.results import Absent, Measure, measure
from cartopath.benchmark.subject import Settings, Subject, choose_subject
from cartopath.core.errors import SlideError

OF_THE_DECODER = 0.8
AHEAD = 1.0
_STREAM, _BARE, _RESIZED = "stream", "bare decoder", "OpenSlide + resize"
_LIBRARY, _ALONE, _LANCZOS = "simplejpeg", "1 thread", "lanczos"
_ON, _OFF = "level 0 on grid", "level 0 off grid"
_SHARES = {"look": 0.05, "grid": 0.15, "peers": 0.3, "study": 0.3}
"""Of the time: looking at the tiles of level 0 and at those of a study takes two looks, the grid of frames two races."""


@dataclass(frozen=True)
class ReadingResult:
    """How a slide is read.

    Attributes:
        measures: The table.
        backend: Name of the decoder.
        reason: Why this decoder reads it.
        is_direct: Whether its frames are decoded directly.
        stream_rate: Tiles of the study per second, all threads.
        stream_rate_alone: The same with one thread.
        threads_gain: How many times as fast as one thread all of them are.
        decode_rate: What the bare decoder would give; None where it cannot be asked.
        disk_rate: Tiles whose bytes a cold disk gives per second; None where it cannot be measured.
        scaled_gain: Speed of fast scaling over decoding everything; None where no frame is decoded smaller.
        n_candidates: Tiles with tissue on the slide.
        noise: The widest spread of a ratio between rounds.
        read: How many tiles were read first, and how many of them cannot be decoded.
    """

    measures: list[Measure | Absent] = field(default_factory=list)
    backend: str = ""
    reason: str = ""
    is_direct: bool = False
    stream_rate: float = 0.0
    stream_rate_alone: float = 0.0
    threads_gain: float = 1.0
    decode_rate: float | None = None
    disk_rate: float | None = None
    scaled_gain: float | None = None
    n_candidates: int = 0
    noise: float = 0.0
    read: Readable = field(default_factory=lambda: Readable(0, 0))


def measure_reading(
    path: Path,
    settings: Settings,
    *,
    peers: Sequence[Peer] = PEERS,
    opened: Callable[[str, str], None] = lambda backend, reason: None,
    said: Callable[[str], None] = lambda what: None,
) -> ReadingResult:
    """Measure how fast a slide is read.

    Args:
        path: The slide.
        settings: How to measure.
        peers: Other libraries to compare with; those that are not installed are said to be absent.
        opened: Called once with the name of the decoder and why it reads the slide, before anything is measured.
        said: Called with what is being measured.

    Raises:
        SlideError: The slide cannot be read, holds no tile, or none that can be decoded.
    """
    subject = choose_subject(path, settings)
    opened(subject.backend, subject.reason)
    said("whether tiles can be decoded")
    look = settings.seconds * _SHARES["look"]
    read = readable(subject.on, seconds=look) + readable(subject.scaled, seconds=look)
    if read.n_unreadable == read.n_tiles:
        raise SlideError(
            f"{path}: none of the {read.n_tiles:,} tiles that were read can be decoded; run cartopath check on its folder"
        )
    if read.n_unreadable:
        subject = replace(subject, has_goal=False, has_study_goal=False)
    has_frames = subject.size is not None
    rows: list[Measure | Absent] = []
    said("tiles on the grid of frames")
    rows += _against_decoder(subject, subject.on, "on", settings)
    said("tiles off the grid of frames")
    rows += _against_decoder(subject, subject.off, "off", settings)
    said("other libraries")
    rows += _against_peers(subject, peers, settings)
    said("tiles of a study")
    result, study_rows, job = _study_tiles(subject, settings)
    rows += study_rows
    return ReadingResult(
        rows,
        subject.backend,
        subject.reason,
        has_frames,
        stream_rate=result.rate(_STREAM),
        stream_rate_alone=result.rate(_ALONE if settings.threads > 1 else _STREAM),
        threads_gain=result.ratio(_STREAM, _ALONE).median if settings.threads > 1 else 1.0,
        decode_rate=result.rate(_BARE) if has_frames else None,
        disk_rate=_disk_rate(job) if has_frames else None,
        scaled_gain=result.ratio(_STREAM, _LANCZOS).median if subject.shrink > 1 else None,
        n_candidates=subject.scaled.sample.n_candidates,
        noise=max((row.ratio.spread for row in rows if isinstance(row, Measure)), default=0.0),
        read=read,
    )


def _against_decoder(subject: Subject, job: Job, grid: str, settings: Settings) -> list[Measure | Absent]:
    """Return the lines of the bare decoder."""
    key, what = f"decoder_{grid}_grid", _ON if grid == "on" else _OFF
    if subject.size is None:
        return [Absent(f"stream_of_{key}", what, "this decoder does not give out compressed frames")]
    tables = jpeg_tables(job.path, subject.size)

    def contenders(job: Job) -> list[Contender]:
        alone = [] if tables is None else [library_decoder(job, tables, _LIBRARY)]
        return [stream(job, _STREAM), bare_decoder(job, _BARE), *alone]

    seconds = settings.seconds * _SHARES["grid"]
    found = race(contenders(in_time(job, contenders, seconds=seconds)), seconds=seconds)
    goal = OF_THE_DECODER if subject.has_goal else None
    rows: list[Measure | Absent] = [measure(found, f"stream_of_{key}", what, _STREAM, _BARE, goal=goal)]
    if tables is not None:
        rows.append(measure(found, key, what, _BARE, _LIBRARY))
    return rows


def _against_peers(subject: Subject, peers: Sequence[Peer], settings: Settings) -> list[Measure | Absent]:
    """Return a line per library, all of one race."""
    reasons: dict[str, str | None] = {peer.name: peer.why_not() for peer in peers}

    def able(job: Job) -> list[Peer]:
        for peer in peers:
            reasons[peer.name] = reasons[peer.name] or trouble(contender(peer, job))
        return [peer for peer in peers if reasons[peer.name] is None]

    def contenders(job: Job) -> list[Contender]:
        return [stream(job, _STREAM), *(contender(peer, job) for peer in peers if reasons[peer.name] is None)]

    rows: dict[str, Measure | Absent] = {}
    if able(with_tiles(subject.off, FEWEST_TILES)):
        seconds = settings.seconds * _SHARES["peers"]
        job = in_time(subject.off, contenders, seconds=seconds)
        running = able(job)
        found = race(contenders(job), seconds=seconds if running else 0.0)
        for peer in running:
            goal = settings.over_openslide if peer.module == "openslide" else AHEAD
            key, said = f"stream_over_{peer.module}", note(peer, job)
            rows[peer.name] = measure(found, key, _OFF, _STREAM, peer.name, goal=goal if subject.has_goal else None, note=said)
    for peer in peers:
        reason = reasons[peer.name]
        if reason is not None:
            rows[peer.name] = Absent(f"stream_over_{peer.module}", peer.name, reason)
    return [rows[peer.name] for peer in peers]


def _study_tiles(subject: Subject, settings: Settings) -> tuple[Race, list[Measure | Absent], Job]:
    """Measure the tiles of a study, at its um per pixel, in every way that the advice needs; return also what was read."""
    reason = trouble(openslide_resized(with_tiles(subject.scaled, FEWEST_TILES)))
    is_shrunk, has_frames = subject.shrink > 1, subject.size is not None

    def contenders(job: Job) -> list[Contender]:
        ways = [stream(job, _STREAM)]
        ways += [stream(single_threaded(job), _ALONE)] if settings.threads > 1 else []
        ways += [openslide_resized(job, _RESIZED)] if reason is None else []
        ways += [bare_decoder(job, _BARE)] if has_frames else []
        ways += [stream(replace(job, scaling="lanczos"), _LANCZOS)] if is_shrunk else []
        return ways

    seconds = settings.seconds * _SHARES["study"]
    job = in_time(subject.scaled, contenders, seconds=seconds)
    reason = reason or trouble(openslide_resized(job))
    found = race(contenders(job), seconds=seconds)
    what = f"{settings.mpp:g} um/px" + (f" at 1/{subject.shrink}" if is_shrunk else "")
    rows: list[Measure | Absent] = []
    if reason is None:
        goal = settings.over_resizing if is_shrunk and subject.has_study_goal else None
        rows.append(measure(found, "scaled_over_resizing", what, _STREAM, _RESIZED, goal=goal))
    else:
        rows.append(Absent("scaled_over_resizing", _RESIZED, reason))
    if has_frames:
        goal = OF_THE_DECODER if subject.has_study_goal else None
        rows.append(measure(found, "scaled_of_decoder", what, _STREAM, _BARE, goal=goal))
    if is_shrunk:
        rows.append(measure(found, "fast_over_lanczos", what, _STREAM, _LANCZOS))
    if settings.threads > 1:
        rows.append(replace(measure(found, "threads", what, _STREAM, _ALONE), name=f"{settings.threads} threads"))
    return found, rows, job


def _disk_rate(job: Job) -> float | None:
    """Return the tiles whose bytes a cold disk gives per second; the slowest of three turns, as nothing can make it colder."""
    if not can_forget():
        return None
    return min(race([cold_disk(job)], seconds=0.0).rates["disk"])
