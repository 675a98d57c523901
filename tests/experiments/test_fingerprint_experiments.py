"""Each experiment with fingerprints, reduced to seconds, on planted truth."""

import dataclasses

import numpy as np
import pytest
import tifffile

from cartopath.models.fingerprint import FingerprintSpec
from cartopath.training.fingerprint import AugmentationSpec

COARSE = FingerprintSpec(backbone="test_byobnet", size_px=32, mpp=2.0)


def test_table_2_has_both_ways_of_matching_and_is_not_trained_twice(tmp_path, monkeypatch):
    """Whether style pairs help is tested in `test_style_invariance`, with more images than this."""
    import fingerprint_table2 as table2

    size = dataclasses.replace(
        table2.QUICK, small=4, large=4, test=3, n_tests=2, core_um=200.0, scanner_mpp=2.0, network=COARSE, n_images=320
    )
    rows = table2.run(tmp_path, [0], size, sets=["small"], arms=["style pairs"])
    for how in table2.HOW:
        core, patient = (rows[f"{how}, {unit}: small, style pairs"] for unit in ("core", "patient"))
        assert core["chance"] == pytest.approx(2 / core["n"], abs=0.05)  # each of two arrays is matched on its own
        assert patient["chance"] == pytest.approx(2 / patient["n"], abs=0.05)
        assert patient["n"] <= 6 < core["n"] <= 12
    monkeypatch.setattr(table2, "train_fingerprint", None)
    assert table2.run(tmp_path, [0], size, sets=["small"], arms=["style pairs"]) == rows


def test_gains_pair_the_same_queries_over_all_seeds():
    from fingerprint_table2 import gain

    better = [{"hits": [1, 1], "patients": ["a", "b"]}, {"hits": [1, 0], "patients": ["a", "b"]}]
    worse = [{"hits": [0, 1], "patients": ["a", "b"]}, {"hits": [0, 0], "patients": ["a", "b"]}]
    assert gain(better, worse)["value"] == 0.5
    assert gain(better, worse)["n"] == 4


def test_planted_copies_show_their_source_and_swapped_slides_another_patients_name(tmp_path):
    import fingerprint_labels as labels

    size = labels.Size(n_patients=8, n_copies=3, n_swaps=1, slide_um=100.0, network=COARSE)
    honest, planted = (labels.plant(tmp_path, 0, size, is_honest=is_honest) for is_honest in (True, False))
    assert sorted(planted.copies.values()) == sorted(labels.COPIES)
    for pair, how in planted.copies.items():
        source, target = (next(name for name in pair if name.endswith(end)) for end in ("C1", "C2"))
        assert planted.patients[source] != planted.patients[target]
        whole, copied = (tifffile.imread(planted.files[name]) for name in (source, target))
        offset = {"recompressed": 0, "cropped": whole.shape[1] // 12, "shifted": 13}[how]
        same = whole[offset : offset + copied.shape[0], offset : offset + copied.shape[1]]
        assert np.corrcoef(same.ravel(), copied.ravel())[0, 1] > 0.95
    renamed = {name for name in honest.patients if honest.patients[name] != planted.patients[name]}
    assert {planted.patients[name] for name in renamed} == {honest.patients[name] for name in renamed} == planted.swapped
    replaced = {name for name in honest.files if honest.files[name] != planted.files[name]}
    assert {planted.patients[name] for name in replaced} == planted.borrowed
    assert not planted.borrowed & planted.swapped
    assert sorted(honest.patients.values()) == sorted(planted.patients.values())


def test_labels_are_judged_by_an_encoder_of_other_patients_with_and_without_what_is_planted(tmp_path):
    import fingerprint_labels as labels

    size = labels.Size(
        n_patients=12,
        n_copies=3,
        n_swaps=1,
        slide_um=180.0,
        n_others=3,
        learned_um=160.0,
        network=COARSE,
        max_chunks=1,
        overlap=0.0,
    )
    counts = labels.run(tmp_path, [0], encoder_seed=1, size=size)
    assert counts["planted: duplicates"]["planted"] == 3
    assert counts["planted: contradicted"]["planted"] == 5
    assert counts["planted: swaps"]["planted"] == 2
    assert counts["nothing planted: contradicted"]["planted"] == counts["nothing planted: duplicates"]["planted"] == 0
    others = {path.name[:14] for path in (tmp_path / "others-1").glob("*.tif")}
    assert others == {"others_first_o"}


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
    assert set(results["fingerprints"]["by_kind"]) == set(receptor.KINDS)
    name = max(experiment.names, key=lambda name: len(experiment.tiles_by_kind(name)["stroma"]))
    lightness = {kind: tiles.mean() for kind, tiles in experiment.tiles_by_kind(name).items() if len(tiles)}
    assert lightness["epithelium"] < lightness["stroma"]


def test_a_planted_gain_in_auroc_has_an_interval_above_zero():
    from fingerprint_receptor import mean_auroc

    status = [0, 1] * 20
    good = [{"status": status, "scores": [float(s) for s in status]}] * 5
    bad = [{"status": status, "scores": [0.1 * (i % 7) for i in range(40)]}] * 5
    gain = mean_auroc(good, bad, n_resamples=100)
    assert mean_auroc(good, n_resamples=10)["value"] == 1.0
    assert gain["low"] > 0


@pytest.mark.realdata
@pytest.mark.slow
def test_monuseg_folds_hold_every_patient_once_and_train_on_others_only(real_data, tmp_path):
    import fingerprint_monuseg as monuseg

    size = dataclasses.replace(monuseg.QUICK, tiles_per_piece=4, max_chunks=1)
    table = monuseg.run(real_data / "monuseg", tmp_path, size=size, n_folds=2, arms=("colour",))
    rows = {(encoder, game, group): value for encoder, game, group, value in table}
    assert rows["hand-made", "colour, as stained", "all"]["value"] >= 0.73
    assert rows["fingerprints, colour", "as stained, standardised", "all"]["n"] == 20
