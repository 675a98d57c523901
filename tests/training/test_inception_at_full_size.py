"""The paper's own network and tile size, for a few steps: it trains, keeps its weights, and predicts."""

import numpy as np
import pytest

from cartopath.models import NetworkSpec
from cartopath.training import Example, SlideTiles, TrainingSpec, predict_tiles, read_bundle, train_classifier, write_bundle


def example(folder, name, label):
    rng = np.random.default_rng(label)
    tiles = rng.integers(0, 200 + 50 * label, (2, 512, 512, 3), dtype=np.uint8)
    np.save(folder / f"{name}.npy", tiles)
    slide = SlideTiles(
        slide_id=name,
        patient_id=name,
        path=folder / f"{name}.svs",
        xy_px0=np.array([[0, 0], [512, 0]]),
        window_px0=512,
        size_px=512,
        cache_path=folder / f"{name}.npy",
    )
    return Example(slide, label)


@pytest.mark.slow
def test_inception_v3_trains_and_predicts_at_512_px(tmp_path):
    train = [example(tmp_path, f"train-{label}", label) for label in (0, 1)]
    validation = [example(tmp_path, f"validation-{label}", label) for label in (0, 1)]
    spec = TrainingSpec(batch_size=2, max_chunks=2, validations_per_epoch=2, accelerator="cpu")
    outcome = train_classifier(train, validation, NetworkSpec(), spec, work_dir=tmp_path / "work")
    assert outcome.curve["train_loss"][0] == pytest.approx(np.log(2), rel=1e-3)  # every tile starts at one half
    assert np.isfinite(outcome.curve["validation_loss"]).all()
    write_bundle(tmp_path / "model", network=NetworkSpec(), weights=outcome.weights, card={})
    tiles = np.load(train[0].slide.cache_path)
    scores = predict_tiles([read_bundle(tmp_path / "model").network], [tiles], device="cpu", threads=1)
    assert scores.shape == (2, 1)
    assert np.isfinite(scores).all()
