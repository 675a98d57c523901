import hashlib
import json
import re

import numpy as np
import openslide
import pandas as pd
import pytest

from cartopath.core.geometry import window_px0
from cartopath.simulate import CohortSpec, patient_truth, plan_slides, planted_hti, simulate_cohort
from cartopath.store.artifacts import read_json, read_table

pytestmark = pytest.mark.xdist_group("simulated cohort")

SPEC = CohortSpec(n_patients=14, slide_um=(330.0, 290.0), site_mpp=(1.0, 0.9), correlation_um=60.0, seed=5)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return simulate_cohort(SPEC, tmp_path_factory.mktemp("cohort"))


@pytest.fixture(scope="module")
def expression(cohort):
    return pd.read_csv(cohort.expression_path, sep="\t")


@pytest.fixture(scope="module")
def clinical(cohort):
    return pd.read_csv(cohort.clinical_path, sep="\t", comment="#")


def _bytes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _patients(columns):
    return [name[:12] for name in columns if name.startswith("TCGA-")]


def test_two_workers_write_the_same_bytes_as_one(cohort, tmp_path):
    simulate_cohort(SPEC, tmp_path, workers=2)

    assert _bytes(tmp_path) == _bytes(cohort.folder)


def test_another_seed_gives_other_patients(cohort):
    others = plan_slides(CohortSpec(n_patients=14, seed=6))

    assert not {slide.patient_id for slide in others} & set(cohort.patients["patient_id"])


def test_a_second_run_redraws_only_what_is_missing(tmp_path):
    spec = CohortSpec(n_patients=2, slide_um=(150.0, 150.0), site_mpp=(1.0,), irregular=False)
    first = simulate_cohort(spec, tmp_path)
    before = _bytes(tmp_path)
    missing, kept = sorted(first.slides_dir.glob("*.tif"))
    missing.unlink()
    inode = kept.stat().st_ino

    simulate_cohort(spec, tmp_path)

    assert _bytes(tmp_path) == before
    assert kept.stat().st_ino == inode


def test_progress_counts_every_slide(tmp_path):
    seen = []
    spec = CohortSpec(n_patients=2, slide_um=(100.0, 100.0), site_mpp=(1.0,))

    simulate_cohort(spec, tmp_path, progress=lambda done, total: seen.append((done, total)))

    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_slides_have_barcodes_and_uuids_as_file_names(cohort):
    pattern = r"TCGA-[A-Z0-9]{2}-Z[A-Z0-9]{3}-01Z-00-DX[12]\.[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\.tif"

    names = [path.name for path in cohort.slides_dir.iterdir()]

    assert all(re.fullmatch(pattern, name) for name in names)
    assert len(names) == len(cohort.slides)


def test_the_slide_table_leads_to_every_slide(cohort):
    table = pd.read_csv(cohort.slides_table, keep_default_na=False)

    assert list(table.columns) == ["slide_id", "path", "patient_id", "mpp", "site", "exclude"]
    for row in table.itertuples():
        path = cohort.slides_table.parent / row.path
        assert path.is_file()
        assert path.name.startswith(row.slide_id + ".")
        assert row.slide_id.startswith(row.patient_id)
        assert row.patient_id.split("-")[1] == row.site


def test_every_slide_states_the_resolution_of_its_site(cohort):
    found = {}
    for row in cohort.slides.itertuples():
        with openslide.OpenSlide(cohort.folder / row.path) as slide:
            found.setdefault(row.site, set()).add(round(float(slide.properties["openslide.mpp-x"]), 6))

    assert sorted(found.values(), key=max) == [{0.9}, {1.0}]


def test_some_patients_have_a_second_slide_and_one_slide_is_excluded_with_a_reason(cohort):
    assert cohort.slides["slide_id"].str.endswith("DX2").sum() == 2
    assert cohort.slides.loc[cohort.slides["exclude"] != "", "exclude"].tolist() == ["out of focus"]
    assert not cohort.slides.loc[cohort.slides["slide_id"].str.endswith("DX1"), "exclude"].any()


def test_the_expression_matrix_has_the_real_header(expression):
    assert expression.columns[0] == "gene_id"
    assert all(re.fullmatch(r"TCGA-..-....-(01A|06A|11A)-\d1R-A\d{3}-07", name) for name in expression.columns[1:])
    assert "MKI67|4288" in expression["gene_id"].tolist()
    assert expression["gene_id"].iloc[0] == "?|100130426"
    assert (expression.iloc[:, 1:] >= 0).all(axis=None)


def test_the_mirna_matrix_has_the_real_header(cohort):
    mirna = pd.read_csv(cohort.mirna_path)

    assert mirna.columns[:2].tolist() == ["Genes", "Correction"]
    assert "hsa-miR-17-5p" in mirna["Genes"].tolist()
    assert all(name.endswith("-13") for name in mirna.columns[2:])


