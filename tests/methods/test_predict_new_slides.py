"""Trained networks on new slides: the study's own numbers where they meet, and a word where a slide is unlike its training."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cartopath.core.errors import ArtifactError, BundleError, SlideError
from cartopath.methods import apply
from cartopath.methods.apply import apply_models, differences
from cartopath.methods.trained import read_trained
from cartopath.slides import StainStatistics
from cartopath.study.config import ComputeConfig

HERE = ComputeConfig(workers=0, accelerator="cpu")


def voting_round(folder):
    (round_,) = json.loads((folder / "ensemble.json").read_text())["voting"]
    return round_


TRAITS = ["MKI67", "hsa-miR-17-5p"]


@pytest.fixture(scope="module")
def model(finished_study):
    return finished_study / "models" / "tile_classifier"


@pytest.fixture(scope="module")
def new_slides(made_once):
    """Two simulated slides of patients whom nobody knows."""
    from cartopath.simulate import CohortSpec, simulate_cohort

    spec = CohortSpec(n_patients=2, slide_um=(350.0, 350.0), irregular=False, seed=99)
    return made_once("new_slides", lambda folder: simulate_cohort(spec, folder)) / "slides"


@pytest.fixture(scope="module")
def applied(made_once, model, new_slides):
    """The folder that `predict` wrote for the new slides."""
    return made_once("applied", lambda folder: apply_models(model, [new_slides], out=folder, compute=HERE))


@pytest.fixture(scope="module")
def slide_of(small_cohort):
    """Return the slide of a patient of the study."""
    return lambda patient: next((small_cohort / "slides").glob(f"{patient}*"))


@pytest.fixture(scope="module")
def test_patient(finished_study):
    splits = pd.read_parquet(finished_study / "cohort" / "splits.parquet")
    return splits[splits["set"] == "test"]["patient_id"].iloc[0]


@pytest.fixture(scope="module")
def training_patient(model):
    return json.loads((model / "MKI67" / "round_1" / "model.json").read_text())["card"]["patients"]["train"][0]


class TestNewSlides:
    def test_have_a_row_each(self, applied, new_slides):
        table = pd.read_csv(applied / "predictions.csv")
        assert table.columns.tolist() == ["slide_id", "n_tiles", *TRAITS, "hti", "warnings"]
        assert len(table) == len(list(new_slides.iterdir())) == 2
        assert table[[*TRAITS, "hti"]].stack().between(0, 1).all()

    def test_have_scores_of_every_tile_that_give_the_row(self, applied):
        for row in pd.read_csv(applied / "predictions.csv").to_dict("records"):
            for trait in TRAITS:
                tiles = pd.read_parquet(applied / "scores" / "applied" / trait / f"{row['slide_id']}.parquet")
                assert len(tiles) == row["n_tiles"]
                assert tiles["vote"].mean() == pytest.approx(row[trait])

    def test_have_all_their_maps(self, applied):
        for name in pd.read_csv(applied / "predictions.csv")["slide_id"]:
            found = {path.name.removeprefix(name) for path in (applied / "maps").glob(f"{name}*")}
            assert found == {".ome.tif", "_thumbnail.png", "_heterogeneity.png", *(f"_{trait}.png" for trait in TRAITS)}

    def test_of_the_same_stain_and_scanner_bring_no_warning_but_that_they_are_small(self, applied):
        warnings = pd.read_csv(applied / "predictions.csv")["warnings"]
        assert warnings.str.fullmatch(r"only 0\.\d+ mm² of tissue").all()

    def test_are_done_once(self, applied, model, new_slides, tmp_path, monkeypatch):
        out = shutil.copytree(applied, tmp_path / "out")
        before = (out / "predictions.csv").read_bytes()

        def again(**arguments):
            raise AssertionError

        monkeypatch.setattr(apply, "apply_to_slide", again)
        result = apply_models(model, [new_slides], out=out, compute=HERE)
        assert (result.summary.n_done, result.summary.n_kept) == (0, 2)
        assert (out / "predictions.csv").read_bytes() == before

    def test_are_done_again_where_a_map_is_gone(self, applied, model, new_slides, tmp_path):
        out = shutil.copytree(applied, tmp_path / "out")
        gone = sorted((out / "maps").glob("*_heterogeneity.png"))[0]
        before = gone.read_bytes()
        gone.unlink()
        result = apply_models(model, [new_slides], out=out, compute=HERE)
        assert (result.summary.n_done, result.summary.n_kept) == (1, 1)
        assert gone.read_bytes() == before


def test_a_slide_of_the_study_gets_the_numbers_of_the_study(finished_study, model, slide_of, test_patient, tmp_path):
    path = slide_of(test_patient)
    result = apply_models(model, [path], out=tmp_path, compute=HERE)
    slide = result.predictions["slide_id"].iloc[0]
    for trait in TRAITS:
        ours = pd.read_parquet(tmp_path / "scores" / "applied" / trait / f"{slide}.parquet")
        studys = pd.read_parquet(finished_study / "scores" / "tile_classifier" / trait / f"{slide}.parquet")
        assert [name for name in ours if name.startswith("round_")] == [f"round_{voting_round(model / trait)}"]
        pd.testing.assert_frame_equal(ours, studys[ours.columns], rtol=0, atol=1e-6)
    row = pd.read_csv(finished_study / "tables" / "hti.csv").set_index("slide_id").loc[slide]
    assert result.predictions["hti"].iloc[0] == pytest.approx(row["hti"])
    for path in (finished_study / "maps").glob(f"{slide}*"):
        assert (tmp_path / "maps" / path.name).read_bytes() == path.read_bytes()


def test_one_trait_alone_has_no_heterogeneity(model, new_slides, tmp_path):
    slide = sorted(new_slides.iterdir())[0]
    result = apply_models(model / "MKI67", [slide], out=tmp_path, compute=HERE)
    assert result.predictions.columns.tolist() == ["slide_id", "n_tiles", "MKI67", "warnings"]
    assert not list((tmp_path / "maps").glob("*heterogeneity*"))


class TestAWarning:
    @pytest.fixture(scope="class")
    @classmethod
    def traits(cls, model):
        return read_trained(model)

    @pytest.fixture(scope="class")
    @classmethod
    def usual(cls, traits):
        """A stain in the middle of those of the training slides."""
        return traits[0].stain[len(traits[0].stain) // 2]

    def test_is_given_for_a_patient_who_trained_them(self, model, slide_of, training_patient, tmp_path):
        path = slide_of(training_patient)
        result = apply_models(model / "MKI67", [path], out=tmp_path, compute=HERE)
        warning = result.predictions["warnings"].iloc[0]
        assert f"patient {training_patient} trained or validated the networks of MKI67: this is no" in warning

    def test_names_the_traits_whose_networks_saw_the_patient(self, traits, usual):
        only_first = sorted(traits[0].patients - traits[1].patients)[0]
        found = differences(f"{only_first}-01Z-00-DX1", 0.5, usual, traits)
        assert [word for word in found if "networks of MKI67:" in word]

    def test_is_not_given_for_a_patient_of_the_test_set(self, traits, usual, test_patient):
        assert differences(f"{test_patient}-01Z-00-DX1", 0.5, usual, traits) == []

    @pytest.mark.parametrize(("mpp", "is_far"), [(0.5, False), (0.45, False), (0.6, False), (0.25, True), (0.9, True)])
    def test_is_given_for_a_scanner_of_another_resolution(self, traits, usual, mpp, is_far):
        found = differences("new", mpp, usual, traits)
        assert bool(found) is is_far
        if is_far:
            assert found == [f"scanned at {mpp:g} um/px, the training slides at 0.4942 to 0.5"]

    def test_is_given_for_a_stain_that_no_training_slide_had(self, traits, usual):
        blue = StainStatistics(**{**usual.to_dict(), "red": 20.0, "blue": 250.0, "haematoxylin": 3.0})
        found = differences("new", 0.5, blue, traits)
        assert len(found) >= 3
        assert any("haematoxylin" in word for word in found)

    def test_is_not_given_where_there_is_no_stain_to_compare(self, traits):
        assert differences("new", 0.5, None, traits) == []

    def test_of_a_slide_stands_in_its_row(self, model, new_slides, tmp_path):
        import tifffile

        pixels = tifffile.imread(sorted(new_slides.iterdir())[0], key=0)
        blue = np.where(pixels.min(axis=2, keepdims=True) > 200, pixels, pixels[..., ::-1] // 2)
        resolution = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
        tifffile.imwrite(tmp_path / "blue.tif", blue, tile=(256, 256), photometric="rgb", metadata=None, **resolution)
        result = apply_models(model / "MKI67", [tmp_path / "blue.tif"], out=tmp_path / "out", compute=HERE)
        assert "is below the training slides'" in result.predictions["warnings"].iloc[0]


class TestNetworksThatCannotBeUsed:
    @pytest.fixture
    def damaged(self, model, tmp_path):
        return shutil.copytree(model, tmp_path / "model")

    def test_with_damaged_weights_are_refused_before_any_slide_is_opened(self, damaged, new_slides, tmp_path):
        weights = damaged / "MKI67" / f"round_{voting_round(damaged / 'MKI67')}" / "weights.safetensors"
        content = weights.read_bytes()
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(BundleError, match=r"weights\.safetensors: missing, damaged, or of another network; copy the whole"):
            apply_models(damaged, [new_slides], out=tmp_path / "out", compute=HERE)
        assert not (tmp_path / "out").exists()

    def test_with_missing_weights_are_refused(self, damaged, new_slides, tmp_path):
        (damaged / "MKI67" / f"round_{voting_round(damaged / 'MKI67')}" / "weights.safetensors").unlink()
        with pytest.raises(BundleError, match="missing"):
            apply_models(damaged, [new_slides], out=tmp_path / "out", compute=HERE)

    def test_with_a_missing_round_are_refused(self, damaged, new_slides, tmp_path):
        round_ = voting_round(damaged / "hsa-miR-17-5p")
        shutil.rmtree(damaged / "hsa-miR-17-5p" / f"round_{round_}")
        with pytest.raises(BundleError, match=rf"round_{round_}: no model bundle"):
            apply_models(damaged, [new_slides], out=tmp_path / "out", compute=HERE)

    def test_with_a_damaged_ensemble_are_refused(self, damaged, new_slides, tmp_path):
        (damaged / "MKI67" / "ensemble.json").write_text("{")
        with pytest.raises(ArtifactError, match="not readable JSON"):
            apply_models(damaged, [new_slides], out=tmp_path / "out", compute=HERE)

    def test_with_a_damaged_description_are_refused(self, damaged, new_slides, tmp_path):
        (damaged / "MKI67" / f"round_{voting_round(damaged / 'MKI67')}" / "model.json").write_text("{")
        with pytest.raises(ArtifactError, match="not readable JSON"):
            apply_models(damaged, [new_slides], out=tmp_path / "out", compute=HERE)

    def test_without_the_rounds_that_do_not_vote_are_as_good(self, damaged, applied, new_slides, tmp_path):
        voting = damaged / "MKI67" / f"round_{voting_round(damaged / 'MKI67')}"
        for folder in (damaged / "MKI67").glob("round_*"):
            if folder != voting:
                shutil.rmtree(folder)
        slide = sorted(new_slides.iterdir())[0]
        row = apply_models(damaged / "MKI67", [slide], out=tmp_path / "out", compute=HERE).predictions.iloc[0]
        expected = pd.read_csv(applied / "predictions.csv").set_index("slide_id").loc[row["slide_id"]]
        assert row["MKI67"] == pytest.approx(expected["MKI67"])

    def test_that_are_not_there_are_named(self, new_slides, tmp_path):
        message = r"nowhere: no trained networks: there is no such folder.*; expected models/<method> of a study"
        with pytest.raises(BundleError, match=message):
            apply_models(tmp_path / "nowhere", [new_slides], out=tmp_path / "out", compute=HERE)

    def test_that_need_different_tiles_are_not_applied_together(self, damaged, new_slides, tmp_path):
        for card in damaged.glob("MKI67/round_*/model.json"):
            card.write_text(card.read_text().replace('"min_tissue": 0.1', '"min_tissue": 0.2'))
        with pytest.raises(BundleError, match="MKI67 and hsa-miR-17-5p need different tiles; apply them one by one"):
            apply_models(damaged, [new_slides], out=tmp_path / "out", compute=HERE)


class TestSlidesThatCannotBeUsed:
    def test_fail_alone_with_their_reason(self, model, new_slides, tmp_path):
        good = sorted(new_slides.iterdir())[0]
        (tmp_path / "broken.svs").write_bytes(b"no slide")
        paths = [tmp_path / "broken.svs", good, tmp_path / "absent.svs"]
        result = apply_models(model / "MKI67", paths, out=tmp_path / "out", compute=HERE)
        assert {outcome.task.name: outcome.reason.split(":")[0] for outcome in result.summary.failed} == {
            "broken": (tmp_path / "broken.svs").as_posix(),
            "absent": (tmp_path / "absent.svs").as_posix(),
        }
        assert len(pd.read_csv(tmp_path / "out" / "predictions.csv")) == 1

    def test_without_resolution_say_how_to_state_it_and_then_work(self, model, new_slides, tmp_path):
        import tifffile

        pixels = tifffile.imread(sorted(new_slides.iterdir())[0], key=0)
        path = tmp_path / "nompp.tif"
        tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb", metadata=None)
        result = apply_models(model / "MKI67", [path], out=tmp_path / "out", compute=HERE)
        assert "--assume-mpp" in result.summary.failed[0].reason
        result = apply_models(model / "MKI67", [path], out=tmp_path / "out", assume_mpp=0.5, compute=HERE)
        assert result.summary.n_done == 1

    def test_with_the_same_name_are_refused(self, model, new_slides, tmp_path):
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "slide.tif").write_bytes(b"")
        with pytest.raises(SlideError, match="two slides are called slide"):
            apply_models(model, [tmp_path / "a" / "slide.tif", tmp_path / "b" / "slide.tif"], out=tmp_path / "out", compute=HERE)

    def test_an_empty_folder_of_slides_is_refused(self, model, tmp_path):
        (tmp_path / "none").mkdir()
        with pytest.raises(SlideError, match=r"no slide in .*none"):
            apply_models(model, [tmp_path / "none"], out=tmp_path / "out", compute=HERE)


@pytest.mark.realdata
class TestRealSlides:
    @pytest.fixture(scope="class")
    @classmethod
    def coarse_model(cls, model, tmp_path_factory):
        """The same networks, on tiles four times as wide, so that the real slide has some hundred."""
        folder = shutil.copytree(model / "MKI67", tmp_path_factory.mktemp("model") / "MKI67")
        for card in folder.glob("round_*/model.json"):
            content = json.loads(card.read_text())
            content["card"]["tiles"]["mpp"] = 4.0
            card.write_text(json.dumps(content))
        return folder

    def test_go_through_without_special_handling(self, real_data, coarse_model, tmp_path):
        names = ["TCGA-C8-A1HN-01Z-00-DX1.tif", "CMU-1-Small-Region.svs"]
        result = apply_models(coarse_model, [real_data / "slides" / name for name in names], out=tmp_path, compute=HERE)
        assert not result.summary.failed
        table = result.predictions.set_index("slide_id")
        assert table.index.tolist() == ["TCGA-C8-A1HN-01Z-00-DX1", "CMU-1-Small-Region"]
        assert table.loc["TCGA-C8-A1HN-01Z-00-DX1", "n_tiles"] > 200
        for name in table.index:
            assert (tmp_path / "maps" / f"{name}.ome.tif").is_file()
            assert (tmp_path / "maps" / f"{name}_MKI67.png").is_file()

    def test_that_cannot_be_used_are_named(self, real_data, coarse_model, tmp_path):
        names = ["broken.svs", "TCGA-CR-7395-01A-01-TS1_nompp.svs"]
        result = apply_models(coarse_model, [real_data / "slides" / name for name in names], out=tmp_path, compute=HERE)
        reasons = [outcome.reason for outcome in result.summary.failed]
        assert len(reasons) == 2
        assert "broken.svs" in reasons[0]
        assert "--assume-mpp" in reasons[1]


def test_a_trait_that_is_trained_anew_is_applied_anew(model, new_slides, tmp_path):
    folder = shutil.copytree(model / "MKI67", tmp_path / "MKI67")
    before = read_trained(folder)[0]
    card = folder / "round_1" / "model.json"
    content = json.loads(card.read_text())
    content["card"]["key"] = "another training"
    card.write_text(json.dumps(content))
    after = read_trained(folder)[0]
    assert after.key != before.key
    assert replace(after, key="") == replace(before, key="")


class TestAFolderOfPredictions:
    def test_keeps_the_rows_of_earlier_slides(self, model, new_slides, tmp_path):
        first, second = sorted(new_slides.iterdir())[:2]
        apply_models(model / "MKI67", [first], out=tmp_path, compute=HERE)
        result = apply_models(model / "MKI67", [second], out=tmp_path, compute=HERE)
        assert len(result.predictions) == 1
        assert len(pd.read_csv(tmp_path / "predictions.csv")) == 2

    def test_is_not_overwritten_by_other_networks(self, model, new_slides, tmp_path):
        slide = sorted(new_slides.iterdir())[0]
        apply_models(model / "MKI67", [slide], out=tmp_path, compute=HERE)
        with pytest.raises(BundleError, match=r"holds predictions of other networks \(MKI67\); choose another folder"):
            apply_models(model, [slide], out=tmp_path, compute=HERE)


class TestSlidesAtUrls:
    def test_have_the_predictions_of_their_files(self, applied, model, new_slides, serve, tmp_path):
        url = serve(new_slides)
        paths = sorted(new_slides.iterdir())
        apply_models(model, [f"{url}/{paths[0].name}", url], out=tmp_path / "out", compute=HERE)
        assert (tmp_path / "out" / "predictions.csv").read_bytes() == (applied / "predictions.csv").read_bytes()


@pytest.fixture
def other_folders(tmp_path):
    """What people give that is no folder of trained networks."""
    for name in (
        *("study/study.yaml", "trained/models/attention/ER/ensemble.json", "trained/models/attention/ER/round_0/mil.json"),
        *("encoder/fingerprint.json", "features/a.h5", "slide.svs"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("study", "it is a study that has trained none yet"),
        ("trained", "it is a folder of attention; give .*trained/models/attention"),
        ("trained/models", "it is a folder of attention; give .*trained/models/attention"),
        ("trained/models/attention/ER/round_0", "it is one round of them; give .*attention/ER or .*attention"),
        ("encoder", "it is an encoder"),
        ("features", "the folder holds a.h5"),
        ("slide.svs", "it is a file, and networks are a folder"),
        ("empty", "the folder holds nothing"),
        ("trainde", "there is no such folder; beside it lies trained"),
    ],
)
def test_what_lies_where_networks_were_looked_for_is_said(other_folders, given, words):
    with pytest.raises(BundleError, match=f"no trained networks: {words}"):
        read_trained(other_folders / given)
