import numpy as np
import pytest
import tifffile
from PIL import Image

from cartopath.core.errors import ConfigError, TableError
from cartopath.core.geometry import SizePx0
from cartopath.methods.tissue_types.masks import read_mask
from cartopath.methods.tissue_types.names import TypeNames

SLIDE = SizePx0(1000, 800)
LEGEND = {3: "stroma", 7: "tumor"}


def mask() -> np.ndarray:
    values = np.zeros((80, 100), np.uint8)
    values[:, 50:], values[:40, :50] = 7, 3
    return values


def write_indexed_png(path):
    image = Image.fromarray(mask())
    image.putpalette([value for i in range(256) for value in (255 - i, i, i)])
    image.save(path)


WRITERS = {
    "plain.png": lambda path: Image.fromarray(mask()).save(path),
    "indexed.png": write_indexed_png,
    "deep.png": lambda path: Image.fromarray(mask().astype(np.uint16)).save(path),
    "plain.tif": lambda path: tifffile.imwrite(path, mask()),
    "deep.tiff": lambda path: tifffile.imwrite(path, mask().astype(np.int32)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_values_of_the_legend_are_types(tmp_path, name):
    WRITERS[name](tmp_path / name)
    found = read_mask(tmp_path / name, SLIDE, legend=LEGEND, names=TypeNames())
    assert found.types == ("epithelium", "stroma")
    assert found.shares(np.array([[450, 100], [600, 500], [100, 500]]), 100).tolist() == [[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]]


def test_types_are_renumbered_for_several_slides(tmp_path):
    WRITERS["plain.png"](tmp_path / "S1.png")
    found = read_mask(tmp_path / "S1.png", SLIDE, legend=LEGEND, names=TypeNames())
    wider = found.renumbered(("background", "epithelium", "fat", "stroma"))
    assert wider.shares(np.array([[450, 100]]), 100).tolist() == [[0.0, 0.5, 0.0, 0.5]]


def test_mask_without_a_legend_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(ConfigError, match='--legend "1=epithelium"'):
        read_mask(tmp_path / "S1.png", SLIDE, legend={}, names=TypeNames())


def test_mask_of_another_shape_is_refused(tmp_path):
    WRITERS["plain.png"](tmp_path / "S1.png")
    with pytest.raises(TableError, match="another shape than the slide, 500 x 800"):
        read_mask(tmp_path / "S1.png", SizePx0(500, 800), legend=LEGEND, names=TypeNames())


def test_mask_of_other_values_says_what_it_holds(tmp_path):
    WRITERS["plain.png"](tmp_path / "S1.png")
    with pytest.raises(TableError, match="found 0, 3, 7"):
        read_mask(tmp_path / "S1.png", SLIDE, legend={1: "fat"}, names=TypeNames())


@pytest.mark.parametrize("name", ["colours.png", "colours.tif"])
def test_picture_in_colours_is_refused(tmp_path, name):
    colours = np.zeros((80, 100, 3), np.uint8)
    Image.fromarray(colours).save(tmp_path / name) if name.endswith("png") else tifffile.imwrite(tmp_path / name, colours)
    with pytest.raises(TableError, match="one channel of whole numbers"):
        read_mask(tmp_path / name, SLIDE, legend=LEGEND, names=TypeNames())


@pytest.mark.parametrize("name", ["S1.png", "S1.tif"])
def test_damaged_mask_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x89PNG no picture")
    with pytest.raises(TableError, match="export it again"):
        read_mask(tmp_path / name, SLIDE, legend=LEGEND, names=TypeNames())
