"""Other libraries, of which only OpenSlide is sure to be here; the others are stood in for."""

import contextlib
import dataclasses

import numpy as np
import pytest

from cartopath.benchmark.peers import PEERS, Agreement, Peer, agreement, contender, failures, note
from cartopath.benchmark.readers import Job
from cartopath.benchmark.sample import native_sample
from cartopath.slides import open_slide, read_tiles

OPENSLIDE = PEERS[0]


@pytest.fixture
def job(slide_40x):
    with open_slide(slide_40x) as slide:
        return Job(slide_40x, native_sample(slide, 128, n_tiles=9), 2)


def stand_in(change):
    """Return a library that reads what we read, changed."""

    @contextlib.contextmanager
    def reader(path):
        def read(xy_px0, size_px, threads, keep):
            with open_slide(path) as slide:
                for number, tile in enumerate(read_tiles(slide, xy_px0, window_px0=size_px, size_px=size_px)):
                    keep(number, change(tile.copy()))

        yield read

    return Peer("Stand-in", "json", ("numpy",), "none", reader)


def test_names_and_modules_differ():
    assert len({peer.name for peer in PEERS}) == len({peer.module for peer in PEERS}) == len(PEERS) == 5


def test_openslide_shows_the_same_pixels(job):
    found = agreement(OPENSLIDE, job)
    assert found.share_equal > 0.99
    assert found.largest <= 1


def test_a_tile_in_another_place_is_seen(job):
    assert agreement(stand_in(lambda tile: np.roll(tile, 1, axis=0)), job).share_equal < 0.9


def test_one_other_value_is_seen(job):
    def change(tile):
        tile[0, 0, 0] ^= 4
        return tile

    found = agreement(stand_in(change), job)
    assert found.largest == 4
    assert found.share_equal == pytest.approx(1 - 1 / (128 * 128 * 3))


def test_transparency_of_another_library_is_left_out(job):
    opaque = stand_in(lambda tile: np.dstack([tile, np.full(tile.shape[:2], 255, np.uint8)]))
    assert agreement(opaque, job) == Agreement(1.0, 0)


def test_a_contender_reads_all_tiles(job):
    with contender(OPENSLIDE, job).opened() as work:
        assert work() == 9


def test_what_is_not_installed_says_so():
    absent = dataclasses.replace(OPENSLIDE, packages=("no-such-package",))
    assert absent.version() is None
    assert absent.why_not() == "not installed"


def test_the_version_is_that_of_the_library_not_of_its_binding(job):
    import openslide

    assert OPENSLIDE.library_version() == openslide.__library_version__
    assert note(OPENSLIDE, job).startswith(f"{openslide.__library_version__}; pixels")


def test_a_library_that_knows_no_version_has_that_of_its_package():
    assert stand_in(lambda tile: tile).library_version() == np.__version__


def test_pixels_that_cannot_be_decoded_are_not_compared(damaged_40x):
    with open_slide(damaged_40x) as slide:
        job = Job(damaged_40x, native_sample(slide, 128, n_tiles=9), 2)
    assert note(OPENSLIDE, job).endswith("pixels not compared, as cartopath cannot decode some")


def test_what_cannot_be_imported_says_so():
    broken = dataclasses.replace(OPENSLIDE, module="cartopath.no_such_module")
    assert broken.why_not().startswith("installed, but cannot be loaded")


def test_errors_of_loaded_libraries_are_known():
    import openslide

    assert openslide.OpenSlideError in failures()
    assert Exception not in failures()


@pytest.mark.parametrize(
    ("found", "said"), [(Agreement(1.0, 0), "equal"), (Agreement(0.5, 3), "50.0% equal, differ by 3 at most")]
)
def test_agreement_in_words(found, said):
    assert str(found) == said
