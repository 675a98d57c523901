"""How well reading keeps up with networks: prediction and training from slides against the same on tensors in memory.

    python benchmarks/feeding.py [SLIDE ...] [--threads N] [--seconds S] [--device auto] [--quick] [--out FOLDER]

ResNet34 at 224 px and Inception v3 at 512 px, random weights, tiles at 0.5 um/px. Without slides it writes eight small ones at
0.25 um/px with levels 1, 4 and 16. One minus the ratio is the share of the time that the network, or the GPU, waits for tiles.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from cartopath.benchmark.advice import Network
from cartopath.benchmark.command import PAPER_NETWORKS
from cartopath.benchmark.generated import GeneratedSlide, write_generated_slide
from cartopath.benchmark.networks.feeding import measure_network
from cartopath.benchmark.results import machine, markdown, write_results
from cartopath.core.cores import usable_cores
from cartopath.core.geometry import SizePx0
from cartopath.models import NetworkSpec

N_SLIDES = 8
SIZE = SizePx0(20_480, 20_480)
MPP = 0.5


def main() -> None:
    """Measure every network and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slides", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, default=usable_cores(), help="of torch on the CPU")
    parser.add_argument("--seconds", type=float, default=400, help="per network")
    parser.add_argument("--turn-seconds", type=float, default=15, help="per turn")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quick", action="store_true", help="a tiny network for a moment: whether it works, not how fast")
    parser.add_argument("--out", type=Path, help="keep what was measured as JSON in this folder")
    options = parser.parse_args()
    networks = (NetworkSpec(backbone="test_resnet", size_px=64, pool="avg"),) if options.quick else PAPER_NETWORKS
    seconds, turn = (2.0, 0.2) if options.quick else (options.seconds, options.turn_seconds)
    print(machine())
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        slides = options.slides or _generated(Path(folder), 2 if options.quick else N_SLIDES)
        for network in networks:
            measured, about = measure_network(
                slides, network, mpp=MPP, threads=options.threads, device=options.device, seconds=seconds, turn_seconds=turn
            )
            print(f"{markdown(measured)}\n{_waits(about)}", flush=True)
            rows += measured
    if options.out is not None:
        write_results(options.out / "feeding.json", rows, machine=machine())


def _waits(network: Network) -> str:
    predicting, training = (max(0.0, 1 - share) for share in (network.predict_share, network.train_share))
    return f"{network.name}: {network.device} waits {predicting:.1%} of the time in prediction and {training:.1%} in training"


def _generated(folder: Path, n_slides: int) -> list[Path]:
    paths = [folder / f"slide-{number}.tif" for number in range(n_slides)]
    for number, path in enumerate(paths):
        write_generated_slide(path, GeneratedSlide(SIZE, mpp=0.25, downsamples=(1, 4, 16), seed=number))
    return paths


if __name__ == "__main__":
    main()
