"""What to do about what was measured. Every rule is a sentence with the numbers that it follows from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

ENOUGH = 0.95
"""A network that is fed at this share of its own rate, or more, does not wait."""
WORTH_SAYING = 1.1
"""A gain below this is not worth a sentence."""
NOISY = 0.3
"""Ratios whose quartiles lie further apart than this share of their median cannot be trusted."""
SCALES = 0.7
"""Of the rate that so many threads would give if they did not hinder one another: what several threads should reach."""


@dataclass(frozen=True, slots=True)
class Network:
    """What one network asks of reading. Rates are tiles per second.

    Attributes:
        name: Of the network, with its tile size.
        device: Where it runs.
        predict_rate: Of the network itself, on tiles in memory.
        train_rate: Of training steps on tiles in memory.
        predict_share: Of `predict_rate` that is reached from the slide.
        train_share: Of `train_rate` that is reached from the slide.
        read_rate: Tiles of this network's size that one thread reads from the slide.
    """

    name: str
    device: str
    predict_rate: float
    train_rate: float
    predict_share: float
    train_share: float
    read_rate: float


@dataclass(frozen=True, slots=True)
class Missed:
    """A goal that was not reached.

    Attributes:
        what: What was read.
        name: What was to be fast.
        reference: What it was compared with.
        ratio: How many times as fast it was.
        goal: How many times as fast it should be.
    """

    what: str
    name: str
    reference: str
    ratio: float
    goal: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. Rates are tiles per second.

    Attributes:
        path: The slide.
        threads: That decoded.
        cores: That this process may use.
        backend: Name of the decoder.
        reason: Why this decoder, in words; empty where nothing is said.
        is_direct: Whether frames are decoded directly.
        stream_rate: Of the tiles of a study, all threads.
        stream_rate_alone: With one thread.
        threads_gain: How many times as fast as one thread all of them are.
        decode_rate: Of the bare decoder; None where it cannot be asked.
        disk_rate: Of bytes from a cold disk; None where it cannot be measured.
        scaled_gain: Speed of fast scaling over decoding everything; None where no frame is decoded smaller.
        n_tiles: Tiles with tissue on the slide.
        tile_bytes: Of one decoded tile.
        noise: The widest spread of a ratio between rounds.
        n_read: Tiles that were read once before anything was measured.
        n_unreadable: Of them, that cannot be decoded.
        missed: Goals of reading.
        networks: That were measured.
    """

    path: str
    threads: int
    cores: int
    backend: str
    reason: str
    is_direct: bool
    stream_rate: float
    stream_rate_alone: float
    threads_gain: float
    decode_rate: float | None
    disk_rate: float | None
    scaled_gain: float | None
    n_tiles: int
    tile_bytes: int
    noise: float
    n_read: int
    n_unreadable: int
    missed: tuple[Missed, ...] = ()
    networks: tuple[Network, ...] = ()

    @property
    def is_trusted(self) -> bool:
        """Whether the rates say something about this slide on this machine."""
        return self.noise <= NOISY and self.n_unreadable == 0


@dataclass(frozen=True, slots=True)
class Advice:
    """One piece of advice.

    Attributes:
        code: Its name for programs; never changes.
        text: What to do, and the numbers that say so.
    """

    code: str
    text: str


def advise(facts: Facts) -> list[Advice]:
    """Return the advice that follows from what was measured, the most useful first."""
    found: list[Advice] = []
    for rule in _RULES:
        found += rule(facts)
    return found


def _damage(facts: Facts) -> list[Advice]:
    if facts.n_unreadable == 0:
        return []
    text = (
        f"{facts.n_unreadable:,} of {facts.n_read:,} tiles cannot be decoded, and what fails takes no time: these rates mean "
        "little; run cartopath check on the folder of this slide"
    )
    return [Advice("damaged", text)]


def _noise(facts: Facts) -> list[Advice]:
    if facts.noise <= NOISY:
        return []
    text = f"rounds differ by {facts.noise:.0%}: other programs are at work; close them and measure again before you trust this"
    return [Advice("noisy", text)]


