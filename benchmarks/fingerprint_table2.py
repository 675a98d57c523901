"""Table 2 of Rawat et al. 2020 as an experiment on simulated arrays: small and large training sets, with and without style pairs.

    python benchmarks/fingerprint_table2.py --out FOLDER [--quick] [--seeds 0 1 2] [--images 70000] [--accelerator auto]

Arrays of other patients are used for training and for testing; the small training set is the first patients of the large one.
Every array block is cut into two serial sections of different stain and scanner. Left halves of the first section of the test
array are matched to right halves of the second one. Arms:

* one stain: trained on first sections only;
* both stains: sections of a core share the class, the loss is the cross entropy (experiments 1 and 2 of the paper);
* style pairs: the same place in both sections, with the distance between both fingerprints (experiments 3 and 4).

Every arm sees as many images. Prints core and patient accuracy with 95 % intervals over patients and chance, with features as
they are and standardised over each section, which needs no labels; and the paired gains, over the patients of all seeds.
Results are written to FOLDER/results.json as they come, and read from there; trainings are resumed. `--quick` is for two cores.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cartopath.core.rng import stream
from cartopath.models import load_weights
from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network
from cartopath.simulate.tissue_array import FIRST_STYLE, SECOND_STYLE, ArraySpec, simulate_arrays
from cartopath.stats.matching import Side, matching_game, mean_by_patient, standardised
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
from fingerprint_record import Record, Values, as_values, matched

ARMS = ("one stain", "both stains", "style pairs")
HOW = ("plain", "standardised")


@dataclasses.dataclass(frozen=True)
class Size:
    """How large an experiment is.

    Attributes:
        small: Patients of the small training set, two cores each.
        large: Of the large one.
        test: Of each test array.
        n_tests: Test arrays, each matched on its own: more queries at the same chance.
        core_um: Diameter of the cores.
        scanner_mpp: Micrometres per pixel of the first section; the second is scanned finer.
        network: What is trained.
        batch_size: Images per step.
        n_images: That every training sees.
        overlap: Of tiles at matching.
        lr: Highest learning rate.
        augmentation: What is done to tiles.
    """

    small: int
    large: int
    test: int
    n_tests: int
    core_um: float
    scanner_mpp: float
    network: FingerprintSpec
    batch_size: int
    n_images: int
    overlap: float
    lr: float
    augmentation: AugmentationSpec


QUICK = Size(
    small=16,
    large=60,
    test=40,
    n_tests=4,
    core_um=400.0,
    scanner_mpp=1.0,
    network=FingerprintSpec(backbone="test_byobnet", size_px=64, mpp=1.0, batch_norm=True),
    batch_size=32,
    n_images=22_400,
    overlap=0.25,
    lr=4e-3,
    augmentation=AugmentationSpec(rotation="right_angles", flips=True),
)
FULL = Size(
    small=104,
    large=800,
    test=104,
    n_tests=1,
    core_um=800.0,
    scanner_mpp=0.5,
    network=FingerprintSpec(),
    batch_size=64,
    n_images=2_000_000,
    overlap=0.8,
    lr=1e-3,
    augmentation=AugmentationSpec(),
)


@dataclasses.dataclass(frozen=True)
class Run:
    """One seed of the experiment.

    Attributes:
        folder: Where everything lies.
        seed: Of everything.
        size: How large.
        accelerator: Of Lightning.
        threads: Of torch.
    """

    folder: Path
    seed: int
    size: Size
    accelerator: str
    threads: int

    def pieces(self, name: str, n_patients: int) -> list[Piece]:
        """Simulate an array of two cores per patient and find its cores."""
        size, mpp = self.size, self.size.scanner_mpp
        styles = (FIRST_STYLE.with_mpp(mpp), SECOND_STYLE.with_mpp(0.8 * mpp))
        spec = ArraySpec(name=name, n_patients=n_patients, core_um=size.core_um, styles=styles, missing=0.03, seed=self.seed)
        arrays = simulate_arrays(spec, self.folder / f"arrays-{self.seed}")
        found = array_pieces(arrays.slides, arrays.layout(), core_um=size.core_um)
        return [piece for piece in found if len(piece.pictures) == 2]

    def recipe(self, arm: str, n_pieces: int) -> FingerprintTraining:
        """About ten validations, whatever the number of pieces, in one cycle of the learning rate."""
        size, pairs = self.size, 2 if arm == "style pairs" else 1
        tiles = max(2, round(size.n_images / 10 / n_pieces / 2) * 2)
        chunks = max(1, round(size.n_images / tiles / n_pieces))
        return FingerprintTraining(
            pairing="sections" if arm == "style pairs" else "none",
            augmentation=size.augmentation,
            tiles_per_piece=tiles // pairs,
            batch_size=size.batch_size // pairs,
            validation_tiles_per_piece=2,
            max_chunks=chunks,
            lr=size.lr,
            schedule="one_cycle",
            seed=self.seed,
            accelerator=self.accelerator,
            devices="auto" if self.accelerator != "cpu" else 1,
            threads=self.threads,
        )

    def train_and_play(self, name: str, arm: str) -> Values:
        """Train on one set and play with the test array."""
        size, network = self.size, self.size.network
        limits = {"read_px": size.augmentation.read_px(network.size_px), "min_tissue": 0.5}
        everybody = self.pieces("train", size.large)
        chosen = sorted({piece.patient_id for piece in everybody})[: getattr(size, name)]
        train, _ = usable_pieces([piece for piece in everybody if piece.patient_id in chosen], network, **limits)
        pieces = [piece.only(["first"]) for piece in train] if arm == "one stain" else train
        work = self.folder / "work" / f"{self.seed}-{name}-{arm.replace(' ', '-')}"
        outcome = train_fingerprint(pieces, network, self.recipe(arm, len(pieces)), work_dir=work)
        built = build_fingerprint_network(network, n_pieces=len(pieces))
        load_weights(built, outcome.weights, source="training")
        device = "cpu" if self.accelerator == "cpu" else "auto"
        encode = functools.partial(fingerprint_tiles, built, device=device, threads=self.threads)
        tests = []
        for number in range(size.n_tests):
            test = self.pieces(f"test{number + 1}" if number else "test", size.test)
            left, right = (
                half_fingerprints(encode, test, network, half=half, style=style, overlap=size.overlap)
                for half, style in (("left", "first"), ("right", "second"))
            )
            tests.append(games(left, right))
        patients = {piece.patient_id for piece in train}
        described = {"cores": len(pieces), "trained_patients": len(patients)}
        return {**described, "right_half_accuracy": round(outcome.best["validation_accuracy"], 3), **joined(tests)}


def joined(tests: Sequence[Values]) -> Values:
    """Return the games of all test arrays as one: the same queries, each matched within its own array."""
    result: Values = {}
    for how in HOW:
        result[how] = {}
        for unit in ("core", "patient"):
            parts = [test[how][unit] for test in tests]
            lists = {key: [value for part in parts for value in part[key]] for key in ("names", "hits", "patients")}
            estimate = as_values(mean_by_patient(lists["hits"], lists["patients"], rng=stream(0, "table 2")))
            means = {key: round(float(np.mean([part[key] for part in parts])), 4) for key in ("chance", "top5")}
            result[how][unit] = {**estimate, **means, **lists}
    return result


def games(left: Side, right: Side) -> Values:
    """Play with features as they are and standardised over each section."""
    result: Values = {}
    for how, sides, normalise in (
        ("plain", (left, right), True),
        ("standardised", (standardised(left), standardised(right)), False),
    ):
        game = matching_game(*sides, normalise=normalise, rng=stream(0, "table 2"))
        result[how] = {"core": matched(game.core), "patient": matched(game.patient)}
    return result


def gain(better: Sequence[Values], worse: Sequence[Values]) -> Values:
    """Return how much more of the same queries one arm matched than another, over patients of all seeds."""
    hits = [np.array(one["hits"]) - np.array(other["hits"]) for one, other in zip(better, worse, strict=True)]
    patients = [f"{seed} {patient}" for seed, one in enumerate(better) for patient in one["patients"]]
    return as_values(mean_by_patient(np.concatenate(hits), patients, rng=stream(0, "gain")))


def overall(games: Sequence[Values]) -> Values:
    """Return the accuracy over the queries of all seeds."""
    hits = np.concatenate([game["hits"] for game in games])
    patients = [f"{seed} {patient}" for seed, game in enumerate(games) for patient in game["patients"]]
    return as_values(mean_by_patient(hits, patients, rng=stream(0, "overall")))


def summary(results: dict[str, Values], seeds: Sequence[int]) -> dict[str, Values]:
    """Return accuracies and gains over the seeds for which all trainings are done."""
    rows: dict[str, Values] = {}
    for how in HOW:
        done = {
            (name, arm): [results[f"seed {seed}, {name}, {arm}"][how] for seed in seeds]
            for name in ("small", "large")
            for arm in ARMS
            if all(f"seed {seed}, {name}, {arm}" in results for seed in seeds)
        }
        for unit in ("core", "patient"):
            values = {key: [game[unit] for game in found] for key, found in done.items()}
            for (name, arm), found in values.items():
                rows[f"{how}, {unit}: {name}, {arm}"] = {**overall(found), "chance": found[0]["chance"]}
            for name, arm in values:
                if arm != "style pairs" and (name, "style pairs") in values:
                    label = f"{how}, {unit}: {name}, style pairs over {arm}"
                    rows[label] = gain(values[name, "style pairs"], values[name, arm])
                if name == "large" and ("small", arm) in values:
                    rows[f"{how}, {unit}: large over small, {arm}"] = gain(values["large", arm], values["small", arm])
    return rows


def run(
    folder: Path,
    seeds: Sequence[int],
    size: Size,
    *,
    accelerator: str = "cpu",
    threads: int = 1,
    sets: Sequence[str] = ("small", "large"),
    arms: Sequence[str] = ARMS,
) -> dict[str, Values]:
    """Run what is not done and return the summary."""
    record = Record(folder / "results.json")
    for seed in seeds:
        one = Run(folder, seed, size, accelerator, threads)
        for name in sets:
            for arm in arms:
                record.get(f"seed {seed}, {name}, {arm}", functools.partial(one.train_and_play, name, arm))
    return summary(record.results, seeds)


def main() -> None:
    """Run the experiment and print its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sets", nargs="+", choices=("small", "large"), default=["small", "large"])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--images", type=int, help="that every training sees; results of other numbers go to other folders")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    size, accelerator = (QUICK, "cpu") if args.quick else (FULL, args.accelerator)
    size = dataclasses.replace(size, n_images=args.images or size.n_images)
    options = {"accelerator": accelerator, "threads": args.threads, "sets": args.sets, "arms": args.arms}
    for name, value in run(args.out, args.seeds, size, **options).items():
        chance = f", chance {value['chance']:.4f}" if "chance" in value else ""
        print(f"{name:60s} {value['value']:.2f} (95% CI {value['low']:.2f}-{value['high']:.2f}, n={value['n']}{chance})")


if __name__ == "__main__":
    main()
