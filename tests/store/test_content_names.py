"""Names for contents: of whole files, of huge files at a glance, of values."""

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartopath.store.hashing import file_identity, file_sha256, value_key

MIB = 1 << 20


def test_the_sha256_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "f").write_bytes(b"abc" * 1000)
    assert file_sha256(tmp_path / "f") == hashlib.sha256(b"abc" * 1000).hexdigest()


@pytest.fixture
def slide(tmp_path):
    path = tmp_path / "slide.svs"
    path.write_bytes(os.urandom(3 * MIB))
    return path


def changed(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    other = path.with_name("changed.svs")
    other.write_bytes(content)
    return other


def test_identity_ignores_name_folder_and_time(slide, tmp_path):
    copy = tmp_path / "elsewhere" / "renamed.tif"
    copy.parent.mkdir()
    copy.write_bytes(slide.read_bytes())
    os.utime(copy, (0, 0))
    assert file_identity(copy) == file_identity(slide)


@pytest.mark.parametrize("offset", [0, MIB - 1, -MIB, -1])
def test_identity_sees_a_change_in_the_first_and_the_last_mebibyte(slide, offset):
    assert file_identity(changed(slide, offset)) != file_identity(slide)


def test_identity_sees_a_change_of_size(slide, tmp_path):
    content = slide.read_bytes()
    shorter = tmp_path / "shorter.svs"
    shorter.write_bytes(content[:MIB] + content[MIB + 1 :])  # same first and last mebibyte
    assert file_identity(shorter) != file_identity(slide)


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1])
def test_identity_reads_small_files_whole(tmp_path, size):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"a" * size)
    other.write_bytes(b"a" * (size // 2) + b"b" + b"a" * (size - size // 2 - 1) if size else b"b")
    assert file_identity(one) != file_identity(other)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_the_order_of_a_dictionary_does_not_change_the_key_of_a_value(value):
    assert value_key(dict(reversed(value.items()))) == value_key(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [({"a": 1}, {"a": 2}), ([1, 2], [2, 1]), ({"a": None}, {}), ("1", 1), ([["a"], "b"], [["a", "b"]]), (0.1, 0.1000001)],
)
def test_different_values_have_different_keys(one, other):
    assert value_key(one) != value_key(other)


def test_a_value_that_is_no_number_has_no_key():
    with pytest.raises(ValueError, match="JSON"):
        value_key({"a": float("nan")})
