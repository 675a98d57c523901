"""A huge slide needs little memory, and time only for its tissue."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

SIDE = 50_000
FRAME = 512

PLAN_IN_A_FRESH_PROCESS = """
import json, re, sys
from pathlib import Path
from cartopath.slides import TileSpec, iter_tiles, open_slide, plan_tiles
# Not getrusage: what it gives begins with the memory of the process that started this one.
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
with open_slide(sys.argv[1]) as slide:
    plan = plan_tiles(slide, TileSpec(), threads=2)
    planned = peak()
    xy = plan.table[["x_px0", "y_px0"]].to_numpy()
    n = sum(len(batch.pixels) for batch in iter_tiles(slide, xy, window_px0=512, size_px=512, batch_size=32, threads=2))
print(json.dumps({"backend": plan.backend, "counts": plan.counts, "read": n, "planned_mib": planned, "peak_mib": peak()}))
"""


def encoded(frame):
    """The bytes of one frame, as tifffile compresses it."""
    with io.BytesIO() as file:
        tifffile.imwrite(file, frame, tile=(FRAME, FRAME), compression="jpeg", photometric="rgb", metadata=None)
        file.seek(0)
        with tifffile.TiffFile(file) as tiff:
            offset, size = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
        return file.getvalue()[offset : offset + size]


@pytest.fixture(scope="module", params=["directories", "SubIFDs"])
def large_slide(request, tmp_path_factory):
    """50,000 x 50,000 px at 0.5 um/px: 16 x 16 frames of tissue on glass. Levels lie side by side, or below the first."""
    rng = np.random.default_rng(0)
    glass = encoded(np.full((FRAME, FRAME, 3), 245, np.uint8))
    tissue = encoded(np.clip(rng.normal((170, 90, 160), 25, (FRAME, FRAME, 3)), 0, 255).astype(np.uint8))
    path = tmp_path_factory.mktemp("large") / f"{request.param}.tif"
    is_ome = request.param == "SubIFDs"
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        for scale in (1, 4, 16):
            side = SIDE // scale
            n = -(-side // FRAME)
            frames = (
                tissue if 16 <= col * scale < 32 and 16 <= row * scale < 32 else glass for row in range(n) for col in range(n)
            )
            writer.write(
                frames,
                shape=(side, side, 3),
                dtype=np.uint8,
                tile=(FRAME, FRAME),
                compression="jpeg",
                photometric="rgb",
                subfiletype=0 if scale == 1 else 1,
                subifds=2 if is_ome and scale == 1 else None,
                description='<OME><Image><Pixels SizeX="50000" SizeY="50000" SizeC="3"/></Image></OME>' if is_ome else None,
                resolution=(20_000 / scale, 20_000 / scale),
                resolutionunit="CENTIMETER",
                metadata=None,
            )
    return path


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peak memory is read from /proc")
def test_tiling_a_slide_of_50_000_px_reads_only_its_tissue_in_little_memory(large_slide):
    ran = subprocess.run([sys.executable, "-c", PLAN_IN_A_FRESH_PROCESS, str(large_slide)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    counts = found["counts"]
    assert counts["grid"] == 97 * 97 + counts["edge"]
    assert counts["kept"] == found["read"] == 16 * 16
    assert counts["background"] <= 4 * 17  # at most the ring around the tissue was decoded in vain
    assert found["backend"] == "direct"
    assert found["planned_mib"] < 700
    assert found["peak_mib"] < 700
