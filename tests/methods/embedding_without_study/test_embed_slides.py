"""Slides become feature files: tissue alone, at the encoder's own resolution, once; what cannot be read is listed."""

from __future__ import annotations

import shutil
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from cartopath.cli.main import app
from cartopath.core.errors import SlideError, TrainingError
from cartopath.methods.embedding_without_study.embed import embed_slides, features_dir
from cartopath.methods.embedding_without_study.one_slide import Computing, CutSpec, embed_slide
from cartopath.slides import Slide, TileSpec, open_slide, plan_tiles, read_tiles
from cartopath.training.encoding import load_encoder
from cartopath.training.feature_files import find_feature_files, read_features

CPU = Computing(device="cpu", threads=1)


@pytest.fixture(scope="module")
def encoder():
    """Random weights, tiles of 64 px at 1 um."""
    return load_encoder("random/test_resnet", size_px=64, mpp=1.0)


@pytest.fixture(scope="module")
def slides(small_cohort):
    return sorted((small_cohort / "slides").glob("*.*"))[:2]


def test_features_are_of_the_tiles_that_a_study_keeps(encoder, slides):
    found, counts = embed_slide(encoder, slides[0], "A", CutSpec(), CPU)
    with open_slide(slides[0]) as slide:
        plan = plan_tiles(slide, TileSpec(size_px=64, mpp=1.0))
        xy = plan.table[["x_px0", "y_px0"]].to_numpy()
        pixels = read_tiles(slide, xy, window_px0=plan.grid.window_px0, size_px=64)
    np.testing.assert_array_equal(found.xy_px0, xy)
    np.testing.assert_allclose(found.features, encoder.encode([pixels], device="cpu", threads=1), rtol=1e-4, atol=1e-5)
    assert (found.window_px0, found.size_px, found.tile_mpp) == (plan.grid.window_px0, 64, 1.0)
    assert {name: counts[name] for name in counts if name != "grid"} == {
        name: plan.counts[name] for name in ("no_tissue", "unreadable", "background", "kept")
    }


def test_tiles_that_the_thumbnail_could_not_show_are_looked_at(encoder, slides, monkeypatch):
    sound, before = embed_slide(encoder, slides[0], "A", CutSpec(min_tissue=0.9), CPU)
    monkeypatch.setattr(Slide, "lost_px0", property(lambda _: ((0, 0, 10**6, 10**6),)))
    found, counts = embed_slide(encoder, slides[0], "A", CutSpec(min_tissue=0.9), CPU)
    assert before["no_tissue"] > 0 and counts["no_tissue"] == 0
    assert set(map(tuple, sound.xy_px0)) < set(map(tuple, found.xy_px0))


def test_each_encoder_sees_its_own_resolution(encoder, slides):
    fine, coarse = (
        embed_slide(replace(encoder, card=replace(encoder.card, mpp=mpp)), slides[0], "A", CutSpec(), CPU)[0]
        for mpp in (0.5, 1.0)
    )
    assert coarse.window_px0 == pytest.approx(2 * fine.window_px0, abs=1)
    assert coarse.mpp == fine.mpp


def test_glass_is_not_encoded(encoder, slides):
    everything = embed_slide(encoder, slides[0], "A", CutSpec(min_tissue=0.0, max_background=1.0), CPU)[1]
    tissue = embed_slide(encoder, slides[0], "A", CutSpec(), CPU)[1]
    assert tissue["kept"] < everything["kept"] <= everything["grid"]
    assert sum(tissue[name] for name in ("no_tissue", "unreadable", "background", "kept")) == tissue["grid"]


def test_files_are_read_back_with_places_and_encoder(encoder, slides, tmp_path):
    done = embed_slides(encoder, slides, tmp_path, computing=CPU)
    folder = features_dir(tmp_path, encoder)
    assert folder.name == "features_random_test_resnet"
    files = find_feature_files(folder)
    assert sorted(files) == sorted(one.slide_id for one in done)
    found = read_features(files[done[0].slide_id])
    assert (found.n_tiles, found.encoder, found.tile_um, found.notes) == (
        done[0].n_tiles,
        "random/test_resnet",
        pytest.approx(64, rel=0.01),
        (),
    )
    with h5py.File(files[done[0].slide_id]) as file:
        assert file["features"].dtype == np.float16
        assert file["features"].chunks is None


def test_what_is_done_is_kept(encoder, slides, tmp_path):
    embed_slides(encoder, slides, tmp_path, computing=CPU)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.h5")}
    again = embed_slides(encoder, slides, tmp_path, computing=CPU)
    assert {one.state for one in again} == {"kept"}
    assert all(one.n_tiles > 0 for one in again)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.h5")} == before


