"""A slide to measure on, small enough to be read in a moment."""

import pytest

from cartopath.benchmark.generated import GeneratedSlide, write_generated_slide
from cartopath.core.geometry import SizePx0


@pytest.fixture(scope="session")
def slide_40x(made_once):
    """A slide at 0.25 um per pixel with levels 1 and 4, 64 px frames, 20 x 16 of them."""

    def fill(folder):
        folder.mkdir()
        spec = GeneratedSlide(SizePx0(1280, 1024), mpp=0.25, frame_px=64, downsamples=(1, 4), tissue_share=0.8)
        write_generated_slide(folder / "40x.tif", spec)

    return made_once("benchmark_slide_40x", fill) / "40x.tif"
