"""Named arrays as safetensors."""

import numpy as np
import pytest

from cartopath.core.errors import ArtifactError
from cartopath.store.weights import read_arrays, write_arrays

ARRAYS = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "steps": np.array(7, dtype=np.int64),
    "half": np.array([1.5, -2.0], dtype=np.float16),
    "empty": np.empty((0, 3), dtype=np.float32),
}


def test_arrays_come_back_as_they_were(tmp_path):
    write_arrays(ARRAYS, tmp_path / "w.safetensors")
    found = read_arrays(tmp_path / "w.safetensors")
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_an_array_that_is_not_contiguous_comes_back_as_it_was(tmp_path):
    array = np.arange(12).reshape(3, 4).T[::2]
    write_arrays({"a": array}, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(read_arrays(tmp_path / "w.safetensors")["a"], array)


def test_equal_arrays_give_equal_bytes_whatever_their_order(tmp_path):
    write_arrays(ARRAYS, tmp_path / "a")
    write_arrays(dict(reversed(ARRAYS.items())), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"w\.safetensors: no such weights"):
        read_arrays(tmp_path / "w.safetensors")


@pytest.mark.parametrize("length", [0, 4, 30, -1])
def test_torn_weights_are_refused(tmp_path, length):
    path = tmp_path / "w.safetensors"
    write_arrays(ARRAYS, path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ArtifactError, match="damaged safetensors file"):
        read_arrays(path)


def test_weights_of_another_format_are_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"\x80\x04\x95 a pickle, which is never opened")
    with pytest.raises(ArtifactError, match="damaged safetensors file"):
        read_arrays(tmp_path / "w.safetensors")
