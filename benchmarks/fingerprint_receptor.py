"""A receptor-like trait of which 5 % of a cohort are labelled: fingerprints against the direct network (Rawat et al. 2020).

    python benchmarks/fingerprint_receptor.py --out FOLDER [--seeds 13] [--patients 400] [--threads 1]

Every patient has one tiny slide with four planted traits; one of them is the receptor, positive where it covers more than half of
the tissue. All patients are dealt into five folds. Of 5 % of them, as many positive as negative and as many in each fold, the
status is known to the training. In each fold an encoder learns the identity of all patients outside the fold, without a label;
three fifths of the labelled patients train, one fifth decides when to stop ("overfitting group"), and all patients of the fold,
whose planted status is known here, are the test. Arms, on the same tiles and patients:

* fingerprints: the encoder, frozen, and a receptor head;
* random: the same with an encoder of random weights;
* direct: the encoder's network trained on the labelled patients' tiles with the patients' labels, augmented in the same way.

Prints the mean AUROC over the folds and the paired gain, with 95 % intervals that resample patients within folds; and the AUROC
of the first arm by tiles of one type of tissue alone, as it was planted (a tile's type covers at least half of it). Results are
written to FOLDER/results.json as they come, and read from there; trainings are resumed.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cartopath.core.rng import seed_for, stream
from cartopath.models import flushed_denormals, load_weights
from cartopath.models.fingerprint import FingerprintNetwork, FingerprintSpec, build_fingerprint_network
from cartopath.simulate import CohortSpec, SimulatedCohort, plan_slides, simulate_cohort
from cartopath.simulate.patients import plan_slide_specimen
from cartopath.simulate.tissue_kinds import TISSUE_KINDS, tissue_kinds
from cartopath.slides import open_slide, tissue_mask
from cartopath.stats import auroc
from cartopath.training.fingerprint import (
    AugmentationSpec,
    FingerprintTraining,
    PieceFile,
    file_pieces,
    fingerprint_tiles,
    train_fingerprint,
    usable_pieces,
)
from cartopath.training.fingerprint.augment import augment
from cartopath.training.fingerprint.changes import draw_changes
from cartopath.training.heads import Bag, HeadTraining, head_of, head_scores, train_receptor_head
from fingerprint_record import Record, Values

TRAITS = ("MKI67", "ESR1", "PTPRC", "COL1A1")
RECEPTOR = "ESR1"
N_FOLDS = 5
ARMS = ("fingerprints", "random", "direct")
KINDS = TISSUE_KINDS[1:]
KINDS_PER_TILE = 12

Tiles = NDArray[np.uint8]


@dataclass(frozen=True)
class Size:
    """How large an experiment is."""

    n_patients: int = 400
    n_labelled: int = 20
    slide_um: float = 320.0
    correlation_um: float = 60.0
    network: FingerprintSpec = field(
        default_factory=lambda: FingerprintSpec(backbone="test_byobnet", size_px=48, mpp=1.0, batch_norm=True)
    )
    augmentation: AugmentationSpec = field(default_factory=lambda: AugmentationSpec(rotation="right_angles"))
    tiles_per_piece: int = 6
    batch_size: int = 32
    max_chunks: int = 30
    lr: float = 4e-3
    direct_epochs: int = 30
    direct_patience: int = 8
    direct_lr: float = 1e-3


class Experiment:
    """A cohort, its tiles, and what is done with it.

    Args:
        folder: Where everything lies.
        seed: Of everything.
        size: How large.
        threads: Of torch.
    """

    def __init__(self, folder: Path, seed: int, size: Size, threads: int) -> None:
        self.folder, self.seed, self.size, self.threads = folder, seed, size, threads
        spec = CohortSpec(
            n_patients=size.n_patients,
            traits=TRAITS,
            slide_um=(size.slide_um, size.slide_um),
            site_mpp=(1.0,) * 6,
            correlation_um=size.correlation_um,
            tile_size_px=32,
            irregular=False,
            seed=seed,
        )
        self.cohort: SimulatedCohort = simulate_cohort(spec, folder / f"cohort-{seed}")
        truth = self.cohort.patients.set_index("patient_id")[f"fraction_{RECEPTOR}"]
        self.names = sorted(truth.index)
        self.status = {name: int(truth[name] > 0.5) for name in self.names}
        slides = self.cohort.slides.set_index("patient_id")["path"]
        self.paths = {name: self.cohort.folder / slides[name] for name in self.names}
        self.folds, self.labelled = self._deal()
        self._plans = {plan.patient_id: plan for plan in plan_slides(spec)}
        self._tiles: dict[str, Tiles] = {}

    def _deal(self) -> tuple[list[list[str]], set[str]]:
        """Folds with as many positive and negative patients each, and the labelled patients, likewise."""
        rng = stream(self.seed, "receptor folds")
        folds: list[list[str]] = [[] for _ in range(N_FOLDS)]
        labelled: set[str] = set()
        for status in (0, 1):
            members = rng.permutation([name for name in self.names if self.status[name] == status]).tolist()
            for at, name in enumerate(members):
                folds[at % N_FOLDS].append(name)
            labelled |= set(members[: self.size.n_labelled // 2])  # dealt in turn, so as many in each fold
        return folds, labelled

    def tiles(self, name: str) -> Tiles:
        """Return the tiles of a patient side by side that are at least half tissue, (n, size, size, 3)."""
        if name not in self._tiles:
            cut, tissue = self._cut(name)
            self._tiles[name] = np.ascontiguousarray(cut[tissue >= min(0.5, float(tissue.max()))])
        return self._tiles[name]

    def _cut(self, name: str) -> tuple[Tiles, NDArray[np.float64]]:
        """Return all tiles of a patient, (n, n, size, size, 3), and how much of each is tissue, (n, n)."""
        network = self.size.network
        with open_slide(self.paths[name]) as slide:
            full = slide.dimensions_px0
            n = int(full.width * slide.mpp / network.size_um)
            side_px0 = round(n * network.size_um / slide.mpp)
            corner = (full.width - side_px0) // 2
            picture = slide.read_scaled(corner, corner, (side_px0, side_px0), (n * network.size_px,) * 2)
        cut = picture.reshape(n, network.size_px, n, network.size_px, 3).swapaxes(1, 2)
        return cut, tissue_mask(picture).reshape(n, network.size_px, n, network.size_px).mean(axis=(1, 3))

    def tiles_by_kind(self, name: str) -> dict[str, Tiles]:
        """Return the tiles of a patient of which at least half is of one type of tissue, by that type; fat is no tissue above."""
        cut, _ = self._cut(name)
        n, specimen = len(cut), plan_slide_specimen(self.cohort.spec, self._plans[name])
        size_um = specimen.size_px0.to_um(specimen.mpp)
        kinds = tissue_kinds(specimen, pitch_um=self.size.network.size_um / KINDS_PER_TILE)
        start = round((size_um.width - n * self.size.network.size_um) / 2 / size_um.width * kinds.shape[1])
        inner = kinds[start : start + n * KINDS_PER_TILE, start : start + n * KINDS_PER_TILE]
        shares = {
            kind: (inner.reshape(n, KINDS_PER_TILE, n, KINDS_PER_TILE) == number).mean(axis=(1, 3))
            for number, kind in enumerate(TISSUE_KINDS, start=1)
        }
        return {kind: np.ascontiguousarray(cut[shares[kind] >= 0.5]) for kind in KINDS}

    def groups(self, fold: int) -> tuple[list[str], list[str], list[str]]:
        """Return labelled patients to train on, labelled patients to stop by, and all patients to test on."""
        stop = (fold + 1) % N_FOLDS
        train = [name for at, names in enumerate(self.folds) if at not in (fold, stop) for name in names]
        return (
            sorted(set(train) & self.labelled),
            sorted(set(self.folds[stop]) & self.labelled),
            sorted(self.folds[fold]),
        )

    def encoder(self, fold: int) -> tuple[FingerprintNetwork, float]:
        """Return a network trained on the identity of all patients outside the fold, and its right-half accuracy."""
        size = self.size
        own = set(self.folds[fold])
        files = [PieceFile(piece_id=name, patient_id=name, path=self.paths[name]) for name in self.names if name not in own]
        pieces, _ = usable_pieces(file_pieces(files), size.network, read_px=size.network.size_px, min_tissue=0.5)
        recipe = FingerprintTraining(
            augmentation=size.augmentation,
            tiles_per_piece=size.tiles_per_piece,
            validation_tiles_per_piece=2,
            batch_size=size.batch_size,
            max_chunks=size.max_chunks,
            lr=size.lr,
            schedule="one_cycle",
            seed=self.seed,
            accelerator="cpu",
            threads=self.threads,
            open_slides=size.n_patients,
        )
        work = self.folder / "work" / f"{self.seed}-{fold}"
        outcome = train_fingerprint(pieces, size.network, recipe, work_dir=work)
        network = build_fingerprint_network(size.network, n_pieces=len(pieces))
        load_weights(network, outcome.weights, source="training")
        return network, outcome.best["validation_accuracy"]

    def with_head(self, network: FingerprintNetwork, fold: int) -> Values:
        """Train a head on frozen features and score the fold."""
        train, stop, test = self.groups(fold)

        def features(tiles: Tiles) -> NDArray[np.float32]:
            return fingerprint_tiles(network, [tiles], device="cpu", threads=self.threads)

        bags = [[Bag(name, features(self.tiles(name)), self.status[name]) for name in names] for names in (train, stop)]
        outcome = train_receptor_head(bags[0], bags[1], HeadTraining(seed=self.seed, stream=("fold", fold)))
        head = head_of(outcome.weights)

        def score(tiles: Tiles) -> float:
            return float(head_scores(head, features(tiles)).mean())

        found = {name: self.tiles_by_kind(name) for name in test}
        by_kind: Values = {}
        for kind in KINDS:
            having = [name for name in test if len(found[name][kind])]
            scores = [round(score(found[name][kind]), 5) for name in having]
            tiles = sum(len(found[name][kind]) for name in having)
            by_kind[kind] = {"status": [self.status[name] for name in having], "scores": scores, "tiles": tiles}
        result = self._result(fold, lambda name: score(self.tiles(name)), outcome.best_epoch, test)
        return {**result, "by_kind": by_kind}

    def direct(self, fold: int) -> Values:
        """Train the network itself on the labelled patients' tiles and score the fold."""
        train, stop, test = self.groups(fold)
        network = build_fingerprint_network(self.size.network, n_pieces=2, seed=seed_for(self.seed, "direct", fold))

        def score(name: str) -> float:
            logits = _logits(network, self.tiles(name), self.threads)
            return float(np.tanh((logits[:, 1] - logits[:, 0]) / 2).mean())

        best, best_epoch, kept = (-1.0, 0.0), 0, {}
        for epoch in range(self.size.direct_epochs):
            self._epoch(network, train, epoch, fold)
            scores = np.array([score(name) for name in stop])
            signs = np.array([2 * self.status[name] - 1 for name in stop])
            reached = (auroc(signs > 0, scores), -float(np.log1p(np.exp(-4 * signs * scores)).mean()))
            if reached > best:
                best, best_epoch = reached, epoch
                kept = {name: value.clone() for name, value in network.state_dict().items()}
            elif epoch - best_epoch >= self.size.direct_patience:
                break
        network.load_state_dict(kept)
        return self._result(fold, score, best_epoch, test)

    def _epoch(self, network: FingerprintNetwork, train: Sequence[str], epoch: int, fold: int) -> None:
        """Show all tiles of the training patients once."""
        size = self.size
        tiles = np.concatenate([self.tiles(name) for name in train])
        labels = np.repeat([self.status[name] for name in train], [len(self.tiles(name)) for name in train])
        rng = stream(self.seed, "direct", fold, epoch)
        if epoch == 0:
            network.optimizer = torch.optim.AdamW(network.parameters(), lr=size.direct_lr, weight_decay=1e-2)
        weights = torch.tensor(len(labels) / (2.0 * np.bincount(labels, minlength=2)), dtype=torch.float32)
        torch.set_num_threads(self.threads)
        network.train()
        order = rng.permutation(len(tiles))
        batch = 32
        with flushed_denormals():
            for at in range(0, len(order) - batch + 1, batch):
                rows = order[at : at + batch]
                changes = draw_changes(size.augmentation, batch, 1, rng)
                drawn = {name: torch.from_numpy(np.ascontiguousarray(getattr(changes, name))) for name in changes.__slots__}
                images = augment(torch.from_numpy(tiles[rows][:, None]), drawn, size_px=size.network.size_px, by_any_angle=False)
                _, logits = network(images[:, 0].contiguous(memory_format=torch.channels_last))
                loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels[rows]), weight=weights)
                network.optimizer.zero_grad()
                loss.backward()
                network.optimizer.step()

    def _result(self, fold: int, score: Callable[[str], float], best_epoch: int, test: Sequence[str]) -> Values:
        scores = [round(score(name), 5) for name in test]
        status = [self.status[name] for name in test]
        return {
            "fold": fold,
            "auroc": round(auroc(status, scores), 4),
            "best_epoch": best_epoch,
            "names": list(test),
            "status": status,
            "scores": scores,
        }

    def run_fold(self, arm: str, fold: int) -> Values:
        """Return the result of an arm in a fold."""
        if arm == "direct":
            return self.direct(fold)
        if arm == "random":
            seed = seed_for(self.seed, "random encoder", fold)
            return self.with_head(build_fingerprint_network(self.size.network, n_pieces=2, seed=seed), fold)
        network, accuracy = self.encoder(fold)
        return {"right_half_accuracy": round(accuracy, 4), **self.with_head(network, fold)}


