"""Slides that several threads read, and of which only so many stay open."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cartopath.training import SlideTiles
from cartopath.training.handles import OpenSlides


class FakeSlide:
    def __init__(self):
        self.is_closed = False

    def close(self):
        self.is_closed = True


@pytest.fixture
def opened(monkeypatch):
    """What was opened, in order, by name."""
    names = []

    def open_slide(path, **_):
        names.append(path.stem)
        return FakeSlide()

    monkeypatch.setattr("cartopath.slides.open_slide", open_slide)
    return names


def slide(name):
    return SlideTiles(slide_id=name, patient_id=name, path=f"{name}.tif", xy_px0=np.zeros((1, 2)), window_px0=8, size_px=8)


def test_a_slide_that_was_not_needed_for_longest_is_closed(opened):
    slides = OpenSlides(2)
    for name in ("a", "b", "a", "c", "a", "b"):
        with slides.reading(slide(name)):
            pass
    assert opened == ["a", "b", "c", "b"]
    assert len(slides) == 2


def test_a_slide_that_is_being_read_is_not_closed(opened):
    slides = OpenSlides(1)
    with slides.reading(slide("a")) as one:
        with slides.reading(slide("b")) as other:
            assert not one.is_closed
        slides.close()
        assert (one.is_closed, other.is_closed) == (False, True)
    slides.close()
    assert one.is_closed


def test_several_threads_share_one_opening(opened):
    slides = OpenSlides(4)
    together = threading.Barrier(4)

    def read(_):
        with slides.reading(slide("a")) as handle:
            together.wait(5)
            return handle

    with ThreadPoolExecutor(4) as pool:
        handles = set(pool.map(read, range(4)))
    assert len(handles) == 1
    assert opened == ["a"]


def test_a_slide_that_could_not_be_opened_is_tried_again(opened, monkeypatch):
    slides = OpenSlides(4)

    def fail(path, **_):
        raise OSError("no such file")

    with monkeypatch.context() as patch:
        patch.setattr("cartopath.slides.open_slide", fail)
        with pytest.raises(OSError, match="no such file"), slides.reading(slide("a")):
            pass
    with slides.reading(slide("a")) as handle:
        assert not handle.is_closed
