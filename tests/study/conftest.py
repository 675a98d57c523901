"""Studies whose networks learn nothing and are there at once, for everything that is not about learning."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cartopath.core.rng import seed_for, stream
from cartopath.store.atomic import write_bytes


def _train(train: Any, validation: Any, network: Any, spec: Any, *, work_dir: Path, progress: Any) -> Any:
    """Stand in for `train_classifier`: weights and curve follow from the recipe."""
    from cartopath.training import TrainingOutcome, training_key

    rng = stream(0, training_key(train, validation, network, spec))
    names = ("chunk", "lr", "train_loss", "validation_loss", "tile_auroc", "slide_auroc")
    rows = [dict(zip(names, [chunk, spec.lr, *rng.random(4).tolist()], strict=True)) for chunk in range(2)]
    weights = {"weight": rng.random(3)}
    return TrainingOutcome(
        weights=weights, curve=pd.DataFrame(rows), best_chunk=1, best=rows[1], ending="max_chunks", seconds=0.0
    )


def _load(folder: Path, rounds: tuple[int, ...], cache_key: str) -> list[str]:
    """Stand in for `load_networks`: a network is the name of its trait and round."""
    return [f"{folder.name} {round_}" for round_ in rounds]


def _predict(networks: list[str], batches: Iterator[np.ndarray], **options: Any) -> np.ndarray:
    """Stand in for `predict_tiles`: the score of a tile follows from its pixels and the network."""
    tiles = [hashlib.sha256(tile.tobytes()).hexdigest() for batch in batches for tile in batch]
    return np.array([[seed_for(0, network, tile) / 2**32 for network in networks] for tile in tiles], dtype=np.float32)


def _draw(tables: Any, geometry: Any, slide_id: str, thumbnail: Any, *, heterogeneity: list[str], folder: Path, **_: Any) -> dict:
    """Stand in for `draw_maps`: files with the right names."""
    from cartopath.study.stages.mapping import map_paths

    for path in map_paths(folder, slide_id, list(tables), heterogeneity).values():
        write_bytes(path, str(sorted(tables)).encode())
    return {}


def _report(*, root: Path, **_: Any) -> dict:
    """Stand in for `make_report`."""
    write_bytes(root / "report" / "index.html", b"<html>")
    return {}


@pytest.fixture(scope="session")
def without_learning() -> Callable[[pytest.MonkeyPatch], None]:
    """Replace everything that takes time and does not decide what is done: training, networks, pictures, the report."""

    def replace(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cartopath.methods.tile_classifier.training.train_classifier", _train)
        monkeypatch.setattr("cartopath.methods.tile_classifier.prediction.load_networks", _load)
        monkeypatch.setattr("cartopath.methods.tile_classifier.prediction.predict_tiles", _predict)
        monkeypatch.setattr("cartopath.methods.tile_classifier.prediction.uses_gpu", lambda device: False)
        monkeypatch.setattr("cartopath.study.stages.mapping.draw_maps", _draw)
        monkeypatch.setattr("cartopath.report.stage.make_report", _report)

    return replace


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, without_learning: Callable[[pytest.MonkeyPatch], None]) -> None:
    """Nothing learns in this test."""
    without_learning(monkeypatch)


@pytest.fixture(scope="session")
def quick_study(made_once: Callable[..., Path], write_study: Callable[..., Any], without_learning: Callable[..., None]) -> Path:
    """The small study, run to its end without learning. Not to be changed: see `quick_copy`."""
    return made_once("quick_study", lambda folder: _run_all(write_study(folder), without_learning))


def _run_all(study: Any, without_learning: Callable[..., None], *, failures: bool = False) -> None:
    from cartopath.cli.run import study_stages
    from cartopath.study.run import run_study

    with pytest.MonkeyPatch.context() as monkeypatch:
        without_learning(monkeypatch)
        summary = run_study(study, study_stages(study))
    assert failures or not summary.failed, summary.failed


@pytest.fixture(scope="session")
def copy_tiles(quick_study: Path) -> Callable[[Path], None]:
    """Give a study folder the tiles of the small cohort's slides, so that they need not be cut again."""

    def copy_tiles_(folder: Path) -> None:
        for name in ("tiles", "cache", "receipts/tiles", "receipts/cache"):
            shutil.copytree(quick_study / name, folder / name)

    return copy_tiles_


@pytest.fixture(scope="session")
def run_quickly(
    made_once: Callable[..., Path],
    write_study: Callable[..., Any],
    without_learning: Callable[..., None],
    copy_tiles: Callable[[Path], None],
) -> Callable[..., Path]:
    """Return the folder of a study that was run to its end without learning, once for all tests. Not to be changed."""

    def run_quickly_(name: str, *, failures: bool = False, **changes: Any) -> Path:
        def fill(folder: Path) -> None:
            copy_tiles(folder)
            _run_all(write_study(folder, **changes), without_learning, failures=failures)

        return made_once(name, fill)

    return run_quickly_


@pytest.fixture
def quick_copy(quick_study: Path, tmp_path: Path, quick: None) -> Path:
    """A copy of the study without learning, and nothing learns in this test."""
    return Path(shutil.copytree(quick_study, tmp_path / "study"))


def _write_tiff(path: Path, pixels: np.ndarray, *, mpp: float | None) -> None:
    """Write a tiled TIFF, with or without a resolution."""
    import tifffile

    resolution = {} if mpp is None else {"resolution": (1e4 / mpp, 1e4 / mpp), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb", metadata=None, **resolution)


@pytest.fixture(scope="session")
def rough_cohort(made_once: Callable[..., Path], small_cohort: Path) -> Path:
    """The small cohort in a folder with what goes wrong: eight slides more, each with its own trouble."""

    def fill(folder: Path) -> None:
        (folder / "slides").mkdir(parents=True)
        table = pd.read_csv(small_cohort / "slides.csv", dtype=str, keep_default_na=False)
        for path in (small_cohort / "slides").iterdir():
            (folder / "slides" / path.name).symlink_to(path)
        shades = np.arange(512, dtype=np.uint8)[:, None, None] % 40
        tissue = np.tile(np.array([[[150, 70, 140]]], np.uint8), (512, 512, 1)) + shades
        white = np.full((512, 512, 3), 245, np.uint8)
        (folder / "slides" / "broken.tif").write_bytes(b"II*\x00 and then nothing that makes sense")
        _write_tiff(folder / "slides" / "nompp.tif", tissue, mpp=None)
        _write_tiff(folder / "slides" / "coarse.tif", tissue, mpp=4.0)
        _write_tiff(folder / "slides" / "empty.tif", white, mpp=0.5)
        _write_tiff(folder / "slides" / "blurred.tif", tissue, mpp=0.5)
        _write_tiff(folder / "slides" / "nobody.tif", tissue, mpp=0.5)
        names = ("broken", "nompp", "coarse", "empty", "blurred", "nobody", "absent", "unnamed")
        more = pd.DataFrame({"slide_id": names, "path": [f"slides/{name}.tif" for name in names]})
        more["patient_id"] = [f"TCGA-BH-ZX{i}{i}" for i in range(len(names))]
        more.loc[more["slide_id"] == "nobody", "patient_id"] = ""
        more.loc[more["slide_id"].isin(["coarse", "blurred"]), "patient_id"] = table["patient_id"].iloc[0]
        more.loc[more["slide_id"] == "unnamed", "path"] = ""
        more.loc[more["slide_id"] == "blurred", "exclude"] = "out of focus"
        pd.concat([table, more]).fillna("").to_csv(folder / "slides.csv", index=False)

    return made_once("rough_cohort", fill)
