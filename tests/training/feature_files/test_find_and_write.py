"""Feature files are found by slide, and written so that TRIDENT's readers and this one read them alike."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from cartopath.core.errors import ArtifactError
from cartopath.training.feature_files import find_feature_files, map_features, read_features, write_trident


def test_files_of_a_folder_are_found_by_slide(made, truth, tmp_path):
    made("trident", tmp_path / "TCGA-A7-A0D9-01Z-00-DX1.h5", truth)
    made("slideflow", tmp_path, truth, name="B.svs")
    made("lazyslide", tmp_path / "C.zarr", truth, "uni")
    (tmp_path / ".hidden.h5").touch()
    assert list(find_feature_files(tmp_path)) == ["B", "C", "TCGA-A7-A0D9-01Z-00-DX1"]


def test_a_folder_of_clam_gives_the_files_with_places(made, truth, tmp_path):
    assert find_feature_files(made("clam", tmp_path, truth)) == {"A1": tmp_path / "h5_files" / "A1.h5"}


def test_a_single_file_stands_for_itself(made, truth, tmp_path):
    path = made("trident", tmp_path / "A1.h5", truth)
    assert find_feature_files(path) == {"A1": path}


def test_two_files_of_one_slide_are_refused(made, truth, tmp_path):
    made("trident", tmp_path / "A1.h5", truth)
    made("slideflow", tmp_path, truth)
    with pytest.raises(ArtifactError, match=r"two feature files of A1: A1\.h5 and A1\.pt"):
        find_feature_files(tmp_path)


def test_a_folder_without_files_says_which_of_its_folders_hold_some(made, truth, tmp_path):
    made("trident", tmp_path / "20x" / "features_uni_v1" / "A1.h5", truth)
    with pytest.raises(ArtifactError, match="its folders 20x/features_uni_v1 do"):
        find_feature_files(tmp_path)


def test_a_folder_that_is_not_there_and_a_file_of_another_kind_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="no such folder of feature files"):
        find_feature_files(tmp_path / "none")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ArtifactError, match=r"notes\.txt: no feature file"):
        find_feature_files(tmp_path / "notes.txt")


@pytest.mark.parametrize("format_", ["trident", "stamp", "atlas_patch", "lazyslide", "slideflow"])
def test_what_was_read_and_written_is_read_again(made, truth, tmp_path, format_):
    path = tmp_path / ("A1.zarr" if format_ == "lazyslide" else "A1.h5")
    encoders = ("uni",) if format_ in ("lazyslide", "atlas_patch") else ()
    made_path = made(format_, tmp_path, truth) if format_ == "slideflow" else made(format_, path, truth, *encoders)
    first = read_features(made_path, mpp=0.25)
    write_trident(first, tmp_path / "out" / "A1.h5")
    again = read_features(tmp_path / "out" / "A1.h5")
    np.testing.assert_array_equal(again.features, first.features.astype(np.float16))
    np.testing.assert_array_equal(again.xy_px0, first.xy_px0)
    for name in ("slide_id", "window_px0", "size_px", "mpp", "tile_um", "encoder"):
        assert getattr(again, name) == getattr(first, name)
    assert again.source_format == "cartopath"


def test_a_written_file_has_what_readers_of_trident_look_for(made, truth, tmp_path):
    write_trident(read_features(made("trident", tmp_path / "A1.h5", truth)), tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["features"].chunks is None
        assert file["features"].dtype == np.float16
        np.testing.assert_array_equal(file["coords"], truth.xy)
        about = dict(file["coords"].attrs)
    wanted = {"patch_size": 256, "patch_size_level0": 512, "level0_magnification": 40, "target_magnification": 20, "overlap": 0}
    assert {name: about[name] for name in wanted} == wanted


def test_features_without_places_cannot_be_written(made, truth, tmp_path):
    found = read_features(made("stamp", tmp_path / "A1.h5", truth))
    with pytest.raises(ArtifactError, match="xy_px0, window_px0, mpp not known"):
        write_trident(found, tmp_path / "out.h5")


def test_features_in_one_piece_are_mapped(made, truth, tmp_path):
    write_trident(read_features(made("trident", tmp_path / "A1.h5", truth)), tmp_path / "out.h5")
    mapped = map_features(tmp_path / "out.h5")
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(mapped, truth.features)


def test_features_in_chunks_are_not_mapped(made, truth, tmp_path):
    with pytest.raises(ArtifactError, match="its features do not lie in one piece"):
        map_features(made("trident", tmp_path / "A1.h5", truth))
