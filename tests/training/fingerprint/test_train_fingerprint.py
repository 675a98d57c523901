"""Training fingerprints: it learns, it resumes to the same bytes, it stops, it refuses; bundles and fingerprints are exact."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cartopath.core.errors import ArtifactError, BundleError, TrainingError
from cartopath.core.rng import stream
from cartopath.models.fingerprint import build_fingerprint_network
from cartopath.store import atomic
from cartopath.training.fingerprint import (
    fingerprint_key,
    fingerprint_tiles,
    piece_probabilities,
    read_fingerprint,
    read_fingerprint_card,
    train_fingerprint,
    write_fingerprint,
)

RECIPES = {
    "single": {},
    "sections": {"pairing": "sections"},
    "style": {"pairing": "style", "style_name": "darker"},
    "one cycle": {"schedule": "one_cycle"},
}


class Killed(Exception):  # noqa: N818 - not an error of anybody
    """Stands for the end of the process."""


def darker(tile, rng):
    """A style."""
    return (tile * rng.uniform(0.5, 0.9)).astype(np.uint8)


def kill(chunk, metrics):
    raise Killed


def train(pieces, network, spec, folder, **options):
    style = darker if spec.pairing == "style" else None
    return train_fingerprint(pieces, network, spec, work_dir=folder, style=style, **options)


def assert_same(outcome, other):
    assert outcome.curve.equals(other.curve)
    assert (outcome.best_chunk, outcome.ending) == (other.best_chunk, other.ending)
    assert all(outcome.weights[name].tobytes() == other.weights[name].tobytes() for name in outcome.weights)


@pytest.fixture(scope="module")
def trained(striped, tmp_path_factory):
    from cartopath.models.fingerprint import FingerprintSpec
    from cartopath.training.fingerprint import AugmentationSpec, FingerprintTraining

    network = FingerprintSpec(backbone="test_resnet", size_px=16, mpp=1.0)
    mild = AugmentationSpec(rotation="none", grey=0.0)
    spec = FingerprintTraining(
        pairing="sections", batch_size=16, tiles_per_piece=24, max_chunks=8, lr=5e-3, accelerator="cpu", augmentation=mild
    )
    return network, train_fingerprint(striped, network, spec, work_dir=tmp_path_factory.mktemp("trained"))


def test_it_learns_to_tell_pieces_apart_and_both_styles_of_a_piece_together(trained):
    _, outcome = trained
    assert outcome.best["validation_accuracy"] > 0.8  # chance is 1/6
    assert outcome.curve["train_loss"].iloc[-1] < 0.5 * outcome.curve["train_loss"].iloc[0]
    assert outcome.curve["style_distance"].iloc[-1] < 0.5 * outcome.curve["style_distance"].iloc[0]
    assert outcome.best_chunk == outcome.curve["validation_accuracy"].argmax() or outcome.best["validation_accuracy"] == 1.0
    assert outcome.patients == tuple(f"patient-{number // 2}" for number in range(6))


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_killed_after_every_chunk_it_ends_with_the_same_bytes(striped, network, quick, tmp_path, recipe):
    spec = dataclasses.replace(quick, plateau_patience=1, plateau_factor=0.5, **RECIPES[recipe])
    uninterrupted = train(striped, network, spec, tmp_path / "uninterrupted")
    for _ in range(spec.max_chunks):
        with pytest.raises(Killed):
            train(striped, network, spec, tmp_path / "work", progress=kill)
    assert_same(train(striped, network, spec, tmp_path / "work", progress=kill), uninterrupted)


def test_killed_at_any_write_it_ends_with_the_same_bytes(striped, network, quick, tmp_path, monkeypatch):
    uninterrupted = train(striped, network, quick, tmp_path / "uninterrupted")
    real, left, deaths = atomic._fsync_folder, [0], 0

    def fsync_or_die(folder):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        real(folder)

    monkeypatch.setattr(atomic, "_fsync_folder", fsync_or_die)
    while True:
        left[0] = 2 + deaths % 3
        try:
            outcome = train(striped, network, quick, tmp_path / "work")
        except Killed:
            deaths += 1
            assert deaths < 30
            continue
        break
    assert deaths > 1
    assert_same(outcome, uninterrupted)


def test_the_number_of_reading_threads_changes_nothing(striped, network, quick, tmp_path):
    one, three = (
        train(striped, network, dataclasses.replace(quick, read_threads=n, open_slides=n), tmp_path / str(n)) for n in (1, 3)
    )
    assert_same(one, three)


def test_tiles_cut_from_pieces_in_memory_are_those_read_from_their_slides(striped, network, quick, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    from cartopath.training.fingerprint import reading
    from cartopath.training.fingerprint.draws import TileDraws
    from cartopath.training.fingerprint.places import plan_places

    spec = dataclasses.replace(quick, pairing="sections")
    draws = TileDraws(striped, plan_places(striped, network, read_px=16, min_tissue=0.5), network, spec).chunk(0)[0]
    tiles = []
    with ThreadPoolExecutor(2) as pool:
        for limit in (reading.KEPT_BYTES, 0):
            monkeypatch.setattr(reading, "KEPT_BYTES", limit)
            reader = reading.PieceReader(striped, network, open_slides=4)
            tiles.append(reader.read(draws, read_px=16, pool=pool))
            assert bool(reader._kept) == bool(limit)
            reader.close()
    assert np.array_equal(*tiles)
    assert tiles[0].std() > 10


def test_it_stops_when_the_right_halves_are_recognised_no_better(striped, network, quick, tmp_path):
    spec = dataclasses.replace(quick, lr=1e-12, max_chunks=50, stop_patience=3)
    outcome = train(striped, network, spec, tmp_path)
    assert outcome.ending == "patience"
    assert len(outcome.curve) < 20


def test_the_learning_rate_falls_on_a_plateau(striped, network, quick, tmp_path):
    spec = dataclasses.replace(quick, lr=1e-6, plateau_patience=1, plateau_factor=0.5, plateau_min_delta=10.0, max_chunks=4)
    assert train(striped, network, spec, tmp_path).curve["lr"].iloc[-1] < 1e-6


def test_a_lower_loss_counts_while_the_accuracy_is_that_of_guessing_and_a_higher_accuracy_while_the_loss_rises():
    from cartopath.training.fingerprint.engine.module import FingerprintMetrics, Standing

    standing, counts = Standing(), []
    for loss, accuracy in ((4.0, 0.02), (3.9, 0.02), (3.8, 0.01), (3.8, 0.02), (4.1, 0.2), (4.3, 0.3), (4.2, 0.3)):
        standing = standing.after(FingerprintMetrics(loss, accuracy), delta=1e-4)
        counts.append(standing.n_better)
    assert counts == [1, 2, 3, 3, 4, 5, 5]


def test_one_cycle_rises_falls_and_never_ends_early(striped, network, quick, tmp_path):
    spec = dataclasses.replace(quick, schedule="one_cycle", lr=1e-12, max_chunks=8, plateau_patience=1, stop_patience=1)
    outcome = train(striped, network, spec, tmp_path)
    assert outcome.ending == "max_chunks"
    assert outcome.curve["lr"].argmax() == 2
    assert outcome.curve["lr"].iloc[[0, 2]].tolist() == pytest.approx([4e-14, 1e-12])
    assert outcome.curve["lr"].iloc[-1] < 1e-13


def test_a_finished_training_is_only_read_again(striped, network, quick, tmp_path):
    first = train(striped, network, quick, tmp_path)
    assert_same(train(striped, network, quick, tmp_path, progress=kill), first)


def test_another_recipe_clears_the_folder(striped, network, quick, tmp_path):
    train(striped, network, quick, tmp_path)
    with pytest.raises(Killed):
        train(striped, network, dataclasses.replace(quick, seed=1), tmp_path, progress=kill)


@pytest.mark.parametrize(
    "changes",
    [
        {"pairing": "sections"},
        {"gamma": 0.1},
        {"min_tissue": 0.4},
        {"tiles_per_piece": 5},
        {"validation_tiles_per_piece": 3},
        {"lr": 0.1},
        {"schedule": "one_cycle"},
        {"batch_size": 4},
        {"max_chunks": 9},
        {"plateau_patience": 3},
        {"plateau_factor": 0.3},
        {"plateau_min_delta": 0.1},
        {"stop_patience": 2},
        {"seed": 5},
        {"stream": ("a",)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_value_of_the_recipe_is_part_of_the_key(striped, network, quick, changes):
    assert fingerprint_key(striped, network, dataclasses.replace(quick, **changes)) != fingerprint_key(striped, network, quick)


def test_where_it_runs_is_not_part_of_the_key(striped, network, quick):
    elsewhere = dataclasses.replace(quick, accelerator="auto", threads=7, open_slides=3)
    assert fingerprint_key(striped, network, elsewhere) == fingerprint_key(striped, network, quick)


def test_a_style_goes_with_its_pairing(striped, network, quick, tmp_path):
    with pytest.raises(TrainingError, match="goes with the pairing 'style'"):
        train_fingerprint(striped, network, quick, work_dir=tmp_path, style=darker)


def test_a_damaged_record_is_told(striped, network, quick, tmp_path):
    train(striped, network, quick, tmp_path)
    path = tmp_path / "finished.json"
    content = json.loads(path.read_text())
    del content["record"]["rows"][0]["validation_accuracy"]
    path.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match="delete it and train again"):
        train(striped, network, quick, tmp_path)


@pytest.mark.slow
def test_two_devices_learn_too_and_each_applies_the_style(striped, network, quick, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[3])  # where their processes find `darker`
    spec = dataclasses.replace(quick, devices=2, max_chunks=2, pairing="style", style_name="darker")
    outcome = train(striped, network, spec, tmp_path)
    assert (outcome.curve["style_distance"] > 0).all()
    assert len(outcome.curve) == 2
    assert 0 <= outcome.best["validation_accuracy"] <= 1
    assert np.isfinite(outcome.curve.to_numpy(dtype=float)).all()


def tiles(n=10):
    return stream(0, "tiles").integers(0, 256, (n, 16, 16, 3), dtype=np.uint8)


def test_fingerprints_are_the_same_on_every_call_and_however_batched(trained):
    network, _ = trained
    built = build_fingerprint_network(network, n_pieces=6)
    once = fingerprint_tiles(built, [tiles()], device="cpu")
    assert (once.shape, once.dtype) == ((10, 512), np.float32)
    assert np.array_equal(once, fingerprint_tiles(built, [tiles()], device="cpu"))
    assert fingerprint_tiles(built, [tiles()[:3], tiles()[3:]], device="cpu") == pytest.approx(once, abs=1e-5)
    assert built.training  # as it was


def test_no_tiles_give_no_fingerprints(network):
    assert fingerprint_tiles(build_fingerprint_network(network, n_pieces=2), [], device="cpu").shape == (0, 512)


def test_probabilities_of_pieces_sum_to_one_and_name_the_right_piece(trained, striped):
    from cartopath.slides import open_slide

    network, outcome = trained
    built = build_fingerprint_network(network, n_pieces=6)
    from cartopath.models import load_weights

    load_weights(built, outcome.weights, source="training")
    with open_slide(striped[4].pictures[0].path) as slide:
        there = np.stack([slide.read_region(x, 20, 0, 16, 16) for x in range(48, 80, 4)])
    probabilities = piece_probabilities(built, [there], device="cpu")
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(8), abs=1e-5)
    assert outcome.pieces[probabilities.mean(axis=0).argmax()] == "core-4"


def write(folder, trained):
    network, outcome = trained
    write_fingerprint(
        folder, spec=network, weights=outcome.weights, pieces=outcome.pieces, patients=outcome.patients, card={"cohort": "x"}
    )


def test_a_bundle_gives_back_the_network(tmp_path, trained):
    network, outcome = trained
    write(tmp_path, trained)
    bundle = read_fingerprint(tmp_path)
    assert (bundle.card.spec, bundle.card.pieces, bundle.card.patients) == (network, outcome.pieces, outcome.patients)
    assert bundle.card.card == {"cohort": "x"}
    assert not bundle.network.training
    state = bundle.network.state_dict()
    assert all(np.array_equal(state[name].numpy(), outcome.weights[name]) for name in state)


def test_a_card_is_read_without_torch(tmp_path, trained):
    write(tmp_path, trained)
    code = f"""
