"""A slide to measure on, small enough to be read in a moment."""

import pytest
import tifffile

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


@pytest.fixture(scope="session")
def damaged_40x(slide_40x, made_once):
    """The same slide with every second of the compressed frames of level 0 wiped out, except the first."""

    def fill(folder):
        folder.mkdir()
        with tifffile.TiffFile(slide_40x) as tiff:
            page = tiff.pages[0]
            found = sorted(set(zip(page.dataoffsets, page.databytecounts, strict=True)))
        content = bytearray(slide_40x.read_bytes())
        for first, size in found[1::2]:
            content[first : first + size] = bytes(size)
        (folder / "damaged.tif").write_bytes(content)

    return made_once("benchmark_damaged_40x", fill) / "damaged.tif"
