"""What OpenSlide refuses to show is an error here, what it shows is shown, and nothing worse happens."""

from __future__ import annotations

import io

import numpy as np
import openslide
import pytest
from frame_writers import APERIO, jpeg2000, picture, without, write_frames, ycbcr_jpeg
from PIL import Image

from cartopath.core.errors import TileError
from cartopath.slides.backends.jpeg_headers import HUFFMAN, QUANTIZATION
from cartopath.slides.backends.protocol import FrameError

SIDE = 64


@pytest.fixture(scope="module")
def frame():
    return picture(SIDE, SIDE)


def encoded(frame, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=80, **options)
    return file.getvalue()


def shown_by_openslide(path, n_frames):
    """Pixels of each frame of a row of frames, or None where OpenSlide refuses it."""
    found = []
    for col in range(n_frames):
        try:
            with openslide.OpenSlide(str(path)) as slide:
                found.append(np.asarray(slide.read_region((col * SIDE, 0), 0, (SIDE, SIDE)))[..., :3])
        except openslide.OpenSlideError:
            found.append(None)
    return found


def shown_directly(backend, n_frames):
    found = []
    for col in range(n_frames):
        try:
            found.append(backend.read_region(col * SIDE, 0, 0, SIDE, SIDE))
        except TileError:
            found.append(None)
    return found


def write_row(path, frames, **options):
    return write_frames(path, frames, (SIDE * len(frames), SIDE), side=SIDE, **options)


def assert_same_fate(direct, path, n_frames):
    ours, other = shown_directly(direct(path), n_frames), shown_by_openslide(path, n_frames)
    for number, (mine, its) in enumerate(zip(ours, other, strict=True)):
        assert (mine is None) == (its is None), number
        assert mine is None or np.array_equal(mine, its), number
    return [mine is not None for mine in ours]