import sys
from cartopath.training.fingerprint import read_fingerprint_card
print(read_fingerprint_card({os.fspath(tmp_path)!r}).spec.backbone, 'torch' in sys.modules)
"""
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "test_resnet False\n"
    )


def test_weights_of_another_bundle_are_refused(tmp_path, trained):
    write(tmp_path, trained)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(BundleError, match="damaged, or of another bundle"):
        read_fingerprint(tmp_path)
    path.unlink()
    with pytest.raises(BundleError, match="missing, though"):
        read_fingerprint(tmp_path)


@pytest.mark.parametrize("damage", ["network", "pieces", "weights_sha256"])
def test_a_damaged_card_is_refused(tmp_path, trained, damage):
    write(tmp_path, trained)
    path = tmp_path / "fingerprint.json"
    content = json.loads(path.read_text())
    del content[damage]
    path.write_text(json.dumps(content))
    with pytest.raises(BundleError, match="damaged"):
        read_fingerprint_card(tmp_path)


def test_a_folder_without_a_card_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="no fingerprint network"):
        read_fingerprint(tmp_path)


def test_the_global_generator_is_left_alone(striped, network, quick, tmp_path):
    before = torch.random.get_rng_state()
    train(striped, network, dataclasses.replace(quick, max_chunks=1), tmp_path)
    assert torch.equal(torch.random.get_rng_state(), before)
