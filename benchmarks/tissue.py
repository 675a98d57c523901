"""How well tissue is found on simulated slides of many stains, and how fast.

    python benchmarks/tissue.py [--um 1500] [--seeds 2]

Prints, for each stain and resolution of the thumbnail, the worst intersection over union over the seeds with three truths of the
simulator: `tissue` counts fat neither as tissue nor against it, `strict` takes all fat for empty, `outline` takes it for tissue.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.simulate import render_region
from cartopath.simulate.specimen import plan_specimen
from cartopath.simulate.staining import Stain, site_stain, slide_stain
from cartopath.slides import tissue_mask

RESOLUTIONS = (2, 4, 8, 16)
ENOUGH = 0.90


def stains() -> dict[str, Stain]:
    """Return stains of sites and slides as the simulator draws them, and deliberately extreme ones."""
    plain = site_stain(0, "plain", variation=0.0)
    drawn = {f"site {i}": slide_stain(site_stain(i, f"S{i}"), i, "slide") for i in range(6)}
    drawn["site, twice as odd"] = slide_stain(site_stain(3, "S", variation=2.0), 1, "slide", variation=2.0)
    amounts = {"": (1.0, 1.0), "pale ": (0.3, 0.3), "very pale ": (0.15, 0.15), "strong ": (1.8, 1.8)}
    amounts |= {"eosin only ": (0.0, 1.0), "pale eosin only ": (0.0, 0.3)}
    amounts |= {"haematoxylin only ": (1.0, 0.0), "pale haematoxylin only ": (0.3, 0.0)}
    glasses = {"": plain.white, "on dim glass": (175.0, 172.0, 170.0), "on yellow glass": (240.0, 232.0, 205.0)}
    for amount, (haematoxylin, eosin) in amounts.items():
        for glass, white in glasses.items():
            name = (amount + glass).strip() or "plain"
            drawn[name] = replace(
                plain,
                haematoxylin=tuple(value * haematoxylin for value in plain.haematoxylin),
                eosin=tuple(value * eosin for value in plain.eosin),
                white=white,
            )
    return drawn


def overlaps(stain: Stain, seed: int, side_px: int) -> list[list[float]]:
    """Return the three overlaps at each resolution for one slide at 1 um per pixel."""
    specimen = plan_specimen(seed, "stained", size_px0=SizePx0(side_px, side_px), mpp=1.0, fractions=(0.4, 0.4), stain=stain)
    picture = Image.fromarray(render_region(specimen, RegionPx0(0, 0, side_px, side_px)))
    rows = []
    for resolution in RESOLUTIONS:
        found = tissue_mask(np.asarray(picture.reduce(resolution)))
        at = (np.arange(len(found)) + 0.5) * resolution
        outline, fat = specimen.tissue.depth_um(at, at) > 0, specimen.tissue.fatty(at, at)
        rows.append([_iou(found[~fat], outline[~fat]), _iou(found, outline & ~fat), _iou(found, outline)])
    return rows


def _iou(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((found & truth).sum() / (found | truth).sum())


def main() -> None:
    """Print the table and the time of a large thumbnail."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--um", type=int, default=1500, help="side of the simulated slides")
    parser.add_argument("--seeds", type=int, default=2, help="slides per stain")
    arguments = parser.parse_args()
    print(f"{'stain':42s} um/px  tissue  strict outline")
    for name, stain in stains().items():
        worst = np.min([overlaps(stain, seed, arguments.um) for seed in range(arguments.seeds)], axis=0)
        for resolution, (tissue, strict, outline) in zip(RESOLUTIONS, worst, strict=True):
            mark = "" if tissue >= ENOUGH else "  below 0.90"
            print(f"{name:42s} {resolution:5d}  {tissue:6.3f}  {strict:6.3f}  {outline:6.3f}{mark}", flush=True)
    large = np.random.default_rng(0).normal(200, 20, (4096, 4096, 3)).clip(0, 255).astype(np.uint8)
    start = time.process_time()
    tissue_mask(large)
    print(f"a thumbnail of 4096 x 4096 px: {time.process_time() - start:.2f} s of one core")


if __name__ == "__main__":
    main()
