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

from cartopath.cohort.cells import name_key
from cartopath.cohort.matrices.h5ad_trial import survives
from cartopath.cohort.matrices.layout import NamedFormat, is_technical
from cartopath.cohort.matrices.measure import Measure, deduce_measure
from cartopath.core.errors import TableError

FORMAT = NamedFormat(
    "h5ad", "AnnData file: a row of X (or of the layer stated as column) per sample, its patient from obs or the sample's name"
)

_MAGIC = b"\x89HDF\r\n\x1a\n"
_HEAP = b"GCOL\x01\x00\x00\x00"
_CELLS_PER_BLOCK = 4_000_000
_MAX_NAMES = 5_000_000
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
        self._place, self._var = _place(column)
        _refuse_endless_heap(path)
        if not survives(path):
            raise TableError(
                f"{path}: damaged HDF5 file (the HDF5 library crashes on it or does not come to an end); fetch it again"
            )
        with self._open() as file:
            self.shape = _shape(file, self._place, path)
            self._samples = _index(file, "obs", path)
            self.features: tuple[str, ...] = tuple(_index(file, self._var, path))
            self.patients: list[str] | None = _first_column(file, "obs", _PATIENTS, path)
            aliases = (_first_column(file, self._var, keys, path) for keys in (_SYMBOLS, _IDS))
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
            node = _node(file, self._place, self._path)
            rows_of = _dense_rows if hasattr(node, "shape") else _sparse_rows(node, self.shape, self._path)
            for start in range(0, n_samples, step):
                yield rows_of(node, start, min(start + step, n_samples))


def _place(column: str | None) -> tuple[str, str]:
    """Return where the numbers are and where their variables."""
    if column in (None, "X"):
        return "X", "var"
    if column in ("raw", "raw/X", "raw.X"):
        return "raw/X", "raw/var"
    return f"layers/{str(column).removeprefix('layers/')}", "var"


def _node(file: Any, place: str, path: Path) -> Any:
    """Return a group or data set inside the file.

    Raises:
        TableError: It is not there, or somewhere else.
    """
    import h5py

    node = file
    for part in place.split("/"):
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) else None
        if link is None:
            layers = ", ".join(file["layers"]) if "layers" in file and isinstance(file["layers"], h5py.Group) else ""
            raise TableError(
                f"{path}: no {place} in it ({', '.join(file)}{'; layers: ' + layers if layers else ''}); not an AnnData file"
            )
        if isinstance(link, h5py.ExternalLink):
            raise TableError(
                f"{path}: {place} is a link to another file ({link.filename}); write the file again with everything in it"
            )
        node = node[part]
    if isinstance(node, h5py.Dataset) and (node.external or node.is_virtual):
        raise TableError(f"{path}: {place} lies in another file; write the file again with everything in it")
    return node


def _shape(file: Any, place: str, path: Path) -> tuple[int, int]:
    node = _node(file, place, path)
    shape = getattr(node, "shape", None)
    if shape is None:
        said = next((node.attrs[name] for name in ("shape", "h5sparse_shape") if name in node.attrs), ())
        shape = tuple(int(size) for size in said)
    if len(shape) != 2 or min(shape) < 1 or max(shape) > _MAX_NAMES:
        raise TableError(f"{path}: {place} has the shape {tuple(shape)}; expected samples by genes")
    return int(shape[0]), int(shape[1])


def _dense_rows(node: Any, start: int, stop: int) -> NDArray[np.float64]:
    block = node[start:stop]
    if block.dtype.kind not in "iufb":
        raise TypeError(f"X holds {block.dtype}, not numbers")
    return np.asarray(block, dtype=np.float64)


def _sparse_rows(node: Any, shape: tuple[int, int], path: Path) -> Any:
    """Return a function that gives rows of a CSR or CSC matrix."""
    said = node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", b""))
    kind = said.decode() if isinstance(said, bytes) else str(said)
    data, indices, indptr = (_node(node, part, path) for part in ("data", "indices", "indptr"))
    is_csc = kind.startswith("csc")
    if not is_csc and not kind.startswith("csr"):
        raise TableError(f"{path}: a matrix stored as {kind!r}; write it dense, as csr_matrix or as csc_matrix")
    n_major, n_minor = shape[::-1] if is_csc else shape
    if indptr.shape != (n_major + 1,) or data.shape != indices.shape or data.dtype.kind not in "iufb":
        raise TableError(f"{path}: a sparse matrix whose parts do not fit together; the file is damaged")
    starts = np.asarray(indptr[:], dtype=np.int64)
    if starts[0] != 0 or np.any(np.diff(starts) < 0) or starts[-1] > data.shape[0]:
        raise TableError(f"{path}: a sparse matrix whose parts do not fit together; the file is damaged")

    def rows(_: Any, start: int, stop: int) -> NDArray[np.float64]:
        dense = np.zeros((stop - start, n_minor))
        first, last = int(starts[start]), int(starts[stop])
        minor = _checked(indices[first:last], n_minor)
        major = np.repeat(np.arange(stop - start), np.diff(starts[start : stop + 1]))
        np.add.at(dense, (major, minor), data[first:last])
        return dense

    if not is_csc:
        return rows
    whole: list[NDArray[np.float64]] = []

    def transposed(_: Any, start: int, stop: int) -> NDArray[np.float64]:
        if not whole:
            whole.append(_from_columns(starts, indices, data, n_minor))
        return whole[0][start:stop]

    return transposed


