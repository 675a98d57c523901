"""What is held against what was planted, and when it is enough."""

import numpy as np
import pandas as pd
import pytest

from cartopath.demo.recovery import (
    Recovered,
    hti_recovery,
    recovery_stage,
    slide_recovery,
    survival_recovery,
    tile_recovery,
    write_recovery,
)
from cartopath.stats import auroc
from cartopath.store.artifacts import read_header, read_table, write_table
from cartopath.study.run import Study
from cartopath.study.stages.mapping import held_out_patients

TRAITS = ["MKI67", "hsa-miR-17-5p"]


@pytest.fixture
def study(tmp_path, write_study):
    """A study of which only the tables exist that a test writes."""
    return write_study(tmp_path / "study")


@pytest.fixture
def write(study):
    def write_(name, rows):
        path = study.layout.table(name)
        path.parent.mkdir(exist_ok=True)
        pd.DataFrame(rows).to_csv(path, index=False)

    return write_


class TestSlides:
    def rows(self, **changes):
        row = {"trait": "MKI67", "set": "test", "model": "ensemble", "level": "slide", "metric": "auroc", "n_high": 9, "n_low": 8}
        return {**row, "value": 0.95, "low": 0.85, "high": 1.0, "reason": "", **changes}

    @pytest.mark.parametrize(("value", "holds"), [(0.95, True), (0.90, True), (0.8999, False)])
    def test_are_told_apart_well_enough_from_090(self, study, write, value, holds):
        write("metrics", [self.rows(value=value)])
        row = slide_recovery(study)[0]
        assert row.holds is holds
        assert row.quantity == "MKI67: AUROC of held-out slides, 9 high and 8 low"
        assert row.recovered == f"{value:.3f} (95% CI 0.85-1.00)"

    def test_of_one_class_do_not_hold_and_say_why(self, study, write):
        write("metrics", [self.rows(value=None, low=None, high=None, reason="all 4 labels are positive")])
        row = slide_recovery(study)[0]
        assert (row.holds, row.recovered) == (False, "all 4 labels are positive")

    def test_are_judged_by_the_ensemble_on_the_test_set_slide_by_slide(self, study, write):
        others = [{"set": "ood_all"}, {"model": "round_0"}, {"level": "patient"}, {"metric": "accuracy"}]
        write("metrics", [self.rows(value=0.1, **other) for other in others] + [self.rows(trait=trait) for trait in TRAITS])
        assert [row.quantity.split(":")[0] for row in slide_recovery(study)] == TRAITS


class TestSurvival:
    @pytest.fixture
    def recovered(self, study, write):
        def recovered_(p_value, ratio, effect):
            reason = "" if p_value is not None else "only one group has patients (low)"
            test = {"analysis": "hti", "n_low": 20, "n_high": 30, "p_value": p_value, "reason": reason}
            write("survival_tests", [test, {**test, "analysis": "hti|SEX", "p_value": 0.5}])
            cox = [{"model": "hti and covariates", "covariate": "hti", "hazard_ratio": 99.0}]
            cox += [] if ratio is None else [{"model": "hti", "covariate": "hti", "hazard_ratio": ratio}]
            write("cox", cox)
            return survival_recovery(study, effect)

        return recovered_

    @pytest.mark.parametrize(
        ("p_value", "ratio", "holds"),
        [(0.01, np.exp(2.5), True), (0.049, 1.5, True), (0.05, 1.5, False), (0.3, 1.5, False), (0.01, 0.5, False)],
    )
    def test_a_planted_effect_is_found_below_005_and_in_its_direction(self, recovered, p_value, ratio, holds):
        assert recovered(p_value, ratio, 3.0).holds is holds

    def test_a_planted_protection_is_found_in_its_direction(self, recovered):
        assert recovered(0.01, 0.2, -3.0).holds is True
        assert recovered(0.01, 5.0, -3.0).holds is False

    @pytest.mark.parametrize(("p_value", "holds"), [(0.4, True), (0.05, True), (0.049, False)])
    def test_where_none_was_planted_none_may_be_found(self, recovered, p_value, holds):
        row = recovered(p_value, 1.5, 0.0)
        assert row.holds is holds
        assert (row.planted, row.goal) == ("no effect", ">= 0.05")
        assert row.quantity.startswith("survival by HTI, none planted")

    def test_what_was_found_is_told_with_its_size(self, recovered):
        row = recovered(0.0123, np.exp(2.5), 3.0)
        assert row.recovered == "p = 0.012; log hazard ratio 2.50 per unit of HTI"
        assert row.planted == "log hazard ratio 3"
        assert row.quantity == "survival by HTI: log-rank p, 20 low and 30 high held-out patients"

    @pytest.mark.parametrize("effect", [3.0, 0.0])
    def test_a_test_that_could_not_be_made_does_not_hold_and_says_why(self, recovered, effect):
        row = recovered(None, None, effect)
        assert row.holds is False
        assert row.recovered == "undefined: only one group has patients (low)"


