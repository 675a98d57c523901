"""Types of the tiles of slides: of any size, as a table and as a picture."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cartopath.core.errors import ArtifactError, SlideError
from cartopath.maps import Thumbnail
from cartopath.methods.tissue_types.apply import KIND, apply_tissue_model
from cartopath.methods.tissue_types.model import read_tissue_model
from cartopath.methods.tissue_types.picture import render_tissue_types, type_colours
from cartopath.methods.tissue_types.prediction import joined_types, type_probabilities, type_table
from cartopath.store.artifacts import read_header, read_table
from cartopath.training import SlideTiles


@pytest.fixture(scope="module")
def applied(tissue_model, annotated, tmp_path_factory):
    out = tmp_path_factory.mktemp("applied")
    slides = sorted((annotated / "slides").iterdir())[:1]
    return out, *apply_tissue_model(tissue_model, [*slides, annotated / "slides" / "gone.tif"], out)


def tiles_of(path, xy_px0, window_px0, size_px=16):
    xy = np.asarray(xy_px0)
    return SlideTiles(slide_id="S", patient_id="P", path=path, xy_px0=xy, window_px0=window_px0, size_px=size_px)


class TestAppliedToSlides:
    def test_every_tile_has_probabilities_that_sum_to_one(self, applied):
        out, table, _ = applied
        tiles = read_table(out / f"{table['slide_id'][0]}.parquet", KIND)
        assert tiles.filter(like="p_").sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-5)

    def test_type_is_the_most_probable_one(self, applied):
        out, table, _ = applied
        tiles = read_table(out / f"{table['slide_id'][0]}.parquet", KIND)
        assert (tiles.filter(like="p_").idxmax(axis=1).str.removeprefix("p_") == tiles["type"]).all()

    def test_types_agree_with_what_was_planted(self, applied, annotated):
        out, table, _ = applied
        slide_id = table["slide_id"][0]
        tiles = read_table(out / f"{slide_id}.parquet", KIND)
        truth = np.asarray(Image.open(annotated / "masks" / f"{slide_id}.png"))
        middle = ((tiles[["y_px0", "x_px0"]].to_numpy() + 16) * truth.shape[0] // 450).T
        planted = np.array(["", "background", "epithelium", "stroma", "fat"])[truth[tuple(middle)]]
        assert (planted == tiles["type"]).mean() > 0.6

    def test_header_names_the_model(self, applied, tissue_model):
        out, table, _ = applied
        meta = read_header(out / f"{table['slide_id'][0]}.parquet", KIND).meta
        assert meta["model_sha256"] == read_tissue_model(tissue_model).sha256

    def test_slide_is_called_by_its_barcode(self, applied):
        assert applied[1]["slide_id"][0].endswith("-DX1")

    def test_slide_that_cannot_be_read_is_named(self, applied):
        _, _, failed = applied
        assert [path.name for path, _ in failed] == ["gone.tif"]

    def test_shares_of_a_slide_sum_to_one(self, applied):
        written = pd.read_csv(applied[0] / "tissue.csv")
        assert written.drop(columns=["slide_id", "n_tiles"]).sum(axis=1).tolist() == pytest.approx([1.0])


class TestTilesOfOtherSizes:
    def test_wider_tile_has_the_mean_of_its_parts(self, tissue_model, annotated):
        model = read_tissue_model(tissue_model)
        path = sorted((annotated / "slides").iterdir())[0]
        wide = type_probabilities(model, tiles_of(path, [[100, 100]], 64, 32), mpp=1.0)
        parts = type_probabilities(model, tiles_of(path, [[100, 100], [132, 100], [100, 132], [132, 132]], 32), mpp=1.0)
        assert wide[0] == pytest.approx(parts.mean(axis=0), abs=1e-6)

    def test_narrower_tile_is_that_around_its_middle(self, tissue_model, annotated):
        model = read_tissue_model(tissue_model)
        path = sorted((annotated / "slides").iterdir())[0]
        narrow = type_probabilities(model, tiles_of(path, [[108, 108]], 16), mpp=1.0)
        own = type_probabilities(model, tiles_of(path, [[100, 100]], 32), mpp=1.0)
        assert narrow == pytest.approx(own)

    def test_no_tiles_have_no_types(self, tissue_model, annotated):
        model = read_tissue_model(tissue_model)
        path = sorted((annotated / "slides").iterdir())[0]
        assert type_probabilities(model, tiles_of(path, np.empty((0, 2)), 64, 32), mpp=1.0).shape == (0, 4)

    def test_slide_that_is_too_coarse_is_refused(self, tissue_model, annotated):
        model = read_tissue_model(tissue_model)
        path = sorted((annotated / "slides").iterdir())[0]
        with pytest.raises(SlideError, match="coarser than the model's tiles"):
            type_probabilities(model, tiles_of(path, [[0, 0]], 8), mpp=4.0)


class TestJoining:
    tiles = pd.DataFrame({"col": [0, 1], "row": [0, 0], "x_px0": [0, 9], "y_px0": [0, 0]})

    def test_types_join_by_tile_and_not_by_row(self):
        types = type_table(self.tiles, np.array([[0.9, 0.1], [0.2, 0.8]]), ["fat", "stroma"])
        assert joined_types(self.tiles.iloc[::-1], types).tolist() == ["stroma", "fat"]

    def test_scored_tile_without_a_type_is_refused(self):
        types = type_table(self.tiles.iloc[:1], np.array([[0.9, 0.1]]), ["fat", "stroma"])
        with pytest.raises(ArtifactError, match="1 scored tiles have no type"):
            joined_types(self.tiles, types)


def test_picture_has_the_colour_of_each_type():
    table = pd.DataFrame({"col": [0, 1, 1], "row": [0, 0, 1], "type": ["epithelium", "fat", "stroma"]})
    thumbnail = Thumbnail(np.full((40, 40, 3), 250, np.uint8), width_um=200.0)
    types = ["epithelium", "stroma", "fat"]
    png = render_tissue_types(table, types, n_rows=2, n_cols=2, tile_um=100.0, title="S", thumbnail=thumbnail)
    colours = {tuple(colour) for colour in np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3).tolist()}
    assert {tuple(colour) for colour in type_colours(types).tolist()} <= colours


def test_model_reads_only_the_tiles_it_is_given(tissue_model, annotated):
    model = read_tissue_model(tissue_model)
    path = sorted((annotated / "slides").iterdir())[0]
    both = type_probabilities(model, tiles_of(path, [[100, 100], [200, 200]], 32), mpp=1.0)
    alone = type_probabilities(model, replace(tiles_of(path, [[200, 200]], 32)), mpp=1.0)
    assert both[1] == pytest.approx(alone[0], abs=1e-5)