def _from_columns(starts: NDArray[np.int64], indices: Any, data: Any, n_rows: int) -> NDArray[np.float64]:
    """Return a CSC matrix as float64 (rows, columns)."""
    n_columns = len(starts) - 1
    if n_rows * n_columns > 50 * _CELLS_PER_BLOCK:
        raise ValueError("a csc_matrix too large to turn; write it as csr_matrix")
    dense = np.zeros((n_rows, n_columns))
    end = int(starts[-1])
    np.add.at(dense, (_checked(indices[:end], n_rows), np.repeat(np.arange(n_columns), np.diff(starts))), data[:end])
    return dense


def _checked(indices: NDArray[Any], size: int) -> NDArray[np.int64]:
    places = np.asarray(indices, dtype=np.int64)
    if len(places) and (places.min() < 0 or places.max() >= size):
        raise ValueError("an index lies outside the matrix")
    return places


def _index(file: Any, place: str, path: Path) -> list[str]:
    frame = _node(file, place, path)
    if hasattr(frame, "dtype"):  # Files of anndata before 0.7 hold a compound data set.
        names = frame.dtype.names or ()
        key = next((name for name in ("index", "_index") if name in names), None)
        if key is None:
            raise TableError(f"{path}: {place} has no index; not an AnnData file")
        return _words(frame[key], path, place)
    said = frame.attrs.get("_index", "_index")
    key = said.decode() if isinstance(said, bytes) else str(said)
    return _column(frame, key, path, f"{place}/{key}")


def _first_column(file: Any, place: str, keys: Sequence[str], path: Path) -> list[str] | None:
    """Return the first column of obs or var whose name is one of some, as words."""
    frame = _node(file, place, path)
    names = list(frame.dtype.names or ()) if hasattr(frame, "dtype") else [name for name in frame if not name.startswith("__")]
    by_key = {name_key(name): name for name in reversed(names)}
    found = next((by_key[key] for key in keys if key in by_key), None)
    if found is None:
        return None
    if hasattr(frame, "dtype"):
        return _words(frame[found], path, f"{place}/{found}")
    return _column(frame, found, path, f"{place}/{found}")


def _column(frame: Any, name: str, path: Path, where: str) -> list[str]:
    """Return a column as words: plain, categorical (codes and categories), or with a mask of missing values."""
    node = _node(frame, name, path)
    if hasattr(node, "shape"):
        legacy = node.attrs.get("categories")
        if legacy is None:
            return _words(_bounded(node, path, where), path, where)
        categories = _words(_bounded(node.file[legacy], path, where), path, where)
        return _coded(_bounded(node, path, where), categories)
    if "codes" in node and "categories" in node:
        categories = _column(node, "categories", path, where)
        return _coded(_bounded(_node(node, "codes", path), path, where), categories)
    if "values" in node:
        words = _words(_bounded(_node(node, "values", path), path, where), path, where)
        mask = _bounded(_node(node, "mask", path), path, where) if "mask" in node else np.zeros(len(words), dtype=bool)
        return ["" if is_masked else word for word, is_masked in zip(words, mask, strict=True)]
    raise TableError(f"{path}: {where} is stored in a way that is not known; write the file again with a current anndata")


def _bounded(node: Any, path: Path, where: str) -> NDArray[Any]:
    if node.ndim != 1 or node.shape[0] > _MAX_NAMES:
        raise TableError(f"{path}: {where} has the shape {node.shape}; expected one name for each row")
    return np.asarray(node[:])


def _coded(codes: NDArray[Any], categories: Sequence[str]) -> list[str]:
    return [categories[code] if code >= 0 else "" for code in codes.tolist()]


def _words(column: NDArray[Any], path: Path, where: str) -> list[str]:
    words = []
    for cell in column.tolist():
        if isinstance(cell, bytes):
            words.append(cell.decode("utf-8", errors="replace").strip())
        elif isinstance(cell, str | int | float):
            words.append(str(cell).strip())
        else:
            raise TableError(f"{path}: {where} holds {type(cell).__name__}, not words")
    return words
