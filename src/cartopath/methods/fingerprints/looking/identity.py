"""Identity and similarity maps of regions that the first encoder was trained on (Rawat et al. 2020; F49, F50)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.geometry import RegionPx0
from cartopath.maps.dense_map import DenseGrid, dense_grid, dense_map
from cartopath.maps.dense_sheet import DensePiece
from cartopath.maps.identity_map import patient_probabilities, render_identity_maps
from cartopath.maps.similarity_map import render_similarity_maps, similarity
from cartopath.methods.encoding.pretraining import encoder_card, task_name
from cartopath.methods.encoding.settings import encoder_indices
from cartopath.methods.fingerprints.looking.tables import IDENTITY_COLUMNS
from cartopath.methods.fingerprints.settings import METHOD
from cartopath.methods.scoring import default_batch_size, device_name, uses_gpu
from cartopath.slides import Slide, open_slide, read_tiles
from cartopath.store.artifacts import write_csv
from cartopath.store.atomic import write_bytes
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import tiled_records
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.fingerprint import FingerprintBundle, FingerprintCard, Picture, fingerprint_tiles, read_fingerprint
from cartopath.training.fingerprint.draws import window_side
from cartopath.training.fingerprint.pieces import HALVES, Half
from cartopath.training.fingerprint.places import piece_tissue

VERSION = 1
STAGE = "identity_maps"
MOST_REGIONS = 6
MIN_TISSUE = 0.5
_PICTURE_PX = 240
_MOST_TILES = 1200
"""Tiles of a half at most: on a very large region they overlap less."""


@dataclass(frozen=True)
class Region:
    """A region that the encoder was trained on.

    Attributes:
        piece_id: Its name: the slide, and where on it.
        patient_id: Whose.
        picture: Where it lies.
    """

    piece_id: str
    patient_id: str
    picture: Picture


@dataclass(frozen=True, eq=False)
class SeenHalf:
    """A half of a region through the eyes of an encoder.

    Attributes:
        grid: Its tiles.
        tissue: (n_grid,) which of them have tissue.
        features: (n_tiles, n_features) fingerprints of those.
        probabilities: (n_tiles, n_pieces).
    """

    grid: DenseGrid
    tissue: NDArray[np.bool_]
    features: NDArray[np.float32]
    probabilities: NDArray[np.float64]


def plan_identity_maps(study: Study) -> list[Task]:
    """Return the task that draws regions of the first encoder's training; none where the study trained no encoder."""
    index = 0
    name = f"encoder_{index}"
    folder = study.layout.root / "maps" / "identity"
    outputs = {kind: folder / f"{name}_{kind}.png" for kind in ("identity", "similarity")}
    outputs["table"] = study.layout.table("identity_maps")
    card = encoder_card(study, index) if index in encoder_indices(study.config) else None
    if card is None or card.card.get("encoder") != "own":
        for path in outputs.values():  # Of an encoder that the study no longer has.
            path.unlink(missing_ok=True)
        return []
    slides = {record.slide_id: record for record in tiled_records(study)}
    chosen = [
        (piece, patient, slides[slide].path, slides[slide].stated_mpp)
        for piece, patient in chosen_pieces(card)
        if (slide := piece.rpartition("@")[0]) in slides
    ]
    if not chosen:
        return []
    key = task_key(
        STAGE,
        VERSION,
        encoder=completed_key(study.layout, "pretrain", task_name(index)),
        regions=[piece for piece, *_ in chosen],
        slides=[completed_key(study.layout, "tiles", piece.rpartition("@")[0]) for piece, *_ in chosen],
    )
    arguments = {
        "encoder": study.layout.encoder(METHOD, index),
        "name": name,
        "chosen": chosen,
        "assume_mpp": study.config.slides.assume_mpp,
        "batch_size": study.config.compute.batch_size,
        "accelerator": study.config.compute.accelerator,
        "threads": study.config.training.threads,
        "outputs": outputs,
    }
    return [Task(STAGE, task_name(index), key, draw_identity_maps, arguments, tuple(outputs.values()), uses_gpu=True)]


def chosen_pieces(card: FingerprintCard, *, most: int = MOST_REGIONS) -> list[tuple[str, str]]:
    """Return names and patients of the regions that are drawn: the first of patients spread evenly over their names."""
    first: dict[str, str] = {}
    for piece, patient in sorted(zip(card.pieces, card.patients, strict=True)):
        first.setdefault(patient, piece)
    patients = sorted(first)
    places = np.unique(np.linspace(0, len(patients) - 1, min(most, len(patients))).round().astype(int))
    return [(first[patients[place]], patients[place]) for place in places]