def _logits(network: FingerprintNetwork, tiles: Tiles, threads: int) -> NDArray[np.float32]:
    torch.set_num_threads(threads)
    network.eval()
    with torch.inference_mode(), flushed_denormals():
        return network(torch.from_numpy(tiles).permute(0, 3, 1, 2))[1].numpy()


def mean_auroc(folds: Sequence[Values], others: Sequence[Values] | None = None, *, n_resamples: int = 2000) -> Values:
    """Return the mean over folds of the AUROC, or of its gain over other results, with an interval over patients within folds."""
    rng = stream(0, "receptor interval")

    def mean(rows: Sequence[NDArray[np.int64]]) -> float:
        values = []
        for at, chosen in enumerate(rows):
            status = np.array(folds[at]["status"])[chosen]
            if 0 < status.sum() < len(status):
                value = auroc(status, np.array(folds[at]["scores"])[chosen])
                values.append(value - (auroc(status, np.array(others[at]["scores"])[chosen]) if others else 0.0))
        return float(np.mean(values))

    sizes = [len(fold["status"]) for fold in folds]
    drawn = [mean([rng.integers(n, size=n) for n in sizes]) for _ in range(n_resamples)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"value": mean([np.arange(n) for n in sizes]), "low": float(low), "high": float(high), "n": sum(sizes)}


