"""A number with its confidence interval and its n, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with a 95 % confidence interval.

    Attributes:
        value: The estimate, None where it is undefined.
        low: Lower end of the interval, None where it is undefined.
        high: Upper end of the interval, None where it is undefined.
        n: How many observations it rests on.
        reason: Why the value or its interval is undefined, "" where both are defined.
        n_groups: How many independent units (patients) these observations come from, None where each is its own.

    >>> print(Estimate(0.871, 0.742, 0.963, 33))
    0.87 (95% CI 0.74-0.96, n=33)
    >>> print(Estimate(None, None, None, 4, "every label is 1"))
    undefined: every label is 1 (n=4)
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""
    n_groups: int | None = None

    def __str__(self) -> str:
        """Return the estimate as a report prints it."""
        if self.value is None:
            return f"undefined: {self.reason} (n={self.n})"
        if self.low is None or self.high is None:
            return f"{self.value:.2f} (no interval: {self.reason}; n={self.n})"
        return f"{self.value:.2f} (95% CI {self.low:.2f}-{self.high:.2f}, n={self.n})"
