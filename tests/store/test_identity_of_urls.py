"""What a file at a URL is called in keys: by its size and version, without reading it."""

from __future__ import annotations

import os

import pytest

from cartopath.core import remote_file
from cartopath.core.locations import as_path
from cartopath.store.hashing import file_identity, file_sha256, slide_sha256


@pytest.fixture
def stated(monkeypatch):
    """`stated(path, **about)` lets a file system say this of a file, whatever its size is."""

    def stated_(path, **about):
        monkeypatch.setattr(type(path.fs), "info", lambda self, url, **_: {"name": url, "type": "file", **about})
        return path

    return stated_


@pytest.fixture
def path():
    return as_path("memory://identities/a.svs")


@pytest.fixture
def unread(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("read to tell which it is")

    monkeypatch.setattr(remote_file, "read_ranges", refuse)


@pytest.mark.parametrize("field", ["ETag", "md5Hash", "Last-Modified", "mtime"])
def test_what_the_server_says_of_the_version_decides(path, stated, unread, field):
    one = file_identity(stated(path, size=10, **{field: "v1"}))
    assert file_identity(stated(path, size=10, **{field: "v1"})) == one
    assert file_identity(stated(path, size=10, **{field: "v2"})) != one
    assert file_identity(stated(path, size=11, **{field: "v1"})) != one


def test_a_mark_of_the_content_counts_more_than_a_time_and_a_place(path, stated, unread):
    one = file_identity(stated(path, size=10, ETag="v1", mtime=1))
    other = as_path("memory://identities/elsewhere/b.svs")
    assert file_identity(stated(other, size=10, ETag="v1", mtime=2)) == one


def test_two_files_of_one_size_and_time_differ(path, stated, unread):
    one = file_identity(stated(path, size=10, mtime=1))
    assert file_identity(stated(as_path("memory://identities/b.svs"), size=10, mtime=1)) != one


def test_where_nothing_is_said_both_ends_decide_as_for_a_file(path, stated, tmp_path):
    local = tmp_path / "a.svs"
    local.write_bytes(os.urandom(3 << 20))
    path.write_bytes(local.read_bytes())
    assert file_identity(stated(path, size=3 << 20)) == file_identity(local)


def test_the_sha256_of_a_slide_is_that_of_its_file_and_none_at_a_url(path, unread, tmp_path):
    local = tmp_path / "a.svs"
    local.write_bytes(b"slide")
    assert slide_sha256(local) == file_sha256(local)
    assert slide_sha256(path) == ""
