"""AnnData files (`.h5ad`), read on the documented layout with h5py alone: observations are samples, variables are genes.

Numbers come from `X`, a layer or `raw`, dense or sparse, in blocks of rows. Nothing is unpickled, and no link to another file is
followed.
"""

from __future__ import annotations

import contextlib
import mmap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.matrices.h5ad_names import first_column, index_of, node_at, place_of, shape_of
from cartopath.cohort.matrices.h5ad_rows import dense_rows, sparse_rows
from cartopath.cohort.matrices.layout import NamedFormat, is_technical
from cartopath.cohort.matrices.measure import Measure, deduce_measure
from cartopath.core.errors import TableError
from cartopath.core.h5_trial import survives

FORMAT = NamedFormat(
    "h5ad", "AnnData file: a row of X (or of the layer stated as column) per sample, its patient from obs or the sample's name"
)

_MAGIC = b"\x89HDF\r\n\x1a\n"
_HEAP = b"GCOL\x01\x00\x00\x00"
_CELLS_PER_BLOCK = 4_000_000
_PATIENTS = (
    "patientid",
    "patient",
    "caseid",
    "casesubmitterid",
    "case",
    "subjectid",
    "subject",
    "donorid",
    "donor",
    "participantid",
)
_SYMBOLS = ("genesymbols", "genesymbol", "genename", "genenames", "featurename", "symbol", "symbols", "hgncsymbol")
_IDS = ("geneids", "geneid", "ensemblid", "ensembl", "ensemblgeneid", "featureid")
_CELLS_PER_PATIENT = 20
"""More observations than that for each patient are cells or spots, not samples."""

_DAMAGE = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    NotImplementedError,
)
"""What h5py raises where a file's structure is not what it says it is."""


def is_hdf5(path: Path) -> bool:
    """Whether a file begins like HDF5."""
    try:
        with path.open("rb") as file:
            return file.read(8) == _MAGIC
    except OSError:
        return False


def _refuse_endless_heap(path: Path) -> None:
    """Refuse a file whose heap of words holds a free block of no size: the HDF5 library would walk over it for ever.

    A heap (`GCOL`, version 1) is blocks one after the other: index, count, four reserved bytes, size, content. Index 0 is free
    space, whose size covers the block's own head.

    Raises:
        TableError: There is one.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        heap = content.find(_HEAP)
        while heap >= 0:
            block, end = heap + 16, min(heap + int.from_bytes(content[heap + 8 : heap + 16], "little"), len(content))
            while block + 16 <= end:
                index, size = (
                    int.from_bytes(content[block : block + 2], "little"),
                    int.from_bytes(content[block + 8 : block + 16], "little"),
                )
                if index == 0 and size == 0:
                    raise TableError(f"{path}: damaged HDF5 file (a heap with a block of no size); fetch it again")
                block += size if index == 0 else 16 + -(-size // 8) * 8
            heap = content.find(_HEAP, heap + 1)


class H5adTable:
    """Features and samples of an AnnData file; see `FeatureSource`.

    Args:
        path: The file.
        column: Name of a layer, `raw` for the numbers kept aside, or None for `X`.

    Raises:
        TableError: It is damaged, has no `X` or no such layer, or its rows are cells and not samples.
    """

    orientation = "samples-by-genes"
    sample_types: None = None

    def __init__(self, path: Path, column: str | None = None) -> None:
        self._path = path
        self._place, self._var = place_of(column)
        _refuse_endless_heap(path)
        if not survives(path):
            raise TableError(
                f"{path}: damaged HDF5 file (the HDF5 library crashes on it or does not come to an end); fetch it again"
            )
        with self._open() as file:
            self.shape = shape_of(file, self._place, path)
            self._samples = index_of(file, "obs", path)
            self.features: tuple[str, ...] = tuple(index_of(file, self._var, path))
            self.patients: list[str] | None = first_column(file, "obs", _PATIENTS, path)
            aliases = (first_column(file, self._var, keys, path) for keys in (_SYMBOLS, _IDS))
            self.aliases: list[list[str]] = [names for names in aliases if names is not None]
            is_logged = self._place == "X" and "log1p" in file.get("uns", {})
        if self.shape != (len(self._samples), len(self.features)):
            raise TableError(
                f"{path}: {self._place} has the shape {self.shape}, obs and var have {len(self._samples)} and "
                f"{len(self.features)} names; the file is damaged"
            )
        self._refuse_cells()
        self.measure: Measure = self._measure(is_logged=is_logged)

    def _refuse_cells(self) -> None:
        n_patients = len(set(self.patients if self.patients is not None else self._samples))
        if len(self._samples) > _CELLS_PER_PATIENT * n_patients:
            raise TableError(
                f"{self._path}: {len(self._samples):,} observations of {n_patients:,} patients: cells or spots, not samples; sum "
                "their counts to one row per patient first"
            )

    def _measure(self, *, is_logged: bool) -> Measure:
        rows = next(self._blocks(40), np.empty((0, 0)))[:40]
        looks = deduce_measure(rows[:, :2000].T.tolist())
        return Measure("unknown unit", "ln(x+1)") if is_logged else looks

    @property
    def samples(self) -> list[str]:
        """Names of the observations."""
        return self._samples

    @property
    def notes(self) -> list[str]:
        """Names that are there twice."""
        repeated = [name for name, times in Counter(self._samples).items() if times > 1]
        if not repeated:
            return []
        some = ", ".join(repeated[:3]) + (", ..." if len(repeated) > 3 else "")
        return [f"{len(repeated):,} names of samples are there more than once ({some}); the first of each is used"]

    def read(self, features: Sequence[int], samples: Sequence[int]) -> NDArray[np.float64]:
        """Return float64 (len(samples), len(features))."""
        blocks = [block[:, list(features)] for block in self._blocks()]
        values = np.concatenate(blocks) if blocks else np.empty((0, len(features)))
        if np.isinf(values).any():
            raise TableError(f"{self._path}: {self._place} holds infinite values; add a pseudocount before taking logarithms")
        return values[list(samples)]

    def totals(self, samples: Sequence[int]) -> NDArray[np.float64]:
        """Return the sum of all features of some samples; walks through the whole table."""
        counted = np.array([not is_technical(name) for name in self.features], dtype=bool)
        sums = [np.nansum(block[:, counted], axis=1) for block in self._blocks()]
        return np.asarray((np.concatenate(sums) if sums else np.empty(0))[list(samples)])

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        import h5py

        try:
            with h5py.File(self._path, "r") as file:
                yield file
        except TableError:
            raise
        except _DAMAGE as error:
            what = f"{type(error).__name__}: {str(error)[:150]}"
            raise TableError(f"{self._path}: damaged or not an AnnData file ({what}); fetch or write it again") from error

    def _blocks(self, n_rows: int | None = None) -> Iterator[NDArray[np.float64]]:
        """Yield the rows as dense float64 blocks (rows, n_features), in order."""
        n_samples, n_features = self.shape
        step = n_rows or max(1, _CELLS_PER_BLOCK // max(1, n_features))
        with self._open() as file:
            node = node_at(file, self._place, self._path)
            rows_of = dense_rows if hasattr(node, "shape") else sparse_rows(node, self.shape, self._path)
            for start in range(0, n_samples, step):
                yield rows_of(node, start, min(start + step, n_samples))
