"""Devices and precision: what a spec comes down to, and training on two processes."""

import dataclasses

import numpy as np
import pytest
import torch

from cartopath.core.errors import TrainingError
from cartopath.training import Example, TrainingSpec, train_classifier


def resolve(**options):
    import cartopath.training.engine  # noqa: F401
    from cartopath.training.engine.devices import resolve_hardware

    return resolve_hardware(TrainingSpec(**options))


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)


def test_without_a_gpu_auto_is_one_cpu_in_full_precision(no_gpu):
    hardware = resolve(devices="auto")
    assert (hardware.accelerator, hardware.n_devices, hardware.strategy, hardware.precision) == ("cpu", 1, "auto", "32-true")


def test_with_gpus_auto_takes_one_in_bf16_unless_asked_for_all(two_gpus):
    hardware = resolve()
    assert (hardware.accelerator, hardware.n_devices, hardware.strategy, hardware.precision) == ("cuda", 1, "auto", "bf16-mixed")
    assert resolve(devices="auto").n_devices == 2


def test_an_old_gpu_gets_sixteen_bits(two_gpus, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    assert resolve().precision == "16-mixed"


def test_several_devices_train_in_spawned_processes(two_gpus):
    assert resolve(devices=(0, 1)).strategy == "ddp_spawn"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accelerator": "gpu"}, r"'accelerator' is 'gpu', but torch .* sees no CUDA GPU; use 'auto' or 'cpu'"),
        ({"accelerator": "tpu"}, r"'accelerator' must be one of .* Got 'tpu'"),
        ({"precision": "16-mixed"}, r"precision '16-mixed' needs a CUDA GPU, and this runs on 'cpu'"),
        ({"devices": 3}, r"a 'batch_size' of 32 cannot be shared evenly by 3 devices"),
        ({"devices": 0}, r"'devices' must be a number, a tuple of indices or 'auto'. Got 0"),
        ({"devices": "all"}, r"'devices' must be .* Got 'all'"),
    ],
)
def test_impossible_hardware_is_refused(no_gpu, options, message):
    with pytest.raises(TrainingError, match=message):
        resolve(**options)


@pytest.mark.parametrize("devices", [3, (0, 5)])
def test_gpus_that_are_not_there_are_refused(two_gpus, devices):
    with pytest.raises(TrainingError, match="this machine has 2 GPUs"):
        resolve(devices=devices, batch_size=6)


SPEC = TrainingSpec(batch_size=16, max_chunks=5, validations_per_epoch=2, lr=1e-2, accelerator="cpu")


@pytest.mark.slow
def test_two_processes_train_and_validate_on_all_tiles_together(planted, network, tmp_path, capfd):
    # Seven validation slides in two halves: a slide is split between the processes, and neither sees all slides.
    sets = planted(n_slides=8), planted(n_slides=7, prefix="validation")
    told = []
    outcome = train_classifier(
        *sets,
        network,
        dataclasses.replace(SPEC, devices=2),
        work_dir=tmp_path,
        progress=lambda chunk, metrics: told.append((chunk, metrics)),
    )
    assert [chunk for chunk, _ in told] == [0, 1, 2, 3, 4]
    assert capfd.readouterr() == ("", "")
    validation = _validate_alone(sets[1], network, outcome.weights)
    assert outcome.best["validation_loss"] == pytest.approx(validation.loss, rel=1e-5)
    assert outcome.best["tile_auroc"] == pytest.approx(validation.tile_auroc, abs=1e-4)
    assert outcome.best["slide_auroc"] == pytest.approx(validation.slide_auroc, abs=1e-9)
    assert outcome.best["slide_auroc"] != 0.5


@pytest.mark.slow
def test_a_failure_in_one_of_the_processes_is_told(planted, network, tmp_path):
    examples = planted(n_slides=4)
    broken = tmp_path / "broken.svs"
    broken.write_bytes(b"not a slide")
    examples[1] = Example(dataclasses.replace(examples[1].slide, path=broken, cache_path=None), 1)
    sets = examples, planted(n_slides=4, prefix="validation")
    with pytest.raises(TrainingError, match=r"a training process on one of 2 devices failed: .*broken\.svs"):
        train_classifier(*sets, network, dataclasses.replace(SPEC, devices=2), work_dir=tmp_path / "work")


def _validate_alone(examples, network, weights):
    from cartopath.models import build_network, load_weights
    from cartopath.training import TileSource
    from cartopath.training.validation import validation_metrics

    model = build_network(network).eval()
    load_weights(model, weights, source="outcome")
    source = TileSource([example.slide for example in examples])
    tiles = torch.from_numpy(source.read(np.arange(source.n_tiles))).permute(0, 3, 1, 2)
    labels = np.array([example.label for example in examples])[source.slide_of_tile]
    with torch.no_grad():
        return validation_metrics(model(tiles).numpy(), labels, source.slide_of_tile, class_weights=(1.0, 1.0))


def test_batches_too_small_for_the_devices_are_refused(planted, network, tmp_path):
    sets = planted(n_slides=2, n_tiles=3), planted(n_slides=2, prefix="validation")
    spec = dataclasses.replace(SPEC, devices=2, batch_size=2, validations_per_epoch=2)
    with pytest.raises(TrainingError, match="batches of 1 tiles cannot be shared by 2 devices"):
        train_classifier(*sets, network, spec, work_dir=tmp_path)
