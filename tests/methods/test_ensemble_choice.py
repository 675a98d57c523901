"""Which rounds vote is decided by validation alone."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cartopath.methods.ensemble import choose_rounds, read_ensemble
from cartopath.store.artifacts import read_header, read_table, write_table
from cartopath.study.run import Study


@pytest.fixture
def chosen(tmp_path):
    def chosen_(validation, *, keep=3, scheme="rounds"):
        out = tmp_path / "ensemble.json"
        choose_rounds(trait="MKI67", validation=validation, keep=keep, threshold=0.5, scheme=scheme, out=out, key="k")
        return read_ensemble(tmp_path)["voting"]

    return chosen_


def test_the_rounds_with_the_best_validation_auroc_vote(chosen):
    assert chosen({0: (0.6, 1.0), 1: (0.9, 1.0), 2: (0.7, 1.0), 3: (0.8, 1.0), 4: (0.5, 1.0)}) == [1, 3, 2]


def test_of_equal_rounds_the_one_with_the_lower_validation_loss_votes(chosen):
    assert chosen({0: (0.8, 0.9), 1: (0.8, 0.2), 2: (0.8, 0.5), 3: (0.9, 2.0)}, keep=2) == [3, 1]


def test_of_rounds_equal_in_both_the_first_votes(chosen):
    assert chosen({2: (0.8, 0.5), 0: (0.8, 0.5), 1: (0.8, 0.5)}, keep=1) == [0]


def test_a_round_without_a_validation_auroc_does_not_vote(chosen):
    assert chosen({0: (None, 0.1), 1: (0.5, 0.9)}) == [1]


def test_fewer_rounds_than_asked_for_all_vote(chosen):
    assert chosen({4: (0.5, 0.9)}, keep=3) == [4]


def test_with_folds_every_round_stays_since_each_has_its_own_patients(chosen):
    assert chosen({0: (0.5, 1.0), 1: (0.9, 1.0), 2: (None, 1.0)}, keep=1, scheme="folds") == [0, 1, 2]


def test_what_was_chosen_stands_beside_what_it_was_chosen_by(finished_study):
    ensemble = read_ensemble(finished_study / "models" / "tile_classifier" / "MKI67")
    rounds = pd.read_csv(finished_study / "tables" / "rounds.csv").query("trait == 'MKI67'").set_index("round")
    assert ensemble["validation_auroc"] == {str(r): pytest.approx(value) for r, value in rounds["val_slide_auroc"].items()}
    assert ensemble["voting"] == rounds.index[rounds["in_ensemble"]].tolist()
    best = rounds.sort_values(["val_slide_auroc", "val_loss"], ascending=[False, True]).index[0]
    assert ensemble["voting"] == [best]


def test_test_results_play_no_part_in_it(copied_study, run):
    """Poison everything that is known of the test patients, in favour of the round that lost, and choose again."""
    folder = copied_study / "models" / "tile_classifier"
    before = {path: path.read_bytes() for path in folder.glob("*/ensemble.json")}
    splits = pd.read_parquet(copied_study / "cohort" / "splits.parquet")
    test = set(splits[splits["set"] == "test"]["patient_id"])
    for path in before:
        lost = 1 - json.loads(path.read_text())["voting"][0]
        _poison_scores(copied_study / "scores" / "tile_classifier" / path.parent.name, test, lost)
        path.unlink()
    for name in ("metrics", "slide_scores", "rounds", "correlations"):
        (copied_study / "tables" / f"{name}.csv").write_text("poison\n")
    ran = run(Study.read(copied_study), until="ensemble")
    assert ran.done["ensemble"] == {"MKI67", "hsa-miR-17-5p"}
    assert {path: path.read_bytes() for path in before} == before


def _poison_scores(folder: Path, patients: set[str], lost: int) -> None:
    """Give the round that lost scores that follow the class perfectly, and the other its opposite."""
    labels = pd.read_parquet(folder.parents[2] / "cohort" / "labels" / f"{folder.name}.parquet").query("round == 0")
    is_high = labels.set_index("patient_id")["median_label"].eq("hi")
    for path in folder.glob("*.parquet"):
        patient = path.name[:12]
        if patient in patients:
            table = read_table(path, "scores")
            table[f"round_{lost}"], table[f"round_{1 - lost}"] = float(is_high[patient]), 1.0 - float(is_high[patient])
            write_table(table, path, read_header(path, "scores"))
