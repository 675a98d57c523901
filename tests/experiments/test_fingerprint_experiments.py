"""Each experiment with fingerprints, reduced to seconds, on planted truth."""

import dataclasses

import pytest

from cartopath.models.fingerprint import FingerprintSpec
from cartopath.training.fingerprint import AugmentationSpec

COARSE = FingerprintSpec(backbone="test_byobnet", size_px=32, mpp=2.0)


def test_style_pairs_match_across_stainings_above_chance_and_are_not_trained_twice(tmp_path, monkeypatch):
    import fingerprint_table2 as table2

    size = dataclasses.replace(
        table2.QUICK, small=8, large=8, test=12, core_um=240.0, scanner_mpp=2.0, network=COARSE, n_images=2400
    )
    rows = table2.run(tmp_path, [0], size, sets=["small"], arms=["style pairs"])
    found = rows["standardised, core: small, style pairs"]
    assert found["low"] > found["chance"] > 0
    assert rows["standardised, patient: small, style pairs"]["value"] >= found["value"]
    monkeypatch.setattr(table2, "train_fingerprint", None)
    assert table2.run(tmp_path, [0], size, sets=["small"], arms=["style pairs"]) == rows


def test_gains_pair_the_same_queries_over_all_seeds():
    from fingerprint_table2 import gain

    better = [{"hits": [1, 1], "patients": ["a", "b"]}, {"hits": [1, 0], "patients": ["a", "b"]}]
    worse = [{"hits": [0, 1], "patients": ["a", "b"]}, {"hits": [0, 0], "patients": ["a", "b"]}]
    assert gain(better, worse)["value"] == 0.5
    assert gain(better, worse)["n"] == 4


def test_planted_copies_are_found_in_rendered_slides(tmp_path):
    import fingerprint_labels as labels

    size = labels.Size(n_patients=12, n_copies=3, n_swaps=2, slide_um=240.0, network=COARSE, max_chunks=3)
    total = labels.run(tmp_path, [0], size=size, with_honest=False)
    assert total["planted: duplicates"] == {"planted": 3, "found": 3, "right": 3}


def test_no_patient_of_a_fold_is_learned_from_and_all_arms_score_the_same_patients(tmp_path):
    import fingerprint_receptor as receptor

    size = receptor.Size(
        n_patients=40,
        n_labelled=20,
        slide_um=200.0,
        network=dataclasses.replace(COARSE, mpp=1.0),
        augmentation=AugmentationSpec(rotation="right_angles"),
        tiles_per_piece=4,
        max_chunks=2,
        direct_epochs=3,
    )
    experiment = receptor.Experiment(tmp_path, 0, size, 1)
    for fold in range(receptor.N_FOLDS):
        train, stop, test = map(set, experiment.groups(fold))
        assert not (train & stop or train & test or stop & test)
        assert train | stop <= experiment.labelled
        assert {experiment.status[name] for name in stop} == {0, 1}
    results = {arm: experiment.run_fold(arm, 0) for arm in receptor.ARMS}
    assert len({tuple(result["names"]) for result in results.values()}) == 1
    assert results["direct"]["auroc"] > 0.5


def test_a_planted_gain_in_auroc_has_an_interval_above_zero():
    from fingerprint_receptor import mean_auroc

    status = [0, 1] * 20
    good = [{"status": status, "scores": [float(s) for s in status]}] * 5
    bad = [{"status": status, "scores": [0.1 * (i % 7) for i in range(40)]}] * 5
    gain = mean_auroc(good, bad, n_resamples=100)
    assert mean_auroc(good, n_resamples=10)["value"] == 1.0
    assert gain["low"] > 0


@pytest.mark.realdata
def test_monuseg_folds_hold_every_patient_once_and_train_on_others_only(real_data, tmp_path):
    import fingerprint_monuseg as monuseg

    size = dataclasses.replace(monuseg.QUICK, tiles_per_piece=4, max_chunks=1)
    table = monuseg.run(real_data / "monuseg", tmp_path, size=size, n_folds=2, arms=("colour",))
    rows = {(encoder, game, group): value for encoder, game, group, value in table}
    assert rows["hand-made", "colour, as stained", "all"]["value"] >= 0.73
    assert rows["fingerprints, colour", "as stained, standardised", "all"]["n"] == 20
