"""Left halves matched to right halves of 20 real patients, by fingerprints of other patients and by hand-made features.

    python benchmarks/fingerprint_monuseg.py DATA/monuseg --out FOLDER [--seed 0] [--threads 1] [--folds 4]

The images show 250 um of one tumour each: 20 TCGA patients, many sites, 8 organs. The patients are dealt into folds. A fold's
network is trained on the left halves of the other folds' patients and fingerprints all 20; what counts is whether the left halves
of its own fold, which it never saw, find their right halves among all 20, and among those of the fold. Three networks:

* colour: single images, with the usual augmentation;
* grey: the same, reduced to luminance;
* style: pairs of an image and of the same place in the stain of two other training patients (Macenko), with the distance between
  both fingerprints.

The game is played in colour, in grey, and after the right half of every patient was re-stained to another patient's stain. The
features made by hand are colour moments and the grey contrast of five octaves. All features are standardised over each side, with
no label looked at, and also used as they are. No setting was chosen on these images (docs/fingerprint_experiments.md). Results
are written to FOLDER/results.json as they come, and read from there.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from cartopath.core.rng import stream
from cartopath.models import load_weights
from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network
from cartopath.stats.matching import Side, matching_game, mean_by_patient, standardised
from cartopath.style import fit_style, restyle
from cartopath.training.fingerprint import (
    AugmentationSpec,
    FingerprintTraining,
    Piece,
    PieceFile,
    file_pieces,
    fingerprint_tiles,
    half_fingerprints,
    train_fingerprint,
)
from fingerprint_record import Record, Values, as_values

ARMS = ("colour", "grey", "style")
MPP = 0.5
N_RESTYLED = 2


@dataclass(frozen=True)
class Size:
    """How large an experiment is."""

    network: FingerprintSpec
    tiles_per_piece: int
    batch_size: int
    max_chunks: int
    lr: float
    overlap: float = 0.5


QUICK = Size(FingerprintSpec(backbone="test_byobnet", size_px=32, mpp=1.0, batch_norm=True), 32, 32, 30, 4e-3)


def read_images(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Return the image of each patient at 0.5 um per pixel."""
    paths = sorted((folder / "images").glob("*.tif"))
    return {path.stem[:12]: np.asarray(Image.open(path).convert("RGB").reduce(2)) for path in paths}


