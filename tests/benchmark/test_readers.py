"""Ways to read the same tiles."""

import threading

import numpy as np
import pytest

import cartopath.benchmark.readers as readers
from cartopath.benchmark.readers import Job, bare_decoder, cold_disk, in_threads, openslide_resized, single_threaded, stream
from cartopath.benchmark.sample import native_sample, scaled_sample
from cartopath.core.errors import SlideError
from cartopath.slides import Slide, open_slide


@pytest.fixture
def native(slide_40x):
    with open_slide(slide_40x) as slide:
        return Job(slide_40x, native_sample(slide, 128, n_tiles=16), 2)


@pytest.fixture
def scaled(slide_40x):
    with open_slide(slide_40x) as slide:
        return Job(slide_40x, scaled_sample(slide, 64, 0.5, n_tiles=16), 2)


@pytest.mark.parametrize("way", [stream, bare_decoder, cold_disk, openslide_resized])
def test_every_way_counts_the_same_tiles(native, scaled, way):
    for job in (native, scaled):
        with way(job).opened() as work:
            assert work() == 16


def test_the_bare_decoder_decodes_each_frame_once(native, monkeypatch):
    decoded = []
    with open_slide(native.path) as slide:
        kind = type(slide.frames)
    decode = kind.decode
    monkeypatch.setattr(
        kind, "decode", lambda self, level, cell, *a, **k: decoded.append(cell) or decode(self, level, cell, *a, **k)
    )
    with bare_decoder(native).opened() as work:
        assert not decoded
        work()
    assert len(decoded) == len(set(decoded)) == 8 * 8


def test_the_bare_decoder_shrinks_as_the_stream_does(scaled, monkeypatch):
    shrinks = set()
    with open_slide(scaled.path) as slide:
        kind = type(slide.frames)
    decode = kind.decode
    monkeypatch.setattr(kind, "decode", lambda self, *a, shrink, out: shrinks.add(shrink) or decode(self, *a, shrink=shrink))
    with bare_decoder(scaled).opened() as work:
        work()
    assert shrinks == {2}


def test_the_file_is_forgotten_before_the_disk_is_measured(native, monkeypatch):
    forgotten = []
    monkeypatch.setattr(readers, "_forget", forgotten.append)
    with cold_disk(native).opened() as work:
        assert forgotten == [native.path]
        work()
    assert forgotten == [native.path]


@pytest.mark.parametrize("way", [bare_decoder, cold_disk])
def test_a_decoder_without_frames_is_named(native, monkeypatch, way):
    monkeypatch.setattr(Slide, "frames", None)
    with pytest.raises(SlideError, match="does not give out compressed frames"), way(native).opened():
        pass


def test_one_thread_is_the_same_job_otherwise(native):
    alone = single_threaded(native)
    assert (alone.threads, alone.sample) == (1, native.sample)


class TestInThreads:
    def test_gives_every_item_to_one_thread(self):
        seen = []
        in_threads(seen.append, range(1000), 4)
        assert sorted(seen) == list(range(1000))

    def test_works_in_as_many_threads_as_asked(self):
        together = threading.Barrier(3, timeout=10)
        in_threads(lambda item: together.wait(), range(3), 3)

    def test_hands_on_what_a_call_raises(self):
        with pytest.raises(ZeroDivisionError):
            in_threads(lambda item: 1 // item, [2, 1, 0, 1], 2)


def test_openslide_and_resize_gives_tiles_of_the_right_size(scaled, monkeypatch):
    import openslide

    sizes = []
    read = openslide.OpenSlide.read_region
    monkeypatch.setattr(
        openslide.OpenSlide,
        "read_region",
        lambda self, xy, level, size: sizes.append((level, size)) or read(self, xy, level, size),
    )
    with openslide_resized(scaled).opened() as work:
        work()
    assert set(sizes) == {(0, (128, 128))}
    assert np.isclose(scaled.sample.downsample, 2.0)