END = b"\xff\xd9"
DAMAGES = {
    "no end": lambda jpeg: jpeg[:-2],
    "cut in the middle": lambda jpeg: jpeg[: len(jpeg) // 2],
    "cut in the middle and ended": lambda jpeg: jpeg[: len(jpeg) // 2] + END,
    "cut near the end": lambda jpeg: jpeg[:-6] + END,
    "bytes after the end": lambda jpeg: jpeg + b"abc",
    "bytes before the end": lambda jpeg: jpeg[:-2] + bytes(20) + END,
    "bytes in front": lambda jpeg: b"\0\0" + jpeg,
    "zeros": lambda jpeg: bytes(len(jpeg)),
    "nothing but a start": lambda jpeg: jpeg[:2],
    "no tables": lambda jpeg: without(jpeg, QUANTIZATION, HUFFMAN),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "options", [{"subsampling": 0}, {"subsampling": 2}, {"progressive": True}], ids=["444", "420", "progressive"]
)
def test_a_damaged_jpeg_frame_is_shown_where_openslide_shows_it_and_nowhere_else(direct, tmp_path, frame, damage, options):
    sound = encoded(frame, **options)
    path = write_row(tmp_path / "a.tif", [DAMAGES[damage](sound), sound], subsampling=(1, 1))
    assert assert_same_fate(direct, path, 2)[1]


def test_extraneous_bytes_after_the_last_pixel_do_not_cost_the_frame(direct, tmp_path, frame):
    path = write_row(tmp_path / "a.tif", [DAMAGES["bytes before the end"](encoded(frame, subsampling=0))])
    assert assert_same_fate(direct, path, 1) == [True]


def test_a_lost_restart_marker_costs_the_frame(direct, tmp_path, frame):
    sound = encoded(frame, subsampling=0, restart_marker_rows=1)
    place = sound.index(b"\xff\xd3")
    path = write_row(tmp_path / "a.tif", [sound[:place] + sound[place + 2 :], sound])
    assert assert_same_fate(direct, path, 2) == [False, True]


def flipped(data: bytes, rng: np.random.Generator, first: int, n_flips: int) -> bytes:
    content = bytearray(data)
    for place in rng.integers(first, len(content), n_flips):
        content[place] ^= 1 << int(rng.integers(8))
    return bytes(content)


@pytest.mark.parametrize("seed", range(3))
def test_jpeg_frames_with_flipped_bits_fare_as_in_openslide(direct, tmp_path, frame, seed):
    rng = np.random.default_rng(seed)
    sound = ycbcr_jpeg()(frame)
    frames = [sound, *(flipped(sound, rng, 2 if number % 2 else 600, 1 + number % 3) for number in range(60))]
    fates = assert_same_fate(direct, write_row(tmp_path / "a.tif", frames), len(frames))
    assert {True, False} == set(fates)


def test_jpeg2000_frames_with_flipped_bits_fare_as_in_openslide(direct, tmp_path, frame):
    rng = np.random.default_rng(0)
    sound = jpeg2000(frame)
    frames = [sound, *(flipped(sound, rng, 130 if number % 2 else 60, 1) for number in range(40)), sound[: len(sound) // 2]]
    path = write_row(tmp_path / "a.svs", frames, compression=33005, photometric="rgb", description=APERIO)
    assert {True, False} == set(assert_same_fate(direct, path, len(frames)))


def test_a_frame_with_the_wrong_number_of_components_is_an_error(direct, tmp_path, frame):
    grey = encoded(frame[..., 0])
    cmyk = io.BytesIO()
    Image.fromarray(frame).convert("CMYK").save(cmyk, "JPEG")
    path = write_row(tmp_path / "a.tif", [grey, cmyk.getvalue(), encoded(frame, subsampling=0)])
    assert assert_same_fate(direct, path, 3) == [False, False, True]
    with pytest.raises(TileError, match="a JPEG of 1 components, where its directory declares 3"):
        direct(path).read_region(0, 0, 0, 8, 8)


def test_a_damaged_frame_costs_its_region_only_at_every_scale(direct, tmp_path, frame):
    sound = ycbcr_jpeg()(frame)
    backend = direct(write_row(tmp_path / "a.tif", [sound, sound[:-40] + END, sound]))
    cells = [(0, 0), (1, 0), (2, 0)]
    for shrink in backend.frames.layout(0).shrinks:
        memory = np.empty((SIDE // shrink, SIDE // shrink, 3), np.uint8)
        for cell, data in zip(cells, backend.frames.fetch(0, cells), strict=True):
            for out in (None, memory):
                if cell == (1, 0):
                    with pytest.raises(FrameError):
                        backend.frames.decode(0, cell, data, shrink=shrink, out=out)
                else:
                    assert backend.frames.decode(0, cell, data, shrink=shrink, out=out).shape == memory.shape


def test_a_frame_that_differs_from_the_one_before_it_is_judged_by_itself(direct, tmp_path, frame):
    """Frames that begin as the last one did are decoded without a closer look."""
    sound, grey, small = ycbcr_jpeg()(frame), encoded(frame[..., 0]), ycbcr_jpeg()(frame[: SIDE // 2])
    backend = direct(write_row(tmp_path / "a.tif", [sound, grey, sound, small, sound]))
    cells = [(col, 0) for col in range(5)]
    memory, fates = np.empty((SIDE, SIDE, 3), np.uint8), []
    for cell, data in zip(cells, backend.frames.fetch(0, cells), strict=True):
        try:
            fates.append((backend.frames.decode(0, cell, data, out=memory) == backend.frames.decode(0, (0, 0), data)).all())
        except FrameError:
            fates.append(None)
    assert fates == [True, None, True, None, True]


def test_a_frame_that_lies_beyond_the_end_of_the_file_is_an_error_beside_its_neighbours(direct, tmp_path, frame):
    sound = ycbcr_jpeg()(frame)
    path = write_row(tmp_path / "a.tif", [sound, sound, sound])
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - len(sound) // 2)
    backend = direct(path)
    first, second, third = backend.frames.fetch(0, [(0, 0), (1, 0), (2, 0)])
    assert first == second == (sound,)
    assert isinstance(third, FrameError)
