"""What is found out before anything is measured."""

import contextlib

import pytest
import tifffile

from cartopath.benchmark import Contender
from cartopath.benchmark.probe import FEWEST_TILES, Readable, in_time, readable, with_tiles
from cartopath.benchmark.readers import Job
from cartopath.benchmark.sample import native_sample
from cartopath.slides import open_slide


def job_on(path, n_tiles=320):
    with open_slide(path) as slide:
        return Job(path, native_sample(slide, 64, n_tiles=n_tiles), 2)


@pytest.fixture
def job(slide_40x):
    return job_on(slide_40x)


class Clock:
    """A clock that only moves when something is done."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def contenders(self, *, opening, per_tile):
        """Return what makes contenders that need so many seconds."""

        def made(job):
            @contextlib.contextmanager
            def opened():
                self.now += opening

                def work():
                    self.now += per_tile * job.sample.n_tiles
                    return job.sample.n_tiles

                yield work

            return [Contender("A", opened), Contender("B", opened)]

        return made


class TestReadable:
    def test_counts_all_tiles_of_a_sound_slide(self, job):
        assert readable(job, seconds=60.0) == Readable(320, 0)

    def test_counts_those_that_lie_in_damaged_frames(self, damaged_40x):
        job = job_on(damaged_40x)
        with tifffile.TiffFile(damaged_40x) as tiff:
            page, content = tiff.pages[0], damaged_40x.read_bytes()
            wiped = [not any(content[first : first + 2]) for first in page.dataoffsets]
        expected = sum(wiped[y // 64 * 20 + x // 64] for x, y in job.sample.xy_px0.tolist())
        assert expected > 0
        assert readable(job, seconds=60.0) == Readable(320, expected)

    def test_stops_when_its_time_is_over(self, job):
        assert readable(job, seconds=0.0) == Readable(FEWEST_TILES, 0)

    def test_adds_up(self):
        assert Readable(16, 3) + Readable(20, 1) == Readable(36, 4)


class TestInTime:
    @pytest.mark.parametrize(("seconds", "n_tiles"), [(2 * 5 * 100.0, 100), (2 * 5 * 200.0, 196), (1e9, 320), (0.0, 16)])
    def test_chooses_as_many_tiles_as_fit(self, job, seconds, n_tiles):
        clock = Clock()
        found = in_time(job, clock.contenders(opening=0.0, per_tile=1.0), seconds=seconds, clock=clock)
        assert found.sample.n_tiles == n_tiles  # a block: 14 x 14 for 200

    def test_leaves_time_for_opening(self, job):
        clock = Clock()
        found = in_time(job, clock.contenders(opening=50.0, per_tile=1.0), seconds=2 * 5 * 150.0, clock=clock)
        assert found.sample.n_tiles == 100

    def test_asks_each_for_a_few_tiles_only(self, job):
        clock = Clock()
        in_time(job, clock.contenders(opening=0.0, per_tile=1.0), seconds=1e9, clock=clock)
        assert clock.now == 2 * FEWEST_TILES

    def test_a_sample_of_fewer_tiles_is_kept(self, slide_40x):
        clock, few = Clock(), job_on(slide_40x, n_tiles=4)
        assert in_time(few, clock.contenders(opening=0.0, per_tile=1.0), seconds=0.0, clock=clock).sample is few.sample


def test_fewer_tiles_are_the_same_job_otherwise(job):
    few = with_tiles(job, 16)
    assert (few.path, few.threads, few.sample.n_tiles) == (job.path, job.threads, 16)
