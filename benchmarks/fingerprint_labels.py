"""Duplicates and swapped labels planted in a cohort of rendered slides, and what the cohort's own fingerprints find of them.

    python benchmarks/fingerprint_labels.py --out FOLDER [--seeds 21 22] [--patients 60] [--threads 1]

Every patient has two slides. Some second slides are replaced by another patient's first one: compressed again, cropped, or
shifted and compressed again. Some pairs of patients have their second slides swapped. An encoder learns the identity of slides
of this very cohort, wrong labels and all. Its mean fingerprints of the halves of every slide are then judged for duplicates
(`cartopath.stats.copied_slides`), and those of whole slides for contradicted labels (`cartopath.stats.look_alikes`). Prints
precision and recall of duplicates (pairs) and of swaps (misplaced slides that are no copies), and what is found in the same
cohort with nothing planted. Results are written to FOLDER/results.json as they come; trainings are resumed.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile

from cartopath.core.rng import stream
from cartopath.models import load_weights
from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network
from cartopath.simulate.tissue_array import FIRST_STYLE, ArraySpec, simulate_arrays
from cartopath.slides import open_slide
from cartopath.stats.copied_slides import copied_slides
from cartopath.stats.look_alikes import suspicious_pairs
from cartopath.stats.matching import mean_features, standardised, unit_length
from cartopath.training.fingerprint import (
    AugmentationSpec,
    FingerprintTraining,
    PieceFile,
    file_pieces,
    fingerprint_tiles,
    half_fingerprints,
    train_fingerprint,
    usable_pieces,
)
from fingerprint_record import Record, Values

COPIES = ("recompressed", "cropped", "shifted")


@dataclass(frozen=True)
class Size:
    """How large an experiment is."""

    n_patients: int = 60
    n_copies: int = 6
    n_swaps: int = 3
    slide_um: float = 400.0
    likeness: float = 0.9
    network: FingerprintSpec = field(
        default_factory=lambda: FingerprintSpec(backbone="test_byobnet", size_px=64, mpp=1.0, batch_norm=True)
    )
    tiles_per_piece: int = 16
    batch_size: int = 32
    max_chunks: int = 12
    lr: float = 4e-3
    copied_below: float = 0.75


@dataclass(frozen=True)
class Planted:
    """A cohort and what is wrong with it.

    Attributes:
        files: Path of each slide.
        patients: The patient each is labelled with.
        copies: Pairs of slides of which one is a copy of the other, and how it was made.
        swapped: Slides under another patient's name.
    """

    files: dict[str, Path]
    patients: dict[str, str]
    copies: dict[tuple[str, str], str]
    swapped: frozenset[str]


def plant(folder: Path, seed: int, size: Size, *, is_honest: bool) -> Planted:
    """Draw the slides and plant what is wrong."""
    style = FIRST_STYLE.with_mpp(size.network.mpp)
    spec = ArraySpec(
        name="cohort",
        n_patients=size.n_patients,
        core_um=size.slide_um,
        styles=(style,),
        patient_likeness=size.likeness,
        stain_variation=1.0,
        seed=seed,
    )
    cores = simulate_arrays(spec, folder / f"slides-{seed}", as_files=True).cores
    files = {row.core_id: Path(row.path) for row in cores.itertuples()}
    patients = {row.core_id: row.patient_id for row in cores.itertuples()}
    if is_honest:
        return Planted(files, patients, {}, frozenset())
    first, second = ({patients[name]: name for name in files if name.endswith(end)} for end in ("C1", "C2"))
    chosen = stream(seed, "planted").permutation(sorted(first)).tolist()
    copies = {}
    for number in range(size.n_copies):
        source, target = first[chosen[2 * number]], second[chosen[2 * number + 1]]
        how = COPIES[number % len(COPIES)]
        files[target] = copy(files[source], folder / f"copies-{seed}" / f"{target}.tif", how)
        copies[min(source, target), max(source, target)] = how
    swapped = []
    rest = chosen[2 * size.n_copies :]
    for number in range(size.n_swaps):
        one, other = second[rest[2 * number]], second[rest[2 * number + 1]]
        patients[one], patients[other] = patients[other], patients[one]
        swapped += [one, other]
    return Planted(files, patients, copies, frozenset(swapped))


def copy(source: Path, target: Path, how: str) -> Path:
    """Write a slide again as if it had been exported: lossier, without its margins, or from another corner."""
    if target.is_file():
        return target
    with open_slide(source) as slide:
        full = slide.dimensions_px0
        left, right = {"recompressed": (0, 0), "cropped": (full.width // 12, full.width // 12), "shifted": (13, 0)}[how]
        width, height = full.width - left - right, full.height - left - right
        pixels = slide.read_scaled(left, left, (width, height), (width, height))
        mpp = slide.mpp
    target.parent.mkdir(parents=True, exist_ok=True)
    quality = 92 if how == "cropped" else 65
    options = {"photometric": "rgb", "compression": "jpeg", "compressionargs": {"level": quality}, "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(target, pixels, tile=(256, 256), resolution=(1e4 / mpp, 1e4 / mpp), **options)
    return target


def judge(folder: Path, seed: int, size: Size, threads: int, *, is_honest: bool) -> Values:
    """Train on the cohort, look for contradictions, and count."""
    planted = plant(folder, seed, size, is_honest=is_honest)
    everything = file_pieces(
        PieceFile(piece_id=name, patient_id=planted.patients[name], path=path) for name, path in planted.files.items()
    )
    pieces, _ = usable_pieces(everything, size.network, read_px=size.network.size_px, min_tissue=0.5)
    recipe = FingerprintTraining(
        augmentation=AugmentationSpec(rotation="right_angles"),
        tiles_per_piece=size.tiles_per_piece,
        validation_tiles_per_piece=2,
        batch_size=size.batch_size,
        max_chunks=size.max_chunks,
        lr=size.lr,
        schedule="one_cycle",
        seed=seed,
        accelerator="cpu",
        threads=threads,
        open_slides=2 * size.n_patients,
    )
    work = folder / "work" / f"{seed}{'-honest' if is_honest else ''}"
    outcome = train_fingerprint(pieces, size.network, recipe, work_dir=work)
    network = build_fingerprint_network(size.network, n_pieces=len(pieces))
    load_weights(network, outcome.weights, source="training")
    encode = functools.partial(fingerprint_tiles, network, device="cpu", threads=threads)
    sides = [half_fingerprints(encode, pieces, size.network, half=half, style="only", overlap=0.5) for half in ("left", "right")]
    names, features = mean_of(sides)
    found = suspicious_pairs(features, names, [planted.patients[name] for name in names])
    by_distance = {(min(p.first, p.second), max(p.first, p.second)) for p in found.pairs if p.kind == "duplicate"}
    halves = [mean_features(unit_length(np.asarray(side.features)), np.asarray(side.pieces)) for side in sides]
    near = copied_slides(halves[0][1], halves[1][1], halves[0][0].tolist(), below=np.inf)
    distance = {(min(p.first, p.second), max(p.first, p.second)): p.distance for p in near}
    duplicates = {pair for pair, d in distance.items() if d < size.copied_below}
    copied = {name for pair in planted.copies for name in pair}
    misplaced = set(found.misplaced) - copied  # a copy under another patient's name is misplaced too
    return {
        "right_half_accuracy": round(outcome.best["validation_accuracy"], 3),
        "border": found.border,
        "reason": found.reason,
        "duplicates": _counts(set(planted.copies), duplicates),
        "duplicates_by_distance_alone": _counts(set(planted.copies), by_distance),
        "distance_of_copies": {
            how: [round(distance[p], 3) for p in planted.copies if planted.copies[p] == how] for how in COPIES
        },
        "nearest_others": [round(d, 3) for d in sorted(d for p, d in distance.items() if p not in planted.copies)[:10]],
        "copies_found": {how: sum(planted.copies[p] == how for p in duplicates & set(planted.copies)) for how in COPIES},
        "copies_within_border": sum((min(p.first, p.second), max(p.first, p.second)) in planted.copies for p in found.pairs),
        "swaps": _counts(set(planted.swapped), misplaced),
    }


def mean_of(sides: Sequence) -> tuple[list[str], np.ndarray]:
    """Return slides and the mean of their tiles' fingerprints, standardised over the cohort."""
    joined = type(sides[0])(
        np.concatenate([np.asarray(side.features) for side in sides]),
        np.concatenate([np.asarray(side.pieces) for side in sides]),
        np.concatenate([np.asarray(side.patients) for side in sides]),
    )
    even = standardised(joined)
    names, features = mean_features(np.asarray(even.features), np.asarray(even.pieces))
    return names.tolist(), features


