import numpy as np
import pandas as pd
import pytest

from cartopath.core.errors import TableError
from cartopath.methods.spatial.existing_map import judge_map
from cartopath.methods.spatial.scoring import measured
from cartopath.store.artifacts import Header, write_table


def _rng():
    return np.random.default_rng(0)


def test_map_that_is_the_truth_agrees_with_it_and_shuffled_does_not(planted, tmp_path):
    for section in planted:
        measured(section, ["UP1", "DOWN1"]).to_csv(tmp_path / f"{section.name}.csv")
    own, null = judge_map(tmp_path, planted, _rng())
    assert own.by_gene.tolist() == pytest.approx([1.0, 1.0])
    assert null.by_gene.abs().max() < 0.3


def test_rows_in_another_order_and_other_columns_do_no_harm(planted, tmp_path):
    section = planted[0]
    table = measured(section, ["UP1", "DOWN1"]).iloc[::-1].assign(NOVEL=1.0)
    table.to_csv(tmp_path / "S0.csv")
    own, _ = judge_map(tmp_path, [section], _rng())
    assert own.by_gene.to_dict() == pytest.approx({"UP1": 1.0, "DOWN1": 1.0})


def test_tile_scores_of_a_study_are_met_by_place(planted, tmp_path):
    section, half = planted[0], 10
    values = measured(section, ["UP1"])["UP1"].to_numpy()
    tiles = pd.DataFrame(np.repeat(section.centres_px - half, 2, axis=0).astype(int), columns=["x_px0", "y_px0"])
    tiles["score"] = np.repeat(values, 2) + np.tile([-1.0, 1.0], len(values))
    (tmp_path / "UP1").mkdir()
    write_table(
        tiles.sample(frac=1, random_state=0),
        tmp_path / "UP1" / "S0.parquet",
        Header(kind="scores", key="k", meta={"window_px0": 20}),
    )
    own, _ = judge_map(tmp_path, [section], _rng())
    assert own.by_gene["UP1"] == pytest.approx(1.0)


def test_spots_without_a_tile_are_left_out(planted, tmp_path):
    section = planted[0]
    tiles = pd.DataFrame(section.centres_px[:50] - 10, columns=["x_px0", "y_px0"])
    tiles["score"] = measured(section, ["UP1"])["UP1"].to_numpy()[:50]
    (tmp_path / "UP1").mkdir()
    write_table(tiles, tmp_path / "UP1" / "S0.parquet", Header(kind="scores", key="k", meta={"window_px0": 20}))
    own, _ = judge_map(tmp_path, [section], _rng())
    assert own.by_gene["UP1"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (lambda truth: truth.rename(columns={"UP1": "UP11"}), r"'UP11' was not measured in S0 \(closest: UP1"),
        (lambda truth: truth.set_axis([f"spot{i}" for i in range(len(truth))]), r"none of its rows \(spot0"),
        (lambda truth: truth.assign(UP1=truth["UP1"].where(truth.index != "2x2")), "missing or infinite"),
        (lambda truth: truth.iloc[:5], "5 spots of S0 are on the map; at least 10"),
        (lambda truth: pd.concat([truth, truth.iloc[:1]]), "spot '1x1' has several rows"),
    ],
)
def test_maps_that_do_not_belong_to_the_section_are_refused(planted, tmp_path, table, message):
    table(measured(planted[0], ["UP1"])).to_csv(tmp_path / "S0.csv")
    with pytest.raises(TableError, match=message):
        judge_map(tmp_path, planted[:1], _rng())


def test_folder_without_a_map_of_the_section_is_refused(planted, tmp_path):
    with pytest.raises(TableError, match=r"neither S0.csv nor <gene>/S0.parquet"):
        judge_map(tmp_path, planted[:1], _rng())
