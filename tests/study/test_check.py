"""`cartopath check`: every problem of a cohort is named, and only errors keep it from running."""

import pandas as pd
import pytest
import yaml

from cartopath.core.rng import stream
from cartopath.study.check import check_cohort
from cartopath.study.run import Study


def codes(checked, severity=None):
    return {finding.code for finding in checked.findings if severity in (None, finding.severity)}


def messages(checked, code):
    return [finding.message for finding in checked.findings if finding.code == code]


class TestAGoodCohort:
    @pytest.fixture(scope="class")
    @classmethod
    def checked(cls, write_study, small_cohort, tmp_path_factory):
        """The small cohort, with receptors that follow their genes."""
        folder = tmp_path_factory.mktemp("good")
        clinical = pd.read_csv(small_cohort / "data_clinical_patient.txt", sep="\t", skiprows=4)
        clinical.drop(columns=["ER_STATUS_BY_IHC", "PR_STATUS_BY_IHC", "IHC_HER2"]).to_csv(folder / "clinical.csv", index=False)
        study = write_study(folder / "study", clinical={"table": (folder / "clinical.csv").as_posix()})
        return study, check_cohort(study)

    def test_is_ready(self, checked):
        assert checked[1].is_ready
        assert not codes(checked[1], "error")

    def test_has_every_slide_opened_with_its_measures(self, checked):
        slides = checked[1].slides
        assert len(slides) == 24
        assert set(slides["verdict"]) <= {"ok", "look"}
        assert slides.drop(columns=["glass_brightness"]).notna().all(axis=None)
        assert slides["tissue_mm2"].between(0.02, 0.13).all()

    def test_says_what_each_table_was_recognised_as(self, checked):
        assert sum("pancan-m" in message for message in messages(checked[1], "table-read")) == 2
        assert any("24 patients" in message for message in messages(checked[1], "table-read"))

    def test_points_at_small_classes_and_little_tissue_without_refusing(self, checked):
        assert codes(checked[1], "warning") == {"class-too-small", "slide-quality"}

    def test_leaves_its_findings_as_a_table(self, checked):
        study, found = checked
        table = pd.read_csv(study.layout.table("findings"))
        assert table["code"].tolist() == [finding.code for finding in found.findings]

    def test_opens_no_slide_twice(self, checked, monkeypatch):
        def opened_again(**arguments):
            raise AssertionError

        monkeypatch.setattr("cartopath.study.stages.quality.judge_slide", opened_again)
        study, found = checked
        again = check_cohort(study)
        assert again.findings == found.findings
        pd.testing.assert_frame_equal(again.slides, found.slides)

    def test_changes_nothing_that_a_run_would_make(self, checked):
        root = checked[0].root
        assert {path.name for path in root.iterdir()} == {
            *("study.yaml", "check.csv", "tables", "quality", "receipts", "ledger.jsonl")
        }
        assert {path.name for path in (root / "receipts").iterdir()} == {"check", "quality"}


