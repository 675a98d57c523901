"""A study by fingerprints: the planted truth is found, nobody is judged by what saw them, and nothing is done twice."""

import numpy as np
import pandas as pd
import pytest

from cartopath.stats import auroc
from cartopath.store.embeddings import read_embeddings
from cartopath.study.run import Study

TRAITS = ["MKI67", "hsa-miR-17-5p"]


@pytest.fixture(scope="module")
def hti(fingerprints_study):
    return pd.read_csv(fingerprints_study / "tables" / "hti.csv")


def scores_of(root, trait, slide_id):
    return pd.read_parquet(root / "scores" / "fingerprints" / trait / f"{slide_id}.parquet")


@pytest.mark.parametrize(("trait", "at_least"), [("MKI67", 0.9), ("hsa-miR-17-5p", 0.6)])
def test_tiles_of_held_out_patients_score_as_the_planted_truth_says(fingerprints_study, small_cohort, hti, trait, at_least):
    joined = []
    for slide_id in hti.loc[hti["set"] != "trained", "slide_id"]:
        truth = pd.read_parquet(small_cohort / "truth" / "tiles" / f"{slide_id}.parquet")
        joined.append(scores_of(fingerprints_study, trait, slide_id).merge(truth, on=["col", "row"]))
    tiles = pd.concat(joined).query("tissue > 0.5")
    assert len(tiles) > 100
    assert auroc((tiles[trait] > 0.5).to_numpy(), tiles["score"].to_numpy()) >= at_least


def test_heterogeneity_follows_the_planted_one(hti, small_cohort):
    planted = pd.read_parquet(small_cohort / "truth" / "patients.parquet").set_index("slide_id")["hti"]
    found = hti.set_index("slide_id")["hti"]
    assert np.corrcoef(found, planted[found.index])[0, 1] > 0.25


def test_scores_have_the_columns_of_every_method(fingerprints_study, hti):
    tiles = scores_of(fingerprints_study, TRAITS[0], hti["slide_id"].iloc[0])
    assert tiles.columns.tolist() == ["col", "row", "x_px0", "y_px0", "round_0", "round_1", "score", "vote"]
    assert tiles[["round_0", "round_1"]].stack().between(0, 1).all()


def test_a_slides_score_is_the_mean_of_its_tiles(fingerprints_study):
    table = pd.read_csv(fingerprints_study / "tables" / "slide_scores.csv")
    for row in table.sample(5, random_state=0).to_dict("records"):
        tiles = scores_of(fingerprints_study, row["trait"], row["slide_id"])
        assert row["round_1"] == pytest.approx(tiles["round_1"].mean(), abs=1e-6)
        assert row["ensemble"] == pytest.approx(tiles["score"].mean(), abs=1e-6)


class TestNoTestPatient:
    def test_is_in_the_training_of_the_encoder(self, fingerprints_study, patients_tested, card_of):
        seen = set(card_of(fingerprints_study / "models" / "fingerprints" / "encoder_0" / "fingerprint.json")["patients"])
        assert len(seen) > 10
        assert not seen & patients_tested(fingerprints_study, 0)

    def test_is_in_the_training_of_a_head(self, fingerprints_study, patients_tested, card_of):
        cards = list((fingerprints_study / "models" / "fingerprints").glob("*/round_*/head.json"))
        assert len(cards) == 4
        for card in cards:
            groups = card_of(card)["card"]["patients"]
            assert groups["train"]
            assert groups["validation"]
            assert not set(groups["train"]) & set(groups["validation"])
            assert not {p for group in groups.values() for p in group} & patients_tested(fingerprints_study, 0)


def test_every_slide_has_the_fingerprints_of_its_tiles(fingerprints_study, hti):
    files = list((fingerprints_study / "embeddings").glob("*/*.h5"))
    assert len(files) == 24
    for path in files:
        embeddings, header = read_embeddings(path)
        tiles = pd.read_parquet(fingerprints_study / "tiles" / f"{embeddings.slide_id}.parquet")
        assert np.array_equal(embeddings.xy_px0, tiles[["x_px0", "y_px0"]])
        assert embeddings.features.shape == (len(tiles), 32)
        assert (embeddings.size_px, embeddings.tile_mpp, embeddings.encoder, header.meta["tiles"]) == (
            64,
            1.0,
            "test_resnet",
            "all",
        )


def test_a_second_run_does_nothing(copied_fingerprints, run):
    ran = run(Study.read(copied_fingerprints), until="evaluate")
    assert (dict(ran.done), ran.failed) == ({}, {})


AFTER_TRAINING = {"ensemble", "predict", "bookkeeping", "evaluate"}
CHANGES = {
    "head": ({"head": {"max_epochs": 3}}, {"train"} | AFTER_TRAINING),
    "pretraining": ({"pretraining": {"learning_rate": 0.002}}, {"pretrain", "embed", "train", "learning"} | AFTER_TRAINING),
}


@pytest.mark.parametrize(("method", "stages"), CHANGES.values(), ids=list(CHANGES))
def test_a_change_redoes_exactly_the_stages_that_depend_on_it(
    copied_fingerprints, write_fingerprints, fingerprints_config, run, method, stages
):
    before = fingerprints_config["method"]
    changed = {key: {**before[key], **value} if isinstance(value, dict) else value for key, value in method.items()}
    ran = run(write_fingerprints(copied_fingerprints, method={**before, **changed}), until="evaluate")
    assert set(ran.done) == stages
    assert not ran.failed


def test_fingerprints_of_an_encoder_that_is_no_longer_used_go(copied_fingerprints, write_fingerprints, run):
    (before,) = (copied_fingerprints / "embeddings").iterdir()
    run(write_fingerprints(copied_fingerprints, method={"encoder": "random"}), until="embed")
    (after,) = (copied_fingerprints / "embeddings").iterdir()
    assert after.name != before.name


def test_another_trait_is_learned_from_the_same_fingerprints(copied_fingerprints, write_fingerprints, run):
    ran = run(write_fingerprints(copied_fingerprints, traits=[*TRAITS, "ESR1"]), until="train")
    assert ran.done["train"] == {"ESR1 round 0", "ESR1 round 1"}
    assert not ran.done.keys() & {"pretrain", "embed"}


def test_an_encoder_that_failed_leaves_no_old_scores_behind(copied_fingerprints, write_fingerprints, run):
    ran = run(write_fingerprints(copied_fingerprints, method={"backbone": "no_such_net"}), until="evaluate")
    assert set(ran.failed) == {"pretrain encoder 0"}
    assert len(pd.read_csv(copied_fingerprints / "tables" / "slide_scores.csv")) == 0
    assert len(list((copied_fingerprints / "embeddings").glob("*/*.h5"))) == 24
