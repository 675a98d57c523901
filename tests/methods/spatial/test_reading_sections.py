import gzip
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import mmwrite
from scipy.sparse import csc_matrix

from cartopath.core.errors import ConfigError, TableError
from cartopath.methods.spatial import read_sections


@pytest.fixture
def visium(tmp_path):
    """A Visium folder of 5 x 8 spots, one of them beside the tissue, with a full-resolution picture."""
    folder = tmp_path / "V1"
    (folder / "spatial").mkdir(parents=True)
    rows = [(f"B{r}-{c}", int((r, c) != (0, 0)), r, 2 * c + r % 2) for r in range(5) for c in range(8)]
    lines = [f"{b},{inside},{r},{c},{100 + r * 87},{100 + c * 50}" for b, inside, r, c in rows]
    (folder / "spatial" / "tissue_positions_list.csv").write_text("\n".join(lines))
    Image.new("RGB", (1000, 600), "white").save(folder / "V1.tif")
    return folder


def _counts():
    barcodes = [f"B{r}-{c}" for r in range(5) for c in range(8)]
    return barcodes, np.random.default_rng(0).poisson(4, (3, len(barcodes))) + 1


def _write_h5(folder):
    barcodes, counts = _counts()
    matrix = csc_matrix(counts)
    with h5py.File(folder / "filtered_feature_bc_matrix.h5", "w") as file:
        node = file.create_group("matrix")
        for name in ("data", "indices", "indptr"):
            node[name] = getattr(matrix, name)
        node["shape"] = counts.shape
        node["barcodes"] = np.array(barcodes, dtype="S")
        node["features/name"] = np.array(["ERBB2", "CD74", "CD74"], dtype="S")
    return counts


def test_visium_h5_gives_spots_under_tissue_with_their_counts(visium):
    counts = _write_h5(visium)
    (section,) = read_sections([visium])
    assert (section.name, section.counts.shape) == ("V1", (39, 2))
    assert section.counts.loc["B2-3"].to_dict() == {"ERBB2": counts[0, 19], "CD74": counts[1:, 19].sum()}
    assert section.mpp == pytest.approx(1.0, rel=0.02) and section.image.name == "V1.tif"
    np.testing.assert_allclose(section.centres_px[list(section.counts.index).index("B2-3")], [400, 274])


def test_visium_matrix_folder_gives_the_same_as_the_h5(visium):
    _write_h5(visium)
    (wanted,) = read_sections([visium])
    (visium / "filtered_feature_bc_matrix.h5").unlink()
    barcodes, counts = _counts()
    folder = visium / "filtered_feature_bc_matrix"
    folder.mkdir()
    with gzip.open(folder / "matrix.mtx.gz", "wb") as file:
        mmwrite(file, csc_matrix(counts))
    (folder / "barcodes.tsv").write_text("\n".join(barcodes))
    (folder / "features.tsv").write_text("E1\tERBB2\tGene Expression\nE2\tCD74\tGene Expression\nE3\tCD74\tGene Expression")
    (section,) = read_sections([visium])
    pd.testing.assert_frame_equal(section.counts, wanted.counts, check_dtype=False)


def test_without_a_full_picture_the_small_one_is_used_at_its_scale(visium):
    _write_h5(visium)
    (visium / "V1.tif").rename(visium / "spatial" / "tissue_hires_image.png")
    (visium / "spatial" / "scalefactors_json.json").write_text('{"tissue_hires_scalef": 0.25}')
    (section,) = read_sections([visium])
    assert section.mpp == pytest.approx(4.0, rel=0.02)


def test_sections_of_an_array_folder_are_read_by_name(planted_folder):
    assert [section.name for section in read_sections([planted_folder])] == ["S0", "S1", "S2"]
    (section,) = read_sections([planted_folder], only=["S1"])
    assert section.mpp == pytest.approx(200 / 50)
    assert section.counts.index[15] == "2x2" and section.grid[15].tolist() == [2, 2]


def test_section_that_is_not_there_is_refused_with_those_that_are(planted_folder):
    with pytest.raises(ConfigError, match="--only S7: no such section"):
        read_sections([planted_folder], only=["S7"])


def _copy(planted_folder, tmp_path):
    return shutil.copytree(planted_folder, tmp_path / "copy")


def _change_counts(folder, change):
    path = folder / "counts" / "S0.tsv.gz"
    change(pd.read_csv(path, sep="\t", index_col=0)).to_csv(path, sep="\t")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda counts: np.log1p(counts), "not raw counts"),
        (lambda counts: counts.T, "none of its rows .*rows must be spots"),
        (lambda counts: counts.assign(UP1="many"), "column 'UP1' holds something else than numbers"),
        (lambda counts: counts.iloc[:7], "7 spots with counts.*at least 20"),
        (lambda counts: pd.concat([counts, counts.iloc[:1]]), "spot '1x1' is there twice"),
    ],
)
def test_counts_that_are_none_are_refused(planted_folder, tmp_path, change, message):
    folder = _copy(planted_folder, tmp_path)
    _change_counts(folder, change)
    with pytest.raises(TableError, match=message):
        read_sections([folder], only=["S0"])


def test_spots_without_a_single_count_are_left_out_and_counted(planted_folder, tmp_path):
    folder = _copy(planted_folder, tmp_path)
    _change_counts(folder, lambda counts: counts.mul((counts.index != "3x3").astype(int), axis=0))
    (section,) = read_sections([folder], only=["S0"])
    assert "3x3" not in section.counts.index and section.notes == ("1 spots without a single count left out",)


def test_section_without_a_picture_is_refused_with_the_names_looked_for(planted_folder, tmp_path):
    folder = _copy(planted_folder, tmp_path)
    (folder / "images" / "S0.png").unlink()
    with pytest.raises(TableError, match=r"nothing for section 'S0'; looked for S0.jpg"):
        read_sections([folder], only=["S0"])


def test_torn_table_of_counts_is_refused(planted_folder, tmp_path):
    folder = _copy(planted_folder, tmp_path)
    path = folder / "counts" / "S0.tsv.gz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(TableError, match=r"S0.tsv.gz: cannot be read as a table"):
        read_sections([folder], only=["S0"])


def test_folder_of_another_layout_is_refused(tmp_path):
    with pytest.raises(TableError, match="neither counts/, spots/ and images/ nor a Visium folder"):
        read_sections([tmp_path])


def test_a_section_that_is_not_there_is_answered_with_those_that_are(planted_folder):
    with pytest.raises(ConfigError, match=r"there are .*S1"):
        read_sections([planted_folder], only=["S7"])