def test_without_mirna_traits_there_is_no_mirna_matrix(tmp_path):
    spec = CohortSpec(n_patients=1, traits=("MKI67",), slide_um=(80.0, 80.0), site_mpp=(1.0,))

    assert simulate_cohort(spec, tmp_path).mirna_path is None
    assert not list(tmp_path.glob("*.csv.csv"))


def test_expression_rises_with_the_planted_share(cohort, expression):
    row = expression.set_index("gene_id").loc["MKI67|4288"]
    primary = {name[:12]: value for name, value in row.items() if "-01A-" in name}
    joined = (
        cohort.patients.set_index("patient_id")["fraction_MKI67"].to_frame().join(pd.Series(primary, name="value"), how="inner")
    )

    assert joined.corr("spearman").iloc[0, 1] > 0.85


def test_one_patient_has_no_expression_and_one_aliquot_no_slide(cohort, expression):
    with_slides = set(cohort.slides["patient_id"])
    primary = set(_patients(name for name in expression.columns if "-01A-" in name))

    assert len(with_slides - primary) == 1
    assert len(primary - with_slides) == 1


def test_normal_and_metastatic_aliquots_are_there_and_no_patient_has_two_primaries(expression):
    primary = _patients(name for name in expression.columns if "-01A-" in name)

    assert sum("-11A-" in name for name in expression.columns) >= 2
    assert sum("-06A-" in name for name in expression.columns) == 1
    assert len(primary) == len(set(primary))


def test_the_clinical_file_is_a_cbioportal_study_file(cohort):
    lines = cohort.clinical_path.read_text().splitlines()

    assert [line.startswith("#") for line in lines[:5]] == [True] * 4 + [False]
    assert lines[0].startswith("#Patient Identifier\t")
    assert lines[4].split("\t")[0] == "PATIENT_ID"
    assert len({line.count("\t") for line in lines}) == 1
    assert {"OS_STATUS", "OS_MONTHS", "SEX", "AGE", "ER_STATUS_BY_IHC", "PAM50"} <= set(lines[4].split("\t"))


def test_clinical_survival_is_the_drawn_one(cohort, clinical):
    joined = cohort.patients.merge(clinical, left_on="patient_id", right_on="PATIENT_ID")

    assert len(joined) == len(cohort.patients)
    assert (joined["event"] == (joined["OS_STATUS"] == "1:DECEASED")).all()
    np.testing.assert_allclose(joined["months"], joined["OS_MONTHS"], atol=0.006)
    assert set(clinical["OS_STATUS"]) <= {"0:LIVING", "1:DECEASED"}


def test_the_truth_of_patients_is_written(cohort):
    table = read_table(cohort.truth_dir / "patients.parquet", "simulated_patients")

    pd.testing.assert_frame_equal(table, cohort.patients)
    assert {"patient_id", "hti", "hazard", "fraction_MKI67", "fraction_hsa-miR-17-5p"} <= set(table.columns)
    np.testing.assert_allclose(table["hazard"], np.exp(SPEC.effect * (table["hti"] - 0.5)))


def test_the_truth_of_tiles_is_written_for_every_slide_and_gives_the_truth_of_patients(cohort):
    patients = cohort.patients.set_index("slide_id")

    for row in cohort.slides.itertuples():
        tiles = read_table(cohort.truth_dir / "tiles" / f"{row.slide_id}.parquet", "simulated_tiles")
        assert list(tiles.columns) == ["col", "row", "tissue", *SPEC.traits]
        with openslide.OpenSlide(cohort.folder / row.path) as slide:
            window = window_px0(SPEC.tile_size_px, SPEC.tile_mpp, float(slide.properties["openslide.mpp-x"]))
            assert len(tiles) == (slide.dimensions[0] // window) * (slide.dimensions[1] // window)
        if row.slide_id in patients.index:
            assert planted_hti(tiles, SPEC.traits) == patients.loc[row.slide_id, "hti"]


def test_the_specification_is_written(cohort):
    content = read_json(cohort.truth_dir / "cohort.json", "simulated_cohort")

    assert content["spec"] == json.loads(json.dumps(SPEC.to_dict()))
    assert CohortSpec(**{k: tuple(v) if isinstance(v, list) else v for k, v in content["spec"].items()}) == SPEC
    assert len(content["slides"]) == len(cohort.slides)


def test_the_effect_on_survival_changes_neither_slides_nor_expression():
    none, strong = (patient_truth(spec, plan_slides(spec)) for spec in (CohortSpec(n_patients=3, effect=e) for e in (0.0, 3.0)))

    pd.testing.assert_frame_equal(none.drop(columns="hazard"), strong.drop(columns="hazard"))
    assert (none["hazard"] == 1).all()