def draw_identity_maps(
    *,
    encoder: Path,
    name: str,
    chosen: list[tuple[str, str, Path, float | None]],
    assume_mpp: float | None,
    batch_size: int | None,
    accelerator: str,
    threads: int,
    outputs: dict[str, Path],
    devices: list[int] | None,
) -> Result:
    """Draw the maps of regions and write what they come to.

    Raises:
        SlideError: A slide cannot be read.
        BundleError: The encoder is damaged.
    """
    bundle = read_fingerprint(encoder)
    device = device_name(accelerator, devices)
    size = batch_size or default_batch_size(bundle.card.spec.size_px, is_gpu=uses_gpu(device))
    identity, alike, rows = [], [], []
    for piece_id, patient, path, mpp in chosen:
        with open_slide(path, mpp=mpp, assume_mpp=assume_mpp) as slide:
            region = Region(piece_id, patient, _picture_of(piece_id, slide, bundle.card))
            halves = {
                half: _seen(slide, region, half, bundle, batch_size=size, device=device, threads=threads) for half in HALVES
            }
            looks = _looks(slide, region)
        values = {half: own_probability(bundle.card, seen, patient) for half, seen in halves.items()}
        likeness = _likeness(halves)
        own = list(_rows(name, region, bundle.card, halves, likeness))
        rows += own
        identity.append(_piece(region, looks, halves, values, f"right half: mean {own[1]['probability']:.2f}"))
        alike.append(_piece(region, looks, halves, likeness, f"{patient}: each half against the other"))
    n = f"{len(chosen)} of {len(bundle.card.pieces)} regions"
    write_bytes(outputs["identity"], render_identity_maps(identity, title=f"Identity: {n} ({name.replace('_', ' ')})"))
    write_bytes(
        outputs["similarity"], render_similarity_maps(alike, title=f"Similarity of halves: {n} ({name.replace('_', ' ')})")
    )
    table = pd.DataFrame(rows, columns=IDENTITY_COLUMNS)
    write_csv(table, outputs["table"])
    watched = table.loc[table["half"] == "right", "probability"]
    return {"regions": len(chosen), "right_half_probability": round(float(watched.mean()), 6)}


def _picture_of(piece_id: str, slide: Slide, card: FingerprintCard) -> Picture:
    left, top = (int(part) for part in piece_id.rpartition("@")[2].split(","))
    side = max(2, round(float(card.card["pretraining"]["region_um"]) / slide.mpp))
    return Picture(style="only", path=slide.path, window_px0=RegionPx0(left, top, side, side), mpp=slide.mpp)


def _seen(
    slide: Slide, region: Region, half: Half, bundle: FingerprintBundle, *, batch_size: int, device: str, threads: int
) -> SeenHalf:
    spec, picture = bundle.card.spec, region.picture
    side = window_side(spec, spec.size_px, picture.mpp)
    grid = _bounded_grid(picture.half_px0(half), side)
    corners = grid.corners_px0
    inside = corners - (picture.window_px0.x, picture.window_px0.y)
    tissue = piece_tissue(slide, picture, spec).fraction(inside[:, 0], inside[:, 1], side) >= MIN_TISSUE
    if not tissue.any():
        tissue = np.ones(len(corners), dtype=bool)
    wanted = corners[tissue]

    def batches() -> Iterator[NDArray[np.uint8]]:
        for at in range(0, len(wanted), batch_size):
            yield read_tiles(slide, wanted[at : at + batch_size], window_px0=side, size_px=spec.size_px)

    features = fingerprint_tiles(bundle.network, batches(), device=device, precision="32-true", threads=threads)
    return SeenHalf(grid, tissue, features, _probabilities(bundle, features))


def _bounded_grid(region: RegionPx0, side: int) -> DenseGrid:
    overlap = 0.8
    grid = dense_grid(region, window_px0=side, overlap=overlap)
    while grid.n_rows * grid.n_cols > _MOST_TILES:
        overlap -= 0.1
        grid = dense_grid(region, window_px0=side, overlap=max(0.0, overlap))
    return grid


def _probabilities(bundle: FingerprintBundle, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Softmax over the pieces that the network knows, from fingerprints: the last layer is all that is missing."""
    import torch

    with torch.inference_mode():
        logits = bundle.network.identify(torch.from_numpy(features)).double()
        found: NDArray[np.float64] = logits.softmax(dim=1).numpy()
    return found


def own_probability(card: FingerprintCard, seen: SeenHalf, patient: str) -> NDArray[np.float64]:
    """Return the probability of the right patient for each tile with tissue."""
    names, summed = patient_probabilities(seen.probabilities, card.patients)
    values: NDArray[np.float64] = np.clip(summed[:, names.index(patient)], 0.0, 1.0)
    return values


def _likeness(halves: dict[Half, SeenHalf]) -> dict[Half, NDArray[np.float64]]:
    """How similar each tile of a half is to the mean of the other half."""
    return {
        half: similarity(seen.features, halves["left" if half == "right" else "right"].features) for half, seen in halves.items()
    }


def _rows(
    name: str,
    region: Region,
    card: FingerprintCard,
    halves: dict[Half, SeenHalf],
    likeness: dict[Half, NDArray[np.float64]],
) -> Iterator[dict[str, Any]]:
    for half, seen in halves.items():
        names, summed = patient_probabilities(seen.probabilities, card.patients)
        place = names.index(region.patient_id)
        yield {
            "encoder": name,
            "piece_id": region.piece_id,
            "patient_id": region.patient_id,
            "half": half,
            "n_tiles": len(summed),
            "probability": float(summed[:, place].mean()),
            "share_right": float((summed.argmax(axis=1) == place).mean()),
            "similarity": float(likeness[half].mean()),
            "n_pieces": len(card.pieces),
            "n_patients": len(names),
        }


def _looks(slide: Slide, region: Region) -> NDArray[np.uint8]:
    window = region.picture.window_px0
    return slide.read_scaled(window.x, window.y, (window.width, window.height), (_PICTURE_PX, _PICTURE_PX))


def _piece(
    region: Region,
    looks: NDArray[np.uint8],
    halves: dict[Half, SeenHalf],
    values: dict[Half, NDArray[np.float64]],
    note: str,
) -> DensePiece:
    maps = tuple(dense_map(seen.grid, values[half], tissue=seen.tissue) for half, seen in halves.items())
    return DensePiece(region.piece_id, note, looks, region.picture.window_px0, region.picture.mpp, maps, divided=True)
