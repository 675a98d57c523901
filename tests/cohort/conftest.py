"""Small tables in the real formats."""

import gzip
from dataclasses import dataclass, field

import numpy as np
import pytest


@dataclass(frozen=True)
class Golden:
    """Three genes of four samples: three primary tumours and a normal tissue."""

    patients: tuple = ("TCGA-AA-0001", "TCGA-AA-0002", "TCGA-AA-0003")
    samples: tuple = tuple(f"TCGA-AA-000{sample}A-11R-A034-07" for sample in ("1-01", "2-01", "3-01", "3-11"))
    genes: tuple = ("MKI67|4288", "ESR1|2099", "EGFR|1956")
    symbols: tuple = ("MKI67", "ESR1", "EGFR")
    values: np.ndarray = field(default_factory=lambda: np.array([[100.5, 2000.25, 3, 7], [5, 6000, 70.5, 8], [0, -1.5, 12, 9]]))

    def check(self, table, *, genes=None):
        """Whatever the format: these patients, these values, the normal sample left out."""
        genes = list(genes or self.symbols)
        read = table.read(genes)
        assert list(read.index) == list(self.patients) and read.index.name == "patient_id"
        assert list(read.columns) == genes
        np.testing.assert_array_equal(read.to_numpy(), self.values[:, :3].T)


@pytest.fixture
def golden():
    return Golden()


@pytest.fixture
def write(tmp_path):
    """Write text or bytes to a file of that name, compressed where the name ends in .gz, and return its path."""

    def write_(name, text):
        path = tmp_path / name
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
        return path

    return write_


@pytest.fixture
def matrix():
    """Return a matrix as delimited text."""

    def matrix_(corner, rows, columns, values, *, separator="\t", quote=""):
        lines = [separator.join([f"{quote}{corner}{quote}", *(f"{quote}{column}{quote}" for column in columns)])]
        lines += [
            separator.join([f"{quote}{row}{quote}", *(f"{cell:g}" for cell in line)])
            for row, line in zip(rows, values, strict=True)
        ]
        return "\n".join(lines) + "\n"

    return matrix_
