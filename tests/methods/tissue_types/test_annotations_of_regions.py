"""GeoJSON as QuPath writes it, drawn onto a raster over the slide."""

import json

import numpy as np
import pytest

from cartopath.core.errors import ConfigError, TableError
from cartopath.core.geometry import SizePx0
from cartopath.methods.tissue_types.geojson import read_geojson, read_regions
from cartopath.methods.tissue_types.names import TypeNames

SLIDE = SizePx0(1000, 800)


def square(x, y, side):
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def feature(classification, *rings, kind="Polygon"):
    properties = {"objectType": "annotation", "classification": classification}
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": list(rings)}, "properties": properties}


@pytest.fixture
def labelled(tmp_path):
    """Draw features on the slide and return the map."""

    def labelled_(*features, content=None, names=None):
        path = tmp_path / "S1.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features} if content is None else content))
        return read_geojson(path, SLIDE, pitch_px0=4, names=names or TypeNames())

    return labelled_


def shares(found, x, y, side):
    return dict(zip(found.types, found.shares(np.array([[x, y]]), side)[0].round(2).tolist(), strict=True))


def test_tile_inside_a_region_is_of_its_type(labelled):
    found = labelled(feature({"name": "Tumor"}, square(100, 100, 400)), feature({"name": "Stroma"}, square(600, 100, 300)))
    assert shares(found, 200, 200, 100) == {"epithelium": 1.0, "stroma": 0.0}


def test_tile_across_a_border_has_the_share_of_the_region(labelled):
    found = labelled(feature({"name": "Tumor"}, square(100, 100, 400)))
    assert shares(found, 400, 200, 200) == {"epithelium": 0.5}


def test_hole_belongs_to_nobody(labelled):
    found = labelled(feature({"name": "Tumor"}, square(100, 100, 400), square(200, 200, 200)))
    assert shares(found, 240, 240, 100) == {"epithelium": 0.0}


def test_smaller_region_lies_on_top_whatever_the_order(labelled):
    large, small = feature({"name": "Stroma"}, square(0, 0, 700)), feature({"name": "Tumor"}, square(200, 200, 200))
    for features in ((large, small), (small, large)):
        assert shares(labelled(*features), 240, 240, 100) == {"epithelium": 1.0, "stroma": 0.0}


def test_ignored_region_is_cut_out(labelled):
    found = labelled(feature({"name": "Stroma"}, square(0, 0, 700)), feature({"name": "Ignore*"}, square(200, 200, 200)))
    assert shares(found, 240, 240, 100) == {"stroma": 0.0}


def test_parts_of_a_multipolygon_all_count(labelled):
    found = labelled(feature({"name": "Fat"}, [square(0, 0, 200)], [square(600, 500, 200)], kind="MultiPolygon"))
    assert (shares(found, 20, 20, 100), shares(found, 640, 540, 100)) == ({"fat": 1.0}, {"fat": 1.0})


def test_names_of_newer_versions_are_read(labelled):
    assert labelled(feature({"names": ["Stroma"]}, square(0, 0, 700))).types == ("stroma",)


def test_plain_list_of_features_is_read(labelled):
    assert labelled(content=[feature({"name": "Stroma"}, square(0, 0, 700))]).types == ("stroma",)


def test_features_without_a_class_or_area_are_counted(labelled):
    point = feature({"name": "Stroma"}, 3, 4, kind="Point")
    found = labelled(feature({"name": "Stroma"}, square(0, 0, 700)), feature(None, square(0, 0, 9)), point)
    assert found.notes == ("1 features without a class were left out", "1 features that are no polygons were left out")


def test_region_beside_the_slide_is_refused(labelled):
    with pytest.raises(TableError, match="none of its 1 regions lies on the slide, which is 1000 x 800"):
        labelled(feature({"name": "Stroma"}, square(5000, 5000, 100)))


def test_unknown_class_is_named(labelled):
    with pytest.raises(ConfigError, match="'Immune cells'"):
        labelled(feature({"name": "Immune cells"}, square(0, 0, 700)))


@pytest.mark.parametrize("content", ["no JSON", '{"a": 1}', '{"features": []}', '{"features": [3, null, {"geometry": 4}]}'])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "S1.geojson").write_text(content)
    with pytest.raises(TableError, match=r"S1\.geojson"):
        read_regions(tmp_path / "S1.geojson")


@pytest.mark.parametrize("rings", [[[[0, 0], [1, 1]]], [[[0, 0], ["a", 1], [2, 2]]], [[0, 1, 2]], []])
def test_damaged_coordinates_are_refused(labelled, rings):
    with pytest.raises(TableError, match="feature 0"):
        labelled(feature({"name": "Stroma"}, *rings))
