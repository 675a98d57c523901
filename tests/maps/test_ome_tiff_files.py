import time
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile

from cartopath.core.errors import ArtifactError
from cartopath.maps import read_ome_tiff, write_ome_tiff

NAMES = ["MKI67", "hsa-miR-17-5p", "MKI67 score"]


@pytest.fixture
def tensor():
    values = np.random.default_rng(0).random((7, 5, 3)).astype(np.float32)
    values[0, :2] = np.nan
    return values


@pytest.fixture
def path(tmp_path, tensor):
    write_ome_tiff(tmp_path / "a.ome.tif", tensor, channel_names=NAMES, pixel_um=255.5, key="k1", meta={"traits": ["MKI67"]})
    return tmp_path / "a.ome.tif"


def test_what_was_written_is_read(path, tensor):
    found = read_ome_tiff(path)
    np.testing.assert_array_equal(found.tensor, tensor)
    assert found.channel_names == tuple(NAMES)
    assert (found.pixel_um, found.key, found.meta) == (255.5, "k1", {"traits": ["MKI67"]})


def test_other_readers_see_channels_first_and_nan(path, tensor):
    with tifffile.TiffFile(path) as file:
        assert file.is_ome
        assert file.series[0].axes == "CYX"
        planes = file.series[0].asarray()
    assert planes.dtype == np.float32
    np.testing.assert_array_equal(planes, np.moveaxis(tensor, 2, 0))


def test_the_metadata_name_channels_and_physical_size(path):
    with tifffile.TiffFile(path) as file:
        pixels = ElementTree.fromstring(file.ome_metadata).find(".//{*}Pixels")
    assert [channel.attrib["Name"] for channel in pixels.findall("{*}Channel")] == NAMES
    assert {
        name: pixels.attrib[name] for name in ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeXUnit", "PhysicalSizeYUnit")
    } == {
        "PhysicalSizeX": "255.5",
        "PhysicalSizeY": "255.5",
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeYUnit": "µm",
    }


def test_equal_content_gives_equal_bytes(tmp_path, tensor, path):
    time.sleep(1.1)
    write_ome_tiff(
        tmp_path / "again" / "a.ome.tif", tensor, channel_names=NAMES, pixel_um=255.5, key="k1", meta={"traits": ["MKI67"]}
    )
    assert (tmp_path / "again" / "a.ome.tif").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "change",
    [{"pixel_um": 256.0}, {"key": "k2"}, {"channel_names": ["x", *NAMES[1:]]}, {"meta": {}}],
    ids=lambda change: next(iter(change)),
)
def test_other_content_has_another_identifier(tmp_path, tensor, path, change):
    stated = {"channel_names": NAMES, "pixel_um": 255.5, "key": "k1", "meta": {"traits": ["MKI67"]}} | change
    write_ome_tiff(tmp_path / "b.ome.tif", tensor, **stated)
    assert identifier(tmp_path / "b.ome.tif") != identifier(path)


def identifier(path):
    with tifffile.TiffFile(path) as file:
        return ElementTree.fromstring(file.ome_metadata).attrib["UUID"]


def test_neither_a_time_nor_a_machine_is_in_the_file(path):
    with tifffile.TiffFile(path) as file:
        assert not {"DateTime", "HostComputer", "Artist"} & {tag.name for page in file.pages for tag in page.tags}
    assert str(path.parent).encode() not in path.read_bytes()


def test_names_with_markup_survive(tmp_path, tensor):
    names = ["a<b", 'c&"d"', "µ-Größe"]
    write_ome_tiff(tmp_path / "m.ome.tif", tensor, channel_names=names, pixel_um=1.0)
    assert read_ome_tiff(tmp_path / "m.ome.tif").channel_names == tuple(names)


def test_one_channel_and_one_row_keep_their_axes(tmp_path):
    for shape in ((4, 6, 1), (1, 6, 2), (4, 1, 2), (1, 1, 1), (3, 4, 4)):
        values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        write_ome_tiff(tmp_path / "s.ome.tif", values, channel_names=[str(i) for i in range(shape[2])], pixel_um=1.0)
        np.testing.assert_array_equal(read_ome_tiff(tmp_path / "s.ome.tif").tensor, values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel_names": NAMES[:2]}, "3 channels need as many distinct names"),
        ({"channel_names": ["a", "a", "b"]}, "3 channels need as many distinct names"),
        ({"pixel_um": 0.0}, "impossible"),
        ({"pixel_um": float("nan")}, "impossible"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path, tensor, change, message):
    with pytest.raises(ArtifactError, match=message):
        write_ome_tiff(tmp_path / "x.ome.tif", tensor, **({"channel_names": NAMES, "pixel_um": 1.0} | change))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(3, 3), (0, 3, 1)])
def test_a_tensor_needs_rows_columns_and_channels(tmp_path, shape):
    with pytest.raises(ArtifactError, match="rows, cols, channels"):
        write_ome_tiff(tmp_path / "x.ome.tif", np.zeros(shape), channel_names=["a"], pixel_um=1.0)


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ArtifactError, match="run the stage that draws maps"):
        read_ome_tiff(tmp_path / "none.ome.tif")


@pytest.mark.parametrize("content", [b"", b"not a picture", b"II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"])
def test_a_damaged_file_is_an_artifact_error(tmp_path, content):
    (tmp_path / "d.ome.tif").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"d\.ome\.tif"):
        read_ome_tiff(tmp_path / "d.ome.tif")


def test_a_plain_tiff_is_not_a_cartography(tmp_path):
    tifffile.imwrite(tmp_path / "p.tif", np.zeros((4, 4), dtype=np.float32))
    with pytest.raises(ArtifactError, match="expected an OME-TIFF"):
        read_ome_tiff(tmp_path / "p.tif")


def test_an_ome_tiff_without_a_physical_size_is_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "p.ome.tif",
        np.zeros((2, 4, 5), dtype=np.float32),
        ome=True,
        metadata={"axes": "CYX"},
        photometric="minisblack",
    )
    with pytest.raises(ArtifactError, match="size of a pixel"):
        read_ome_tiff(tmp_path / "p.ome.tif")


def test_an_ome_tiff_of_another_program_is_read(tmp_path):
    metadata = {"axes": "CYX", "PhysicalSizeX": 2.0, "PhysicalSizeY": 2.0}
    tifffile.imwrite(
        tmp_path / "o.ome.tif", np.zeros((2, 4, 5), dtype=np.float32), ome=True, metadata=metadata, photometric="minisblack"
    )
    found = read_ome_tiff(tmp_path / "o.ome.tif")
    assert (found.tensor.shape, found.pixel_um, found.key, found.meta) == ((4, 5, 2), 2.0, "", {})
    assert len(set(found.channel_names)) == 2
