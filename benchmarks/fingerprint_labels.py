"""Duplicates and swapped labels planted in cohorts of rendered slides, and what fingerprints of other patients find of them.

    python benchmarks/fingerprint_labels.py --out FOLDER [--weights FILE | --encoder-seed 30] [--seeds 31 32 33 34]

The encoder is one that is at hand (`--weights`: of `fingerprint_table2.py --quick`, best-*.safetensors of a finished training),
or learns to tell the patients of a cohort of its own apart, two slides each. It judges cohorts that it never saw: every patient
has two slides; some second slides are replaced by another patient's first one, compressed again, cropped, or shifted and
compressed again; some pairs of patients have their second slides swapped. Mean fingerprints of the halves of every slide are
judged for duplicates (`cartopath.stats.copied_slides`), those of whole slides for patients whose slides contradict each other
(`cartopath.stats.contradicted_labels`): swaps do that, and a copy under another name too. Prints precision and recall of
duplicates (pairs) and of contradicted patients, and what is found in the same cohorts with nothing planted. Results are written
to FOLDER/results.json as they come; trainings are resumed.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from safetensors.numpy import load_file

from cartopath.core.rng import stream
from cartopath.models import load_weights
from cartopath.models.fingerprint import FingerprintNetwork, FingerprintSpec, build_fingerprint_network
from cartopath.simulate.tissue_array import FIRST_STYLE, ArraySpec, simulate_arrays
from cartopath.slides import open_slide
from cartopath.stats.contradicted_labels import contradicted_labels
from cartopath.stats.copied_slides import copied_slides
from cartopath.stats.look_alikes import suspicious_pairs
from cartopath.stats.matching import unit_length
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


Halves = tuple[NDArray[np.float64], NDArray[np.float64]]
Trained = Callable[[], tuple[FingerprintNetwork, float | None]]


@dataclass(frozen=True)
class Size:
    """How large an experiment is.

    Attributes:
        n_patients: Of each cohort that is judged, two slides each.
        n_copies: Second slides replaced by copies.
        n_swaps: Pairs of patients whose second slides are swapped.
        slide_um: Side of the slides that are judged.
        n_others: Patients that the encoder learns.
        learned_um: Side of their slides.
        likeness: Of the slides of a patient.
        network: What is trained.
        tiles_per_piece: Of each patient in a chunk.
        batch_size: Tiles per step.
        max_chunks: Of the training.
        lr: Highest learning rate.
        overlap: Of tiles where slides are judged.
        copied_below: See `cartopath.stats.copied_slides`.
    """

    n_patients: int = 60
    n_copies: int = 6
    n_swaps: int = 3
    slide_um: float = 600.0
    n_others: int = 100
    learned_um: float = 400.0
    likeness: float = 0.9
    network: FingerprintSpec = field(
        default_factory=lambda: FingerprintSpec(backbone="test_byobnet", size_px=64, mpp=1.0, batch_norm=True)
    )
    tiles_per_piece: int = 16
    batch_size: int = 32
    max_chunks: int = 30
    lr: float = 4e-3
    overlap: float = 0.25
    copied_below: float = 0.75


@dataclass(frozen=True)
class Planted:
    """A cohort and what is wrong with it.

    Attributes:
        files: Path of each slide.
        patients: The patient each is labelled with.
        copies: Pairs of slides of which one is a copy of the other, and how it was made.
        swapped: Patients with a slide of another one, who has theirs.
        borrowed: Patients with a copy of another one's slide.
    """

    files: dict[str, Path]
    patients: dict[str, str]
    copies: dict[tuple[str, str], str]
    swapped: frozenset[str]
    borrowed: frozenset[str]


def plant(folder: Path, seed: int, size: Size, *, is_honest: bool) -> Planted:
    """Draw the slides and plant what is wrong."""
    spec = _cohort("cohort", size.n_patients, size.slide_um, seed, size)
    cores = simulate_arrays(spec, folder / f"slides-{seed}", as_files=True).cores
    files = {row.core_id: Path(row.path) for row in cores.itertuples()}
    patients = {row.core_id: row.patient_id for row in cores.itertuples()}
    if is_honest:
        return Planted(files, patients, {}, frozenset(), frozenset())
    first, second = ({patients[name]: name for name in files if name.endswith(end)} for end in ("C1", "C2"))
    chosen = stream(seed, "planted").permutation(sorted(first)).tolist()
    copies = {}
    for number in range(size.n_copies):
        source, target = first[chosen[2 * number]], second[chosen[2 * number + 1]]
        how = COPIES[number % len(COPIES)]
        files[target] = copy(files[source], folder / f"copies-{seed}" / f"{target}.tif", how)
        copies[min(source, target), max(source, target)] = how
    borrowed = frozenset(chosen[1 : 2 * size.n_copies : 2])
    swapped = chosen[2 * size.n_copies :][: 2 * size.n_swaps]
    for one, other in zip(swapped[::2], swapped[1::2], strict=True):
        patients[second[one]], patients[second[other]] = other, one
    return Planted(files, patients, copies, frozenset(swapped), borrowed)


def _cohort(name: str, n_patients: int, slide_um: float, seed: int, size: Size) -> ArraySpec:
    """Two slides of each patient, stained as differently as slides of a site are."""
    return ArraySpec(
        name=name,
        n_patients=n_patients,
        core_um=slide_um,
        styles=(FIRST_STYLE.with_mpp(size.network.mpp),),
        patient_likeness=size.likeness,
        stain_variation=1.0,
        seed=seed,
    )


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


def encoder(folder: Path, seed: int, size: Size, threads: int) -> tuple[FingerprintNetwork, float]:
    """Return a network that learned to tell other patients apart by both of their slides, and its right-half accuracy."""
    spec = _cohort("others", size.n_others, size.learned_um, seed, size)
    cores = simulate_arrays(spec, folder / f"others-{seed}", as_files=True).cores
    files = [
        PieceFile(piece_id=row.patient_id, patient_id=row.patient_id, path=Path(row.path), style=row.core_id[-2:])
        for row in cores.itertuples()
    ]
    pieces, _ = usable_pieces(file_pieces(files), size.network, read_px=size.network.size_px, min_tissue=0.5)
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
        open_slides=len(files),
    )
    outcome = train_fingerprint(pieces, size.network, recipe, work_dir=folder / "work" / f"others-{seed}")
    network = build_fingerprint_network(size.network, n_pieces=len(pieces))
    load_weights(network, outcome.weights, source="training")
    return network, outcome.best["validation_accuracy"]


def given(weights: Path, size: Size) -> tuple[FingerprintNetwork, float | None]:
    """Return a network that was trained on other patients before."""
    found = load_file(weights)
    network = build_fingerprint_network(size.network, n_pieces=len(found["classifier.weight"]))
    load_weights(network, found, source=str(weights))
    return network, None


def halves(network: FingerprintNetwork, paths: Collection[Path], size: Size, threads: int) -> dict[Path, Halves]:
    """Return the mean fingerprint, of tiles scaled to length 1, of the left and of the right half of each slide."""
    encode = functools.partial(fingerprint_tiles, network, device="cpu", threads=threads)
    found = {}
    for path in paths:
        piece = file_pieces([PieceFile(piece_id=path.stem, patient_id=path.stem, path=path)])
        left, right = (
            unit_length(
                np.asarray(half_fingerprints(encode, piece, size.network, half=half, style="only", overlap=size.overlap).features)
            ).mean(axis=0)
            for half in ("left", "right")
        )
        found[path] = left, right
    return found


def judge(folder: Path, trained: Trained, seed: int, size: Size, threads: int) -> Values:
    """Fingerprint a cohort with and without what is planted, look for contradictions, and count."""
    cohorts = {
        "planted": plant(folder, seed, size, is_honest=False),
        "nothing planted": plant(folder, seed, size, is_honest=True),
    }
    paths = {path: None for cohort in cohorts.values() for path in cohort.files.values()}
    network, accuracy = trained()
    known = halves(network, paths, size, threads)
    arrays = np.array([known[path] for path in paths], dtype=np.float32)
    target = folder / "features" / f"{seed}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, paths=[f"{path.parent.name}/{path.name}" for path in paths], halves=arrays)
    return {"right_half_accuracy": accuracy} | {
        what: compare(cohort, *(np.stack([known[path][half] for path in cohort.files.values()]) for half in (0, 1)), size)
        for what, cohort in cohorts.items()
    }


def compare(planted: Planted, left: NDArray[np.float64], right: NDArray[np.float64], size: Size) -> Values:
    """Compare what is found with what was planted."""
    names = list(planted.files)
    patients = [planted.patients[name] for name in names]
    near = copied_slides(left, right, names, below=np.inf)
    distance = {(min(p.first, p.second), max(p.first, p.second)): p.distance for p in near}
    duplicates = {pair for pair, d in distance.items() if d < size.copied_below}
    labels = contradicted_labels((left + right) / 2, names, patients)
    found, plain = set(labels.patients), suspicious_pairs((left + right) / 2, names, patients)
    by_distance = {planted.patients[name] for name in plain.misplaced}
    return {
        "duplicates": _counts(set(planted.copies), duplicates),
        "contradicted": _counts(planted.swapped | planted.borrowed, found),
        "swaps": _counts(planted.swapped, found - planted.borrowed),
        "borrowed": _counts(planted.borrowed, found - planted.swapped),
        "contradicted_by_distance_alone": _counts(planted.swapped | planted.borrowed, by_distance),
        "border": labels.border,
        "reason": labels.reason,
        "evidence": {name: round(value, 2) for name, value in labels.evidence.items()},
        "own_is_nearest": own_is_nearest((left + right) / 2, patients),
        "distance_of_copies": {
            how: [round(distance[p], 3) for p in planted.copies if planted.copies[p] == how] for how in COPIES
        },
        "nearest_others": [round(d, 3) for d in sorted(d for p, d in distance.items() if p not in planted.copies)[:10]],
    }


def own_is_nearest(features: NDArray[np.float64], patients: Sequence[str]) -> float:
    """Return how often the nearest slide is the patient's own, after each feature is standardised."""
    even = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-12)
    distances = np.linalg.norm(even[:, None] - even, axis=-1)
    np.fill_diagonal(distances, np.inf)
    owners = np.asarray(patients)
    return round(float((owners[distances.argmin(axis=1)] == owners).mean()), 3)


