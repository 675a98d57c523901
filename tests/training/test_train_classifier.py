"""What one training does: learns a planted signal, records each chunk, keeps the best."""

import dataclasses
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from cartopath.core.errors import SlideError, TrainingError
from cartopath.models import build_network, load_weights
from cartopath.models.denormals import denormals_are_flushed
from cartopath.training import Example, TrainingSpec, predict_tiles, train_classifier
from cartopath.training.cache import open_tile_cache
from cartopath.training.train import CURVE_COLUMNS
from cartopath.training.work_dir import TrainingRecord

FAST = TrainingSpec(batch_size=16, max_chunks=3, validations_per_epoch=4)


def train(planted, network, spec, work_dir, **options):
    return train_classifier(
        planted(n_slides=8), planted(n_slides=6, prefix="validation"), network, spec, work_dir=work_dir, **options
    )


def test_a_planted_signal_is_learned_from_weak_labels(planted, network, tmp_path):
    spec = TrainingSpec(batch_size=16, max_chunks=6, validations_per_epoch=2, lr=1e-2)
    outcome = train_classifier(
        planted(n_slides=8, n_tiles=40), planted(n_slides=20, prefix="validation"), network, spec, work_dir=tmp_path / "work"
    )
    assert outcome.best["slide_auroc"] > 0.95


def test_the_curve_has_one_row_per_chunk(planted, network, tmp_path):
    outcome = train(planted, network, FAST, tmp_path)
    assert tuple(outcome.curve.columns) == CURVE_COLUMNS
    assert outcome.curve["chunk"].tolist() == [0, 1, 2]
    assert outcome.curve["lr"].tolist() == [1e-3] * 3
    assert np.isfinite(outcome.curve.to_numpy()).all()
    assert outcome.ending == "max_chunks"
    assert outcome.seconds > 0


def test_validation_happens_sixteen_times_per_pass_by_default(planted, network, tmp_path):
    seen = []
    spec = TrainingSpec(batch_size=4, max_chunks=16)
    examples = planted(n_slides=8)
    shown = _count_reads(examples, lambda: train(planted, network, spec, tmp_path, progress=lambda chunk, _: seen.append(chunk)))
    assert seen == list(range(16))
    assert shown == 8 * 20  # the whole pass, once


def _count_reads(examples, run):
    from cartopath.training.source import TileSource

    training = {example.slide.slide_id for example in examples}
    counts = []
    original = TileSource.read_together

    def counting(self, index):
        if self.slides[0].slide_id in training:
            counts.append(len(index))
        return original(self, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TileSource, "read_together", counting)
        run()
    return sum(counts)


def test_progress_tells_each_chunk_as_the_curve_does(planted, network, tmp_path):
    told = []
    outcome = train(planted, network, FAST, tmp_path, progress=lambda chunk, metrics: told.append((chunk, metrics)))
    assert [chunk for chunk, _ in told] == [0, 1, 2]
    assert [metrics["validation_loss"] for _, metrics in told] == outcome.curve["validation_loss"].tolist()
    assert [metrics["is_best"] for _, metrics in told].count(1.0) >= 1


def test_the_weights_are_those_of_the_best_row(planted, network, tmp_path):
    outcome = train(planted, network, dataclasses.replace(FAST, max_chunks=8, lr=1e-2), tmp_path)
    assert outcome.best == outcome.curve.loc[outcome.best_chunk].to_dict()
    validation = planted(n_slides=6, prefix="validation")
    model = build_network(network)
    load_weights(model, outcome.weights, source="outcome")
    scores = predict_tiles([model], [np.array(open_tile_cache(example.slide)) for example in validation])[:, 0]
    labels = np.repeat([example.label for example in validation], 20)
    loss = -np.log(np.where(labels == 1, scores, 1 - scores)).mean()
    assert loss == pytest.approx(outcome.best["validation_loss"], rel=1e-4)


@pytest.mark.parametrize(("metric", "best"), [("loss", np.argmin), ("tile_auroc", np.argmax)])
def test_another_metric_can_choose_the_best_chunk(planted, network, tmp_path, metric, best):
    outcome = train(planted, network, dataclasses.replace(FAST, max_chunks=6, checkpoint_metric=metric), tmp_path)
    column = {"loss": "validation_loss"}.get(metric, metric)
    assert outcome.best[column] == outcome.curve[column][best(outcome.curve[column].to_numpy())]


def test_among_chunks_of_equal_auroc_the_lowest_loss_wins_and_then_the_earliest():
    record = TrainingRecord()
    for chunk, (score, loss) in enumerate([(0.5, 0.7), (0.9, 0.6), (0.9, 0.5), (0.9, 0.5), (0.8, 0.1)]):
        record.add({"chunk": chunk, "validation_loss": loss}, score=score, seconds=0.0, ending="")
    assert record.best_chunk == 2


