"""A fingerprint bundle as the encoder of a study: checked against its tiles and its test patients, then copied."""

from __future__ import annotations

import math
from pathlib import Path

from cartopath.core.errors import BundleError, ConfigError, closest
from cartopath.methods.encoding.places import encoder_files, task_name
from cartopath.models.encoders import ENCODERS
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.store.atomic import write_bytes
from cartopath.store.hashing import file_sha256
from cartopath.study.config import StudyConfig
from cartopath.study.run import Study
from cartopath.study.stages.divide import master_sets, read_splits
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.fingerprint import FingerprintCard, read_fingerprint, read_fingerprint_card
from cartopath.training.fingerprint.bundle import CARD_NAME, WEIGHTS_NAME

VERSION = 1


def plan_copy(study: Study, source: Path) -> Task:
    """Return the task that copies a bundle into the study.

    Raises:
        BundleError: It cannot be used in this study.
    """
    card = read_fingerprint_card(source)
    check_bundle(study.config, card, source, test_patients=_test_patients(study))
    key = task_key("pretrain", VERSION, weights=card.weights_sha256, card=file_sha256(source / CARD_NAME))
    arguments = {"source": source, "folder": study.layout.encoder(study.config.method.name, 0)}
    return Task("pretrain", task_name(0), key, copy_encoder, arguments, encoder_files(study, 0), is_local=True)


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


def require_encoder(config: StudyConfig, source: Path) -> None:
    """Check the encoder of a study file before anything is run.

    Raises:
        ConfigError: There is no such folder.
        BundleError: What lies there cannot be used.
    """
    if not source.is_dir():
        takes_names = config.method.name == "attention"
        named = "a name of `cartopath embed --list`" if takes_names else "none"
        near = closest(source.name, ("own", "random", *(ENCODERS if takes_names else ("none",))))
        hint = f" (closest: {', '.join(near)})" if near else ""
        raise ConfigError(
            f"method.encoder: no folder {source}; expected own, random, {named}, timm/ and a name, or a bundle's folder{hint}"
        )
    check_bundle(config, read_fingerprint_card(source), source)
