"""Table 2 of Rawat et al. 2020 as an experiment on simulated arrays: small and large training sets, with and without style pairs.

    python benchmarks/fingerprint_table2.py [--quick] [--out FOLDER] [--backbone resnet34] [--accelerator auto] [--seed 0]

Arrays of other patients are used for training and for testing. Every array block is cut into two serial sections of different
stain and scanner. Left halves of the first section of the test array are matched to right halves of the second one. Arms:

* one stain: trained on first sections only;
* both stains: sections of a core share the class, the loss is the cross entropy (experiments 1 and 2 of the paper);
* style pairs: the same place in both sections, with the distance between both fingerprints (experiments 3 and 4).

Prints core and patient accuracy with 95 % intervals over patients, chance, and the paired gain of style pairs over both others.
Trainings are resumed from FOLDER. `--quick` takes minutes on two cores and shows that everything runs, not what it can reach.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import tempfile
import time
from pathlib import Path

from cartopath.core.rng import stream
from cartopath.models import load_weights
from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network
from cartopath.simulate.tissue_array import FIRST_STYLE, SECOND_STYLE, ArraySpec, simulate_arrays
from cartopath.stats.matching import MatchingGame, matching_gain, matching_game
from cartopath.training.fingerprint import (
    AugmentationSpec,
    FingerprintTraining,
    Piece,
    array_pieces,
    fingerprint_tiles,
    half_fingerprints,
    train_fingerprint,
    usable_pieces,
)

ARMS = ("one stain", "both stains", "style pairs")


@dataclasses.dataclass(frozen=True)
class Size:
    """How large an experiment is."""

    small: int
    large: int
    test: int
    core_um: float
    mpp: float
    tile_px: int
    batch_size: int
    max_chunks: int
    overlap: float
    backbone: str


QUICK = Size(8, 30, 18, 240.0, 2.0, 32, 32, 8, 0.5, "test_resnet")
FULL = Size(30, 240, 30, 800.0, 0.5, 224, 64, 200, 0.8, "resnet34")


def pieces_of(folder: Path, name: str, n_patients: int, size: Size, seed: int) -> list[Piece]:
    """Simulate an array of two cores per patient and find its cores."""
    styles = (FIRST_STYLE.with_mpp(size.mpp), SECOND_STYLE.with_mpp(0.8 * size.mpp))
    spec = ArraySpec(name=name, n_patients=n_patients, core_um=size.core_um, styles=styles, missing=0.03, seed=seed)
    arrays = simulate_arrays(spec, folder)
    pieces = array_pieces(arrays.slides, arrays.layout(), core_um=size.core_um)
    return [piece for piece in pieces if len(piece.pictures) == 2]


def recipe(arm: str, size: Size, args: argparse.Namespace) -> FingerprintTraining:
    """Every arm sees as many images."""
    augmentation = AugmentationSpec(rotation="any" if size is FULL else "right_angles")
    return FingerprintTraining(
        pairing="sections" if arm == "style pairs" else "none",
        augmentation=augmentation,
        tiles_per_piece=8 if arm == "style pairs" else 16,
        batch_size=size.batch_size // 2 if arm == "style pairs" else size.batch_size,
        validation_tiles_per_piece=4,
        max_chunks=size.max_chunks,
        lr=2e-3 if size is QUICK else 1e-3,
        seed=args.seed,
        accelerator=args.accelerator,
        devices="auto" if args.accelerator != "cpu" else 1,
    )


def play(weights: dict, n_pieces: int, test: list[Piece], network: FingerprintSpec, size: Size) -> MatchingGame:
    """Match left halves in the first stain to right halves in the second."""
    built = build_fingerprint_network(network, n_pieces=n_pieces)
    load_weights(built, weights, source="training")
    encode = functools.partial(fingerprint_tiles, built)
    sides = [
        half_fingerprints(encode, test, network, half=half, style=style, overlap=size.overlap)
        for half, style in (("left", "first"), ("right", "second"))
    ]
    return matching_game(*sides, rng=stream(0, "table 2"))


def main() -> None:
    """Run the experiment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--backbone")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    size = QUICK if args.quick else FULL
    folder = args.out or Path(tempfile.mkdtemp(prefix="table2-"))
    network = FingerprintSpec(backbone=args.backbone or size.backbone, size_px=size.tile_px, mpp=size.mpp)
    limits = {"read_px": recipe(ARMS[0], size, args).augmentation.read_px(size.tile_px), "min_tissue": 0.5}
    test = pieces_of(folder, "test", size.test, size, args.seed)
    for name, n_patients in (("small", size.small), ("large", size.large)):
        train, left_out = usable_pieces(pieces_of(folder, f"train-{name}", n_patients, size, args.seed), network, **limits)
        print(f"{name}: {len(train)} cores of {n_patients} patients to train on, {len(left_out)} left out; {len(test)} to match")
        games = {}
        for arm in ARMS:
            pieces = [piece.only(["first"]) for piece in train] if arm == "one stain" else train
            began = time.process_time()
            work = folder / f"{name}-{arm.replace(' ', '-')}"
            outcome = train_fingerprint(pieces, network, recipe(arm, size, args), work_dir=work)
            games[arm] = play(outcome.weights, len(pieces), test, network, size)
            seconds, accuracy = time.process_time() - began, outcome.best["validation_accuracy"]
            print(f"  {arm:12s} right-half accuracy {accuracy:.2f}; {games[arm]}  ({seconds:.0f} s of CPU)", flush=True)
        for arm in ARMS[:2]:
            gain = matching_gain(games["style pairs"].core, games[arm].core, rng=stream(0, "gain"))
            print(f"  style pairs over {arm}: {gain}")


if __name__ == "__main__":
    main()
