"""What `MolecularTable` asks of a table, whatever it is stored in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.matrices.measure import Measure


class FeatureSource(Protocol):
    """Features and samples by name, values by place.

    Attributes:
        orientation: Which way it lies: `genes-by-samples`, `samples-by-genes` or `file-per-sample`.
        measure: What the values are.
    """

    orientation: str
    measure: Measure

    @property
    def features(self) -> Sequence[str]:
        """Names of the genes or miRNAs, in order."""

    @property
    def aliases(self) -> Sequence[Sequence[str]]:
        """Further names of the features that the table itself gives, each a sequence as long as `features`."""

    @property
    def samples(self) -> Sequence[str]:
        """Names of the samples, in order."""

    @property
    def patients(self) -> Sequence[str] | None:
        """Their patients, where the table says them apart from the samples."""

    @property
    def sample_types(self) -> Sequence[str] | None:
        """Their types (two digits, "" if unknown), where the table says them apart from the samples."""

    @property
    def notes(self) -> Sequence[str]:
        """What is odd about it."""

    def read(self, features: Sequence[int], samples: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (len(samples), len(features)); NaN where a value is missing. Features come in ascending order."""

    def totals(self, samples: Sequence[int]) -> NDArray[np.float64]:
        """Return the sum of all features of some samples, float64 (len(samples),)."""
