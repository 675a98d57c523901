"""The one tree of errors that cartopath raises on purpose.

```
CartopathError
├── ConfigError        (ValueError)    study.yaml or a command-line value
├── SlideError         (OSError)       a slide cannot be opened, read or trusted
│   ├── ResolutionError (ValueError)   its micrometres per pixel are missing or impossible
│   └── TileError                      the pixels of one region cannot be decoded; other regions can
├── TableError         (ValueError)    a molecular, clinical or slide table
│   ├── TraitError     (LookupError)   a trait that the table does not hold
│   └── StatusError    (ValueError)    a survival or receptor status word nobody can interpret
├── LabelError         (ValueError)    labels cannot be drawn from these values
├── SplitError         (ValueError)    patients cannot be divided as asked, or the cohort changed since they were
├── ArtifactError      (ValueError)    a file of the study folder is missing, damaged or of another version
│   └── BundleError    (ValueError)    a trained network cannot be used here
├── TrainingError      (RuntimeError)  training cannot start or cannot go on
└── StatisticsError    (ValueError)    a statistic is asked of data it is not defined for
```

Every message says what failed, where, what was found and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CartopathError(Exception):
    """Root of every error that cartopath raises on purpose."""


class ConfigError(CartopathError, ValueError):
    """A study file or command-line value is wrong."""


class SlideError(CartopathError, OSError):
    """A slide cannot be opened, read or trusted."""


class ResolutionError(SlideError, ValueError):
    """The micrometres per pixel of a slide are missing or impossible."""


class TileError(SlideError):
    """The pixels of one region of a slide cannot be decoded, while the rest of the slide can still be read."""


class TableError(CartopathError, ValueError):
    """A molecular, clinical or slide table cannot be read as what it should be."""


class TraitError(TableError, LookupError):
    """A trait is not in the table that should hold it."""


class StatusError(TableError):
    """A status word cannot be interpreted."""


class LabelError(CartopathError, ValueError):
    """Labels cannot be drawn from these values."""


class SplitError(CartopathError, ValueError):
    """Patients cannot be divided as asked, or the cohort changed since they were."""


class ArtifactError(CartopathError, ValueError):
    """A file of the study folder is missing, damaged or of another version."""


class BundleError(ArtifactError):
    """A trained network cannot be used here."""


class TrainingError(CartopathError, RuntimeError):
    """Training cannot start or cannot go on."""


class StatisticsError(CartopathError, ValueError):
    """A statistic is asked of data it is not defined for."""


def closest(name: str, candidates: Iterable[str], *, n: int = 3) -> list[str]:
    """Return up to `n` candidates that look most like `name`, best first, for use in messages.

    Args:
        name: What was asked for.
        candidates: What there is. Compared without regard to case.
        n: How many at most.

    >>> closest("TP35", ["TP53", "TP53BP1", "ESR1"])
    ['TP53', 'TP53BP1']
    """
    by_folded: dict[str, str] = {}
    for candidate in candidates:
        by_folded.setdefault(candidate.casefold(), candidate)
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=n, cutoff=0.5)
    return [by_folded[match] for match in matches]