class TestHti:
    @pytest.fixture
    def recovered(self, study, write, tmp_path):
        def recovered_(found, planted, sets=None, is_patient_slide=None):
            n = len(found)
            patients = [f"P{i}" for i in range(n)]
            chosen = {"set": sets or ["test"] * n, "is_patient_slide": is_patient_slide or [True] * n}
            write("hti", {"slide_id": patients, "patient_id": patients, "hti": found, **chosen})
            (tmp_path / "truth").mkdir()
            order = np.random.default_rng(0).permutation(n)
            truth = pd.DataFrame({"patient_id": np.array(patients)[order], "hti": np.array(planted)[order]})
            truth.to_parquet(tmp_path / "truth" / "patients.parquet")
            return hti_recovery(study, tmp_path / "truth")

        return recovered_

    def test_that_follows_the_planted_one_holds(self, recovered):
        row = recovered([0.1, 0.2, 0.4, 0.5, 0.9], [0.0, 0.3, 0.4, 0.6, 0.8])
        assert row.holds is True
        assert row.recovered.startswith("1.000 (95% CI")
        assert row.recovered.endswith("mean distance 0.080)")

    def test_that_does_not_follow_it_does_not_hold(self, recovered):
        assert recovered([0.1, 0.9, 0.4, 0.5, 0.2], [0.0, 0.3, 0.4, 0.6, 0.8]).holds is False

    def test_is_joined_by_patient_and_only_of_slides_that_stand_for_one_and_trained_nothing(self, recovered):
        row = recovered(
            [0.1, 0.2, 0.4, 0.5, 0.9, 0.0, 0.7],
            [0.0, 0.3, 0.4, 0.6, 0.8, 1.0, 0.1],
            sets=["test", "ood", "test", "ood", "test", "trained", "test"],
            is_patient_slide=[True] * 6 + [False],
        )
        assert row.quantity == "HTI: Spearman over 5 held-out patients"
        assert row.holds is True

    def test_that_is_the_same_everywhere_does_not_hold_and_says_why(self, recovered):
        row = recovered([0.0] * 5, [0.0, 0.3, 0.4, 0.6, 0.8])
        assert (row.holds, row.recovered) == (False, "undefined: the first measurement is constant")

    def test_of_three_patients_has_no_interval(self, recovered):
        assert "an interval needs at least 4 pairs" in recovered([0.1, 0.2, 0.4], [0.0, 0.3, 0.4]).recovered

    def test_unrelated_to_the_planted_one_is_a_number_too(self, recovered):
        row = recovered([1, 2, 3, 4], [2, 4, 1, 3])
        assert row.recovered.startswith("0.000 (95% CI")


