"""Slides at URLs: the same pixels as from the file, few bytes to open them, and clear words where it cannot be."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from cartopath.core import remote
from cartopath.core.errors import SlideError, TileError
from cartopath.core.locations import as_path
from cartopath.slides import TileSpec, open_slide, plan_tiles, read_tiles


@pytest.fixture(scope="module")
def local(tmp_path_factory, write_slide, make_tissue):
    return write_slide(tmp_path_factory.mktemp("local") / "a.tif", make_tissue(1024), compression="jpeg", tile=128)


@pytest.fixture
def in_store(slow_store, local):
    slow_store.files["a.tif"] = local.read_bytes()
    return slow_store


@pytest.fixture(params=["memory", "slow", "http"])
def url(request, local, serve, slow_store):
    """The slide at a URL of each kind."""
    if request.param == "http":
        return f"{serve(local.parent)}/a.tif"
    if request.param == "slow":
        slow_store.files["a.tif"] = local.read_bytes()
        return "slow://a.tif"
    as_path("memory://slides/a.tif").write_bytes(local.read_bytes())
    return "memory://slides/a.tif"


def test_a_slide_at_a_url_is_that_of_the_file(url, local):
    with open_slide(url) as there, open_slide(local) as here:
        assert (there.backend, there.mpp, there.level_dimensions) == (here.backend, here.mpp, here.level_dimensions)
        assert np.array_equal(there.thumbnail(200), here.thumbnail(200))
        plans = [plan_tiles(slide, TileSpec(size_px=128, mpp=0.5)) for slide in (there, here)]
        assert plans[0].table.equals(plans[1].table)
        xy = plans[0].table[["x_px0", "y_px0"]].to_numpy()
        tiles = [read_tiles(slide, xy, window_px0=128, size_px=128) for slide in (there, here)]
        assert np.array_equal(*tiles)
        assert str(there.path) == url


def test_a_slide_says_that_it_is_read_at_a_url(url):
    with open_slide(url) as slide:
        assert slide.backend_reason == "tiled TIFF, JPEG frames decoded directly, at a URL"


def test_opening_asks_once_what_the_file_is(in_store):
    open_slide("slow://a.tif").close()
    assert in_store.n_stats == 1
    assert len(in_store.asked) <= 4


@pytest.mark.realdata
def test_opening_a_slide_of_a_hundred_megabytes_fetches_some_hundred_kilobytes(slow_store, real_data):
    name = "TCGA-C8-A1HN-01Z-00-DX1.tif"
    slow_store.files[name] = (real_data / "slides" / name).read_bytes()
    with open_slide(f"slow://{name}") as slide:
        assert slow_store.n_bytes < 500_000
        assert len(slow_store.asked) <= 5
        slide.thumbnail(500)
    assert slow_store.n_bytes < 2_000_000


def test_a_bad_network_costs_the_tiles_that_it_hits(in_store, monkeypatch):
    monkeypatch.setattr(remote, "PAUSES_S", ())
    with open_slide("slow://a.tif") as slide:
        in_store.broken_from = 0
        with pytest.raises(TileError, match=r"slow://a\.tif: cannot decode .* \(it is broken here\)"):
            slide.read_region(0, 0, 0, 64, 64)
        in_store.broken_from = None
        assert slide.read_region(0, 0, 0, 64, 64).shape == (64, 64, 3)


def test_a_moment_of_bad_network_costs_no_slide(in_store, monkeypatch):
    monkeypatch.setattr(remote, "PAUSES_S", (0.0,))
    in_store.failures = [OSError("reset")]
    open_slide("slow://a.tif").close()


def test_a_slide_that_is_not_there_is_named(serve, tmp_path):
    url = f"{serve(tmp_path)}/gone.svs"
    with pytest.raises(SlideError, match=rf"{url}: no such slide"):
        open_slide(url)
    with pytest.raises(SlideError, match=r"memory://gone/a\.svs: no such slide"):
        open_slide("memory://gone/a.svs")


def test_a_server_that_does_not_answer_is_a_slide_error():
    with pytest.raises(SlideError, match=r"http://127\.0\.0\.1:9/a\.svs: cannot be read \(.*onnect"):
        open_slide("http://127.0.0.1:9/a.svs")


def test_a_server_that_sends_no_parts_says_so(serve, local):
    with pytest.raises(SlideError, match=r"does not send parts of files; copy the file to a folder"):
        open_slide(f"{serve(local.parent, sends_parts=False)}/a.tif")


def test_a_folder_is_no_slide(slow_store):
    as_path("memory://folder/a.tif").write_bytes(b"II*\0")
    with pytest.raises(SlideError, match="memory://folder: cannot be read"):
        open_slide("memory://folder")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (bytes(128) + b"DICM" + bytes(100), "at a URL only TIFF slides .* copy the file to a folder"),
        (b"ZISRAWFILE" + bytes(300), "at a URL only TIFF slides"),
        (b"II*\0\xff\xff\xff\xff" + bytes(100), "the file is cut off"),
    ],
    ids=["empty", "DICOM", "Zeiss", "cut off"],
)
def test_other_formats_and_damaged_files_are_refused_with_a_way_out(content, words):
    as_path("memory://odd/a.bin").write_bytes(content)
    with pytest.raises(SlideError, match=rf"memory://odd/a\.bin: .*{words}"):
        open_slide("memory://odd/a.bin")


@pytest.mark.parametrize(
    ("maker", "about"),
    [
        ("Hamamatsu", {"extratags": [(65420, "B", 1, 1, False)]}),
        ("Leica", {"description": '<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">'}),
        ("Philips", {"software": "Philips DP v1.0"}),
        ("Trestle", {"software": "MedScan 2"}),
        ("Ventana", {"extratags": [(700, "B", 14, b"<iScan></iScan", False)]}),
    ],
)
def test_layouts_that_only_openslide_knows_are_refused(tmp_path, make_tissue, maker, about):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, make_tissue(256), tile=(128, 128), photometric="rgb", metadata=None, **about)
    as_path("memory://makers/a.tif").write_bytes(path.read_bytes())
    with pytest.raises(SlideError, match=rf"a\.tif: the layout of {maker} is its own.*copy the file"):
        open_slide("memory://makers/a.tif", mpp=0.5)


def test_an_aperio_slide_that_lacks_a_frame_is_refused(tmp_path, make_tissue):
    path = tmp_path / "a.svs"
    about = "Aperio Image Library\r\n256x256|MPP = 0.5"
    tifffile.imwrite(
        path, make_tissue(256), tile=(128, 128), photometric="rgb", compression="jpeg", description=about, metadata=None
    )
    with tifffile.TiffFile(path, mode="r+b") as file:
        tag = file.pages[0].tags["TileByteCounts"]
        tag.overwrite([0, *tag.value[1:]])
    as_path("memory://aperio/a.svs").write_bytes(path.read_bytes())
    with pytest.raises(SlideError, match=r"a frame of level 0 is missing, which OpenSlide paints .*not at a URL; copy the file"):
        open_slide("memory://aperio/a.svs")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_pictures_are_read_too(tmp_path, make_tissue, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(make_tissue(512)).save(path)
    as_path(f"memory://pictures/a.{suffix}").write_bytes(path.read_bytes())
    with open_slide(f"memory://pictures/a.{suffix}", mpp=0.5) as there, open_slide(path, mpp=0.5) as here:
        assert there.backend == "image"
        assert np.array_equal(there.read_region(0, 0, 0, 512, 512), here.read_region(0, 0, 0, 512, 512))


def test_declared_sizes_are_checked_at_urls_too(tmp_path, make_tissue):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, make_tissue(256), tile=(128, 128), photometric="rgb", metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["TileWidth"].overwrite(1 << 24)
    as_path("memory://sizes/a.tif").write_bytes(path.read_bytes())
    with pytest.raises(SlideError, match=r"a\.tif: .*tile width"):
        open_slide("memory://sizes/a.tif")