class TestABadCohort:
    @pytest.fixture(scope="class")
    @classmethod
    def checked(cls, write_study, rough_cohort, small_cohort, tmp_path_factory):
        folder = tmp_path_factory.mktemp("bad")
        table = pd.read_csv(rough_cohort / "slides.csv", dtype=str, keep_default_na=False)
        table["path"] = [(rough_cohort / path).as_posix() if path else "" for path in table["path"]]
        good = table["slide_id"].str.startswith("TCGA")
        first, second, third, fourth, fifth = table[good].iloc[:5].to_dict("records")
        more = [
            {**first, "slide_id": first["slide_id"].replace("DX1", "DX2")},  # the same file under another name
            {**second},  # the same slide again
            {**third, "slide_id": f"{third['patient_id']}-06A-00-DX1"},  # a metastasis
            {**third, "slide_id": f"{third['patient_id']}-01A-00-TS1"},  # a frozen section
            {**fourth, "slide_id": "TCGA-ZZ-ZZZZ-01Z-00-DX2", "patient_id": "TCGA-ZZ-ZZZZ"},  # no DX1, in no table
        ]
        table.loc[table["slide_id"] == fifth["slide_id"], "mpp"] = "50"
        pd.concat([table, pd.DataFrame(more)]).fillna("").to_csv(folder / "slides.csv", index=False)
        clinical = pd.read_csv(small_cohort / "data_clinical_patient.txt", sep="\t", skiprows=4, dtype=str)
        clinical.loc[3, "OS_STATUS"] = "WITHDRAWN"
        clinical.to_csv(folder / "clinical.csv", index=False)
        study = write_study(
            folder / "study",
            slides={"dir": (rough_cohort / "slides").as_posix(), "table": (folder / "slides.csv").as_posix()},
            molecular={"table": [next(small_cohort.glob("EBPlusPlus*.tsv")).as_posix(), "absent.csv"]},
            clinical={"table": (folder / "clinical.csv").as_posix()},
            traits=["MKI67", "MKI76"],
            survival={"groups": ["SUBTYPE"]},
        )
        return check_cohort(study)

    def test_is_not_ready(self, checked):
        assert not checked.is_ready

    @pytest.mark.parametrize(
        ("severity", "code", "words"),
        [
            ("error", "slide-unusable", "broken.tif"),
            ("error", "slide-unusable", "slides.assume_mpp"),
            ("error", "slide-unusable", "coarser than tiles.mpp 1: raise tiles.mpp"),
            ("error", "slide-unusable", "absent.tif"),
            ("error", "slide-file-missing", "absent"),
            ("error", "slide-without-patient", "nobody"),
            ("error", "duplicate-slide", "2 times"),
            ("error", "duplicate-file", "DX2"),
            ("error", "impossible-mpp", "50"),
            ("error", "table-unreadable", "absent.csv"),
            ("error", "trait-unusable", "closest: MKI67"),
            ("error", "unknown-status-word", "WITHDRAWN"),
            ("error", "survival-column-missing", "SUBTYPE"),
            ("warning", "patient-without-dx1", "TCGA-ZZ-ZZZZ-01Z-00-DX2"),
            ("warning", "patient-without-expression", "TCGA-BH-ZX00"),
            ("warning", "patient-without-clinical", "TCGA-BH-ZX00"),
            ("warning", "non-primary-slide", "-06A-"),
            ("warning", "frozen-slide", "-TS1"),
            ("warning", "slide-quality", "of tissue"),
            ("info", "excluded-slide", "out of focus: 1"),
            ("info", "table-read", "pancan-mrna"),
        ],
    )
    def test_has_each_of_its_problems_named(self, checked, severity, code, words):
        found = [finding for finding in checked.findings if finding.code == code and words in finding.message]
        assert [finding.severity for finding in found] == [severity]

    def test_has_its_worst_problems_first(self, checked):
        order = {"error": 0, "warning": 1, "info": 2}
        ranks = [order[finding.severity] for finding in checked.findings]
        assert ranks == sorted(ranks)

    def test_never_opens_an_excluded_slide(self, checked):
        assert "blurred" not in set(checked.opened["slide_id"])

    def test_says_no_finding_twice(self, checked):
        assert len(set(checked.findings)) == len(checked.findings)


