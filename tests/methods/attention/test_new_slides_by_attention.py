"""Attention heads on slides that no study knows."""

import shutil

import pandas as pd
import pytest

from cartopath.core.errors import BundleError
from cartopath.methods.apply import apply_models
from cartopath.methods.external.frozen import read_frozen
from cartopath.methods.trained import read_trained
from cartopath.study.config import ComputeConfig

HERE = ComputeConfig(workers=0, accelerator="cpu")
TRAITS = ["MKI67", "hsa-miR-17-5p", "ER"]


@pytest.fixture
def undrawn(monkeypatch):
    """Maps are tested elsewhere."""
    from cartopath.methods import apply
    from cartopath.study.stages.mapping import map_paths

    def draw(scores, geometry, slide_id, thumbnail, *, heterogeneity, base, folder):
        for path in map_paths(folder, slide_id, list(scores), heterogeneity).values():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return {}

    monkeypatch.setattr(apply, "draw_maps", draw)


def test_a_slide_of_the_study_gets_the_numbers_of_the_study(attention_study, small_cohort, tmp_path, undrawn):
    table = pd.read_csv(attention_study / "tables" / "slide_scores.csv").set_index(["trait", "slide_id"])["ensemble"]
    path = sorted((small_cohort / "slides").iterdir())[0]
    result = apply_models(attention_study / "models" / "attention", [path], out=tmp_path, compute=HERE)
    assert not result.summary.failed
    row = result.predictions.iloc[0]
    for trait in TRAITS:
        ours = pd.read_parquet(tmp_path / "scores" / "applied" / trait / f"{row['slide_id']}.parquet")
        studys = pd.read_parquet(attention_study / "scores" / "attention" / trait / f"{row['slide_id']}.parquet")
        pd.testing.assert_frame_equal(ours, studys[ours.columns], rtol=0, atol=5e-3)  # 16-bit features of other batches
        assert row[trait] == pytest.approx(table[trait, row["slide_id"]], abs=5e-3)


def test_heads_say_who_trained_them(attention_study):
    trained = {trait.trait: trait for trait in read_trained(attention_study / "models" / "attention")}
    assert set(trained) == set(TRAITS)
    assert all(trait.by_attention and trait.method == "attention" and len(trait.patients) > 4 for trait in trained.values())
    assert read_frozen(attention_study).trained


def test_a_damaged_head_is_found_before_a_slide_is_opened(attention_study, tmp_path):
    shutil.copytree(attention_study / "models" / "attention", tmp_path / "models")
    path = tmp_path / "models" / "MKI67" / "round_1" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(BundleError, match="damaged"):
        read_trained(tmp_path / "models")


def test_an_encoder_that_is_gone_is_missed(attention_study, tmp_path):
    shutil.copytree(attention_study / "models" / "attention", tmp_path / "models")
    shutil.rmtree(tmp_path / "models" / "encoder_0")
    with pytest.raises(BundleError, match="encoder 'random' is not there"):
        read_trained(tmp_path / "models")
