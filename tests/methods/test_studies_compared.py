"""Methods on the same splits: an arm that knows the truth beside one that learned a little, and arms that cannot be compared."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from cartopath.core.errors import ArtifactError, ConfigError, SplitError
from cartopath.methods.comparison import compare_studies
from cartopath.methods.comparison.tiles import TileValues, values_on
from cartopath.stats import auroc, correlation
from cartopath.store.artifacts import read_header, read_table, write_table
from cartopath.study.run import Study
from cartopath.study.stages.evaluation import evaluate
from cartopath.study.stages.heterogeneity import measure_heterogeneity
from cartopath.study.stages.mapping import held_out_patients

TRAITS = ["MKI67", "hsa-miR-17-5p"]


def rename(root, **changes):
    """Change what a finished study says of itself."""
    for name in ("study.yaml", "study.lock.yaml"):
        content = yaml.safe_load((root / name).read_text())
        content |= {key: {**content[key], **value} if isinstance(value, dict) else value for key, value in changes.items()}
        (root / name).write_text(yaml.safe_dump(content))


def rewrite(path, kind, change):
    """Change a table in place."""
    header = read_header(path, kind)
    write_table(change(read_table(path, kind)), path, header)


@pytest.fixture(scope="module")
def knowing(made_once, finished_study, small_cohort):
    """The finished study with other scores: those of a method that sees what was planted."""

    def fill(folder):
        shutil.copytree(finished_study, folder)
        rename(folder, name="knowing", method={"backbone": "oracle"})
        for trait in TRAITS:
            for path in (folder / "scores" / "tile_classifier" / trait).glob("*.parquet"):
                planted = pd.read_parquet(small_cohort / "truth" / "tiles" / path.name)[["col", "row", trait]].fillna(0)

                def know(table, planted=planted, trait=trait):
                    share = table.merge(planted, on=["col", "row"], how="left")[trait].fillna(0).to_numpy(np.float32)
                    return table.assign(round_0=share, round_1=share, score=share, vote=share > 0.5)

                rewrite(path, "scores", know)
        study = Study.read(folder)
        evaluate(study=study)
        measure_heterogeneity(study=study)

    return made_once("knowing_study", fill)


@pytest.fixture(scope="module")
def comparison(finished_study, knowing):
    return compare_studies([finished_study, knowing])


@pytest.fixture(scope="module")
def table(comparison):
    return comparison.table.set_index(["trait", "study"])


class TestTheTable:
    def test_has_a_row_for_every_trait_and_study(self, table):
        assert table.index.tolist() == [(trait, name) for trait in TRAITS for name in ("small", "knowing")]
        assert table["encoder"].tolist() == ["test_resnet, trained on labels", "oracle, trained on labels"] * 2

    @pytest.mark.parametrize("trait", TRAITS)
    def test_has_the_areas_of_each_study(self, table, trait, finished_study, knowing):
        for name, root in (("small", finished_study), ("knowing", knowing)):
            metrics = pd.read_csv(root / "tables" / "metrics.csv").query(
                "trait == @trait and set == 'test' and level == 'patient'"
            )
            own = metrics[metrics["metric"] == "auroc"].set_index("model")["value"]
            assert table.loc[(trait, name), "auroc"] == pytest.approx(own["ensemble"])
            assert table.loc[(trait, name), "rounds_auroc"] == pytest.approx(own["rounds_mean"])

    @pytest.mark.parametrize("trait", TRAITS)
    def test_has_differences_to_the_first_study(self, table, trait):
        first, other = (table.loc[(trait, name)] for name in ("small", "knowing"))
        for figure in ("auroc", "rounds_auroc", "spearman", "planted"):
            assert other[f"{figure}_difference"] == pytest.approx(other[figure] - first[figure], abs=1e-12)
            assert np.isnan(first[f"{figure}_difference"])

    @pytest.mark.parametrize("trait", TRAITS)
    def test_says_that_the_arm_that_knows_the_truth_has_the_better_maps(self, table, trait):
        row = table.loc[(trait, "knowing")]
        assert row["planted"] == 1.0
        assert row["planted_difference_low"] > 0
        assert row["planted_p"] < 0.05

    def test_has_the_planted_area_of_the_maps_themselves(self, table, finished_study, small_cohort):
        study = Study.read(finished_study)
        parts = []
        for path in (finished_study / "scores" / "tile_classifier" / "MKI67").glob("*.parquet"):
            if path.name[:12] in held_out_patients(study, ["MKI67"]):
                truth = pd.read_parquet(small_cohort / "truth" / "tiles" / path.name)[["col", "row", "MKI67"]]
                parts.append(pd.read_parquet(path)[["col", "row", "score"]].merge(truth.dropna(), on=["col", "row"]))
        tiles = pd.concat(parts)
        assert table.loc[("MKI67", "small"), "planted"] == pytest.approx(auroc(tiles["MKI67"] > 0.5, tiles["score"]))

    def test_has_the_correlation_with_the_measurement_over_held_out_patients(self, table, finished_study):
        scores = pd.read_csv(finished_study / "tables" / "slide_scores.csv").query("trait == 'MKI67'")
        held_out = (
            scores[(scores["set"] == "test") | (scores["role"] == "ood")].groupby("patient_id")[["ensemble", "value"]].mean()
        )
        row = table.loc[("MKI67", "small")]
        assert row["spearman"] == pytest.approx(correlation(held_out["ensemble"], held_out["value"]).r)
        assert row["spearman_n"] == len(held_out)

    def test_has_the_seconds_of_the_trainings_that_stand(self, table, finished_study):
        lines = [json.loads(line) for line in (finished_study / "ledger.jsonl").read_text().splitlines()]
        seconds = sum(line["seconds"] for line in lines if line["stage"] == "train" and line["task"].startswith("MKI67 "))
        assert table.loc[("MKI67", "small"), "training_seconds"] == pytest.approx(seconds)
        assert table.loc[("MKI67", "small"), "shared_seconds"] == 0

    def test_says_how_maps_agree_slide_by_slide(self, comparison, table, finished_study, knowing):
        maps = comparison.maps.query("trait == 'MKI67'").set_index("slide_id")
        for slide in maps.index:
            path = f"scores/tile_classifier/MKI67/{slide}.parquet"
            mine, theirs = (pd.read_parquet(root / path)["score"] for root in (finished_study, knowing))
            assert maps.loc[slide, "spearman"] == pytest.approx(correlation(mine, theirs).r, nan_ok=True)
        assert table.loc[("MKI67", "knowing"), "map_agreement"] == pytest.approx(maps["spearman"].median())

    def test_says_how_heterogeneity_agrees_and_who_finds_the_planted_one(self, comparison, knowing, small_cohort):
        hti = comparison.hti.set_index("study")
        found = pd.read_csv(knowing / "tables" / "hti.csv").query("is_patient_slide and set != 'trained'").set_index("patient_id")
        planted = pd.read_parquet(small_cohort / "truth" / "patients.parquet").set_index("patient_id")["hti"]
        expected = correlation(found["hti"], planted.reindex(found.index)).r
        assert hti.loc["knowing", "planted"] == pytest.approx(expected)
        assert hti.loc["knowing", "planted"] > hti.loc["small", "planted"]
        assert hti.loc["knowing", "n_patients"] == len(found)

    def test_is_written_with_its_parts(self, comparison, tmp_path):
        written = comparison.write(tmp_path)
        assert [path.name for path in written] == ["comparison.csv", "rounds.csv", "maps.csv", "hti.csv"]
        assert len(pd.read_csv(written[0])) == 4
        assert len(pd.read_csv(written[1])) == 2 * 2 * 2

    def test_is_the_same_again(self, comparison, finished_study, knowing):
        pd.testing.assert_frame_equal(compare_studies([finished_study, knowing]).table, comparison.table)


class TestStudiesThatCannotBeCompared:
    @pytest.fixture
    def other(self, finished_study, tmp_path):
        shutil.copytree(finished_study / "cohort", tmp_path / "other" / "cohort")
        shutil.copytree(finished_study / "tables", tmp_path / "other" / "tables")
        for name in ("study.yaml", "study.lock.yaml"):
            shutil.copy(finished_study / name, tmp_path / "other")
        rename(tmp_path / "other", name="other")
        return tmp_path / "other"

    def test_have_different_sets(self, finished_study, other):
        patient = (
            read_table(other / "cohort" / "splits.parquet", "splits").query("round == 1 and set == 'train'")["patient_id"].iloc[0]
        )

        def move(splits):
            return splits.assign(
                set=splits["set"].where((splits["round"] != 1) | (splits["patient_id"] != patient), "validation")
            )

        rewrite(other / "cohort" / "splits.parquet", "splits", move)
        with pytest.raises(SplitError, match=rf"different splits: in round 1, {patient} is in train and validation \(1 such"):
            compare_studies([finished_study, other])

    def test_have_a_different_number_of_rounds(self, finished_study, other):
        rewrite(other / "cohort" / "splits.parquet", "splits", lambda splits: splits[splits["round"] == 0])
        with pytest.raises(SplitError, match="different splits: 2 and 1 rounds or folds"):
            compare_studies([finished_study, other])

    def test_have_different_patients(self, finished_study, other):
        gone = read_table(other / "cohort" / "splits.parquet", "splits")["patient_id"].max()
        rewrite(other / "cohort" / "splits.parquet", "splits", lambda splits: splits[splits["patient_id"] != gone])
        with pytest.raises(SplitError, match=rf"different patients: 24 and 23; {gone} is in small alone \(1 such"):
            compare_studies([finished_study, other])

    def test_have_different_classes(self, finished_study, other):
        path = other / "cohort" / "labels" / "MKI67.parquet"
        turned = read_table(path, "labels").query("round == 0 and label == 'hi'")["patient_id"].iloc[0]

        def turn(labels):
            return labels.assign(label=labels["label"].where((labels["patient_id"] != turned) | (labels["round"] != 0), "lo"))

        rewrite(path, "labels", turn)
        with pytest.raises(SplitError, match=f"different labels of MKI67: the class of {turned} in round 0 is hi and lo"):
            compare_studies([finished_study, other])

    def test_have_different_measurements(self, finished_study, other):
        path = other / "cohort" / "labels" / "hsa-miR-17-5p.parquet"
        rewrite(path, "labels", lambda labels: labels.assign(value=labels["value"] * 2))
        with pytest.raises(
            SplitError, match=r"different labels of hsa-miR-17-5p: the measured value of .* \(48 such differences\)"
        ):
            compare_studies([finished_study, other])

    def test_judge_different_patients(self, finished_study, other):
        path = other / "tables" / "slide_scores.csv"
        scores = pd.read_csv(path)
        lost = scores["patient_id"].iloc[0]
        scores[(scores["trait"] != "MKI67") | (scores["patient_id"] != lost)].to_csv(path, index=False)
        with pytest.raises(SplitError, match=rf"judge different patients for MKI67: {lost} has no score in other \(1 such"):
            compare_studies([finished_study, other])

    def test_have_no_trait_in_common(self, finished_study, other):
        scores = pd.read_csv(other / "tables" / "slide_scores.csv")
        scores.assign(trait="ESR1").to_csv(other / "tables" / "slide_scores.csv", index=False)
        rename(other, traits=["ESR1"])
        with pytest.raises(ConfigError, match="no trait that all studies have: small has MKI67, hsa-miR-17-5p; other has ESR1"):
            compare_studies([finished_study, other])

    def test_have_not_run(self, finished_study, write_study, tmp_path):
        with pytest.raises(ArtifactError, match="has not run"):
            compare_studies([finished_study, write_study(tmp_path / "new").root])

    def test_have_not_been_evaluated(self, finished_study, other):
        (other / "tables" / "slide_scores.csv").unlink()
        with pytest.raises(ArtifactError, match=r"slide_scores\.csv: missing; .* goes on to the stage `evaluate`"):
            compare_studies([finished_study, other])

    def test_are_one(self, finished_study):
        with pytest.raises(ConfigError, match="two or more studies; found 1"):
            compare_studies([finished_study])
        with pytest.raises(ConfigError, match="is named twice"):
            compare_studies([finished_study, finished_study])


class TestMapsOfDifferentGrids:
    def grid(self, window, n, shift=0.0):
        col, row = np.meshgrid(np.arange(n), np.arange(n))
        xy = np.stack([col.ravel(), row.ravel()], axis=1) * window
        return TileValues(xy, window, xy.sum(axis=1) + shift)

    def test_average_small_tiles_over_large_ones(self):
        fine, coarse = self.grid(10, 8), self.grid(40, 2)
        assert values_on(fine, coarse).tolist() == [30.0, 70.0, 70.0, 110.0]

    def test_give_small_tiles_the_value_of_the_large_one(self):
        fine, coarse = self.grid(10, 8), self.grid(40, 2)
        expected = (fine.xy_px0 // 40 * 40).sum(axis=1)
        assert values_on(coarse, fine).tolist() == expected.tolist()

    def test_of_the_same_size_are_joined_by_place_and_not_by_row(self):
        mine, theirs = self.grid(10, 4), self.grid(10, 4, shift=0.5)
        order = np.random.default_rng(0).permutation(16)
        shuffled = TileValues(theirs.xy_px0[order][3:], 10, theirs.values[order][3:])
        found = values_on(shuffled, mine)
        known = ~np.isnan(found)
        assert known.sum() == 13
        assert (found[known] == mine.values[known] + 0.5).all()


def test_fingerprints_stand_beside_networks_on_the_same_patients(finished_study, fingerprints_study):
    root = fingerprints_study
    found = compare_studies([finished_study, root])
    assert found.studies == ["finished_study", "fingerprints_study"]  # Both are called small: their folders tell them apart.
    assert found.notes[0].startswith("fingerprints_study: patients without a class")
    row = found.table.set_index(["trait", "study"]).loc[("MKI67", "fingerprints_study")]
    assert (row["method"], row["encoder"]) == ("fingerprints", "own test_resnet, trained without labels")
    lines = [json.loads(line) for line in (root / "ledger.jsonl").read_text().splitlines()]
    shared = sum(line["seconds"] for line in lines if line["stage"] in ("pretrain", "embed"))
    assert row["shared_seconds"] == pytest.approx(shared)
    metrics = pd.read_csv(root / "tables" / "metrics.csv").query("trait == 'MKI67' and `set` == 'test' and level == 'patient'")
    own = metrics[metrics["metric"] == "auroc"].set_index("model")["value"]
    assert row["auroc"] == pytest.approx(own["ensemble"])
