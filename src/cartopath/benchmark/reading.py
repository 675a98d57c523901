"""How fast the tiles of one slide are read: the stream against the bare decoder, OpenSlide and other libraries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cartopath.benchmark.library import jpeg_tables, library_decoder
from cartopath.benchmark.peers import PEERS, Peer, agreement, contender, trouble
from cartopath.benchmark.race import Race, race
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
from cartopath.benchmark.sample import native_sample, off_the_grid, scaled_sample
from cartopath.slides import open_slide

OF_THE_DECODER = 0.8
OVER_OPENSLIDE = 4.0
OVER_RESIZING = 5.0
AHEAD = 1.0
_STREAM, _BARE, _RESIZED = "stream", "bare decoder", "OpenSlide + resize"
_LIBRARY, _ALONE, _LANCZOS = "simplejpeg alone", "one thread", "scaling: lanczos"


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure.

    Attributes:
        threads: How many decode.
        size_px: Side of a tile.
        mpp: Micrometres per pixel of the tiles of a study.
        seconds: About how long all of it may take.
        n_tiles: How many tiles each turn reads.
        assume_mpp: Micrometres per level-0 pixel of a slide that does not say.
        over_openslide: The goal for the stream against OpenSlide at level 0.
        over_resizing: The goal against OpenSlide and a resize.
    """

    threads: int
    size_px: int = 512
    mpp: float = 0.5
    seconds: float = 60.0
    n_tiles: int = 400
    assume_mpp: float | None = None
    over_openslide: float = OVER_OPENSLIDE
    over_resizing: float = OVER_RESIZING


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
        decode_rate: What the bare decoder would give; None where it cannot be asked.
        disk_rate: Tiles whose bytes a cold disk gives per second; None where it cannot be measured.
        scaled_gain: Speed of fast scaling over decoding everything; None where no frame is decoded smaller.
        n_candidates: Tiles with tissue on the slide.
        noise: The widest spread of a ratio between rounds.
    """

    measures: list[Measure | Absent] = field(default_factory=list)
    backend: str = ""
    reason: str = ""
    is_direct: bool = False
    stream_rate: float = 0.0
    stream_rate_alone: float = 0.0
    decode_rate: float | None = None
    disk_rate: float | None = None
    scaled_gain: float | None = None
    n_candidates: int = 0
    noise: float = 0.0


def measure_reading(
    path: Path, settings: Settings, *, peers: Sequence[Peer] = PEERS, said: Callable[[str], None] = lambda what: None
) -> ReadingResult:
    """Measure how fast a slide is read.

    Args:
        path: The slide.
        settings: How to measure.
        peers: Other libraries to compare with; those that are not installed are said to be absent.
        said: Called with what is being measured.

    Raises:
        SlideError: The slide cannot be read, or holds no tile.
    """
    with open_slide(path, assume_mpp=settings.assume_mpp) as slide:
        backend, reason, has_frames = slide.backend, slide.backend_reason, slide.frames is not None
        size = slide.level_dimensions[0] if has_frames else None
        native = native_sample(slide, settings.size_px, n_tiles=settings.n_tiles)
        off = off_the_grid(native, slide)
        scaled = scaled_sample(slide, settings.size_px, settings.mpp, n_tiles=settings.n_tiles)
        shrink = slide.best_rendition(scaled.downsample).shrink
    rows: list[Measure | Absent] = []
    jobs = {
        name: Job(path, sample, settings.threads, settings.assume_mpp)
        for name, sample in (("on", native), ("off", off), ("scaled", scaled))
    }
    share = settings.seconds / 6
    said("tiles on the grid of frames")
    rows += _against_decoder(jobs["on"], "on", "level 0, on frame grid", share, size=size)
    said("tiles off the grid of frames")
    rows += _against_decoder(jobs["off"], "off", "level 0, off frame grid", share, size=size)
    said("other libraries")
    rows += _against_peers(jobs["off"], peers, share * 2, over_openslide=settings.over_openslide)
    said("tiles of a study")
    result, study_rows = _study_tiles(jobs["scaled"], settings, share * 2, has_frames=has_frames, shrink=shrink)
    rows += study_rows
    noise = max((row.ratio.spread for row in rows if isinstance(row, Measure)), default=0.0)
    disk = _disk_rate(jobs["scaled"]) if has_frames else None
    return ReadingResult(
        rows,
        backend,
        reason,
        has_frames,
        stream_rate=result.rate(_STREAM),
        stream_rate_alone=result.rate(_ALONE),
        decode_rate=result.rate(_BARE) if has_frames else None,
        disk_rate=disk,
        scaled_gain=result.ratio(_STREAM, _LANCZOS).median if shrink > 1 else None,
        n_candidates=scaled.n_candidates,
        noise=noise,
    )


def _against_decoder(job: Job, key: str, what: str, seconds: float, *, size: tuple[int, int] | None) -> list[Measure | Absent]:
    """Return the lines of the bare decoder; `size` is that of level 0, None where frames are not given out."""
    key = f"decoder_{key}_grid"
    if size is None:
        return [Absent(f"stream_of_{key}", what, "this decoder does not give out compressed frames")]
    tables = jpeg_tables(job.path, size)
    alone = [] if tables is None else [library_decoder(job, tables, _LIBRARY)]
    found = race([stream(job, _STREAM), bare_decoder(job, _BARE), *alone], seconds=seconds)
    rows: list[Measure | Absent] = [measure(found, f"stream_of_{key}", what, _STREAM, _BARE, goal=OF_THE_DECODER)]
    if alone:
        rows.append(measure(found, key, what, _BARE, _LIBRARY))
    return rows


def _against_peers(job: Job, peers: Sequence[Peer], seconds: float, *, over_openslide: float) -> list[Measure | Absent]:
    """Return a line per library, all of one race."""
    what = "level 0, off frame grid"
    rows: dict[str, Measure | Absent] = {}
    able: list[tuple[Peer, str]] = []
    for peer in peers:
        key = f"stream_over_{peer.module}"
        reason = peer.why_not()
        if reason is None:
            reason = trouble(contender(peer, job))
        if reason is None:
            able.append((peer, f"{peer.version()}; pixels {agreement(peer, job)}"))
        else:
            rows[peer.name] = Absent(key, peer.name, reason)
    if able:
        found = race([stream(job, _STREAM), *(contender(peer, job) for peer, _ in able)], seconds=seconds)
        for peer, note in able:
            goal = over_openslide if peer.module == "openslide" else AHEAD
            key = f"stream_over_{peer.module}"
            rows[peer.name] = measure(found, key, what, _STREAM, peer.name, goal=goal, note=note)
    return [rows[peer.name] for peer in peers]


def _study_tiles(
    job: Job, settings: Settings, seconds: float, *, has_frames: bool, shrink: int
) -> tuple[Race, list[Measure | Absent]]:
    """Measure the tiles of a study, at its um per pixel, in every way that the advice needs."""
    contenders = [stream(job, _STREAM), stream(single_threaded(job), _ALONE)]
    resized = openslide_resized(job, _RESIZED)
    reason = trouble(resized)
    contenders += [resized] if reason is None else []
    contenders += [bare_decoder(job, _BARE)] if has_frames else []
    contenders += [stream(replace(job, scaling="lanczos"), _LANCZOS)] if shrink > 1 else []
    found = race(contenders, seconds=seconds)
    what = f"{settings.mpp:g} um/px" + (f", decoded at 1/{shrink}" if shrink > 1 else "")
    goal = settings.over_resizing if shrink > 1 else None
    rows: list[Measure | Absent] = []
    if reason is None:
        rows.append(measure(found, "scaled_over_resizing", what, _STREAM, _RESIZED, goal=goal))
    else:
        rows.append(Absent("scaled_over_resizing", _RESIZED, reason))
    if has_frames:
        rows.append(measure(found, "scaled_of_decoder", what, _STREAM, _BARE, goal=OF_THE_DECODER))
    if shrink > 1:
        rows.append(measure(found, "fast_over_lanczos", what, _STREAM, _LANCZOS))
    rows.append(measure(found, "threads", f"{settings.threads} threads, {what}", _STREAM, _ALONE))
    return found, rows


def _disk_rate(job: Job) -> float | None:
    """Return the tiles whose bytes a cold disk gives per second; the slowest of three turns, as nothing can make it colder."""
    if not can_forget():
        return None
    return min(race([cold_disk(job)], seconds=0.0).rates["disk"])
