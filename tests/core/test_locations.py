"""Locations: what is a path of this machine, what is a URL, and files at URLs."""

from __future__ import annotations

import io
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from cartopath.core import remote_file
from cartopath.core.errors import ConfigError
from cartopath.core.locations import as_path, is_remote, is_url, open_binary, resolved
from cartopath.core.remote import remote_stat
from cartopath.core.remote_file import BLOCK_BYTES, RemoteFile


@pytest.mark.parametrize("text", ["slides/a.svs", "/data/a.svs", "C:/data/a.svs", "odd: name.svs", "a:/b.svs", "odd:/a.svs", "."])
def test_a_path_stays_a_path(text):
    assert as_path(text) == Path(text)
    assert not is_remote(as_path(text))
    assert not is_url(text)


@pytest.mark.parametrize("text", ["file:///data/a.svs", "FILE:///data/a.svs", "file:/data/a.svs", "local:///data/a.svs"])
def test_a_url_of_this_machine_is_a_path(text):
    assert as_path(text) == Path("/data/a.svs")


def test_a_url_of_a_drive_keeps_its_letter():
    assert as_path("file:///C:/data/a.svs") == Path("C:/data/a.svs")


@pytest.mark.parametrize("text", ["memory://folder/a.svs", "https://host/folder/a.svs", "s3://bucket/folder/a.svs"])
def test_a_url_to_elsewhere_behaves_like_a_path(text):
    path = as_path(text)
    assert is_remote(path)
    assert is_url(text)
    assert (str(path), path.name, path.stem, path.suffix) == (text, "a.svs", "a", ".svs")
    assert str(path.parent / "b.svs") == text.replace("a.svs", "b.svs")
    assert resolved(path) == path == as_path(path) == as_path(str(path))


def test_the_slash_that_a_path_swallows_is_put_back():
    assert str(as_path(Path("s3://bucket/a.svs"))) == "s3://bucket/a.svs"


def test_a_url_can_be_sent_to_a_worker():
    path = as_path("https://host/a.svs")
    assert ForkingPickler.loads(ForkingPickler.dumps(path)) == path


def test_urls_that_nothing_reads_are_refused_with_a_way_out():
    with pytest.raises(ConfigError, match=r"nowhere://a\.svs: nothing here reads such URLs; copy the file"):
        as_path("nowhere://a.svs")


def test_a_missing_package_is_named(monkeypatch):
    import fsspec

    def lacking(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "filesystem", lacking)
    path = as_path("s3://bucket/never-opened-before.svs")
    monkeypatch.setattr(type(path), "fs", property(lacking))
    with pytest.raises(OSError, match="reading s3:// needs another package: Install s3fs to access S3"):
        remote_stat(path)


@pytest.fixture
def content():
    return np.random.default_rng(0).bytes(10 * BLOCK_BYTES + 123)


@pytest.fixture
def path(content):
    path = as_path("memory://locations/a.bin")
    path.write_bytes(content)
    return path


@pytest.fixture
def requests(monkeypatch):
    """What is asked of URLs: lists of first byte and size."""
    asked, read_ranges = [], remote_file.read_ranges
    monkeypatch.setattr(remote_file, "read_ranges", lambda path, ranges: asked.append(ranges) or read_ranges(path, ranges))
    return asked


def test_a_file_at_a_url_reads_like_any(path, content):
    with open_binary(path) as file:
        reference = io.BytesIO(content)
        for offset, whence, size in [
            (0, 0, 10),
            (-5, 2, 10),
            (BLOCK_BYTES - 3, 0, 9),
            (7, 1, 300_000),
            (10**9, 0, 4),
            (0, 0, -1),
        ]:
            assert file.seek(offset, whence) == reference.seek(offset, whence)
            assert file.read(size) == reference.read(size)
            assert file.tell() == reference.tell()


def test_only_blocks_that_are_looked_at_are_fetched_and_only_once(path, requests):
    with RemoteFile(path) as file:
        for _ in range(3):
            file.seek(5 * BLOCK_BYTES + 10)
            file.read(100)
    assert requests == [[(5 * BLOCK_BYTES, BLOCK_BYTES)]]


def test_a_file_that_is_read_from_end_to_end_takes_few_requests(path, requests, content):
    with RemoteFile(path) as file:
        assert b"".join(iter(lambda: file.read(1000), b"")) == content
    assert len(requests) <= 4


def test_no_more_blocks_are_kept_than_the_limit(path, content, monkeypatch):
    monkeypatch.setattr(remote_file, "HELD_BLOCKS", 4)
    with RemoteFile(path) as file:
        assert file.read() == content
        assert len(file._blocks) <= 4


def test_a_file_that_is_not_there_says_so():
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        open_binary(as_path("memory://locations/nowhere.bin"))
