"""Where only the upper rows of a JPEG frame are needed, no more is decoded, and these are what a whole decoding gives."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from frame_writers import picture, rgb_jpeg, tables_apart, write_frames
from PIL import Image

from cartopath.slides.backends.jpeg_headers import read_header, upper_rows
from cartopath.slides.backends.protocol import FrameError

SIDE = 240
UNTOUCHED = 7


def jpeg(subsampling="420"):
    encoded = imagecodecs.jpeg8_encode(
        picture(SIDE, SIDE), level=85, colorspace="RGB", outcolorspace="YCBCR", subsampling=subsampling
    )
    return bytes(encoded)


def progressive():
    content = io.BytesIO()
    Image.fromarray(picture(SIDE, SIDE)).save(content, "JPEG", progressive=True)
    return content.getvalue()


def with_restarts(data):
    """Declare that decoding starts anew after more blocks than there are: it never does."""
    at = data.index(b"\xff\xda")
    return data[:at] + b"\xff\xdd\x00\x04\xff\xff" + data[at:]


def decoded(backend, data, n_rows, shrink):
    memory = np.full((SIDE // shrink, SIDE // shrink, 3), UNTOUCHED, np.uint8)
    pixels = backend.frames.decode(0, (0, 0), data, shrink=shrink, out=memory, n_rows=n_rows)
    return pixels, (memory != UNTOUCHED).any(axis=(1, 2)).sum()


@pytest.fixture
def opened(direct, tmp_path):
    def opened(*frames, **options):
        backend = direct(write_frames(tmp_path / "a.tif", frames, (SIDE * len(frames), SIDE), side=SIDE, **options))
        cells = [(col, 0) for col in range(len(frames))]
        found = backend.frames.fetch(0, cells)
        backend.frames.decode(0, cells[0], found[0])  # those that begin as the one before them are decoded without a closer look
        return backend, found

    return opened


@pytest.mark.parametrize("shrink", [1, 2, 4, 8])
@pytest.mark.parametrize("subsampling", ["444", "422", "440", "420", "411"])
def test_upper_rows_are_those_of_the_whole_frame(opened, subsampling, shrink):
    backend, (data,) = opened(jpeg(subsampling))
    whole, _ = decoded(backend, data, None, shrink)
    for n_rows in range(1, SIDE // shrink + 1):
        upper, _ = decoded(backend, data, n_rows, shrink)
        assert (upper[:n_rows] == whole[:n_rows]).all(), n_rows


@pytest.mark.parametrize("photometric", ["ycbcr", "rgb"])
def test_upper_rows_of_frames_whose_tables_lie_elsewhere_are_those_of_the_whole_frame(opened, photometric):
    image = picture(SIDE, SIDE)
    tables, frames = tables_apart([rgb_jpeg(image) if photometric == "rgb" else jpeg("420")])
    backend, (data,) = opened(*frames, tables=tables, photometric=photometric)
    whole, _ = decoded(backend, data, None, 1)
    assert abs(whole.astype(int) - image).mean() < 10
    for n_rows in (1, 64, 100):
        upper, n_touched = decoded(backend, data, n_rows, 1)
        assert (upper[:n_rows] == whole[:n_rows]).all()
        assert n_touched <= n_rows + 17


@pytest.mark.parametrize("subsampling", ["444", "420"])
@pytest.mark.parametrize("shrink", [1, 2, 8])
def test_the_rest_is_not_decoded(opened, subsampling, shrink):
    backend, (data,) = opened(jpeg(subsampling))
    side = SIDE // shrink
    for n_rows in (1, side // 4, side // 2):
        _, n_touched = decoded(backend, data, n_rows, shrink)
        assert n_rows <= n_touched <= n_rows + -(-34 // shrink)


@pytest.mark.parametrize("make", [progressive, lambda: with_restarts(jpeg())])
def test_frames_that_cannot_end_early_are_decoded_as_a_whole(opened, make):
    data = make()
    assert upper_rows(data, read_header(data), read_header(data).height_at, 20, 1) == (data, SIDE)
    backend, (found,) = opened(data)
    whole, _ = decoded(backend, found, None, 1)
    upper, n_touched = decoded(backend, found, 20, 1)
    assert n_touched == SIDE
    assert (upper == whole).all()


def test_damage_below_costs_nothing_and_damage_within_the_rows_is_found(opened):
    sound = jpeg("420")
    start = sound.index(b"\xff\xda") + 14
    quarter = (len(sound) - start) // 4
    below = sound[: start + 3 * quarter] + b"\xff\xd9"
    within = sound[: start + quarter // 2] + b"\xff\xd9"
    backend, (first, cut_below, cut_within) = opened(sound, below, within)
    whole, _ = decoded(backend, first, None, 1)
    upper, _ = decoded(backend, cut_below, SIDE // 2, 1)
    assert (upper[: SIDE // 2] == whole[: SIDE // 2]).all()
    for data, n_rows in ((cut_below, None), (cut_within, SIDE // 2)):
        with pytest.raises(FrameError):
            decoded(backend, data, n_rows, 1)


def test_a_header_that_says_nonsense_of_its_colours_is_an_error_of_its_frame(opened):
    sound = jpeg("420")
    at = sound.index(b"\xff\xc0") + 11
    nonsense = sound[:at] + b"\x20" + sound[at + 1 : at + 3] + b"\x10" + sound[at + 4 : at + 6] + b"\x10" + sound[at + 7 :]
    backend, (first, damaged, again) = opened(sound, nonsense, nonsense)
    for data in (damaged, again):
        with pytest.raises(FrameError):
            decoded(backend, data, 20, 1)
    upper, _ = decoded(backend, first, 20, 1)
    assert (upper[:20] == decoded(backend, first, None, 1)[0][:20]).all()
