"""Identity and similarity maps of regions that the first encoder was trained on (Rawat et al. 2020; F49, F50)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.maps.dense_map import dense_map
from cartopath.maps.dense_sheet import DensePiece
from cartopath.maps.identity_map import patient_probabilities, render_identity_maps
from cartopath.maps.similarity_map import render_similarity_maps
from cartopath.methods.encoding.places import task_name
from cartopath.methods.encoding.pretraining import encoder_card
from cartopath.methods.encoding.settings import encoder_indices
from cartopath.methods.fingerprints.looking.seen_regions import (
    Region,
    SeenHalf,
    likeness_of,
    own_probability,
    picture_of,
    seen_half,
)
from cartopath.methods.fingerprints.looking.tables import IDENTITY_COLUMNS
from cartopath.methods.fingerprints.settings import METHOD
from cartopath.methods.scoring import default_batch_size, device_name, uses_gpu
from cartopath.slides import Slide, open_slide
from cartopath.store.artifacts import write_csv
from cartopath.store.atomic import write_bytes
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import tiled_records
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.fingerprint import FingerprintCard, read_fingerprint
from cartopath.training.fingerprint.pieces import HALVES, Half

VERSION = 1
STAGE = "identity_maps"
MOST_REGIONS = 6
_PICTURE_PX = 240


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
            region = Region(piece_id, patient, picture_of(piece_id, slide, bundle.card))
            halves = {
                half: seen_half(slide, region, half, bundle, batch_size=size, device=device, threads=threads) for half in HALVES
            }
            looks = _looks(slide, region)
        values = {half: own_probability(bundle.card, seen, patient) for half, seen in halves.items()}
        likeness = likeness_of(halves)
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
