"""A regression from beginning to end on a made cohort: planted genes are found, others are not, and a stopped one goes on."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import cartopath.methods.regression.out_of_fold as module
from cartopath.core.errors import ConfigError
from cartopath.methods.regression import Inputs, Settings, regress
from cartopath.store.artifacts import read_header, read_table
from cartopath.training.mil import predict_bag, read_mil_bundle

from .conftest import write_slide

SETTINGS = Settings(components=0, max_epochs=20, attention=("G0",), max_tiles=0)


@pytest.fixture(scope="module")
def inputs(cohort):
    return Inputs(features=cohort.features, table=cohort.table, slides=cohort.slides)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("regression")


@pytest.fixture(scope="module")
def found(inputs, folder):
    regression = regress(inputs, SETTINGS, folder)
    regression.write(folder)
    return regression


def of_arm(found, arm):
    return found.genes[found.genes["arm"] == arm].set_index("gene")


@pytest.mark.parametrize("arm", ["attention", "ridge"])
def test_planted_genes_are_predicted_for_patients_that_no_model_saw(found, cohort, arm):
    genes = of_arm(found, arm).loc[list(cohort.planted)]
    assert (genes["pearson"] > 0.6).all()
    assert (genes["pearson_q"] < 0.01).all() and genes["beats_permuted"].all()


@pytest.mark.parametrize("arm", ["attention", "ridge"])
def test_other_genes_are_not(found, cohort, arm):
    others = of_arm(found, arm).drop(list(cohort.planted))
    assert (others["pearson_holm"] > 0.05).all()


def test_shuffled_patients_give_nothing(found):
    assert found.control.n_bh == 0
    assert np.nanmedian(found.control.metrics.pearson) < 0.2


def test_heads_are_held_against_the_baseline(found):
    arms = found.arms.set_index("arm")
    assert arms["kind"].to_dict() == {"attention": "head", "ridge": "baseline"}
    assert arms["baseline_difference"].notna().to_dict() == {"attention": True, "ridge": False}
    assert found.baseline == "ridge"
    assert "no folder of slides was given" in found.baseline_note


def test_slides_of_a_patient_are_one_bag(found):
    assert len(found.patients.bags[0].features) == 80
    assert len(found.patients.bags[1].features) == 40


def test_every_patient_is_predicted_once_by_models_of_others(found):
    assert not np.isnan(found.first.arm.scores).any()
    tested = found.splits[found.splits["set"] == "test"]
    assert tested["patient_id"].is_unique and len(tested) == 40


def test_attention_adds_up_to_one_over_the_slides_of_a_patient(found, folder):
    slides = [read_table(folder / "attention" / "G0" / f"slide_00_{i}.parquet", "regression_attention") for i in (0, 1)]
    assert sum(slide["attention"].sum() for slide in slides) == pytest.approx(1, abs=1e-4)
    assert found.n_attention_slides == {"G0": 50}


def test_attention_and_values_lie_where_the_gene_was_planted(found, folder, cohort):
    hits = []
    for slide, is_hot in cohort.hot.items():
        tiles = read_table(folder / "attention" / "G0" / f"{slide}.parquet", "regression_attention")
        assert tiles["x_px0"].max() == 7 * 256
        hits.append(tiles["value"][is_hot].mean() > tiles["value"][~is_hot].mean())
    assert np.mean(hits) > 0.95
    assert read_header(folder / "attention" / "G0" / "slide_00_0.parquet", "regression_attention").meta["patient_id"] == "P00"


@pytest.mark.parametrize("head", ["attention", "transformer"])
def test_predictions_are_those_of_the_kept_models(inputs, cohort, tmp_path, head):
    settings = Settings(heads=(head,), genes="G0", components=3, max_epochs=2, control=False, attention=("G0",))
    found = regress(inputs, settings, tmp_path)
    folds = found.splits[found.splits["set"] == "test"].set_index("patient_id")["fold"]
    for place in (0, 7):
        fold = folds[found.patients.names[place]]
        bundle = read_mil_bundle(tmp_path / "models" / "G0" / f"repeat_0_fold_{fold}")
        said = predict_bag(bundle, found.patients.bags[place].features).value[0]
        learned = found.splits[(found.splits["fold"] == fold) & (found.splits["set"] != "test")]["patient_id"]
        values = found.expression.values.loc[list(learned), "G0"]
        expected = (said - values.mean()) / values.std(ddof=0)
        assert found.first.arm.scores[place, 0] == pytest.approx(expected, abs=1e-5)


def test_predictions_are_in_a_table_with_what_was_measured(found, folder):
    table = read_table(folder / "predictions.parquet", "regression_predictions")
    assert len(table) == 2 * 6 * 40
    own = table[(table["arm"] == "attention") & (table["gene"] == "G0")]
    r = np.corrcoef(own["measured_score"], own["predicted_score"])[0, 1]
    assert r == pytest.approx(of_arm(found, "attention").loc["G0", "pearson"], abs=1e-5)


def test_all_tables_are_written(found, folder):
    for name in ("genes", "arms", "training", "splits", "slides", "left_out", "control"):
        assert (folder / f"{name}.csv").is_file()
    slides = pd.read_csv(folder / "slides.csv")
    assert len(slides) == 50 and (slides["n_used"] == 40).all()


def test_what_was_trained_is_not_trained_again(found, inputs, folder, monkeypatch):
    monkeypatch.setattr(module, "head_values", lambda *_, **__: pytest.fail("a part was trained again"))
    again = regress(inputs, SETTINGS, folder)
    assert np.array_equal(again.first.arm.scores, found.first.arm.scores)
    assert again.first.arm.seconds == found.first.arm.seconds > 0  # What it took, not what reading it again takes.
    assert again.genes["permuted_p"].equals(found.genes["permuted_p"])


def test_a_regression_that_was_stopped_goes_on(found, inputs, tmp_path, monkeypatch):
    settings = dataclasses.replace(SETTINGS, heads=("mean",), genes="G0", control=False, attention=())
    whole, trained = module.head_values, []

    def stopping(*args, **kwargs):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(args[4].fold)
        return whole(*args, **kwargs)

    monkeypatch.setattr(module, "head_values", stopping)
    with pytest.raises(KeyboardInterrupt):
        regress(inputs, settings, tmp_path)
    monkeypatch.setattr(module, "head_values", lambda *args, **kwargs: trained.append(args[4].fold) or whole(*args, **kwargs))
    second = regress(inputs, settings, tmp_path)
    assert trained == [0, 1, 2, 3, 4]
    kept = [read_header(path, "regression_values").meta["seconds"] for path in (tmp_path / "work").glob("mean_*_[0-9].parquet")]
    assert len(kept) == 5
    assert second.first.arm.seconds == pytest.approx(sum(kept))


def test_other_settings_are_trained_anew(found, inputs, folder, monkeypatch):
    monkeypatch.setattr(module, "head_values", lambda *_, **__: pytest.fail("trained anew"))
    with pytest.raises(pytest.fail.Exception, match="trained anew"):
        regress(inputs, dataclasses.replace(SETTINGS, seed=1), folder)


def test_one_model_for_all_genes_finds_them_too(inputs, cohort, tmp_path):
    settings = Settings(heads=("mean",), together=True, max_epochs=20, control=False)
    found = regress(inputs, settings, tmp_path)
    assert (of_arm(found, "mean").loc[list(cohort.planted), "pearson"] > 0.6).all()
    assert len(found.training) == 5


def test_several_heads_and_repeats_share_their_folds(inputs, tmp_path):
    settings = Settings(heads=("mean", "max"), genes="G0,G4", repeats=2, max_epochs=3, control=False)
    found = regress(inputs, settings, tmp_path)
    assert found.arms.set_index("arm")["first_difference"].notna().to_dict() == {"mean": False, "max": True, "ridge": True}
    assert sorted(found.training["repeat"].unique()) == [0, 1]
    assert (found.splits[found.splits["set"] == "test"].groupby("patient_id").size() == 2).all()


def test_other_features_are_compared_on_the_same_patients_and_folds(inputs, cohort, tmp_path):
    rng = np.random.default_rng(0)
    for slide in list(cohort.hot)[:-1]:
        write_slide(tmp_path / "noise" / f"{slide}.h5", slide, rng.normal(size=(40, 5)), encoder="random/noise")
    settings = Settings(heads=("mean",), genes="G0,G1", max_epochs=12, control=False)
    found = regress(dataclasses.replace(inputs, also=(tmp_path / "noise",)), settings, tmp_path / "out")
    assert found.arms["arm"].tolist() == ["mean", "mean (random/noise)", "ridge", "ridge (random/noise)"]
    assert found.measured.shape == (39, 2)
    assert found.patients.left_out["reason"].tolist() == ["its patient has no features in noise"]
    of_noise = found.arms.set_index("arm").loc["mean (random/noise)"]
    assert of_noise["first_difference_high"] < 0
    assert of_noise["first_difference_p"] < 0.05


def test_a_damaged_file_of_other_features_is_listed_too(inputs, cohort, tmp_path):
    for slide in cohort.hot:
        write_slide(tmp_path / "noise" / f"{slide}.h5", slide, np.zeros((4, 3)) + np.arange(4)[:, None], encoder="random/noise")
    (tmp_path / "noise" / "slide_01_0.h5").write_bytes(b"no HDF5")
    settings = Settings(heads=("mean",), genes="G0", max_epochs=1, control=False)
    regress(dataclasses.replace(inputs, also=(tmp_path / "noise",)), settings, tmp_path).write(tmp_path)
    left_out = pd.read_csv(tmp_path / "left_out.csv").to_numpy().tolist()
    assert left_out[0] == ["slide", "slide_01_0", "its patient has no features in noise"]
    assert left_out[1][:2] == ["slide", "slide_01_0"] and "noise/slide_01_0.h5: not readable" in left_out[1][2]
    assert left_out[2:] == [["patient", "P01", "none of its slides takes part (slide_01_0)"]]


def test_attention_of_a_gene_that_is_not_predicted_is_refused(inputs, tmp_path):
    with pytest.raises(ConfigError, match="--attention G99: not among the 6 genes"):
        regress(inputs, dataclasses.replace(SETTINGS, attention=("G99",)), tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"heads": ("atention",)}, "expected some of attention"),
        ({"heads": ("mean", "mean")}, "each once"),
        ({"folds": 2}, "at least 3 folds"),
        ({"min_expressed": 2.0}, "share from 0 to 1"),
        ({"together": True, "attention": ("G0",)}, "one model per gene"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Settings(**settings)
