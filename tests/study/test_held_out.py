"""Nobody who trained or validated a network appears in what that network is judged by."""

import json

import pandas as pd
import pytest

from cartopath.study.run import Study
from cartopath.study.stages.divide import read_splits
from cartopath.study.stages.mapping import held_out_patients

TRAITS = ["MKI67", "hsa-miR-17-5p"]


def table(root, name):
    return pd.read_csv(root / "tables" / f"{name}.csv")


def seen_by(root, *traits):
    """Return the patients whom any network of these traits saw, as the networks' own cards say."""
    seen = set()
    for trait in traits:
        cards = list((root / "models" / "tile_classifier" / trait).glob("round_*/model.json"))
        assert cards
        for card in cards:
            for patients in json.loads(card.read_text())["card"]["patients"].values():
                seen |= set(patients)
    return seen


def mapped(root):
    slides = table(root, "slides").set_index("slide_id")["patient_id"]
    return {slides[path.name.removesuffix(".ome.tif")] for path in (root / "maps").glob("*.ome.tif")}


@pytest.fixture(scope="module")
def everyone(quick_study):
    return set(table(quick_study, "slides")["patient_id"])


class TestTwoTraits:
    def test_both_saw_some_and_left_some(self, quick_study, everyone):
        for trait in TRAITS:
            assert 0 < len(seen_by(quick_study, trait)) < len(everyone)
        # The case that is easy to get wrong: out of distribution for one trait, in training for the other.
        assert seen_by(quick_study, TRAITS[0]) - seen_by(quick_study, TRAITS[1])
        assert seen_by(quick_study, TRAITS[1]) - seen_by(quick_study, TRAITS[0])

    def test_maps_are_of_exactly_the_patients_whom_no_network_saw(self, quick_study, everyone):
        assert mapped(quick_study) == everyone - seen_by(quick_study, *TRAITS)

    def test_hti_calls_exactly_the_patients_whom_some_network_saw_trained(self, quick_study):
        hti = table(quick_study, "hti")
        assert set(hti.loc[hti["set"] == "trained", "patient_id"]) == seen_by(quick_study, *TRAITS)

    def test_survival_is_of_patients_whom_no_network_saw(self, quick_study):
        patients = table(quick_study, "survival_patients")
        assert len(patients) > 3
        assert not set(patients["patient_id"]) & seen_by(quick_study, *TRAITS)

    def test_groups_are_compared_among_patients_whom_no_network_saw(self, quick_study):
        assert not set(table(quick_study, "hti_group_patients")["patient_id"]) & seen_by(quick_study, *TRAITS)

    @pytest.mark.parametrize("trait", TRAITS)
    def test_every_set_a_trait_is_judged_on_is_of_patients_whom_its_networks_did_not_see(self, quick_study, trait):
        scores = table(quick_study, "slide_scores")
        own = scores[scores["trait"] == trait]
        judged = own[((own["set"] == "test") & (own["role"] == "labelled")) | (own["role"] == "ood")]
        assert not set(judged["patient_id"]) & seen_by(quick_study, trait)

    @pytest.mark.parametrize("trait", TRAITS)
    def test_the_numbers_of_every_set_are_those_of_the_score_table(self, quick_study, trait):
        scores, metrics = table(quick_study, "slide_scores"), table(quick_study, "metrics")
        own = scores[scores["trait"] == trait]
        n = metrics[(metrics["trait"] == trait) & (metrics["model"] == "ensemble") & (metrics["level"] == "slide")]
        n = n[n["metric"] == "auroc"].set_index("set")["n"]
        assert n["test"] == ((own["set"] == "test") & (own["role"] == "labelled")).sum()
        assert n["ood_near"] == ((own["role"] == "ood") & (own["ood"] == "near")).sum()
        assert n["ood_all"] == (own["role"] == "ood").sum()

    @pytest.mark.parametrize("trait", TRAITS)
    def test_networks_see_labelled_patients_of_their_own_sets_only(self, quick_study, trait):
        splits = read_splits(Study.read(quick_study))
        labels = pd.read_parquet(quick_study / "cohort" / "labels" / f"{trait}.parquet")
        for round_ in (0, 1):
            card = json.loads((quick_study / "models" / "tile_classifier" / trait / f"round_{round_}" / "model.json").read_text())
            sets = splits[splits["round"] == round_].set_index("patient_id")["set"]
            labelled = set(labels[(labels["round"] == round_) & (labels["label"] != "")]["patient_id"])
            for name, patients in card["card"]["patients"].items():
                assert set(patients) == set(sets.index[sets == name]) & labelled

    def test_the_thresholds_are_of_patients_outside_the_test_set(self, quick_study):
        splits = read_splits(Study.read(quick_study))
        outside = set(splits[splits["set"] != "test"]["patient_id"])
        labels = pd.read_parquet(quick_study / "cohort" / "labels" / "MKI67.parquet").query("round == 0")
        values = labels.set_index("patient_id")["value"]
        row = table(quick_study, "labels").set_index("trait").loc["MKI67"]
        fitted = sorted(values[list(outside)])
        assert row["low_threshold"] == pytest.approx(fitted[int(0.4 * (len(fitted) - 1))])
        assert row["threshold_scope"] == "training"

    def test_the_median_table_and_the_bulk_baselines_are_of_the_same_patients_as_hti(self, quick_study):
        tests = table(quick_study, "survival_tests").set_index("analysis")
        n = tests[["n_low", "n_middle", "n_high"]].sum(axis=1)
        assert set(tests.index) == {"hti", "hti|SEX", *(f"bulk:{trait}" for trait in TRAITS), "bulk:both", "bulk:opposite"}
        assert (n == len(table(quick_study, "survival_patients"))).all()

    def test_every_patient_is_analysed_by_one_slide(self, quick_study):
        assert table(quick_study, "survival_patients")["patient_id"].is_unique


