"""Frozen models on a second cohort: the study's own numbers where they meet, nobody who trained, and nothing that is fitted."""

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from cartopath.core.errors import BundleError, ConfigError
from cartopath.methods.external import scoring, validate_externally
from cartopath.methods.external.frozen import read_frozen, weights_of
from cartopath.stats import auroc, correlation, roc_curve
from cartopath.store.hashing import file_sha256
from cartopath.study.config import ComputeConfig

HERE = ComputeConfig(workers=0, accelerator="cpu")
TRAITS = ["MKI67", "hsa-miR-17-5p"]
COPY, BROKEN = "TCGA-BH-ZX00", "TCGA-BH-ZX01"


@pytest.fixture(scope="module")
def trained(finished_study):
    return read_frozen(finished_study).trained


@pytest.fixture(scope="module")
def write_cohort(small_cohort, small_config, finished_study):
    """Write a second cohort: the study's own slides, of which most trained it, one under another name, and a broken one."""

    def write(folder, **changes):
        (folder / "slides").mkdir(parents=True)
        table = pd.read_csv(small_cohort / "slides.csv", dtype=str, keep_default_na=False)
        table["path"] = [(small_cohort / path).as_posix() for path in table["path"]]
        trained = read_frozen(finished_study).trained
        inside = table[table["patient_id"].isin(trained)].iloc[0]
        (folder / "slides" / "broken.svs").write_bytes(b"no slide")
        more = [
            {"slide_id": "copy", "path": inside["path"], "patient_id": COPY},
            {"slide_id": "broken", "path": "slides/broken.svs", "patient_id": BROKEN},
        ]
        pd.concat([table, pd.DataFrame(more)]).fillna("").to_csv(folder / "slides.csv", index=False)
        sections = ("molecular", "clinical", "compute")
        content = {name: small_config[name] for name in sections} | {"name": "elsewhere", "labels": {"low": 30, "high": 70}}
        content["slides"] = {"dir": "slides", "table": "slides.csv"}
        (folder / "study.yaml").write_text(yaml.safe_dump(content | changes))
        return folder

    return write


@pytest.fixture(scope="module")
def cohort(made_once, write_cohort):
    return made_once("external_cohort", write_cohort)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("external") / "out"


@pytest.fixture(scope="module")
def found(finished_study, cohort, out):
    before = {path: path.read_bytes() for path in sorted(cohort.rglob("*")) if path.is_file()}
    result = validate_externally(finished_study, cohort, out=out, compute=HERE)
    assert {path: path.read_bytes() for path in sorted(cohort.rglob("*")) if path.is_file()} == before
    return result


class TestPatientsWhoTrainedAModel:
    def test_are_all_left_out_and_say_what_they_did(self, found, trained):
        excluded = found.cohort.excluded.set_index("patient_id")["reason"]
        assert set(trained) <= set(excluded.index)
        patient = sorted(trained)[0]
        assert excluded[patient] == f"this patient {', '.join(trained[patient])}"
        assert not set(trained) & set(found.patients["patient_id"])

    def test_include_those_of_rounds_that_do_not_vote(self, finished_study, trained):
        labels = pd.read_parquet(finished_study / "cohort" / "labels" / "MKI67.parquet")
        splits = pd.read_parquet(finished_study / "cohort" / "splits.parquet")
        both = labels[labels["label"] != ""].merge(splits, on=["patient_id", "round"])
        assert set(both.loc[both["set"].isin(["train", "validation"]), "patient_id"]) <= set(trained)

    def test_are_known_by_their_slides_under_another_name(self, found, trained):
        reason = found.cohort.excluded.set_index("patient_id")["reason"][COPY]
        assert reason.startswith("slide copy is TCGA-")
        assert ", who trained" in reason or ", who validated" in reason

    def test_leave_a_remark_that_the_others_are_of_the_same_cohort(self, found):
        (remark,) = found.cohort.remarks
        assert remark.startswith(f"{found.patients['patient_id'].nunique()} patients are of the study's own cohort")

    def test_may_leave_nobody(self, finished_study, write_cohort, trained, tmp_path):
        folder = write_cohort(tmp_path / "cohort")
        table = pd.read_csv(folder / "slides.csv", dtype=str, keep_default_na=False)
        table[table["patient_id"].isin(trained)].to_csv(folder / "slides.csv", index=False)
        with pytest.raises(ConfigError, match=r"no slide is left to judge the models on; \d+ of \d+ slides: this patient"):
            validate_externally(finished_study, folder, out=tmp_path / "out", compute=HERE)


