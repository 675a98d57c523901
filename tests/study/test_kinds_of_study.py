"""Studies of one trait, of three, of a receptor, without a clinical table: each runs and says what it cannot say."""

import pandas as pd
import pytest
import yaml

from cartopath.study.run import Study, TaskFailedError

ER = {"name": "ER", "column": "ER_STATUS_BY_IHC"}


def table(study, name):
    return pd.read_csv(study.layout.table(name))


class TestASingleTrait:
    @pytest.fixture
    def study(self, run_quickly):
        return Study.read(run_quickly("single_trait", traits=["MKI67"]))

    def test_has_scores_and_maps_but_no_heterogeneity(self, study):
        assert len(table(study, "slide_scores")) == 24
        names = {path.name.split("-DX1")[1] for path in (study.root / "maps").iterdir()}
        assert names == {".ome.tif", "_thumbnail.png", "_MKI67.png"}
        assert table(study, "hti").empty
        assert table(study, "hti_groups").empty

    def test_says_why_survival_is_empty(self, study):
        assert table(study, "survival_patients").empty
        assert table(study, "survival_tests")["reason"].tolist() == ["heterogeneity needs at least two traits"]
        assert table(study, "cox").empty


def test_three_traits_have_seven_combinations_and_no_bulk_pair(run_quickly):
    study = Study.read(run_quickly("three_of_three", traits=["MKI67", "hsa-miR-17-5p", "ESR1"]))
    hti = table(study, "hti")
    shares = [column for column in hti.columns if column.startswith("share_")]
    assert len(shares) == 7
    positive = hti[hti["n_positive"] > 0]
    assert positive[shares].sum(axis=1).to_numpy() == pytest.approx(1)
    analyses = set(table(study, "survival_tests")["analysis"])
    assert {f"bulk:{trait}" for trait in study.config.trait_names} < analyses
    assert "bulk:both" not in analyses


@pytest.fixture(scope="module")
def receptors(made_once, small_cohort):
    """A clinical table in which every other patient is negative, and two are unknown; by patient."""
    clinical = pd.read_csv(small_cohort / "data_clinical_patient.txt", sep="\t", skiprows=4)
    clinical = clinical.assign(ER_STATUS_BY_IHC=["Positive", "Negative"] * 11 + ["Indeterminate", "[Not Available]"])

    def fill(folder):
        folder.mkdir()
        clinical.to_csv(folder / "clinical.tsv", sep="\t", index=False)

    path = made_once("receptors", fill) / "clinical.tsv"
    return path, clinical.set_index("PATIENT_ID")["ER_STATUS_BY_IHC"]


class TestAReceptor:
    @pytest.fixture
    def study(self, run_quickly, receptors):
        return Study.read(run_quickly("receptor", traits=["MKI67", ER], clinical={"table": receptors[0].as_posix()}))

    def test_has_the_two_states_of_its_column(self, study, receptors):
        words = receptors[1]
        scores = table(study, "slide_scores")
        own = scores[scores["trait"] == "ER"].set_index("patient_id")["label"]
        assert {patient for patient, label in own.items() if label == "hi"} == set(words.index[words == "Positive"])
        assert {patient for patient, label in own.items() if label == "lo"} == set(words.index[words == "Negative"])

    def test_leaves_patients_of_unknown_state_out(self, study):
        row = table(study, "labels").set_index("trait").loc["ER"]
        assert row["n_high"] + row["n_low"] + row["n_ood"] + row["n_missing"] == row["n_patients"] == 24
        assert row["n_high"] == row["n_low"] == 11
        assert row["source"] == "clinical.tsv"
        assert pd.isna(row["low_threshold"])

    def test_has_no_decile_to_correlate_with(self, study):
        correlations = table(study, "correlations")
        rows = correlations[(correlations["trait"] == "ER") & (correlations["against"] == "decile")]
        assert rows["r"].isna().all()
        assert rows["reason"].notna().all()


class TestNoClinicalTable:
    @pytest.fixture
    def study(self, run_quickly):
        no_columns = {"covariates": [], "strata": [], "groups": []}
        return Study.read(run_quickly("no_clinical", clinical={"table": None}, survival=no_columns))

    def test_has_maps_and_heterogeneity(self, study):
        assert len(table(study, "hti")) == 24
        assert list((study.root / "maps").glob("*_heterogeneity.png"))

    def test_says_why_survival_is_empty(self, study):
        assert table(study, "survival_tests")["reason"].tolist() == ["the study has no clinical table (clinical.table)"]