def write_image(path: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write an image as a slide, if it is not there."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"tile": (128, 128), "photometric": "rgb", "resolutionunit": "CENTIMETER"}
        tifffile.imwrite(path, pixels, resolution=(1e4 / MPP, 1e4 / MPP), **options)
    return path


def others(names: Sequence[str], seed: int, what: str) -> dict[str, str]:
    """Return another name for each, none twice."""
    order = stream(seed, "monuseg", what).permutation(len(names))
    return {names[order[i]]: names[order[i - 1]] for i in range(len(names))}


def restained(images: dict[str, NDArray[np.uint8]], other: dict[str, str]) -> dict[str, NDArray[np.uint8]]:
    """Return the image of each patient in the stain of the other one."""
    styles = {name: fit_style([images[name]]) for name in other}
    return {name: restyle(images[name], styles[name], styles[target]) for name, target in other.items()}


def hand_made(pixels: NDArray[np.uint8], *, colour: bool) -> list[float]:
    """Colour moments, and how much of the grey contrast lies in each of five octaves."""
    values = pixels.astype(np.float32)
    grey = values.mean(axis=2)
    octaves = [ndimage.gaussian_filter(grey, 2.0**k) - ndimage.gaussian_filter(grey, 2.0 ** (k + 1)) for k in range(-1, 4)]
    features = [float(np.log(octave.std())) for octave in octaves]
    features += [float(np.abs(octave).mean() / octave.std()) for octave in octaves]
    for plane in (grey, *(np.moveaxis(values, -1, 0) if colour else ())):
        features += [plane.mean(), plane.std(), *np.percentile(plane, [5, 25, 50, 75, 95])]
    if colour:
        features += np.corrcoef(values.reshape(-1, 3).T)[np.triu_indices(3, 1)].tolist()
    return features


def play(left: Side, right: Side, query: Sequence[str], references: Sequence[str] | None = None) -> dict[str, dict[str, int]]:
    """Return which queries found their right half, with features as they are and standardised."""
    hits = {}
    for name, sides, normalise in (
        ("plain", (left, right), True),
        ("standardised", (standardised(left), standardised(right)), False),
    ):
        first, second = (only(side, references) for side in sides)
        core = matching_game(first, second, normalise=normalise, n_resamples=0, rng=stream(0, "monuseg")).core
        found = dict(zip(core.queries.tolist(), core.is_right.astype(int).tolist(), strict=True))
        hits[name] = {patient: found[patient] for patient in query}
    return hits


def only(side: Side, names: Sequence[str] | None) -> Side:
    """Return the tiles of some pieces."""
    if names is None:
        return side
    kept = np.isin(np.asarray(side.pieces), list(names))
    return Side(np.asarray(side.features)[kept], np.asarray(side.pieces)[kept], np.asarray(side.patients)[kept])


@dataclass(frozen=True)
class Experiment:
    """Everything a fold needs.

    Attributes:
        images: By patient.
        turned: Every image in another patient's stain.
        folds: Patients.
        folder: Where images, trainings and results lie.
        size: How large.
        seed: Of everything.
        threads: Of torch.
    """

    images: dict[str, NDArray[np.uint8]]
    turned: dict[str, NDArray[np.uint8]]
    folds: list[list[str]]
    folder: Path
    size: Size
    seed: int
    threads: int

    def pieces(self, arm: str, train: Sequence[str], fold: int) -> list[Piece]:
        """Return what a network is trained on."""
        files = [self._file("original", name, self.images[name], "original") for name in train]
        for turn in range(N_RESTYLED if arm == "style" else 0):
            for name, pixels in restained(self.images, others(train, self.seed, f"fold {fold} turn {turn}")).items():
                files.append(self._file(f"fold{fold}-turn{turn}", name, pixels, f"turn {turn}"))
        return file_pieces(files)

    def test_pieces(self) -> list[Piece]:
        """Return all patients, as they are and re-stained."""
        files = [self._file("original", name, pixels, "original") for name, pixels in self.images.items()]
        files += [self._file("turned", name, pixels, "turned") for name, pixels in self.turned.items()]
        return file_pieces(files)

    def _file(self, folder: str, name: str, pixels: NDArray[np.uint8], style: str) -> PieceFile:
        path = write_image(self.folder / "images" / folder / f"{name}.tif", pixels)
        return PieceFile(piece_id=name, patient_id=name, path=path, style=style)

    def fold(self, arm: str, fold: int) -> Values:
        """Train on the other folds' patients and play."""
        query = self.folds[fold]
        pieces = self.pieces(arm, [name for name in self.images if name not in query], fold)
        size = self.size
        network = FingerprintSpec.from_dict({**size.network.to_dict(), "colour": "grey" if arm == "grey" else "rgb"})
        pairs = 2 if arm == "style" else 1  # every arm sees as many images
        recipe = FingerprintTraining(
            pairing="sections" if arm == "style" else "none",
            augmentation=AugmentationSpec(rotation="right_angles"),
            tiles_per_piece=size.tiles_per_piece // pairs,
            batch_size=size.batch_size // pairs,
            max_chunks=size.max_chunks,
            lr=size.lr,
            schedule="one_cycle",
            seed=self.seed,
            accelerator="cpu",
            threads=self.threads,
        )
        outcome = train_fingerprint(pieces, network, recipe, work_dir=self.folder / "work" / f"{arm}-{fold}")
        built = build_fingerprint_network(network, n_pieces=len(pieces))
        load_weights(built, outcome.weights, source="training")
        encode = functools.partial(fingerprint_tiles, built, device="cpu", threads=self.threads)
        left, right, turned = (
            half_fingerprints(encode, self.test_pieces(), network, half=half, style=style, overlap=size.overlap, min_tissue=0.3)
            for half, style in (("left", "original"), ("right", "original"), ("right", "turned"))
        )
        games = {"as stained": (left, right), "re-stained": (left, turned)}
        return {
            "right_half_accuracy": round(outcome.best["validation_accuracy"], 3),
            "all": {name: play(*sides, query) for name, sides in games.items()},
            "fold": {name: play(*sides, query, query) for name, sides in games.items()},
        }

    def baseline(self) -> Values:
        """Play with features made by hand."""
        names = list(self.images)
        result: Values = {"all": {}, "fold": {}}
        for colour in (True, False):
            for game, right in (("as stained", self.images), ("re-stained", self.turned)):
                sides = [
                    Side([hand_made(pixels[:, part], colour=colour) for pixels in source.values()], list(source), list(source))
                    for part, source in ((slice(0, 250), self.images), (slice(250, None), {n: right[n] for n in names}))
                ]
                sides = [standardised(side, normalise=False) for side in sides]
                for group, galleries in (("all", [names]), ("fold", self.folds)):
                    hits: dict[str, int] = {}
                    for references in galleries:
                        first, second = (only(side, references) for side in sides)
                        core = matching_game(first, second, normalise=False, n_resamples=0, rng=stream(0, "monuseg")).core
                        hits |= dict(zip(core.queries.tolist(), core.is_right.astype(int).tolist(), strict=True))
                    result[group][f"{'colour' if colour else 'grey'}, {game}"] = hits
        return result


def summary(experiment: Experiment, record: Record, arms: Sequence[str]) -> list[tuple[str, str, str, Values]]:
    """Return accuracy over all patients: encoder, game, references, estimate."""
    rows = []
    for group in ("all", "fold"):
        for name, hits in record.results["hand-made"][group].items():
            rows.append(("hand-made", name, group, _estimate(hits)))
        for arm in arms:
            folds = [record.results[f"{arm}, fold {fold}"][group] for fold in range(len(experiment.folds))]
            for game in ("as stained", "re-stained"):
                for how in ("standardised", "plain"):
                    hits = {name: hit for fold in folds for name, hit in fold[game][how].items()}
                    rows.append((f"fingerprints, {arm}", f"{game}, {how}", group, _estimate(hits)))
    return rows


def _estimate(hits: dict[str, int]) -> Values:
    return as_values(mean_by_patient(list(hits.values()), list(hits), rng=stream(0, "monuseg interval")))


def run(
    data: Path,
    folder: Path,
    *,
    size: Size = QUICK,
    seed: int = 0,
    threads: int = 1,
    n_folds: int = 4,
    arms: Sequence[str] = ARMS,
) -> list[tuple[str, str, str, Values]]:
    """Run what is not done and return the table."""
    images = read_images(data)
    order = stream(seed, "monuseg folds").permutation(len(images))
    folds = [sorted(np.array(list(images))[order[fold::n_folds]].tolist()) for fold in range(n_folds)]
    turned = restained(images, others(list(images), seed, "test"))
    experiment = Experiment(images, turned, folds, folder, size, seed, threads)
    record = Record(folder / "results.json")
    record.get("hand-made", experiment.baseline)
    for arm in arms:
        for fold in range(n_folds):
            record.get(f"{arm}, fold {fold}", functools.partial(experiment.fold, arm, fold))
    return summary(experiment, record, arms)


def main() -> None:
    """Run the experiment and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folds", type=int, default=4)
    args = parser.parse_args()
    for encoder, game, group, value in run(args.data, args.out, seed=args.seed, threads=args.threads, n_folds=args.folds):
        among = "all 20" if group == "all" else "the fold"
        print(f"{encoder:22s} {game:28s} among {among:8s} {value['value']:.2f} (95% CI {value['low']:.2f}-{value['high']:.2f})")


if __name__ == "__main__":
    main()
