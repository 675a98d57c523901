"""Feature files become bags: several slides of a patient are one, and what takes no part is named."""

import numpy as np
import pandas as pd
import pytest

import cartopath.methods.feature_reading as module
from cartopath.core.errors import ArtifactError, TableError
from cartopath.methods.regression.patients import read_patients
from cartopath.methods.regression.settings import Inputs, Settings

from .conftest import write_slide


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(40, 3)).astype(np.float16)


def read(folder, measured, *, slides=None, **settings):
    return read_patients(Inputs(features=folder, table=folder / "t.csv", slides=slides), Settings(**settings), measured)


def reasons(patients):
    return dict(zip(patients.left_out["slide_id"], patients.left_out["reason"], strict=True))


def test_all_slides_of_a_patient_are_one_bag(tmp_path, features):
    for slide in ("TCGA-AA-0001-01A-01-TS1", "TCGA-AA-0001-01A-01-BS1", "TCGA-AA-0002-01A-01-TS1"):
        write_slide(tmp_path / f"{slide}.h5", slide, features)
    found = read(tmp_path, ["TCGA-AA-0001", "TCGA-AA-0002"])
    assert found.names == ("TCGA-AA-0001", "TCGA-AA-0002")
    assert [len(bag.features) for bag in found.bags] == [80, 40]
    assert [(tiles.slide_id, tiles.start, tiles.stop) for tiles in found.slides["TCGA-AA-0001"]] == [
        ("TCGA-AA-0001-01A-01-BS1", 0, 40),
        ("TCGA-AA-0001-01A-01-TS1", 40, 80),
    ]


def test_normals_other_kinds_and_the_unmeasured_are_left_out_with_a_reason(tmp_path, features):
    slides = [f"TCGA-AA-000{i}-{kind}" for i, kind in enumerate(("01Z-00-DX1", "11A-01-TS1", "01A-01-TS1", "01Z-00-DX1"))]
    for slide in (*slides, "strange"):
        write_slide(tmp_path / f"{slide}.h5", slide, features)
    found = read(tmp_path, ["TCGA-AA-0000", "TCGA-AA-0001", "TCGA-AA-0002"], kinds=("DX",))
    assert found.names == ("TCGA-AA-0000",)
    assert reasons(found) == {
        slides[1]: "normal tissue",
        slides[2]: "TS section, not DX",
        slides[3]: "its patient was not measured",
        "strange": "its name is no barcode and no patient",
    }


def test_a_table_says_whose_slides_are_and_which_do_not_count(tmp_path, features):
    for slide in ("a", "b", "c"):
        write_slide(tmp_path / "h5" / f"{slide}.h5", slide, features)
    rows = [("a.svs", "P1", ""), ("b.svs", "P1", ""), ("c.svs", "P2", "folded")]
    pd.DataFrame(rows, columns=["slide_id", "patient_id", "exclude"]).to_csv(tmp_path / "slides.csv", index=False)
    found = read(tmp_path / "h5", ["P1", "P2"], slides=tmp_path / "slides.csv")
    assert [tiles.slide_id for tiles in found.slides["P1"]] == ["a", "b"]
    assert reasons(found) == {"c": "folded"}


def test_a_slide_may_be_called_like_its_patient(tmp_path, features):
    write_slide(tmp_path / "P7.h5", "P7", features)
    assert read(tmp_path, ["P7"]).names == ("P7",)


def test_tiles_beyond_the_limit_are_left_out_the_same_way_every_time(tmp_path, features):
    write_slide(tmp_path / "P7.h5", "P7", features)
    first, second = (read(tmp_path, ["P7"], max_tiles=10) for _ in range(2))
    assert first.bags[0].features.shape == (10, 3)
    assert first.digest() == second.digest()
    tiles = first.slides["P7"][0]
    assert tiles.n_tiles == 40
    places = tiles.xy_px0[:, 1] // 256 * 8 + tiles.xy_px0[:, 0] // 256
    assert np.array_equal(first.bags[0].features, features[places])