def test_a_clinical_table_without_follow_up_gives_maps_and_says_why_survival_is_empty(
    tmp_path, copy_tiles, write_study, run, quick, small_cohort
):
    lines = (small_cohort / "data_clinical_patient.txt").read_text().splitlines()[4:]
    clinical = pd.DataFrame([line.split("\t") for line in lines[1:]], columns=lines[0].split("\t"))
    clinical.drop(columns=["OS_STATUS", "OS_MONTHS"]).to_csv(tmp_path / "clinical.csv", index=False)
    copy_tiles(tmp_path / "study")
    study = write_study(tmp_path / "study", clinical={"table": (tmp_path / "clinical.csv").as_posix()})
    assert not run(study).failed
    assert len(table(study, "hti")) == 24
    assert "survival" in table(study, "survival_tests")["reason"].iloc[0].lower()


def test_a_clinical_column_that_is_not_there_is_named(tmp_path, write_study, run):
    with pytest.raises(TaskFailedError, match=r"SUBTYPE.*(closest|columns)"):
        run(write_study(tmp_path / "study", survival={"groups": ["SUBTYPE"]}))


def test_a_trait_of_the_clinical_table_needs_one(tmp_path, write_study, run, small_config):
    folder = tmp_path / "study"
    write_study(folder)
    content = {**small_config, "traits": [ER], "clinical": {}, "survival": {}}
    (folder / "study.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(TaskFailedError, match=r"trait 'ER' is a clinical column, but clinical\.table is not set"):
        run(Study.read(folder))


def test_two_cuts_leave_the_middle_out_of_the_test_and_in_the_counts(quick_copy, write_study, run):
    study = write_study(quick_copy, survival={"cut": [0.95, 0.98]})
    run(study)
    row = table(study, "survival_tests").set_index("analysis").loc["hti"]
    hti = table(study, "survival_patients")["hti"]
    assert [row["n_low"], row["n_middle"], row["n_high"]] == [
        (hti <= 0.95).sum(),
        ((hti > 0.95) & (hti <= 0.98)).sum(),
        (hti > 0.98).sum(),
    ]
    assert row["cut"] == "0.95/0.98"


def test_follow_up_ends_at_the_horizon(quick_copy, write_study, run):
    before = table(Study.read(quick_copy), "survival_patients").set_index("patient_id")
    study = write_study(quick_copy, survival={"horizon_years": 2})
    run(study)
    after = table(study, "survival_patients").set_index("patient_id")
    two_years = 2 * 365.25
    assert (before["time_days"] > two_years).any()
    assert (after["time_days"] == before["time_days"].clip(upper=two_years)).all()
    assert (after["event"] == before["event"].where(before["time_days"] <= two_years, 0)).all()


def test_maps_of_all_slides_are_drawn_when_asked_for(quick_copy, write_study, run):
    run(write_study(quick_copy, maps={"slides": "all"}))
    assert len(list((quick_copy / "maps").glob("*.ome.tif"))) == 24


def test_published_results_stand_beside_ours(quick_copy, write_study, run):
    study = write_study(quick_copy, cohort="TCGA-BRCA")
    run(study)
    published = table(study, "published").set_index("trait")
    metrics = table(study, "metrics")
    chosen = (metrics["trait"] == "MKI67") & (metrics["set"] == "test") & (metrics["level"] == "slide")
    ours = metrics[chosen & (metrics["metric"] == "auroc")].set_index("model")["value"]
    row = published.loc["MKI67|4288"]
    assert row["ours_auroc_ensemble"] == pytest.approx(ours["ensemble"])
    assert row["ours_auroc_rounds_mean"] == pytest.approx(ours["rounds_mean"])
    assert published.loc["hsa-miR-17-5p", ["auroc_rounds_mean", "auroc_ensemble"]].tolist() == [0.83, 0.87]
    assert pd.isna(published.loc["ERBB2|2064", "ours_auroc_ensemble"])


def test_the_tiles_of_more_slides_than_fit_are_read_from_the_slides(tmp_path, write_study, run, quick, quick_study):
    study = write_study(tmp_path / "study", compute={"cache_gb": 0.001})
    run(study)
    assert 0 < len(list((study.root / "cache").glob("*.npy"))) < 24
    assert sum(path.stat().st_size for path in (study.root / "cache").iterdir()) < 1.1e6
    assert study.layout.table("slide_scores").read_bytes() == (quick_study / "tables" / "slide_scores.csv").read_bytes()