class TestScores:
    @pytest.mark.parametrize("trait", TRAITS)
    def test_of_the_studys_own_patients_are_those_of_the_study(self, found, finished_study, trait):
        own = pd.read_csv(finished_study / "tables" / "slide_scores.csv").query("trait == @trait")
        models = ["round_0", "round_1", "ensemble"]
        expected = own.groupby("patient_id")[models].mean()
        scores = found.patients.query("trait == @trait").set_index("patient_id")[models]
        assert len(scores) >= 6
        pd.testing.assert_frame_equal(scores, expected.loc[scores.index], rtol=0, atol=1e-9)

    def test_of_a_patient_are_the_mean_over_slides(self, found, out):
        tiles = pd.read_parquet(next((out / "scores" / "external" / "MKI67").glob("*.parquet")))
        assert [name for name in tiles if name.startswith("round_")] == ["round_0", "round_1"]

    def test_are_kept_when_asked_again(self, found, finished_study, cohort, out, monkeypatch):
        before = (out / "tables" / "metrics.csv").read_bytes()

        def again(**arguments):
            if arguments["slide_id"] != "broken":
                raise AssertionError
            raise OSError("still broken")

        monkeypatch.setattr(scoring, "score_slide", again)
        result = validate_externally(finished_study, cohort, out=out, compute=HERE)
        assert result.summary.n_kept == found.summary.n_done
        assert (out / "tables" / "metrics.csv").read_bytes() == before


class TestSlidesThatCannotBeRead:
    def test_are_named_with_their_reason_and_leave_the_others(self, found):
        (outcome,) = found.summary.failed
        assert outcome.task.name == "broken"
        failed = found.slides.set_index("slide_id")["failed"]
        assert "broken.svs" in failed["broken"]
        assert (failed.drop("broken") == "").all()
        assert BROKEN not in set(found.patients["patient_id"])


class TestClasses:
    def test_come_from_the_external_patients_alone(self, found):
        for trait in TRAITS:
            rows = found.patients.query("trait == @trait").dropna(subset=["value"])
            classes = found.classes[trait]
            values = np.sort(rows["value"])
            assert rows.loc[rows["label"] == "lo", "value"].max() <= np.percentile(values, 30)
            assert rows.loc[rows["label"] == "hi", "value"].min() >= np.percentile(values, 70)
            assert classes.rule.startswith(f"percentiles 30 and 70 of {len(rows)} external patients")

    def test_move_no_score(self, found, finished_study, write_cohort, tmp_path, out):
        folder = write_cohort(tmp_path / "cohort", labels={"low": 10, "high": 90})
        shutil.copytree(out, tmp_path / "out")
        (tmp_path / "out" / "external.json").unlink()
        other = validate_externally(finished_study, folder, out=tmp_path / "out", compute=HERE)
        assert other.summary.n_done == 0
        pd.testing.assert_series_equal(other.patients["ensemble"], found.patients["ensemble"])
        assert (other.patients["label"] != "").sum() < (found.patients["label"] != "").sum()

    def test_that_cannot_be_had_leave_the_trait_unjudged_with_the_reason(self, finished_study, write_cohort, tmp_path, out):
        folder = write_cohort(tmp_path / "cohort", traits=[{"name": "MKI67", "feature": "NOSUCHGENE"}])
        shutil.copytree(out, tmp_path / "out")
        (tmp_path / "out" / "external.json").unlink()
        other = validate_externally(finished_study, folder, out=tmp_path / "out", compute=HERE)
        assert other.classes["MKI67"].reason.startswith("no trait 'NOSUCHGENE'")
        assert set(other.metrics["trait"]) == {"hsa-miR-17-5p"}
        assert other.patients.query("trait == 'MKI67'")["ensemble"].notna().all()


class TestAreas:
    @pytest.mark.parametrize("trait", TRAITS)
    def test_are_those_of_the_patients_table(self, found, trait):
        rows = found.patients.query("trait == @trait and label != ''")
        metrics = found.metrics.query("trait == @trait and `set` == 'class'").set_index("model")
        for model in ("round_0", "round_1", "ensemble"):
            assert metrics.loc[model, "value"] == pytest.approx(auroc(rows["label"] == "hi", rows[model]))
        of_rounds = metrics.loc[["round_0", "round_1"], "value"].astype(float)
        assert metrics.loc["rounds_mean", "value"] == pytest.approx(of_rounds.mean())
        assert (metrics.loc["rounds_min", "value"], metrics.loc["rounds_max", "value"]) == (of_rounds.min(), of_rounds.max())
        assert (metrics["n"] == len(rows)).all()

    def test_are_given_for_both_sides_of_the_median_too(self, found):
        rows = found.patients.query("trait == 'MKI67' and median_label != ''")
        value = found.metrics.query("trait == 'MKI67' and `set` == 'median' and model == 'ensemble'")["value"].iloc[0]
        assert value == pytest.approx(auroc(rows["median_label"] == "hi", rows["ensemble"]))

    def test_stand_beside_those_of_the_study_itself(self, found, finished_study):
        metrics = pd.read_csv(finished_study / "tables" / "metrics.csv").query("`set` == 'test' and level == 'patient'")
        own = metrics.query("metric == 'auroc' and model == 'ensemble'").set_index("trait")["value"]
        internal = found.internal.query("model == 'ensemble'").set_index("trait")["value"]
        assert internal.to_dict() == own.to_dict()

    def test_have_their_curves(self, found):
        rows = found.patients.query("trait == 'MKI67' and label != ''")
        curve = roc_curve(rows["label"] == "hi", rows["ensemble"])
        drawn = found.roc.query("trait == 'MKI67' and `set` == 'class' and model == 'ensemble'")
        assert drawn["true_positive_rate"].tolist() == curve.true_positive_rate.tolist()

    def test_stand_beside_correlations_with_the_measurement(self, found):
        rows = found.patients.query("trait == 'MKI67'")
        r = found.correlations.query("trait == 'MKI67' and kind == 'spearman'")["r"].iloc[0]
        assert r == pytest.approx(correlation(rows["ensemble"], rows["value"]).r)