@pytest.mark.parametrize("change", ["encoder", "tiles", "slide"])
def test_what_has_changed_is_done_again(encoder, slides, tmp_path, change):
    path = tmp_path / "A.tif"
    shutil.copy(slides[0], path)
    embed_slides(encoder, [path], tmp_path, computing=CPU)
    if change == "slide":
        shutil.copy(slides[1], path)
    other = load_encoder("random/test_resnet", size_px=64, mpp=1.0, seed=1) if change == "encoder" else encoder
    cut = CutSpec(min_tissue=0.5) if change == "tiles" else None
    assert [one.state for one in embed_slides(other, [path], tmp_path, cut=cut, computing=CPU)] == ["done"]


def test_a_damaged_slide_is_listed_and_the_rest_goes_on(encoder, slides, tmp_path):
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"no slide")
    found = embed_slides(encoder, [broken, slides[0]], tmp_path / "out", computing=CPU)
    assert [one.state for one in found] == ["failed", "done"]
    listed = pd.read_csv(features_dir(tmp_path / "out", encoder) / "slides.csv").set_index("slide_id")
    assert "no decoder can open it" in listed.loc["broken", "reason"]
    embed_slides(encoder, [slides[1]], tmp_path / "out", computing=CPU)
    assert len(pd.read_csv(features_dir(tmp_path / "out", encoder) / "slides.csv")) == 3


def test_a_file_of_another_program_is_not_replaced(encoder, slides, tmp_path):
    path = tmp_path / "A.tif"
    shutil.copy(slides[0], path)
    folder = features_dir(tmp_path, encoder)
    folder.mkdir()
    with h5py.File(folder / "A.h5", "w") as file:
        file["features"] = np.zeros((3, 4), np.float32)
    before = (folder / "A.h5").read_bytes()
    found = embed_slides(encoder, [path], tmp_path, computing=CPU)
    assert found[0].state == "failed"
    assert "written by another program" in found[0].reason
    assert (folder / "A.h5").read_bytes() == before


def test_a_slide_of_unknown_resolution_advises_what_this_command_takes(encoder, tmp_path):
    Image.new("RGB", (256, 256), "purple").save(tmp_path / "A.png")
    [one] = embed_slides(encoder, [tmp_path / "A.png"], tmp_path / "out", computing=CPU)
    assert one.reason.endswith("state it with --assume-mpp (or --mpp, for all slides)")
    assert "table" not in one.reason


def test_two_slides_of_one_name_are_refused(encoder, slides, tmp_path):
    with pytest.raises(SlideError, match="two slides are called A"):
        embed_slides(encoder, [tmp_path / "1" / "A.tif", tmp_path / "2" / "A.svs"], tmp_path)
    with pytest.raises(SlideError, match="no slide to embed"):
        embed_slides(encoder, [], tmp_path)


def test_a_gpu_that_is_not_there_is_said_once(encoder, slides, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(TrainingError, match="sees no CUDA GPU"):
        embed_slides(encoder, slides, tmp_path, computing=Computing(device="cuda"))


def run(*arguments):
    return CliRunner().invoke(app, ["embed", *map(str, arguments)])


def test_the_command_embeds_with_several_encoders_and_says_what_failed(slides, tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"no slide")
    names = ["--encoder", "random/test_resnet", "--encoder", "random/test_vit", "--tile-px", "64", "--tile-mpp", "1"]
    result = run(slides[0], tmp_path / "broken.tif", *names, "-o", tmp_path / "out", "--device", "cpu", "--threads", "1")
    assert result.exit_code == 3, result.output
    assert result.output.count("failed   broken:") == 2
    assert result.output.count("features of 1 slide:") == 2
    assert {path.parent.name for path in tmp_path.rglob("*.h5")} == {"features_random_test_resnet", "features_random_test_vit"}


def test_a_path_that_is_not_there_is_named_before_anything_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr("cartopath.cli.embedding.running.load_encoder", lambda *_, **__: pytest.fail("an encoder was loaded"))
    result = run(tmp_path / "none.svs", "--encoder", "random/test_resnet", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "none.svs: no such slide or folder" in result.output


def test_the_list_names_encoders_with_licence_and_access():
    result = run("--list")
    assert result.exit_code == 0
    line = next(line for line in result.output.splitlines() if line.startswith("uni2-h "))
    for word in ("224 px at 0.5 um", "1536", "CC-BY-NC-ND-4.0", "accept terms", "MahmoodLab/UNI2-h"):
        assert word in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name slides, an encoder (--encoder), a folder for the features (--out);"),
        (("a.svs", "-o", "out"), "name an encoder (--encoder);"),
        (("--encoder", "uni", "-o", "out"), "name slides;"),
        (("a.svs", "--encoder", "uni"), "name a folder for the features (--out);"),
    ],
)
def test_what_is_not_named_is_wrong_usage(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.svs", "--encoder", "unni", "-o", "out"), "closest: uni"),
        (("a.svs", "--encoder", "uni", "--encoder", "phikon", "--weights", "f", "-o", "out"), "is the file of one encoder"),
        (("a.svs", "--encoder", "ctranspath", "-o", "out"), "--weights FILE"),
    ],
)
def test_what_is_missing_is_one_message(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.svs").write_bytes(b"no slide")
    result = run(*arguments)
    assert result.exit_code == 1
    assert message in result.output
