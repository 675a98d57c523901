"""Heads on new slides: the study's own numbers, and no number where the encoder is not theirs."""

import shutil

import pandas as pd
import pytest

from cartopath.core.errors import BundleError
from cartopath.methods import apply
from cartopath.methods.apply import apply_models
from cartopath.methods.trained import read_trained
from cartopath.store.atomic import write_bytes
from cartopath.study.config import ComputeConfig
from cartopath.study.stages.mapping import map_paths

HERE = ComputeConfig(workers=0, accelerator="cpu")
TRAITS = ["MKI67", "hsa-miR-17-5p"]


@pytest.fixture
def no_pictures(monkeypatch):
    def draw(tables, geometry, slide_id, thumbnail, *, heterogeneity, folder, **_):
        for path in map_paths(folder, slide_id, list(tables), heterogeneity).values():
            write_bytes(path, b"picture")
        return {}

    monkeypatch.setattr(apply, "draw_maps", draw)


@pytest.fixture(scope="module")
def model(fingerprints_study):
    return fingerprints_study / "models" / "fingerprints"


def test_a_slide_of_the_study_gets_the_numbers_of_the_study(
    fingerprints_study, model, small_cohort, patients_tested, no_pictures, tmp_path, monkeypatch
):
    from cartopath.methods.encoding import beside

    passes = []
    embed = beside.tile_features
    monkeypatch.setattr(beside, "tile_features", lambda *given, **options: passes.append(1) or embed(*given, **options))
    path = next((small_cohort / "slides").glob(f"{sorted(patients_tested(fingerprints_study, 0))[0]}*"))
    result = apply_models(model, [path], out=tmp_path, compute=HERE)
    assert not result.summary.failed
    assert passes == [1]  # one encoder for both traits
    row = result.predictions.iloc[0]
    table = pd.read_csv(fingerprints_study / "tables" / "slide_scores.csv").set_index(["trait", "slide_id"])["ensemble"]
    for trait in TRAITS:
        ours = pd.read_parquet(tmp_path / "scores" / "applied" / trait / f"{row['slide_id']}.parquet")
        studys = pd.read_parquet(fingerprints_study / "scores" / "fingerprints" / trait / f"{row['slide_id']}.parquet")
        pd.testing.assert_frame_equal(ours, studys[ours.columns], rtol=0, atol=2e-3)  # 16-bit features of other batches
        assert row[trait] == pytest.approx(table[trait, row["slide_id"]], abs=2e-3)


def test_a_patient_who_trained_them_is_warned_of(model):
    trained = read_trained(model)
    assert {trait.trait for trait in trained} == set(TRAITS)
    assert all(len(trait.patients) > 4 and trait.method == "fingerprints" and trait.by_heads for trait in trained)


@pytest.fixture
def copied_model(model, tmp_path):
    return shutil.copytree(model, tmp_path / "model")


def test_a_trait_without_the_encoders_beside_it_is_refused(copied_model, tmp_path):
    alone = shutil.copytree(copied_model / "MKI67", tmp_path / "alone" / "MKI67")
    with pytest.raises(BundleError, match=r"its encoder 'own' is not there .*copy the study's whole folder of models"):
        read_trained(alone)


def test_a_damaged_encoder_is_refused(copied_model):
    weights = copied_model / "encoder_0" / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BundleError, match=r"encoder_0/weights\.safetensors: missing, damaged, or of another network"):
        read_trained(copied_model)


def test_another_encoder_in_its_place_is_refused(copied_model):
    card = copied_model / "encoder_0" / "fingerprint.json"
    import json

    content = json.loads(card.read_text())
    content["weights_sha256"] = "0" * 64
    card.write_text(json.dumps(content))
    with pytest.raises(BundleError, match="another encoder than the one"):
        read_trained(copied_model)