def test_files_of_different_encoders_are_refused(tmp_path, features):
    write_slide(tmp_path / "P1.h5", "P1", features)
    write_slide(tmp_path / "P2.h5", "P2", features, encoder="other")
    with pytest.raises(
        ArtifactError, match=r"different encoders \(1 file holds 3 numbers per tile of made: P1.h5; .*other: P2.h5"
    ):
        read(tmp_path, ["P1", "P2"])


def test_a_single_file_of_another_width_is_left_out_with_both_widths(tmp_path, features):
    for slide in ("P1", "P2", "P3"):
        write_slide(tmp_path / f"{slide}.h5", slide, features[:, :2] if slide == "P2" else features)
    found = read(tmp_path, ["P1", "P2", "P3"])
    assert found.names == ("P1", "P3")
    ((slide, reason),) = found.unreadable
    assert slide == "P2"
    assert reason.endswith(
        "P2.h5: 2 numbers per tile of made, where 2 of 3 files hold 3 numbers per tile of made; compute its features again "
        "with the encoder of the others"
    )
    assert reasons(found) == {"P2": reason}


def test_a_single_file_of_another_encoder_is_left_out(tmp_path, features):
    for slide in ("P1", "P2", "P3", "P4"):
        write_slide(tmp_path / f"{slide}.h5", slide, features, encoder={"P1": "other", "P2": ""}.get(slide, "made"))
    found = read(tmp_path, ["P1", "P2", "P3", "P4"])
    assert found.names == ("P2", "P3", "P4")
    assert "P1.h5: 3 numbers per tile of other, where 3 of 4 files hold" in reasons(found)["P1"]


def test_a_folder_of_which_more_than_a_tenth_is_odd_is_refused_with_all_odd_names(tmp_path, features):
    names = [f"P{number}" for number in range(8)]
    for slide in names:
        write_slide(tmp_path / f"{slide}.h5", slide, features[:, :2] if slide in ("P2", "P5") else features)
    with pytest.raises(ArtifactError, match=r"6 files hold 3 numbers .*P0\.h5, .*; 2 files hold 2 numbers .*: P2\.h5, P5\.h5\)"):
        read(tmp_path, names)


def test_where_nobody_is_left_the_message_shows_both_sides_names(tmp_path, features):
    write_slide(tmp_path / "s1.h5", "s1", features)
    with pytest.raises(ArtifactError, match=r"none of the 1 slides can be used.*called s1; the patients .* P1, P2.*--slides"):
        read(tmp_path, ["P1", "P2"])


def test_a_table_without_patients_is_refused(tmp_path, features):
    write_slide(tmp_path / "s1.h5", "s1", features)
    (tmp_path / "slides.csv").write_text("slide_id,mpp\ns1,0.5\n")
    with pytest.raises(TableError, match="names no patients"):
        read(tmp_path, ["P1"], slides=tmp_path / "slides.csv")


def test_files_that_cannot_be_read_are_left_out_each_with_its_reason(tmp_path, features, monkeypatch):
    for slide in ("P1", "P2", "P3"):
        write_slide(tmp_path / f"{slide}.h5", slide, features)
    (tmp_path / "P2.h5").write_bytes(b"no HDF5 at all")
    monkeypatch.setattr(module, "fatal_feature_files", lambda paths: {tmp_path / "P3.h5": "P3.h5: damaged so that it crashes"})
    found = read(tmp_path, ["P1", "P2", "P3"])
    assert found.names == ("P1",)
    assert "not readable" in reasons(found)["P2"] and reasons(found)["P3"] == "P3.h5: damaged so that it crashes"
    assert len(found.unreadable) == 2


def test_where_no_file_can_be_read_the_first_says_why(tmp_path):
    (tmp_path / "P1.h5").write_bytes(b"no HDF5 at all")
    with pytest.raises(ArtifactError, match=r"P1\.h5: not readable"):
        read(tmp_path, ["P1"])