class TestOneProblem:
    def test_no_slides_at_all(self, write_study, tmp_path):
        (tmp_path / "none").mkdir()
        checked = check_cohort(write_study(tmp_path / "study", slides={"dir": (tmp_path / "none").as_posix(), "table": None}))
        assert "no-slides" in codes(checked, "error")

    def test_a_folder_of_slides_that_is_not_there_is_one_error(self, write_study, tmp_path):
        checked = check_cohort(write_study(tmp_path / "study", slides={"dir": (tmp_path / "none").as_posix(), "table": None}))
        errors = [finding for finding in checked.findings if finding.severity == "error"]
        assert [(found.code, "check slides.dir" in found.message) for found in errors] == [("table-unreadable", True)]
        assert not checked.is_ready

    def test_an_exclusion_of_a_slide_that_is_not_there_is_named_and_the_others_are_checked(self, write_study, tmp_path):
        checked = check_cohort(write_study(tmp_path / "study", slides={"exclude": {"TCGA-XX": "blurred"}}))
        assert messages(checked, "exclusion-unknown") == ["no slide 'TCGA-XX' among 24; check its name, or remove the line"]
        assert len(checked.opened) == 24

    def test_a_broken_slide_among_others_does_not_keep_a_study_from_running(self, write_study, rough_cohort, tmp_path):
        table = pd.read_csv(rough_cohort / "slides.csv", dtype=str, keep_default_na=False)
        table["path"] = [(rough_cohort / path).as_posix() if path else "" for path in table["path"]]
        table[table["slide_id"].str.startswith("TCGA") | (table["slide_id"] == "broken")].to_csv(tmp_path / "s.csv", index=False)
        checked = check_cohort(write_study(tmp_path / "study", slides={"table": (tmp_path / "s.csv").as_posix()}))
        assert codes(checked, "error") == {"slide-unusable"}
        assert checked.is_ready
        assert checked.n_unusable == 1

    def test_nothing_but_broken_slides_does(self, write_study, tmp_path):
        (tmp_path / "slides").mkdir()
        (tmp_path / "slides" / "TCGA-A1-A0SB-01Z-00-DX1.svs").write_bytes(b"no slide")
        study = write_study(tmp_path / "study", slides={"dir": (tmp_path / "slides").as_posix(), "table": None})
        checked = check_cohort(study)
        assert "none of the slides can be opened" in messages(checked, "no-slides")
        assert not checked.is_ready

    def test_what_the_study_itself_drew_is_no_slide(self, write_study, small_cohort, tmp_path):
        study = write_study(tmp_path / "study", slides={"dir": ".", "table": None})
        (study.root / "maps").mkdir()
        slide = next((small_cohort / "slides").iterdir())
        for folder in (study.root, study.root / "maps"):
            (folder / slide.name).write_bytes(slide.read_bytes())
        assert len(check_cohort(study).slides) == 1

    def test_a_clinical_table_without_follow_up_is_a_warning_unless_its_columns_are_stated(self, write_study, tmp_path):
        (tmp_path / "er.csv").write_text("patient_id,ER status\nTCGA-A2-ZB2J,Positive\n")
        clinical = {"table": (tmp_path / "er.csv").as_posix()}
        lacking = "survival-column-missing"
        survival = {"covariates": [], "strata": [], "groups": []}
        assert lacking in codes(check_cohort(write_study(tmp_path / "a", clinical=clinical, survival=survival)), "warning")
        survival["time_column"] = "Follow-up"
        assert lacking in codes(check_cohort(write_study(tmp_path / "b", clinical=clinical, survival=survival)), "error")

    def test_an_endpoint_that_the_study_file_names_and_no_table_has_is_an_error(self, write_study, tmp_path):
        (tmp_path / "os.csv").write_text("patient_id,OS_MONTHS,OS_STATUS\nTCGA-A2-ZB2J,12,1:DECEASED\n")
        survival = {"endpoint": "PFI", "covariates": [], "strata": [], "groups": []}
        study = write_study(tmp_path / "study", clinical={"table": (tmp_path / "os.csv").as_posix()}, survival=survival)
        checked = check_cohort(study)
        assert "survival-column-missing" in codes(checked, "error")
        assert "or leave survival.endpoint out" in "".join(messages(checked, "survival-column-missing"))

    def test_a_slide_table_that_cannot_be_read(self, write_study, tmp_path):
        (tmp_path / "slides.csv").write_text("name,size\na,1\n")
        checked = check_cohort(write_study(tmp_path / "study", slides={"table": (tmp_path / "slides.csv").as_posix()}))
        assert any("names neither slides nor files" in message for message in messages(checked, "table-unreadable"))

    def test_a_clinical_table_that_is_not_there(self, write_study, tmp_path, small_cohort):
        checked = check_cohort(write_study(tmp_path / "study", clinical={"table": "absent.txt"}))
        assert any("absent.txt" in message for message in messages(checked, "table-unreadable"))

    def test_too_few_patients_to_divide(self, write_study, tmp_path, small_cohort):
        table = pd.read_csv(small_cohort / "slides.csv", dtype=str, keep_default_na=False)[:2]
        table["path"] = [(small_cohort / path).as_posix() for path in table["path"]]
        table.to_csv(tmp_path / "slides.csv", index=False)
        checked = check_cohort(write_study(tmp_path / "study", slides={"table": (tmp_path / "slides.csv").as_posix()}))
        assert messages(checked, "cannot-split") == ["2 patients cannot be divided: at least 3 are needed"]

    def test_tables_of_other_patients(self, write_study, tmp_path, small_cohort):
        source = next(small_cohort.glob("EBPlusPlus*.tsv"))
        (tmp_path / "other.tsv").write_text(source.read_text().replace("-Z", "-Y"))
        checked = check_cohort(write_study(tmp_path / "study", molecular={"table": "../other.tsv"}, traits=["MKI67"]))
        assert "no-patient-in-common" in codes(checked, "error")

    def test_a_trait_that_most_patients_do_not_express(self, write_study, tmp_path, small_cohort):
        source = pd.read_csv(next(small_cohort.glob("EBPlusPlus*.tsv")), sep="\t", dtype=str)
        source.loc[source["gene_id"] == "MKI67|4288", source.columns[1:22]] = "0"
        source.to_csv(tmp_path / "zeros.tsv", sep="\t", index=False)
        checked = check_cohort(write_study(tmp_path / "study", molecular={"table": "../zeros.tsv"}, traits=["MKI67"]))
        assert any("extremes cannot be told apart" in message for message in messages(checked, "trait-unusable"))

    @pytest.mark.parametrize(("target", "sets"), [("auto", {"test"}), ("classification", {"train", "validation", "test"})])
    def test_classes_are_needed_to_train_only_where_they_are_learned(self, write_attention, tmp_path, target, sets):
        changed = {"method": {"target": target}, "labels": {"low": 5, "high": 95}, "traits": ["MKI67", "hsa-miR-17-5p"]}
        checked = check_cohort(write_attention(tmp_path / "study", **changed))
        found = [f for f in checked.findings if f.code in ("class-too-small", "empty-class")]
        assert {f.message.split(" in ")[1].split(",")[0] for f in found} == sets
        assert ("empty-class" in codes(checked, "error")) == (target == "classification")
        assert all("only the AUROC" in f.message for f in found) == (target == "auto")

    def test_slides_that_take_an_assumed_resolution(self, write_study, tmp_path, rough_cohort):
        table = pd.read_csv(rough_cohort / "slides.csv", dtype=str, keep_default_na=False)
        table["path"] = [(rough_cohort / path).as_posix() if path else "" for path in table["path"]]
        table[table["slide_id"].str.startswith("TCGA") | (table["slide_id"] == "nompp")].to_csv(
            tmp_path / "slides.csv", index=False
        )
        slides = {"table": (tmp_path / "slides.csv").as_posix(), "assume_mpp": 0.25}
        checked = check_cohort(write_study(tmp_path / "study", slides=slides))
        assert messages(checked, "assumed-mpp") == ["1 slide states no resolution and takes slides.assume_mpp"]
        assert "slides of 0.25 to 0.5 um per pixel" in "".join(messages(checked, "mixed-resolution"))

    def test_shuffled_barcodes(self, write_study, tmp_path, small_cohort):
        source = pd.read_csv(next(small_cohort.glob("EBPlusPlus*.tsv")), sep="\t")
        clinical = pd.read_csv(small_cohort / "data_clinical_patient.txt", sep="\t", skiprows=4)
        clinical["ER_STATUS_BY_IHC"] = ["Positive", "Negative"] * 12
        clinical.drop(columns=["PR_STATUS_BY_IHC", "IHC_HER2"]).to_csv(tmp_path / "clinical.csv", index=False)
        status = clinical.set_index("PATIENT_ID")["ER_STATUS_BY_IHC"].map({"Positive": 1000.0, "Negative": 10.0})
        right = source.copy()
        esr1 = source["gene_id"] == "ESR1|2099"
        right.loc[esr1, source.columns[1:]] = [status[column[:12]] + i for i, column in enumerate(source.columns[1:])]
        wrong = right.copy()
        wrong.columns = [right.columns[0], *stream(0, "shuffle").permutation(right.columns[1:])]
        found = {}
        for name, table in (("right", right), ("wrong", wrong)):
            table.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
            study = write_study(
                tmp_path / name,
                molecular={"table": f"../{name}.tsv"},
                clinical={"table": (tmp_path / "clinical.csv").as_posix()},
                traits=["MKI67"],
            )
            found[name] = codes(check_cohort(study))
        assert "identity-confirmed" in found["right"]
        assert "identity-contradicted" in found["wrong"]


