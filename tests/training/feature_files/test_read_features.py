"""Features of other programs are read as they were written, with places and sizes in level-0 pixels and micrometres."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from cartopath.core.errors import ArtifactError
from cartopath.training.feature_files import read_features


def same(found, truth):
    np.testing.assert_array_equal(found.features, truth.features.astype(np.float32))
    np.testing.assert_array_equal(found.xy_px0, truth.xy)
    assert found.window_px0 == truth.window


def test_trident_says_where_tiles_lie_and_who_encoded_them(made, truth, tmp_path):
    found = read_features(made("trident", tmp_path / "features_uni_v1" / "A1.h5", truth))
    same(found, truth)
    assert (found.slide_id, found.encoder, found.source_format, found.size_px) == ("A1", "uni_v1", "trident", 256)


def test_a_nominal_magnification_gives_a_resolution_that_is_said_to_be_assumed(made, truth, tmp_path):
    found = read_features(made("trident", tmp_path / "A1.h5", truth))
    assert (found.mpp, found.tile_um) == (0.25, 128.0)
    assert found.notes == ("0.25 um per pixel taken from the nominal magnification 40",)
    np.testing.assert_array_equal(found.xy_um, truth.xy * 0.25)


def test_a_given_resolution_wins_over_a_nominal_one(made, truth, tmp_path):
    found = read_features(made("trident", tmp_path / "A1.h5", truth), mpp=0.2525)
    assert (found.mpp, found.tile_um, found.notes) == (0.2525, 512 * 0.2525, ())


def test_what_trident_could_not_say_is_none(made, truth, tmp_path):
    found = read_features(made("trident", tmp_path / "A1.h5", truth, level0_magnification="None"))
    assert (found.mpp, found.tile_um, found.xy_um) == (None, None, None)


def test_clam_files_have_tiles_as_wide_as_the_step_between_them(made, truth, tmp_path):
    found = read_features(made("clam", tmp_path, truth) / "h5_files" / "A1.h5")
    same(found, truth)
    assert found.source_format == "clam"
    assert found.notes == ("tiles taken to be 512 level-0 pixels wide, the step between them",)


def test_a_tensor_of_clam_takes_places_from_the_file_beside_it(made, truth, tmp_path):
    found = read_features(made("clam", tmp_path, truth) / "pt_files" / "A1.pt")
    same(found, truth)
    assert found.features.dtype == np.float32


def test_a_tensor_alone_has_no_places(truth, tmp_path):
    torch.save(torch.from_numpy(truth.features), tmp_path / "A1.pt")  # noqa: TID251
    found = read_features(tmp_path / "A1.pt")
    np.testing.assert_array_equal(found.features, truth.features)
    assert (found.xy_px0, found.window_px0, found.xy_um) == (None, None, None)
    assert found.notes == ("no coordinates beside the features",)


def test_stamp_counts_in_micrometres(made, truth, tmp_path):
    found = read_features(made("stamp", tmp_path / "A1.h5", truth))
    assert (found.source_format, found.encoder, found.tile_um, found.size_px) == ("stamp", "h-optimus-0", 128.0, 224)
    np.testing.assert_array_equal(found.xy_um, truth.xy * 0.25)
    assert (found.xy_px0, found.mpp) == (None, None)


def test_stamp_has_pixels_where_the_resolution_is_given(made, truth, tmp_path):
    found = read_features(made("stamp", tmp_path / "A1.h5", truth), mpp=0.25)
    same(found, truth)
    assert found.features.dtype == np.float16


def test_stamp_before_version_2_counts_in_pixels_of_its_tiles(made, truth, tmp_path):
    old = dict.fromkeys(("extractor", "unit", "tile_size_um", "tile_size_px", "feat_type"))
    path = made("stamp", tmp_path / "A1.h5", truth, **old)
    found = read_features(path)
    np.testing.assert_allclose(found.xy_um, truth.xy * 0.25 * 256 / 224)
    assert (found.tile_um, found.size_px, len(found.notes)) == (256.0, 224, 1)


def test_stamp_2_0_names_the_size_of_tiles_differently(made, truth, tmp_path):
    path = made("stamp", tmp_path / "A1.h5", truth, tile_size_um=None, tile_size=128.0)
    assert read_features(path).tile_um == 128.0


def test_stamp_features_of_a_whole_slide_are_refused(made, truth, tmp_path):
    with pytest.raises(ArtifactError, match="STAMP features of a whole slide"):
        read_features(made("stamp", tmp_path / "A1.h5", truth, feat_type="slide"))


def test_atlaspatch_keeps_several_encoders_in_one_file(made, truth, tmp_path):
    path = made("atlas_patch", tmp_path / "A1.h5", truth, "uni_v2", "resnet50")
    found = read_features(path, encoder="uni_v2")
    same(found, truth)
    assert (found.encoder, found.source_format, found.size_px) == ("uni_v2", "atlaspatch", 256)
    np.testing.assert_array_equal(read_features(path, encoder="resnet50").features, truth.features.astype(np.float32) + 1)


def test_one_encoder_need_not_be_named(made, truth, tmp_path):
    assert read_features(made("atlas_patch", tmp_path / "A1.h5", truth, "uni_v2")).encoder == "uni_v2"


@pytest.mark.parametrize(
    ("encoders", "asked", "message"),
    [
        (("uni_v2", "resnet50"), None, r"features of 2 encoders \(resnet50, uni_v2\); say which one"),
        (("uni_v2", "resnet50"), "uni", "no features of 'uni'; closest: uni_v2"),
        ((), None, "holds coords, passports"),
    ],
)
def test_an_encoder_that_is_not_there_is_named_with_those_that_are(made, truth, tmp_path, encoders, asked, message):
    with pytest.raises(ArtifactError, match=message):
        read_features(made("atlas_patch", tmp_path / "A1.h5", truth, *encoders), encoder=asked)


@pytest.mark.parametrize("key", ["arr_0", "locations"])
def test_slideflow_keeps_the_middles_of_tiles(made, truth, tmp_path, key):
    found = read_features(made("slideflow", tmp_path, truth, key=key), mpp=0.25)
    same(found, truth)
    assert (found.encoder, found.source_format, found.tile_um, found.size_px) == ("ctranspath", "slideflow", 128.0, 224)


def test_an_index_of_slideflow_may_be_a_single_array(made, truth, tmp_path):
    path = made("slideflow", tmp_path, truth)
    np.save(tmp_path / "A1.index.npy", truth.xy + truth.window // 2)
    (tmp_path / "A1.index.npz").unlink()
    same(read_features(path), truth)


def test_slideflow_gives_a_resolution_by_the_step_between_tiles(made, truth, tmp_path):
    found = read_features(made("slideflow", tmp_path, truth))
    same(found, truth)
    assert found.mpp == 0.25
    assert found.notes == ("0.25 um per pixel taken from tiles of 128 um that lie 512 level-0 pixels apart",)


@pytest.mark.parametrize(("version", "codec"), [(2, "blosc"), (2, None), (3, "zstd"), (3, None)])
def test_lazyslide_stores_are_read_in_both_versions_of_zarr(made, truth, tmp_path, version, codec):
    found = read_features(made("lazyslide", tmp_path / "A1.zarr", truth, "uni", version=version, codec=codec))
    np.testing.assert_array_equal(found.features[::-1], truth.features.astype(np.float32))
    np.testing.assert_array_equal(found.xy_px0[::-1], truth.xy)
    assert (found.window_px0, found.mpp, found.size_px, found.tile_um) == (512, 0.25, 224, 128.0)
    assert (found.slide_id, found.encoder, found.source_format, found.notes) == ("A1", "uni", "lazyslide", ())


@pytest.mark.parametrize("asked", ["resnet50", "resnet50_tiles"])
def test_a_table_of_lazyslide_is_named_by_its_encoder_or_in_full(made, truth, tmp_path, asked):
    folder = made("lazyslide", tmp_path / "A1.zarr", truth, "uni", "resnet50")
    found = read_features(folder, encoder=asked)
    np.testing.assert_array_equal(found.features[::-1], truth.features.astype(np.float32) + 1)


def test_a_chunk_that_is_not_there_holds_the_fill_value(made, truth, tmp_path):
    folder = made("lazyslide", tmp_path / "A1.zarr", truth, "uni")
    (folder / "tables" / "uni_tiles" / "X" / "c" / "0" / "0").unlink()
    assert (read_features(folder).features[:5, :4] == 0).all()


def test_outlines_of_other_tiles_are_refused(made, truth, tmp_path):
    folder = made("lazyslide", tmp_path / "A1.zarr", truth, "uni")
    truth.xy = truth.xy[:7]
    made("lazyslide", tmp_path / "B.zarr", truth)
    (tmp_path / "B.zarr/shapes/tiles/shapes.parquet").replace(folder / "shapes/tiles/shapes.parquet")
    with pytest.raises(ArtifactError, match="lacks the outlines of some of the 12 tiles"):
        read_features(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"compressor": {"id": "bitshuffle"}}, "compressed with 'bitshuffle', which is not read here"),
        ({"dtype": "|O"}, "an array of object; expected numbers"),
        ({"shape": [1 << 40, 6]}, "which cannot be"),
        ({"chunks": None}, "its description is damaged"),
        ({"filters": [{"id": "delta"}]}, "filtered by"),
    ],
)
def test_arrays_stored_in_unknown_ways_are_refused(made, truth, tmp_path, change, message):
    folder = made("lazyslide", tmp_path / "A1.zarr", truth, "uni", version=2, codec="blosc")
    path = folder / "tables" / "uni_tiles" / "X" / ".zarray"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}), encoding="utf-8")
    with pytest.raises(ArtifactError, match=message):
        read_features(folder)


def test_a_damaged_chunk_is_named(made, truth, tmp_path):
    folder = made("lazyslide", tmp_path / "A1.zarr", truth, "uni")
    (folder / "tables" / "uni_tiles" / "X" / "c" / "1" / "0").write_bytes(b"no zstd")
    with pytest.raises(ArtifactError, match=r"X/c/1/0: damaged chunk"):
        read_features(folder)


def test_a_batch_of_one_is_unwrapped(truth, tmp_path):
    with h5py.File(tmp_path / "A1.h5", "w") as file:
        file["features"], file["coords"] = truth.features[None], truth.xy[None]
    same(read_features(tmp_path / "A1.h5"), truth)


def test_a_tensor_that_would_run_code_is_refused(tmp_path):
    torch.save(Path("a"), tmp_path / "A1.pt")  # noqa: TID251
    with pytest.raises(ArtifactError, match="more than numbers"):
        read_features(tmp_path / "A1.pt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"features": torch.zeros(3, 4)}, "holds dict; expected one tensor"),
        (torch.zeros(3, 4, dtype=torch.int64), "expected one tensor of floating-point numbers"),
        (torch.zeros(0, 4), "expected .n, d., a row per tile"),
    ],
)
def test_other_things_in_a_pt_file_are_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "A1.pt")  # noqa: TID251
    with pytest.raises(ArtifactError, match=message):
        read_features(tmp_path / "A1.pt")


def test_places_of_other_tiles_are_refused(made, truth, tmp_path):
    folder = made("clam", tmp_path, truth)
    torch.save(torch.zeros(5, 6), folder / "pt_files" / "A1.pt")  # noqa: TID251
    with pytest.raises(ArtifactError, match=r"5 tiles, but .* has the places of 12"):
        read_features(folder / "pt_files" / "A1.pt")


@pytest.mark.parametrize("program", ["trident", "stamp"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_no_numbers_are_counted(made, truth, tmp_path, program, value):
    truth.features[3, 2] = value
    with pytest.raises(ArtifactError, match="features of 1 of 12 tiles are no numbers"):
        read_features(made(program, tmp_path / "A1.h5", truth))


def test_the_embedding_of_a_slide_is_not_taken_for_tiles(tmp_path):
    with h5py.File(tmp_path / "A1.h5", "w") as file:
        file["features"], file["coords"] = np.zeros(768, np.float32), np.zeros((1, 2), int)
    with pytest.raises(ArtifactError, match="the embedding of a whole slide"):
        read_features(tmp_path / "A1.h5")


def test_features_that_lie_in_another_file_are_refused(made, truth, tmp_path):
    made("trident", tmp_path / "other.h5", truth)
    with h5py.File(tmp_path / "A1.h5", "w") as file:
        file["features"] = h5py.ExternalLink("other.h5", "features")
        file["coords"] = truth.xy
    with pytest.raises(ArtifactError, match="its data set features is missing, or lies in another file"):
        read_features(tmp_path / "A1.h5")


def test_files_that_are_none_are_refused(tmp_path):
    (tmp_path / "A1.h5").write_bytes(b"not HDF5")
    (tmp_path / "A1.csv").write_text("a,b")
    (tmp_path / "A1").mkdir()
    for name, message in {
        "A1.h5": "not readable features",
        "A1.csv": "no feature file: expected .h5, .pt or .zarr",
        "A1": "no SpatialData store",
        "A2.h5": "no such feature file",
    }.items():
        with pytest.raises(ArtifactError, match=message):
            read_features(tmp_path / name)


def test_the_reader_imports_no_torch_for_hdf5(made, truth, tmp_path):
    path = made("trident", tmp_path / "A1.h5", truth)
    program = f"""
import sys
from cartopath.training.feature_files import read_features
assert read_features({str(path)!r}).n_tiles == 12
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