def _counts(planted: set, found: set) -> dict[str, int]:
    return {"planted": len(planted), "found": len(found), "right": len(planted & found)}


def run(
    folder: Path, seeds: Sequence[int], *, size: Size | None = None, threads: int = 1, with_honest: bool = True
) -> dict[str, dict[str, int]]:
    """Run what is not done and return the counts over all seeds."""
    record = Record(folder / "results.json")
    size = size or Size()
    total: dict[str, dict[str, int]] = {}
    for seed in seeds:
        for is_honest in (False, True) if with_honest else (False,):
            what = "nothing planted" if is_honest else "planted"
            result = record.get(
                f"seed {seed}, {what}", functools.partial(judge, folder, seed, size, threads, is_honest=is_honest)
            )
            for kind in ("duplicates", "swaps"):
                counts = total.setdefault(f"{what}: {kind}", dict.fromkeys(("planted", "found", "right"), 0))
                for name in counts:
                    counts[name] += result[kind][name]
    return total


def main() -> None:
    """Run the experiment and print its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22])
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    for name, counts in run(args.out, args.seeds, size=Size(n_patients=args.patients), threads=args.threads).items():
        precision, recall = (
            f"{what} {counts['right'] / counts[of]:.2f} ({counts['right']}/{counts[of]})" if counts[of] else f"{what} -"
            for what, of in (("precision", "found"), ("recall", "planted"))
        )
        print(f"{name:28s} {precision}; {recall}")


if __name__ == "__main__":
    main()