class TestTiles:
    @pytest.fixture
    def held_out(self, finished_study):
        return {trait: held_out_patients(Study.read(finished_study), [trait]) for trait in TRAITS}

    def tiles(self, root, cohort, trait, patients):
        for path in (root / "scores" / "tile_classifier" / trait).glob("*.parquet"):
            if path.name[:12] in patients:
                yield pd.read_parquet(path), pd.read_parquet(cohort / "truth" / "tiles" / path.name)

    def test_are_joined_by_place_and_only_of_slides_that_trained_nothing(self, finished_study, small_cohort, held_out):
        rows = tile_recovery(Study.read(finished_study), small_cohort / "truth")
        for trait, row in zip(TRAITS, rows, strict=True):
            labels, scores = [], []
            for scored, truth in self.tiles(finished_study, small_cohort, trait, held_out[trait]):
                share = truth.set_index(["col", "row"])[trait]
                labels += [share[place] > 0.5 for place in zip(scored["col"], scored["row"], strict=True)]
                scores += scored["score"].tolist()
            expected = auroc(labels, scores)
            assert row.recovered.startswith(f"{expected:.3f} (as a map of votes alone ")
            assert f"{len(scores):,} tiles on {len(held_out[trait])} held-out slides" in row.quantity
            assert row.holds is bool(expected >= 0.9)

    def test_scored_by_the_truth_itself_hold(self, copied_study, small_cohort):
        for trait in TRAITS:
            for path in (copied_study / "scores" / "tile_classifier" / trait).glob("*.parquet"):
                scored = read_table(path, "scores")
                truth = pd.read_parquet(small_cohort / "truth" / "tiles" / path.name).set_index(["col", "row"])[trait]
                scored["score"] = [truth[place] for place in zip(scored["col"], scored["row"], strict=True)]
                shuffled = scored.sample(frac=1, random_state=0)  # The order of rows must not matter.
                write_table(shuffled, path, read_header(path, "scores"))
        rows = tile_recovery(Study.read(copied_study), small_cohort / "truth")
        assert [row.recovered[:5] for row in rows] == ["1.000", "1.000"]
        assert all(row.holds for row in rows)

    def test_of_nobody_do_not_hold_and_say_so(self, finished_study, small_cohort, monkeypatch):
        monkeypatch.setattr("cartopath.demo.recovery.held_out_patients", lambda study, traits: set())
        rows = tile_recovery(Study.read(finished_study), small_cohort / "truth")
        assert [(row.holds, row.recovered) for row in rows] == [(False, "undefined: tiles of one class only")] * 2


def test_the_table_has_a_row_per_quantity_with_true_and_false_as_words(finished_study, small_cohort, tmp_path):
    out = tmp_path / "recovery.csv"
    result = write_recovery(study=Study.read(finished_study), truth=small_cohort / "truth", effect=3.0, out=out)
    table = pd.read_csv(out, dtype=str)
    assert table.columns.tolist() == ["quantity", "planted", "recovered", "goal", "holds"]
    assert len(table) == 2 * len(TRAITS) + 2
    assert set(table["holds"]) <= {"true", "false"}
    assert result == {"holds": set(table["holds"]) == {"true"}}


@pytest.mark.parametrize("change", ["effect", "truth", "nothing"])
def test_it_is_done_again_when_what_it_compares_has_changed(finished_study, small_cohort, tmp_path, change):
    import shutil

    truth = shutil.copytree(small_cohort / "truth", tmp_path / "truth")
    study = Study.read(finished_study)
    before = recovery_stage(truth, 3.0).plan(study)[0].key
    if change == "truth":
        patients = pd.read_parquet(truth / "patients.parquet")
        patients.assign(hti=0.5).to_parquet(truth / "patients.parquet")
    after = recovery_stage(truth, 0.0 if change == "effect" else 3.0).plan(study)[0].key
    assert (after != before) is (change != "nothing")


def test_a_row_cannot_be_changed():
    with pytest.raises(AttributeError):
        Recovered("q", "1", "2", "3", holds=True).holds = False