class TestModels:
    @pytest.fixture
    def copied(self, finished_study, tmp_path):
        return shutil.copytree(finished_study, tmp_path / "study")

    def test_are_the_same_before_and_after_and_named_by_their_sha256(self, found, finished_study, out):
        weights = pd.read_csv(out / "tables" / "weights.csv").set_index("file")
        assert len(weights) == 4
        assert (weights["sha256_before"] == weights["sha256_after"]).all()
        file = finished_study / "models" / "tile_classifier" / "MKI67" / "round_0" / "weights.safetensors"
        assert weights.loc["MKI67/round_0/weights.safetensors", "sha256_before"] == file_sha256(file)
        assert found.weights_after == weights_of(finished_study / "models" / "tile_classifier")

    def test_that_change_meanwhile_make_it_no_validation(self, copied, cohort, out, found, tmp_path, monkeypatch):
        shutil.copytree(out, tmp_path / "out")
        (tmp_path / "out" / "external.json").unlink()
        weights = copied / "models" / "tile_classifier" / "MKI67" / "round_0" / "weights.safetensors"

        def meddle(**arguments):
            weights.write_bytes(weights.read_bytes() + b" ")
            raise OSError("broken")

        monkeypatch.setattr(scoring, "score_slide", meddle)
        with pytest.raises(BundleError, match=r"weights\.safetensors: changed while it was being applied \(1 such files\)"):
            validate_externally(copied, cohort, out=tmp_path / "out", compute=HERE)

    def test_that_are_damaged_are_refused_whether_they_vote_or_not(self, copied, cohort, tmp_path):
        for round_ in (0, 1):
            weights = copied / "models" / "tile_classifier" / "MKI67" / f"round_{round_}" / "weights.safetensors"
            content = weights.read_bytes()
            weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            with pytest.raises(BundleError, match="missing, damaged, or of another network"):
                validate_externally(copied, cohort, out=tmp_path / "out", compute=HERE)
            weights.write_bytes(content)

    def test_of_another_study_do_not_overwrite_a_validation(self, copied, cohort, out, found):
        with pytest.raises(ConfigError, match="holds the validation of other models or on another cohort"):
            validate_externally(copied, cohort, out=out, compute=HERE)

    def test_write_into_no_study(self, finished_study, cohort):
        with pytest.raises(ConfigError, match="is the folder of a study"):
            validate_externally(finished_study, cohort, out=cohort, compute=HERE)


class TestFingerprints:
    @pytest.fixture(scope="class")
    @classmethod
    def judged(cls, fingerprints_study, cohort, tmp_path_factory):
        return validate_externally(fingerprints_study, cohort, out=tmp_path_factory.mktemp("fingerprints") / "out", compute=HERE)

    def test_have_the_scores_that_their_study_gave(self, judged, fingerprints_study):
        own = pd.read_csv(fingerprints_study / "tables" / "slide_scores.csv").query("trait == 'MKI67'")
        models = ["round_0", "round_1", "ensemble"]
        scores = judged.patients.query("trait == 'MKI67'").set_index("patient_id")[models]
        expected = own.groupby("patient_id")[models].mean().loc[scores.index]
        pd.testing.assert_frame_equal(scores, expected, rtol=0, atol=2e-3)  # 16-bit features of other batches

    def test_leave_out_patients_without_a_label_who_pretrained_the_encoder(self, judged, fingerprints_study):
        splits = pd.read_parquet(fingerprints_study / "cohort" / "splits.parquet")
        test = set(splits.loc[splits["set"] == "test", "patient_id"])
        assert set(judged.patients["patient_id"]) <= test
        reasons = judged.cohort.excluded["reason"]
        assert reasons.str.fullmatch("this patient pretrained the encoder").any()

    def test_count_the_encoder_among_the_frozen_weights(self, judged):
        names = set(judged.weights_after)
        assert "encoder_0/weights.safetensors" in names
        assert {f"{trait}/round_{r}/weights.safetensors" for trait in TRAITS for r in (0, 1)} <= names
