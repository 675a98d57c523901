"""Encoders of a study that are trained on regions of its slides, to tell these apart and without labels.

No test patient's tissue is in the training of an encoder: with folds there is one for each.
"""

from __future__ import annotations

from pathlib import Path

from cartopath.core.errors import TrainingError
from cartopath.methods.encoding.places import encoder_files, task_name
from cartopath.methods.encoding.settings import encoded, encoder_indices, encoder_spec, pretraining_spec
from cartopath.slides import read_tile_plan
from cartopath.store.artifacts import Header, write_table
from cartopath.study.config import PretrainingConfig, StudyConfig
from cartopath.study.progress import publish
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import SlideRecord, tiled_records
from cartopath.study.stages.divide import read_splits
from cartopath.study.tasks import Result, Task, task_key
from cartopath.style import StainJitter
from cartopath.training.fingerprint import SlideOfPatient, region_pieces, train_fingerprint, usable_pieces, write_fingerprint

VERSION = 1


def plan_own(study: Study, index: int) -> Task:
    """Return the task that trains an encoder."""
    config, method = study.config, encoded(study.config)
    splits = read_splits(study)
    rounds = splits if config.splits.scheme == "rounds" else splits[splits["round"] == index]
    held_out = set(rounds[rounds["set"] == "test"]["patient_id"])
    records = [record for record in tiled_records(study) if record.patient_id not in held_out]
    recipe = pretraining_spec(config, index, devices=None)
    key = task_key(
        "pretrain",
        VERSION,
        seed=config.seed,
        network=encoder_spec(config).to_dict(),
        recipe=recipe.recipe(),
        precision=config.training.precision,
        threads=config.training.threads,
        regions=method.pretraining.model_dump(mode="json", include={"region_um", "regions_per_slide", "region_tissue"}),
        # The tile table's key covers the slide's content.
        slides=[[completed_key(study.layout, "tiles", r.slide_id), r.slide_id, r.patient_id] for r in records],
    )
    arguments = {
        "config": config,
        "index": index,
        "slides": [(record, study.layout.tiles(record.slide_id)) for record in records],
        "folder": study.layout.encoder(study.config.method.name, index),
        "work": study.layout.work("pretrain", task_name(index)),
        "key": key,
    }
    outputs = encoder_files(study, index, "curve.parquet")
    round_ = index if len(encoder_indices(config)) > 1 else None
    return Task("pretrain", task_name(index), key, pretrain_encoder, arguments, outputs, uses_gpu=True, round_=round_)


def pretrain_encoder(
    *,
    config: StudyConfig,
    index: int,
    slides: list[tuple[SlideRecord, Path]],
    folder: Path,
    work: Path,
    key: str,
    devices: list[int] | None,
) -> Result:
    """Train an encoder to tell regions of slides apart and write its bundle.

    Raises:
        TrainingError: The slides have fewer than two regions to tell apart.
        SlideError: A slide cannot be read.
    """
    asked, network = encoded(config).pretraining, encoder_spec(config)
    recipe = pretraining_spec(config, index, devices=devices)
    of_patients = [
        SlideOfPatient(slide_id=r.slide_id, patient_id=r.patient_id, path=r.path, mpp=float(read_tile_plan(table)[1]["mpp"]))
        for r, table in slides
    ]
    regions = region_pieces(
        of_patients,
        region_um=asked.region_um,
        regions_per_slide=asked.regions_per_slide,
        min_tissue=asked.region_tissue,
        seed=config.seed,
    )
    read_px = recipe.augmentation.read_px(network.size_px)
    pieces, without_tissue = usable_pieces(regions, network, read_px=read_px, min_tissue=recipe.min_tissue)
    if len(pieces) < 2:
        raise TrainingError(
            f"pretraining: {len(of_patients)} slides have {len(pieces)} regions of {asked.region_um:g} um to tell apart "
            f"({len(without_tissue)} more lack tissue in a half, of which a square of {read_px * network.mpp:g} um must fit into "
            f"each) and need 2; change method.pretraining.region_um, region_tissue or rotation, or use another method.encoder"
        )
    outcome = train_fingerprint(
        pieces,
        network,
        recipe,
        work_dir=work,
        style=_style(asked),
        progress=lambda chunk, metrics: publish(stage="pretrain", task=task_name(index), chunk=chunk, metrics=metrics),
    )
    patients = sorted(set(outcome.patients))
    card = {
        "method": config.method.name,
        "study": config.name,
        "encoder": "own",
        "key": key,
        "pretraining": asked.model_dump(mode="json"),
        "best": outcome.best,
        "ending": outcome.ending,
    }
    meta = {"best": outcome.best, "ending": outcome.ending, "pieces": len(pieces), "patients": len(patients)}
    write_table(outcome.curve, folder / "curve.parquet", Header(kind="encoder_curve", key=key, meta=meta))
    write_fingerprint(
        folder,
        spec=network,
        weights=outcome.weights,
        pieces=outcome.pieces,
        patients=outcome.patients,
        card=card,
        key=key,
    )
    return {**meta, "chunks": len(outcome.curve)}


def _style(asked: PretrainingConfig) -> StainJitter | None:
    return StainJitter(gain=asked.stain_gain, shift=asked.stain_shift) if asked.style == "stain" else None