def run(folder: Path, seeds: Sequence[int], *, size: Size | None = None, threads: int = 1, arms: Sequence[str] = ARMS) -> Values:
    """Run what is not done and return the summary by seed."""
    record = Record(folder / "results.json")
    size = size or Size()
    found: Values = {}
    for seed in seeds:
        experiment: list[Experiment] = []  # made when first needed: its slides take a minute

        def compute(arm: str, fold: int, seed: int = seed, made: list[Experiment] = experiment) -> Values:
            if not made:
                made.append(Experiment(folder, seed, size, threads))
            return made[0].run_fold(arm, fold)

        results = {
            arm: [record.get(f"seed {seed}, {arm}, fold {n}", functools.partial(compute, arm, n)) for n in range(N_FOLDS)]
            for arm in arms
        }
        found[f"seed {seed}"] = {arm: mean_auroc(folds) for arm, folds in results.items()} | {
            f"fingerprints over {arm}": mean_auroc(results["fingerprints"], results[arm]) for arm in arms if arm != "fingerprints"
        }
        found[f"seed {seed}"] |= {
            f"{arms[0]}, {kind} alone": mean_auroc([fold["by_kind"][kind] for fold in results[arms[0]]]) for kind in KINDS
        }
    return found


def main() -> None:
    """Run the experiment and print its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[13])
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    size = Size(n_patients=args.patients, n_labelled=10 * max(1, round(0.05 * args.patients / 10)))
    for seed, rows in run(args.out, args.seeds, size=size, threads=args.threads).items():
        for name, value in rows.items():
            print(f"{seed}: {name:28s} {value['value']:.3f} (95% CI {value['low']:.3f}-{value['high']:.3f}, n={value['n']})")


if __name__ == "__main__":
    main()