@pytest.mark.realdata
class TestRealData:
    @pytest.fixture(scope="class")
    @classmethod
    def checked(cls, real_data, tmp_path_factory):
        folder = tmp_path_factory.mktemp("real")
        slides = real_data / "slides"
        names = {
            "TCGA-C8-A1HN-01Z-00-DX1": "TCGA-C8-A1HN-01Z-00-DX1.tif",
            "CMU-1": "CMU-1-Small-Region.svs",
            "nompp": "TCGA-CR-7395-01A-01-TS1_nompp.svs",
            "broken": "broken.svs",
        }
        rows = [
            {"slide_id": name, "path": (slides / file).as_posix(), "patient_id": "TCGA-C8-A1HN"} for name, file in names.items()
        ]
        pd.DataFrame(rows).to_csv(folder / "slides.csv", index=False)
        tables = real_data / "tcga_brca"
        content = {
            "slides": {"dir": folder.as_posix(), "table": "slides.csv"},
            "molecular": {"table": [(tables / name).as_posix() for name in ("brca_htseq_counts_249.parquet", SCRAMBLED)]},
            "clinical": {"table": (tables / "brca_clinical.tsv").as_posix()},
            "traits": ["MKI67"],
            "compute": {"workers": 0},
        }
        (folder / "study.yaml").write_text(yaml.safe_dump(content))
        return check_cohort(Study.read(folder))

    def test_real_slides_open_with_their_own_resolution(self, checked):
        slides = checked.opened.set_index("slide_id")
        assert set(slides.index) == {"TCGA-C8-A1HN-01Z-00-DX1", "CMU-1"}
        assert slides.loc["TCGA-C8-A1HN-01Z-00-DX1", "mpp"] == pytest.approx(0.5, rel=0.01)
        assert slides.loc["CMU-1", "mpp"] == pytest.approx(0.499)
        assert slides.loc["TCGA-C8-A1HN-01Z-00-DX1", "tissue_mm2"] > 20

    def test_the_others_are_named_with_the_way_out(self, checked):
        unusable = {finding.subject: finding.message for finding in checked.findings if finding.code == "slide-unusable"}
        assert set(unusable) == {"nompp", "broken"}
        assert "slides.assume_mpp" in unusable["nompp"]
        assert "broken.svs" in unusable["broken"]

    def test_the_real_join_is_confirmed_and_the_scrambled_one_contradicted(self, checked):
        found = {(finding.subject, finding.code) for finding in checked.findings if finding.code.startswith("identity")}
        assert ("brca_htseq_counts_249.parquet", "identity-confirmed") in found
        assert (SCRAMBLED, "identity-contradicted") in found
        assert (SCRAMBLED, "identity-confirmed") not in found

    def test_the_tables_are_recognised(self, checked):
        read = [finding for finding in checked.findings if finding.code == "table-read"]
        assert {finding.subject for finding in read} == {"brca_htseq_counts_249.parquet", SCRAMBLED, "brca_clinical.tsv"}


SCRAMBLED = "brca_pam50_log2_BARCODES_SCRAMBLED.tsv.gz"