def _counts(planted: Collection, found: Collection) -> dict[str, int]:
    return {"planted": len(planted), "found": len(found), "right": len(set(planted) & set(found))}


def run(
    folder: Path,
    seeds: Sequence[int],
    *,
    weights: Path | None = None,
    encoder_seed: int = 30,
    size: Size | None = None,
    threads: int = 1,
) -> dict[str, dict[str, int]]:
    """Run what is not done and return the counts over all seeds."""
    record = Record(folder / "results.json")
    size = size or Size()
    make = (
        functools.partial(encoder, folder, encoder_seed, size, threads)
        if weights is None
        else functools.partial(given, weights, size)
    )
    trained = functools.cache(make)
    total: dict[str, dict[str, int]] = {}
    for seed in seeds:
        result = record.get(f"seed {seed}", functools.partial(judge, folder, trained, seed, size, threads))
        for what in ("planted", "nothing planted"):
            for kind in ("duplicates", "contradicted", "swaps", "borrowed", "contradicted_by_distance_alone"):
                counts = total.setdefault(f"{what}: {kind.replace('_', ' ')}", dict.fromkeys(("planted", "found", "right"), 0))
                for name in counts:
                    counts[name] += result[what][kind][name]
    return total


def main() -> None:
    """Run the experiment and print its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[31, 32, 33, 34])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--encoder-seed", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    options = {"weights": args.weights, "encoder_seed": args.encoder_seed, "threads": args.threads}
    results = run(args.out, args.seeds, **options)
    for name, counts in results.items():
        precision, recall = (
            f"{what} {counts['right'] / counts[of]:.2f} ({counts['right']}/{counts[of]})" if counts[of] else f"{what} -"
            for what, of in (("precision", "found"), ("recall", "planted"))
        )
        print(f"{name:46s} {precision}; {recall}")


if __name__ == "__main__":
    main()