@pytest.fixture(scope="module")
def three_traits(run_quickly):
    survival = {"traits": [TRAITS[0], "ESR1"]}
    return run_quickly("three_traits", traits=[*TRAITS, "ESR1"], maps={"heterogeneity": TRAITS}, survival=survival)


class TestThreeTraitsWithAMapOfTwo:
    def test_the_third_does_not_keep_patients_from_the_map_of_the_other_two(self, three_traits, everyone):
        assert mapped(three_traits) == everyone - seen_by(three_traits, *TRAITS)
        assert seen_by(three_traits, "ESR1") & mapped(three_traits)

    def test_survival_leaves_out_whom_the_networks_of_its_own_two_saw(self, three_traits):
        patients = set(table(three_traits, "survival_patients")["patient_id"])
        assert patients
        assert not patients & seen_by(three_traits, TRAITS[0], "ESR1")

    def test_hti_is_of_the_traits_of_the_map(self, three_traits):
        shares = [column for column in table(three_traits, "hti").columns if column.startswith("share_")]
        assert shares == [f"share_{TRAITS[0]}", f"share_{TRAITS[1]}", f"share_{TRAITS[0]} + {TRAITS[1]}"]

    def test_every_trait_has_a_map_of_its_own(self, three_traits):
        slide = next((three_traits / "maps").glob("*.ome.tif")).name.removesuffix(".ome.tif")
        names = {path.name.removeprefix(slide) for path in (three_traits / "maps").glob(f"{slide}*")}
        assert names == {".ome.tif", "_thumbnail.png", "_heterogeneity.png", *(f"_{trait}.png" for trait in [*TRAITS, "ESR1"])}


def test_a_patient_without_a_value_trained_nothing_and_is_no_evidence_either(
    quick_copy, write_study, run, small_cohort, tmp_path
):
    """Decision A12."""
    splits = read_splits(Study.read(quick_copy))
    patient = splits[(splits["round"] == 0) & (splits["set"] == "train")]["patient_id"].iloc[0]
    source = next(small_cohort.glob("EBPlusPlus*.tsv"))
    expression = pd.read_csv(source, sep="\t", dtype=str)
    unmeasured = expression.drop(columns=[column for column in expression if column.startswith(patient)])
    unmeasured.to_csv(tmp_path / "expression.tsv", sep="\t", index=False)
    mirna = next(small_cohort.glob("pancanMiRs*.csv"))
    mirnas = pd.read_csv(mirna, dtype=str)
    mirnas.drop(columns=[column for column in mirnas if column.startswith(patient)]).to_csv(tmp_path / "mirna.csv", index=False)
    tables = {"table": [(tmp_path / "expression.tsv").as_posix(), (tmp_path / "mirna.csv").as_posix()]}
    study = write_study(quick_copy, molecular=tables)
    run(study)
    assert patient in held_out_patients(study, TRAITS)
    assert patient in mapped(quick_copy)
    assert patient not in set(table(quick_copy, "survival_patients")["patient_id"])
    scores = table(quick_copy, "slide_scores").set_index("patient_id").loc[[patient]]
    assert set(scores["role"]) == {"unmeasured"}
    flow = table(quick_copy, "cohort_flow").set_index("step")
    assert flow.loc["patient has a measured trait", "lost_patients"] == 1
