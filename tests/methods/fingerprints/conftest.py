"""Studies of fingerprints that tests share, and the parts of a run that they can do without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

TRAITS = ["MKI67", "hsa-miR-17-5p"]


@pytest.fixture
def copied_fingerprints(fingerprints_study: Path, tmp_path: Path) -> Path:
    """A copy of the study that a test may change."""
    return Path(shutil.copytree(fingerprints_study, tmp_path / "study"))


@pytest.fixture(scope="session")
def copy_beginning(fingerprints_study: Path) -> Callable[[Path], Path]:
    """Give a study folder what comes before an encoder: cohort, splits, labels, tiles."""

    def copy(folder: Path) -> Path:
        receipts = (f"receipts/{stage}" for stage in ("cohort", "splits", "labels", "quality", "tiles"))
        for name in ("cohort", "quality", "tables", "tiles", *receipts):
            shutil.copytree(fingerprints_study / name, folder / name)
        return folder

    return copy


def untrained(pieces: Any, network: Any, spec: Any, *, work_dir: Path, style: Any, progress: Any) -> Any:
    """Stand in for `train_fingerprint`: random weights that follow from the pieces."""
    from cartopath.models import weights_of
    from cartopath.models.fingerprint import build_fingerprint_network
    from cartopath.training.fingerprint import FingerprintOutcome

    made = build_fingerprint_network(network, n_pieces=len(pieces), seed=spec.stream[-1])
    row = dict.fromkeys(("chunk", "lr", "train_loss", "style_distance", "validation_loss", "validation_accuracy"), 0.5)
    return FingerprintOutcome(
        weights=weights_of(made),
        curve=pd.DataFrame([row]),
        best_chunk=0,
        best=row,
        ending="max_chunks",
        seconds=0.0,
        pieces=tuple(piece.piece_id for piece in pieces),
        patients=tuple(piece.patient_id for piece in pieces),
    )


@pytest.fixture(scope="session")
def folds_study(made_once: Callable[..., Path], write_fingerprints: Callable[..., Any], copy_beginning: Any) -> Path:
    """The small study in three folds, each with an encoder of its own, which learned nothing; run to its predictions."""
    from cartopath.methods import recipe_stages
    from cartopath.study.run import run_study

    def fill(folder: Path) -> None:
        study = write_fingerprints(copy_beginning(folder), splits={"scheme": "folds", "rounds": 3}, traits=TRAITS[:1])
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr("cartopath.methods.encoding.own.train_fingerprint", untrained)
            summary = run_study(study, recipe_stages(study.config), until="evaluate")
        assert not summary.failed, summary.failed

    return made_once("fingerprints_folds", fill)


@pytest.fixture(scope="session")
def patients_tested() -> Callable[[Path, int], set[str]]:
    """Return the test patients of a round, as the splits of a study say."""

    def tested(root: Path, round_: int) -> set[str]:
        splits = pd.read_parquet(root / "cohort" / "splits.parquet")
        own = splits[(splits["round"] == round_) & (splits["set"] == "test")]
        return set(own["patient_id"])

    return tested


@pytest.fixture(scope="session")
def card_of() -> Callable[[Path], dict[str, Any]]:
    """Return the content of a bundle's card."""
    return lambda path: dict(json.loads(path.read_text()))
