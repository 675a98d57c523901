"""Embeddings of slides: what other tools expect of the file, and nothing but numbers in it."""

import dataclasses

import h5py
import numpy as np
import pytest

from cartopath.core.errors import ArtifactError
from cartopath.store.embeddings import Embeddings, read_embeddings, read_embeddings_header, write_embeddings


@pytest.fixture
def embeddings():
    rng = np.random.default_rng(0)
    return Embeddings(
        slide_id="TCGA-A1-A0SB-01Z-00-DX1",
        features=rng.normal(size=(7, 5)).astype(np.float16),
        xy_px0=rng.integers(0, 2**40, (7, 2)),
        window_px0=444,
        size_px=224,
        mpp=0.2525,
        tile_mpp=0.5,
        encoder="resnet34",
    )


@pytest.fixture
def path(embeddings, tmp_path):
    write_embeddings(embeddings, tmp_path / "slide.h5", key="k", meta={"tiles": "all"})
    return tmp_path / "slide.h5"


def test_come_back_as_they_were(embeddings, path):
    found, header = read_embeddings(path)
    for field in dataclasses.fields(Embeddings):
        assert np.array_equal(getattr(found, field.name), getattr(embeddings, field.name)), field.name
    assert (header.kind, header.key, header.meta["tiles"]) == ("embeddings", "k", "all")
    assert read_embeddings_header(path) == header


def test_have_what_trident_and_clam_look_for(embeddings, path):
    with h5py.File(path) as file:
        assert (file["features"].dtype, file["features"].shape, file["features"].chunks) == (np.float16, (7, 5), None)
        assert np.array_equal(file["coords"][:], embeddings.xy_px0)
        said = dict(file["coords"].attrs)
    assert said == {
        "patch_size": 224,
        "patch_size_level0": 444,
        "level0_magnification": 40,
        "target_magnification": 20,
        "overlap": 0,
        "name": embeddings.slide_id,
    }


def test_of_no_tile_are_a_file_too(embeddings, tmp_path):
    none = dataclasses.replace(embeddings, features=embeddings.features[:0], xy_px0=embeddings.xy_px0[:0])
    write_embeddings(none, tmp_path / "none.h5", key="k")
    assert read_embeddings(tmp_path / "none.h5")[0].features.shape == (0, 5)


def test_that_are_equal_are_equal_bytes(embeddings, path, tmp_path):
    write_embeddings(embeddings, tmp_path / "again.h5", key="k", meta={"tiles": "all"})
    assert (tmp_path / "again.h5").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_a_feature_that_is_no_16_bit_number_is_refused_and_no_file_left(embeddings, tmp_path, value):
    features = embeddings.features.astype(np.float32)
    features[3, 2] = value
    with pytest.raises(ArtifactError, match=r"embeddings of TCGA.*no 16-bit number"):
        write_embeddings(dataclasses.replace(embeddings, features=features), tmp_path / "bad.h5", key="k")
    assert list(tmp_path.iterdir()) == []


def test_a_row_too_many_is_refused(embeddings):
    with pytest.raises(ArtifactError, match=r"expected features \(n, d\) and xy_px0 \(n, 2\), found \(7, 5\) and \(6, 2\)"):
        dataclasses.replace(embeddings, xy_px0=embeddings.xy_px0[:6])


def damaged(path, how):
    """Damage a file in one way."""
    if how == "gone":
        path.unlink()
    elif how == "torn":
        path.write_bytes(path.read_bytes()[:900])
    elif how == "no HDF5":
        path.write_text("features")
    else:
        with h5py.File(path, "r+") as file:
            DAMAGE[how][0](file)


def _replace(file, name, **options):
    del file[name]
    file.create_dataset(name, **options)


def _link(file):
    del file["features"]
    file["features"] = h5py.ExternalLink("/etc/hostname", "features")


def _external(file):
    _replace(file, "features", shape=(7, 5), dtype=np.float16, external=[("/etc/hostname", 0, 70)])


DAMAGE = {
    "gone": (None, "no such embeddings; run the stage"),
    "torn": (None, "not readable embeddings"),
    "no HDF5": (None, "not readable embeddings"),
    "another program": (lambda file: file.attrs.__delitem__("cartopath"), "no cartopath header"),
    "header": (lambda file: file.attrs.__setitem__("cartopath", "{"), "its header is damaged"),
    "newer": (
        lambda file: file.attrs.__setitem__("cartopath", file.attrs["cartopath"].replace('"version":1', '"version":2')),
        "expected embeddings version 1, found embeddings version 2",
    ),
    "no coords": (lambda file: file.__delitem__("coords"), "coords is missing"),
    "wide": (lambda file: _replace(file, "features", data=np.zeros((7, 5))), "features is float64"),
    "words": (lambda file: _replace(file, "features", data=[["a"] * 5] * 7), "features is object"),
    "short": (lambda file: _replace(file, "coords", data=np.zeros((3, 2), np.int64)), "expected features"),
    "a link": (_link, "features is missing, or lies in another file"),
    "another file": (_external, "features is missing, or lies in another file"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_file_that_is_no_sound_embeddings_is_an_error_that_names_it(path, how):
    damaged(path, how)
    with pytest.raises(ArtifactError, match=rf"(?s)(slide\.h5|TCGA).*{DAMAGE[how][1]}"):
        read_embeddings(path)
