"""Which tiles are kept, why the others are not, and that this never depends on how it was computed."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from cartopath.core.errors import ArtifactError, SlideError
from cartopath.slides import (
    TileSpec,
    background_fraction,
    open_slide,
    plan_tiles,
    read_tile_plan,
    slide_tissue,
    write_tile_plan,
)
from cartopath.store.artifacts import Header, write_table

SPEC = TileSpec(size_px=128, mpp=0.5)
COLUMNS = ["col", "row", "x_px0", "y_px0", "tissue_fraction", "background_fraction"]


@pytest.fixture(scope="module")
def plan(tissue_slide):
    with open_slide(tissue_slide) as slide:
        return plan_tiles(slide, SPEC)


def planned(path, spec=SPEC, **how):
    with open_slide(path) as slide:
        return plan_tiles(slide, spec, **how)


def test_white_is_background_and_dark_is_not():
    assert background_fraction(np.full((8, 8, 3), 255, np.uint8)) == 1
    assert background_fraction(np.full((8, 8, 3), 220, np.uint8)) == 0
    assert background_fraction(np.full((8, 8, 3), 221, np.uint8)) == 1


def bright_values(n_bright):
    """A tile of 100 x 100 px of which `n_bright` values of all channels are bright."""
    values = np.full(30_000, 100, np.uint8)
    values[:n_bright] = 240
    return values.reshape(100, 100, 3)


@pytest.mark.parametrize(("n_bright", "n_kept"), [(15_001, 0), (15_000, 0), (14_999, 1), (14_700, 1)])
def test_half_white_exactly_is_dropped_and_less_is_kept(tmp_path, write_slide, n_bright, n_kept):
    path = write_slide(tmp_path / "half.tif", bright_values(n_bright), levels=1, tile=64)
    plan = planned(path, TileSpec(size_px=100, mpp=0.5))
    assert plan.counts["kept"] == n_kept
    assert plan.counts["background"] == 1 - n_kept


def test_a_white_slide_keeps_nothing_and_decodes_no_tile(tmp_path, write_slide):
    plan = planned(write_slide(tmp_path / "white.tif", np.full((512, 512, 3), 255, np.uint8)))
    assert plan.counts == {"grid": 16, "edge": 0, "no_tissue": 16, "flawed": 0, "unreadable": 0, "background": 0, "kept": 0}
    assert list(plan.table.columns) == COLUMNS
    assert plan.stain.n_pixels == 0


def test_the_table_has_one_row_per_kept_tile_in_order(plan):
    assert list(plan.table.columns) == COLUMNS
    assert len(plan.table) == plan.counts["kept"] > 50
    assert plan.table[["row", "col"]].apply(tuple, axis=1).is_monotonic_increasing
    assert (plan.table.x_px0 == plan.table.col * 128).all()
    assert (plan.table.y_px0 == plan.table.row * 128).all()


def test_every_tile_has_one_fate(plan):
    counts = plan.counts
    assert counts["grid"] == 256
    assert counts["grid"] == counts["edge"] + sum(counts[fate] for fate in ("no_tissue", "unreadable", "background", "kept"))


def test_tissue_is_kept_and_glass_is_not(plan, tissue_truth):
    share = tissue_truth(2048).reshape(16, 128, 16, 128).mean(axis=(1, 3))
    kept = np.zeros((16, 16), bool)
    kept[plan.table.row, plan.table.col] = True
    assert kept[share > 0.9].all()
    assert not kept[share < 0.05].any()
    found = share[plan.table.row, plan.table.col]
    np.testing.assert_allclose(plan.table.tissue_fraction, found, atol=0.05)


def test_background_fractions_are_those_of_the_tiles_own_pixels(plan, tissue_image):
    for tile in plan.table.iloc[::10].itertuples():
        pixels = tissue_image[tile.y_px0 : tile.y_px0 + 128, tile.x_px0 : tile.x_px0 + 128]
        assert tile.background_fraction == (pixels > 220).mean()


def test_tiles_without_tissue_are_never_decoded_at_tile_resolution(tissue_slide, monkeypatch):
    with open_slide(tissue_slide) as slide:
        decode, cells = slide.frames.decode, []
        monkeypatch.setattr(
            slide.frames,
            "decode",
            lambda level, cell, *data, **how: cells.append((level, cell)) or decode(level, cell, *data, **how),
        )
        side = slide.frames.layout(0).frame_width
        plan = plan_tiles(slide, SPEC, tissue=(mask := slide_tissue(slide, 128)))
    cols, rows = np.divmod(np.arange(256), 16)
    has_tissue = mask.fraction(cols * 128, rows * 128, 128) >= SPEC.min_tissue
    assert has_tissue.sum() == plan.counts["background"] + plan.counts["kept"] < 256
    touched = {
        (0, (int(col) * 128 // side, int(row) * 128 // side)) for col, row in zip(cols[has_tissue], rows[has_tissue], strict=True)
    }
    assert sorted(cell for cell in cells if cell[0] == 0) == sorted(touched)


@pytest.mark.parametrize("threads", [2, 7])
def test_the_number_of_threads_changes_nothing(plan, tissue_slide, threads):
    again = planned(tissue_slide, threads=threads)
    pd.testing.assert_frame_equal(again.table, plan.table, check_exact=True)
    assert again.meta() == plan.meta()


def test_the_same_tissue_at_two_resolutions_gives_the_same_tiles(tmp_path, write_slide, make_tissue, tissue_image):
    twice = tissue_image.repeat(2, axis=0).repeat(2, axis=1)
    coarse = planned(write_slide(tmp_path / "half.tif", tissue_image, 0.5, compression="jpeg"))
    fine = planned(write_slide(tmp_path / "quarter.tif", twice, 0.25, levels=4, compression="jpeg"))
    assert (coarse.grid.window_px0, fine.grid.window_px0) == (128, 256)
    assert (coarse.grid.n_cols, coarse.grid.n_rows) == (fine.grid.n_cols, fine.grid.n_rows)
    pd.testing.assert_frame_equal(coarse.table[["col", "row"]], fine.table[["col", "row"]])
    np.testing.assert_allclose(fine.table.tissue_fraction, coarse.table.tissue_fraction, atol=0.02)
    np.testing.assert_allclose(fine.table.background_fraction, coarse.table.background_fraction, atol=0.02)


def test_skipped_edge_tiles_are_counted(tmp_path, write_slide, tissue_image):
    plan = planned(write_slide(tmp_path / "cut.tif", tissue_image[:1100, :1300]))
    assert plan.counts["edge"] == 9 * 11 - 8 * 10
    assert plan.table.col.max() <= 9
    assert plan.table.row.max() <= 7


def test_padded_edge_tiles_take_part_and_their_padding_is_background(tmp_path, write_slide, tissue_image):
    path = write_slide(tmp_path / "cut.tif", tissue_image[:1100, :1100])
    padded = planned(path, TileSpec(size_px=128, mpp=0.5, edge="pad"))
    assert padded.counts["edge"] == 0
    assert padded.counts["grid"] == 81
    edge = padded.table[(padded.table.col == 8) & (padded.table.row == 6)]
    assert edge.tissue_fraction.item() == pytest.approx(76 / 128, abs=0.02)
    assert edge.background_fraction.item() == pytest.approx(52 / 128, abs=0.01)
    stricter = planned(path, TileSpec(size_px=128, mpp=0.5, edge="pad", max_background=0.4))
    assert (stricter.table.col < 8).all()


def test_a_stricter_tissue_rule_keeps_fewer_tiles(tissue_slide, plan):
    strict = planned(tissue_slide, TileSpec(size_px=128, mpp=0.5, min_tissue=0.9))
    assert strict.counts["kept"] < plan.counts["kept"]
    assert (strict.table.tissue_fraction >= 0.9).all()


def test_a_slide_too_coarse_for_the_tiles_is_refused(tissue_slide):
    with pytest.raises(SlideError, match="too coarse"):
        planned(tissue_slide, TileSpec(size_px=128, mpp=0.25))


def test_the_header_says_what_a_reader_must_know(plan):
    meta = json.loads(json.dumps(plan.meta(), allow_nan=False))
    assert meta["mpp"] == pytest.approx(0.5)
    assert meta["mpp_source"] == "tiff.XResolution"
    assert meta["dimensions_px0"] == [2048, 2048]
    assert (meta["window_px0"], meta["size_px"], meta["tile_mpp"]) == (128, 128, 0.5)
    assert (meta["n_cols"], meta["n_rows"], meta["backend"]) == (16, 16, "direct")
    assert meta["counts"] == plan.counts
    assert meta["stain"]["n_pixels"] > 0


def test_the_stain_is_that_of_the_kept_tiles(plan):
    assert plan.stain.haematoxylin == pytest.approx(0.25, abs=0.08)
    assert plan.stain.eosin == pytest.approx(0.25, abs=0.08)


def test_a_plan_survives_writing_and_reading(tmp_path, plan):
    path = tmp_path / "tiles" / "S1.parquet"
    write_tile_plan(plan, path, slide_id="S1", sha256="ab" * 32, key="k")
    table, meta = read_tile_plan(path)
    pd.testing.assert_frame_equal(table, plan.table, check_exact=True)
    assert meta == {"slide_id": "S1", "sha256": "ab" * 32, **plan.meta()}


def test_the_same_plan_gives_the_same_bytes(tmp_path, plan, tissue_slide):
    write_tile_plan(plan, tmp_path / "a.parquet", slide_id="S1", sha256="", key="k")
    write_tile_plan(planned(tissue_slide, threads=3), tmp_path / "b.parquet", slide_id="S1", sha256="", key="k")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_table_of_another_kind_is_refused(tmp_path):
    write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.parquet", Header(kind="splits"))
    with pytest.raises(ArtifactError, match="expected kind 'tiles'"):
        read_tile_plan(tmp_path / "a.parquet")
