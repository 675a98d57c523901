"""Named random streams from one seed: nothing in cartopath seeds a global generator.

A stream depends on the study's seed and on its name only, so drawing more numbers in one place never changes another.
"""

from __future__ import annotations

import hashlib

import numpy as np


def _entropy(names: tuple[str | int, ...]) -> list[int]:
    text = "\x1f".join(str(name) for name in names)
    digest = hashlib.sha256(text.encode()).digest()
    return [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator called `names` of the study seeded with `seed`.

    >>> float(stream(0, "splits").random()) == float(stream(0, "splits").random())
    True
    >>> float(stream(0, "splits").random()) == float(stream(0, "labels").random())
    False
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *_entropy(names)])))


def seed_for(seed: int, *names: str | int) -> int:
    """Return a 32-bit seed for a library that wants an integer, from the stream called `names`.

    >>> 0 <= seed_for(0, "training", "MKI67", 3) < 2**32
    True
    """
    return int(stream(seed, *names).integers(2**32))