def _decoder(facts: Facts) -> list[Advice]:
    if facts.is_direct:
        return []
    why = f" ({facts.reason})" if facts.reason else ""
    convert = "vips tiffsave IN OUT.tif --tile --tile-width 512 --tile-height 512 --pyramid --bigtiff --compression jpeg --Q 90"
    text = (
        f"this slide is read by {facts.backend}{why}, not frame by frame; to read it several times faster, convert it: {convert}"
    )
    return [Advice("convert", text)]


def _missed(facts: Facts) -> list[Advice]:
    if not facts.is_trusted:
        return []
    text = "{}: {} is {:.3f} times as fast as {} and should be {:g} times: a goal is missed here"
    return [Advice("missed", text.format(one.what, one.name, one.ratio, one.reference, one.goal)) for one in facts.missed]


def _disk(facts: Facts) -> list[Advice]:
    if not facts.is_trusted or facts.disk_rate is None or facts.disk_rate >= facts.stream_rate:
        return []
    text = (
        f"the disk is the limit: cold, it gives the bytes of {facts.disk_rate:,.0f} tiles/s, and {facts.threads} threads decode "
        f"{facts.stream_rate:,.0f}; keep slides on a local SSD"
    )
    return [Advice("disk", text)]


def _threads(facts: Facts) -> list[Advice]:
    """Whether fewer threads come within 10 % of what all of them give."""
    gain = facts.threads_gain
    enough = max(1, math.ceil(gain / WORTH_SAYING))
    if not facts.is_trusted or enough >= facts.threads or gain >= SCALES * min(facts.threads, facts.cores):
        return []
    one_does = "does as well" if gain * WORTH_SAYING >= 1 else "does better"
    does = one_does if enough == 1 else "should do as well"
    text = f"{facts.threads} threads read {gain:.2f} times as fast as one: --threads {enough} {does} here"
    return [Advice("threads", text)]


def _scaling(facts: Facts) -> list[Advice]:
    if facts.scaled_gain is None or facts.scaled_gain < WORTH_SAYING:
        return []
    saved = 1 - 1 / facts.scaled_gain
    text = f"scaled decoding saves {saved:.0%} of the time of reading; tiles.scaling: lanczos would cost it again"
    return [Advice("scaling", text)]


def _feeding(facts: Facts) -> list[Advice]:
    """How many threads each network needs in front of it."""
    found = []
    for network in facts.networks:
        needed = max(1, math.ceil(network.predict_rate / network.read_rate))
        threads = "1 thread" if needed == 1 else f"{needed} threads"
        text = (
            f"{network.name} on {network.device} scores {network.predict_rate:,.1f} tiles/s and one thread reads "
            f"{network.read_rate:,.0f}: reading needs {threads} to feed it"
        )
        if needed > facts.cores:
            text += f", more than the {facts.cores} cores here: it will wait for tiles"
        found.append(Advice("feeding", text))
    return found


def _waiting(facts: Facts) -> list[Advice]:
    """How long networks wait for tiles when they predict."""
    text = "{} waits for tiles {:.0%} of the time when it predicts; give it more reading threads, or a process on fewer cores"
    waiting = [network for network in facts.networks if network.predict_share < ENOUGH]
    return [Advice("waiting", text.format(network.name, 1 - network.predict_share)) for network in waiting]


def _cache(facts: Facts) -> list[Advice]:
    """Whether decoded tiles should be kept on disk for training."""
    found = []
    for network in facts.networks:
        at_rate = f"{network.name} trains on {network.train_rate:,.1f} tiles/s"
        if network.train_share >= ENOUGH:
            text = f"{at_rate} and is fed at {network.train_share:.0%} of that from the slides: compute.cache_gb: 0 suffices"
        else:
            per_slide = facts.n_tiles * facts.tile_bytes / 1e9
            text = (
                f"{at_rate}, fed from the slides only {network.train_share:.0%} of that: compute.cache_gb is worth "
                f"{per_slide:.2g} GB per slide like this one"
            )
        found.append(Advice("cache", text))
    return found


_RULES: tuple[Callable[[Facts], list[Advice]], ...] = (
    _damage,
    _noise,
    _decoder,
    _missed,
    _disk,
    _threads,
    _scaling,
    _feeding,
    _waiting,
    _cache,
)
