"""A study by attention: the planted truth is found, nobody is judged by what saw them, and nothing is done twice."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cartopath.core.errors import TrainingError
from cartopath.methods.attention.gallery import plan_gallery
from cartopath.methods.attention.maps import plan_attention_maps
from cartopath.methods.attention.training import accept_head
from cartopath.report.blocks import Grid
from cartopath.report.results import read_results
from cartopath.report.sections.attention_hotspots import attention_section
from cartopath.report.sections.attention_regression import regression_section
from cartopath.stats import auroc
from cartopath.study.run import Study
from cartopath.study.stages.mapping import held_out_patients
from cartopath.study.stages.scores import as_score, as_value
from cartopath.training.mil import read_mil_card

MEASURED = ["MKI67", "hsa-miR-17-5p"]
TRAITS = [*MEASURED, "ER"]


@pytest.fixture
def copied_attention(attention_study, tmp_path) -> Path:
    """A copy of the study that a test may change."""
    return Path(shutil.copytree(attention_study, tmp_path / "study"))


@pytest.fixture(scope="module")
def sets(attention_study):
    splits = pd.read_parquet(attention_study / "cohort" / "splits.parquet")
    return splits[splits["round"] == 0].set_index("patient_id")["set"]


@pytest.fixture(scope="module")
def slide_scores(attention_study):
    return pd.read_csv(attention_study / "tables" / "slide_scores.csv", keep_default_na=False, na_values=[""])


def tiles_of(root, trait, slide_id):
    return pd.read_parquet(root / "scores" / "attention" / trait / f"{slide_id}.parquet")


def test_tiles_of_test_patients_score_as_the_planted_truth_says(attention_study, small_cohort, slide_scores):
    joined = []
    for slide_id in slide_scores.query("trait == 'MKI67' and set == 'test'")["slide_id"]:
        truth = pd.read_parquet(small_cohort / "truth" / "tiles" / f"{slide_id}.parquet")
        joined.append(tiles_of(attention_study, "MKI67", slide_id).merge(truth, on=["col", "row"]))
    tiles = pd.concat(joined).query("tissue > 0.5")
    assert len(tiles) > 100
    assert auroc((tiles["MKI67"] > 0.5).to_numpy(), tiles["score"].to_numpy()) >= 0.75


def test_values_of_test_patients_are_predicted(attention_study):
    table = pd.read_csv(attention_study / "tables" / "regression.csv")
    ensemble = table[table["model"] == "ensemble"].set_index("trait")
    assert ensemble.index.tolist() == MEASURED  # a trait with two states has none
    assert (ensemble["n"] == 6).all()
    assert ensemble.loc["MKI67", "pearson"] > 0.8


class TestTileScores:
    def test_have_a_weight_beside_the_score_of_every_round(self, attention_study, slide_scores):
        tiles = tiles_of(attention_study, "MKI67", slide_scores["slide_id"].iloc[0])
        of_all_methods = ["col", "row", "x_px0", "y_px0", "round_0", "round_1", "score", "vote"]
        assert tiles.columns.tolist() == [*of_all_methods, "weight_0", "weight_1", "weight", "contribution"]

    def test_have_weights_that_sum_to_one(self, attention_study, slide_scores):
        for slide_id in slide_scores["slide_id"].unique()[:5]:
            tiles = tiles_of(attention_study, "ER", slide_id)
            assert tiles[["weight_0", "weight_1", "weight"]].sum().to_numpy() == pytest.approx(1, abs=1e-5)

    def test_vote_where_the_mean_value_is_above_the_training_mean(self, attention_study, slide_scores):
        tiles = tiles_of(attention_study, "MKI67", slide_scores["slide_id"].iloc[0])
        both = tiles[["round_0", "round_1"]] > 0.5
        assert tiles["vote"].tolist() == both.all(axis=1).tolist()  # of two rounds, a majority is both
        mean = as_score(as_value(tiles[["round_0", "round_1"]]).mean(axis=1))
        assert tiles["score"].to_numpy() == pytest.approx(mean, abs=1e-5)


def test_a_slides_score_is_its_weighted_mean_value_as_a_score(attention_study, slide_scores):
    for row in slide_scores.groupby("trait").head(2).to_dict("records"):
        tiles = tiles_of(attention_study, row["trait"], row["slide_id"])
        values = [float((tiles[f"weight_{r}"] * as_value(tiles[f"round_{r}"])).sum()) for r in (0, 1)]
        assert [row["round_0"], row["round_1"]] == pytest.approx(as_score(values), abs=1e-4)
        assert row["ensemble"] == pytest.approx(float(as_score(np.mean(values))), abs=1e-4)


def test_a_patients_prediction_has_the_units_of_the_measurement(attention_study):
    patients = pd.read_csv(attention_study / "tables" / "regression_patients.csv")
    row = patients[patients["trait"] == "MKI67"].iloc[0]
    raw = pd.read_parquet(attention_study / "cohort" / "values.parquet").set_index(["trait", "patient_id"])["value"]
    assert row["measured"] == pytest.approx(np.log2(1 + raw["MKI67", row["patient_id"]]))
    assert row["unit"].endswith("log2(x+1)")
    assert row["predicted"] == pytest.approx(np.mean([row["round_0"], row["round_1"]]))
    target = read_mil_card(attention_study / "models" / "attention" / "MKI67" / "round_0").card["target"]
    assert abs(row["round_0"] - target["mean"]) < 5 * target["sd"]


class TestHeads:
    def test_of_measured_traits_learn_the_values_of_all_training_patients(self, attention_study, sets):
        card = read_mil_card(attention_study / "models" / "attention" / "MKI67" / "round_0").card
        assert card["target"]["kind"] == "regression"
        assert set(card["patients"]["train"]) == set(sets.index[sets == "train"])

    def test_of_traits_with_two_states_learn_classes(self, attention_study):
        card = read_mil_card(attention_study / "models" / "attention" / "ER" / "round_0").card
        assert card["target"]["kind"] == "classification"

    def test_learn_from_no_test_patient(self, attention_study, sets):
        cards = list((attention_study / "models" / "attention").glob("*/round_*/mil.json"))
        assert len(cards) == 6
        for card in cards:
            groups = read_mil_card(card.parent).card["patients"]
            assert groups["train"]
            assert groups["validation"]
            assert not {p for group in groups.values() for p in group} & set(sets.index[sets == "test"])


class TestWhoIsHeldOut:
    def test_are_test_patients_alone_where_values_are_learned(self, attention_study, sets):
        assert held_out_patients(Study.read(attention_study), ["MKI67"]) == set(sets.index[sets == "test"])

    def test_have_no_class_where_classes_are_learned(self, attention_study, write_attention, sets, tmp_path):
        shutil.copytree(attention_study / "cohort", tmp_path / "cohort")
        study = write_attention(tmp_path, method={"target": "classification"})
        assert held_out_patients(study, ["MKI67"]) > set(sets.index[sets == "test"])

    def test_a_patient_without_a_class_has_trained_where_values_are_learned(self, slide_scores):
        roles = slide_scores[(slide_scores["trait"] == "MKI67") & (slide_scores["set"] != "test")]["role"]
        assert set(roles) == {"labelled", "trained"}


class TestHotspots:
    def test_are_the_tiles_of_the_highest_weight(self, attention_study):
        spots = pd.read_csv(attention_study / "tables" / "hotspots.csv")
        spots = spots[spots["trait"] == "MKI67"]
        assert len(spots) == 6  # one of some twenty tiles of six slides
        for row in spots.to_dict("records"):
            tiles = tiles_of(attention_study, "MKI67", row["slide_id"])
            top = tiles.loc[tiles["weight"].idxmax()]
            assert (row["x_px0"], row["y_px0"]) == (top["x_px0"], top["y_px0"])

    def test_are_shown_by_bins_of_the_measured_value(self, attention_study):
        gallery = pd.read_csv(attention_study / "tables" / "gallery.csv")
        own = gallery[gallery["trait"] == "MKI67"]
        assert (own["n_bins"] == 7).all()
        assert ((own["measured"] >= own["low_edge"] - 1e-9) & (own["measured"] <= own["high_edge"] + 1e-9)).all()
        assert own.groupby("bin")["rank"].max().max() <= 5
        assert set(gallery.loc[gallery["trait"] == "ER", "bin"]) == {0, 1}

    def test_come_with_how_attention_agrees_with_prediction(self, attention_study):
        table = pd.read_csv(attention_study / "tables" / "attention_agreement.csv")
        assert (table["by"] == "attention").all()
        assert table["spearman"].between(-1, 1).all()
        assert ((table["effective_tiles"] >= 1) & (table["effective_tiles"] <= table["n_tiles"])).all()


def test_a_second_run_does_nothing(copied_attention, run):
    ran = run(Study.read(copied_attention), until="evaluate")
    assert (dict(ran.done), ran.failed) == ({}, {})


def test_a_head_that_could_not_be_trained_fails_alone_and_says_why(attention_study, tmp_path):
    folder = Path(shutil.copytree(attention_study / "models" / "attention" / "ER" / "round_0", tmp_path / "round_0"))
    content = json.loads((folder / "mil.json").read_text())
    content["card"] |= {"reason": "the target does not vary among training patients", "ending": "untrainable"}
    content["card"]["validation"]["chunk"] = -1
    (folder / "mil.json").write_text(json.dumps(content))
    with pytest.raises(TrainingError, match="ER, round 0: the target does not vary"):
        accept_head(folder=folder)


def test_heads_of_many_traits_share_what_they_can(copied_attention, write_attention, attention_config, run):
    study = write_attention(copied_attention, traits=MEASURED, method={**attention_config["method"], "genes": "many"})
    ran = run(study, until="predict")
    assert not ran.failed
    folders = [copied_attention / "models" / "attention" / trait / "round_0" for trait in MEASURED]
    cards = [read_mil_card(folder) for folder in folders]
    assert [card.spec.n_outputs for card in cards] == [1, 1]
    from safetensors.numpy import load_file

    one, other = (load_file(folder / "weights.safetensors") for folder in folders)
    assert np.array_equal(one["head.attention.weight"], other["head.attention.weight"])
    assert not np.array_equal(one["head.value.weight"], other["head.value.weight"])


def test_attention_maps_and_galleries_are_drawn(copied_attention):
    study = Study.read(copied_attention)
    for task in (plan_gallery(study)[0], plan_attention_maps(study)[0]):
        task.function(**task.arguments)
        for path in task.outputs:
            with Image.open(path) as picture:
                assert min(picture.size) > 200


def test_every_hotspot_has_its_map(attention_study):
    spots = pd.read_csv(attention_study / "tables" / "hotspots.csv")
    planned = {path.name for task in plan_attention_maps(Study.read(attention_study)) for path in task.outputs}
    assert {f"{row.slide_id}_{row.trait}.png" for row in spots.itertuples()} == planned


def test_the_report_says_how_well_values_are_predicted_and_where_heads_look(attention_study):
    results = read_results(attention_study)
    regression, attention = regression_section(results), attention_section(results)
    assert regression is not None
    assert attention is not None
    table = next(block for block in regression.blocks if isinstance(block, Grid))
    assert {row[0].text for row in table.rows} == set(MEASURED)
    agreement = next(block for block in attention.blocks if isinstance(block, Grid))
    assert [row[0].text for row in agreement.rows] == TRAITS


def test_the_report_of_another_method_says_nothing_of_it(finished_study):
    results = read_results(finished_study)
    assert regression_section(results) is None
    assert attention_section(results) is None