def test_the_same_call_elsewhere_gives_the_same_bytes(planted, network, tmp_path):
    first, second = (train(planted, network, FAST, tmp_path / name) for name in "ab")
    assert all(first.weights[name].tobytes() == second.weights[name].tobytes() for name in first.weights)
    assert first.curve.equals(second.curve)


@pytest.mark.parametrize("change", [{"seed": 1}, {"stream": ("MKI67", 2)}, {"flips": False}, {"balance": "class"}, {"lr": 1e-4}])
def test_every_part_of_the_recipe_matters(planted, network, tmp_path, change):
    examples = planted(n_slides=3, n_tiles=30), planted(n_slides=4, prefix="validation")
    spec = dataclasses.replace(FAST, max_chunks=2)
    curves = [
        train_classifier(*examples, network, dataclasses.replace(spec, **options), work_dir=tmp_path / str(len(options))).curve
        for options in ({}, change)
    ]
    assert not curves[0].equals(curves[1])


def test_reading_in_several_threads_changes_nothing(planted, network, tmp_path):
    one, three = (
        train(planted, network, dataclasses.replace(FAST, read_threads=threads), tmp_path / str(threads)) for threads in (1, 3)
    )
    assert one.curve.equals(three.curve)


def test_torch_is_left_as_it_was(planted, network, tmp_path):
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(2)
    seen = []
    train(planted, network, FAST, tmp_path, progress=lambda *_: seen.append(torch.get_num_threads()))
    assert set(seen) == {1}
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), state)
    assert not denormals_are_flushed()


def test_training_is_silent(planted, network, tmp_path, capfd):
    train(planted, network, FAST, tmp_path)
    assert capfd.readouterr() == ("", "")


def test_it_runs_in_a_thread_as_workers_of_dask_do(planted, network, tmp_path):
    here = train(planted, network, FAST, tmp_path / "here")
    with ThreadPoolExecutor(1) as pool:
        there = pool.submit(train, planted, network, FAST, tmp_path / "there").result()
    assert there.curve.equals(here.curve)


def test_slides_without_tiles_are_left_out(planted, network, tmp_path):
    examples = planted(n_slides=4)
    empty = dataclasses.replace(examples[0].slide, slide_id="empty", xy_px0=np.empty((0, 2)))
    validation = planted(n_slides=4, prefix="validation")
    outcome = train_classifier([*examples, Example(empty, 0)], validation, network, FAST, work_dir=tmp_path)
    assert len(outcome.curve) == 3


def test_a_slide_that_cannot_be_read_ends_the_training_with_its_name(planted, network, tmp_path):
    examples = planted(n_slides=4)
    broken = tmp_path / "broken.svs"
    broken.write_bytes(b"not a slide")
    examples[1] = Example(dataclasses.replace(examples[1].slide, path=broken, cache_path=None), 1)
    with pytest.raises(SlideError, match=r"broken\.svs"):
        train_classifier(examples, planted(n_slides=4, prefix="validation"), network, FAST, work_dir=tmp_path / "work")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cartopath")]


@pytest.mark.parametrize("step", ["training_step", "validation_step"])
def test_whatever_ends_a_training_no_thread_goes_on_reading(planted, network, tmp_path, monkeypatch, step):
    from cartopath.training.engine.classification import TileClassification

    def fail(*_):
        raise OSError("in the middle")

    monkeypatch.setattr(TileClassification, step, fail)
    with pytest.raises(OSError, match="in the middle") as caught:
        train(planted, network, FAST, tmp_path)
    assert caught.value.__traceback__ is not None  # holds on to everything that was open
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cartopath")]


def test_a_loss_that_is_no_number_ends_the_training_with_advice(planted, network, tmp_path, monkeypatch):
    from cartopath.training.engine import classification
    from cartopath.training.validation import ValidationMetrics

    monkeypatch.setattr(
        classification, "validation_metrics", lambda *_, **__: ValidationMetrics(loss=math.nan, tile_auroc=0.5, slide_auroc=0.5)
    )
    with pytest.raises(TrainingError, match=r"validation loss after chunk 0 is nan; lower 'lr'"):
        train(planted, network, FAST, tmp_path)


def test_a_keyboard_interrupt_stays_one(planted, network, tmp_path):
    import signal

    handler = signal.getsignal(signal.SIGINT)

    def interrupt(chunk, metrics):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(planted, network, FAST, tmp_path, progress=interrupt)
    assert signal.getsignal(signal.SIGINT) is handler
