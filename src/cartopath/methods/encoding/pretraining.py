"""The encoders of a study: trained on regions of its slides without labels, random, published, or somebody's bundle.

Each ends as a bundle in the study's folder of models, so that heads find it there, whatever it is. No test patient's tissue is
in the training of an encoder: with folds there is one for each.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from cartopath.core.errors import BundleError, ConfigError, TrainingError
from cartopath.methods.encoding import registered
from cartopath.methods.encoding.published import published_network
from cartopath.methods.encoding.registered import registered_name, require_tiles, weights_file
from cartopath.methods.encoding.settings import PUBLISHED, encoded, encoder_indices, encoder_name, encoder_spec, pretraining_spec
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.slides import read_tile_plan
from cartopath.store.artifacts import Header, write_table
from cartopath.store.atomic import write_bytes
from cartopath.store.hashing import file_sha256
from cartopath.study.config import PretrainingConfig, StudyConfig
from cartopath.study.progress import publish
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import SlideRecord, tiled_records
from cartopath.study.stages.divide import master_sets, read_splits
from cartopath.study.tasks import Result, Task, task_key
from cartopath.style import StainJitter
from cartopath.training.fingerprint import (
    FingerprintCard,
    SlideOfPatient,
    read_fingerprint,
    read_fingerprint_card,
    region_pieces,
    train_fingerprint,
    usable_pieces,
    write_fingerprint,
)
from cartopath.training.fingerprint.bundle import CARD_NAME, WEIGHTS_NAME

VERSION = 1
UNTRAINED = ("nothing", "nothing else")
"""Pieces of the classifier of a network that never learned to tell any apart: it must have two."""


def plan_pretraining(study: Study) -> list[Task]:
    """Return one task per encoder.

    Raises:
        BundleError: The encoder is a bundle that cannot be used in this study.
    """
    encoder = encoded(study.config).encoder
    if encoder == "own":
        return [_plan_own(study, index) for index in encoder_indices(study.config)]
    if encoder == "none":
        return []
    if (name := registered_name(study.config)) is not None:
        return [_plan_registered(study, name)]
    (study.layout.encoder(study.config.method.name, 0) / registered.CARD_NAME).unlink(missing_ok=True)  # Of an earlier encoder.
    if encoder == "random" or encoder.startswith(PUBLISHED):
        return [_plan_made(study)]
    return [_plan_copy(study, study.path(Path(encoder)))]


def task_name(index: int) -> str:
    """Return the name of the task that makes an encoder."""
    return f"encoder {index}"


def _outputs(study: Study, index: int, *more: str) -> tuple[Path, ...]:
    folder = study.layout.encoder(study.config.method.name, index)
    return tuple(folder / name for name in (WEIGHTS_NAME, CARD_NAME, *more))


def _plan_own(study: Study, index: int) -> Task:
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
    outputs = _outputs(study, index, "curve.parquet")
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


def _plan_made(study: Study) -> Task:
    config = study.config
    spec = encoder_spec(config)
    key = task_key("pretrain", VERSION, network=spec.to_dict(), seed=None if spec.pretrained else config.seed)
    arguments = {"config": config, "folder": study.layout.encoder(study.config.method.name, 0), "key": key}
    return Task("pretrain", task_name(0), key, make_encoder, arguments, _outputs(study, 0))


def make_encoder(*, config: StudyConfig, folder: Path, key: str) -> Result:
    """Write the bundle of a random encoder, or of one with published weights, which are downloaded.

    Raises:
        ConfigError: There is no such network, or its weights cannot be had.
    """
    from cartopath.models import weights_of
    from cartopath.models.fingerprint import build_fingerprint_network

    spec = encoder_spec(config)
    if spec.pretrained:
        spec, network = published_network(spec)
    else:
        network = build_fingerprint_network(spec, n_pieces=len(UNTRAINED), seed=config.seed)
    card = {"method": config.method.name, "study": config.name, "encoder": encoder_name(config), "key": key}
    write_fingerprint(folder, spec=spec, weights=weights_of(network), pieces=UNTRAINED, patients=("", ""), card=card, key=key)
    return {"n_features": spec.n_features}


def _plan_registered(study: Study, name: str) -> Task:
    require_tiles(study.config, name)
    folder, tiles = study.layout.encoder(study.config.method.name, 0), study.config.tiles
    arguments = {"name": name, "mpp": tiles.mpp, "folder": folder}
    weights = weights_file(study.config, study.root)
    of_file: dict[str, Any] = {}
    if weights is not None:  # Its place counts too: it stands in the card.
        of_file = {"weights": [file_sha256(weights), str(weights)], "size_px": tiles.size_px}
        arguments |= {"weights": weights, "size_px": tiles.size_px if name.startswith(PUBLISHED) else None}
    key = task_key("pretrain", VERSION, registered=name, mpp=tiles.mpp, **of_file)
    outputs = (folder / registered.CARD_NAME,)
    return Task("pretrain", task_name(0), key, refer_to_encoder, arguments | {"key": key}, outputs, is_local=True)


def refer_to_encoder(
    *, name: str, mpp: float, folder: Path, key: str, weights: Path | None = None, size_px: int | None = None
) -> Result:
    """Write which registered encoder the study uses; its weights are fetched where they are not there yet.

    Args:
        name: Of the encoder.
        mpp: Micrometres per pixel of the study's tiles.
        folder: Of the encoder.
        key: Of the task.
        weights: The file that holds them; None for the hub.
        size_px: Side of the study's tiles, for models of timm.

    Raises:
        BundleError: The weights cannot be had; the message says what to do.
    """
    for file in (CARD_NAME, WEIGHTS_NAME):  # Of an encoder that the study had before.
        if folder / file != weights:
            (folder / file).unlink(missing_ok=True)
    card = registered.write_registered(folder, name, mpp=mpp, key=key, weights=weights, size_px=size_px)
    return {"n_features": card.n_features, "licence": card.licence}


def _plan_copy(study: Study, source: Path) -> Task:
    card = read_fingerprint_card(source)
    check_bundle(study.config, card, source, test_patients=_test_patients(study))
    key = task_key("pretrain", VERSION, weights=card.weights_sha256, card=file_sha256(source / CARD_NAME))
    arguments = {"source": source, "folder": study.layout.encoder(study.config.method.name, 0)}
    return Task("pretrain", task_name(0), key, copy_encoder, arguments, _outputs(study, 0), is_local=True)


def _test_patients(study: Study) -> set[str]:
    sets = master_sets(read_splits(study))
    return set(sets.index[sets == "test"])


def check_bundle(config: StudyConfig, card: FingerprintCard, source: Path, *, test_patients: set[str] | None = None) -> None:
    """Check that a bundle takes the tiles of the study and has not seen a patient whom it will be judged by.

    Raises:
        BundleError: It does not, or it has.
    """
    spec: FingerprintSpec = card.spec
    tiles = config.tiles
    if spec.size_px != tiles.size_px or not math.isclose(spec.mpp, tiles.mpp, rel_tol=1e-3):
        raise BundleError(
            f"{source}: takes tiles of {spec.size_px} px at {spec.mpp:g} um/px, the study has {tiles.size_px} px at "
            f"{tiles.mpp:g}; set tiles.size_px and tiles.mpp to the encoder's"
        )
    seen = sorted(set(card.patients) & (test_patients or set()))
    if seen:
        raise BundleError(
            f"{source}: learned from {len(seen)} patients who are test patients of this study ({', '.join(seen[:3])}); "
            "what it says of them is no independent evidence: use an encoder of other patients, or encoder: own"
        )


def copy_encoder(*, source: Path, folder: Path) -> Result:
    """Copy a bundle into the study, so that its models can be moved without anything from elsewhere.

    Raises:
        BundleError: It is damaged or cannot be used here.
    """
    read_fingerprint(source)
    (folder / CARD_NAME).unlink(missing_ok=True)
    for name in (WEIGHTS_NAME, CARD_NAME):
        write_bytes(folder / name, (source / name).read_bytes())
    return {}


def encoder_card(study: Study, index: int) -> FingerprintCard | None:
    """Return what is known of an encoder of the study; None where it could not be made."""
    if completed_key(study.layout, "pretrain", task_name(index)) is None:
        return None
    return read_fingerprint_card(study.layout.encoder(study.config.method.name, index))


def require_encoder(config: StudyConfig, source: Path) -> None:
    """Check the encoder of a study file before anything is run.

    Raises:
        ConfigError: There is no such folder.
        BundleError: What lies there cannot be used.
    """
    if not source.is_dir():
        named = "a name of `cartopath embed --list`" if config.method.name == "attention" else "none"
        raise ConfigError(
            f"method.encoder: no folder {source}; expected own, random, {named}, timm/ and a name, or a bundle's folder"
        )
    check_bundle(config, read_fingerprint_card(source), source)
