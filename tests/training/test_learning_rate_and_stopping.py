"""When the learning rate falls and when training ends, counted on scripted validation losses."""

import math

import pytest

from cartopath.training import TrainingSpec, train_classifier
from cartopath.training.engine import classification
from cartopath.training.validation import ValidationMetrics


@pytest.fixture
def curve_of(planted, network, tmp_path, monkeypatch):
    def run(losses, **options):
        script = iter(losses)
        monkeypatch.setattr(
            classification,
            "validation_metrics",
            lambda *_, **__: ValidationMetrics(loss=next(script), tile_auroc=0.5, slide_auroc=0.5),
        )
        spec = TrainingSpec(**{"batch_size": 40, "max_chunks": len(losses), "validations_per_epoch": 1, **options})
        sets = planted(n_slides=2, n_tiles=4), planted(n_slides=2, n_tiles=2, prefix="validation")
        return train_classifier(*sets, network, spec, work_dir=tmp_path / "work")

    return run


def test_the_rate_falls_tenfold_after_ten_flat_chunks_and_training_stops_after_thirty(curve_of):
    outcome = curve_of([1.0] + [1.0] * 60)
    rates = outcome.curve["lr"].tolist()
    assert rates[:11] == [1e-3] * 11  # the first chunk, then ten flat ones
    assert rates[11:21] == pytest.approx([1e-4] * 10)
    assert rates[21:31] == pytest.approx([1e-5] * 10)
    assert len(rates) == 31
    assert outcome.ending == "patience"
    assert outcome.best_chunk == 0


def test_every_lower_loss_starts_the_count_again(curve_of):
    losses = [1.0, 1.0, 1.0, 0.9, 0.95, 0.95, 0.8, 0.8, 0.8, 0.8]
    outcome = curve_of(losses, plateau_patience=3, stop_patience=3)
    assert outcome.curve["lr"].tolist() == [1e-3] * 10
    assert outcome.ending == "patience"
    assert outcome.best_chunk == 6


def test_a_loss_lower_by_less_than_the_margin_does_not_keep_the_rate_up(curve_of):
    losses = [1.0 - 1e-5 * chunk for chunk in range(6)]
    assert curve_of(losses, plateau_patience=3).curve["lr"].tolist() == pytest.approx([1e-3] * 4 + [1e-4] * 2)


def test_max_chunks_ends_training_first(curve_of):
    outcome = curve_of([1.0, 0.9, 0.8], stop_patience=1)
    assert outcome.ending == "max_chunks"
    assert len(outcome.curve) == 3


def test_an_undefined_auroc_is_kept_as_nan(planted, network, tmp_path):
    spec = TrainingSpec(batch_size=40, max_chunks=2, checkpoint_metric="loss")
    only_positive = planted(n_slides=4, n_tiles=2, prefix="validation")[1::2]
    outcome = train_classifier(planted(n_slides=2), only_positive, network, spec, work_dir=tmp_path / "work")
    assert all(math.isnan(value) for value in outcome.curve["slide_auroc"])
    assert outcome.best["validation_loss"] == outcome.curve["validation_loss"].min()
