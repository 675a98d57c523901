"""Label and macro images, which can carry patients' names, are never decoded, and nothing of them reaches any output."""

from __future__ import annotations

import shutil

import imagecodecs
import numpy as np
import openslide
import pandas as pd
import pytest
import tifffile
from PIL import Image
from sentinels import COLOURS, WORDS, sentinel_label, sentinels_in
from small_slides import BASES, dicom, ome, svs

from cartopath.core.errors import SlideError
from cartopath.slides import TileSpec, open_slide, plan_tiles, read_tiles

LABEL = sentinel_label()


def _svs(folder):
    return svs(folder, label=LABEL, label_text=f"Aperio Image Library v11.0.37\r\nlabel 64x48|{WORDS}")


MAKERS = {
    "svs": _svs,
    "ome": lambda folder: ome(folder, label=LABEL),
    "dicom": lambda folder: dicom(folder, label=LABEL, label_text=WORDS),
}


@pytest.fixture(params=MAKERS)
def labelled(request, tmp_path):
    (tmp_path / "slides").mkdir()
    return MAKERS[request.param](tmp_path / "slides")


class Spy:
    """Writes down what was decoded: images that OpenSlide calls associated, pages of TIFFs, bytes given to a codec."""

    def __init__(self, monkeypatch):
        self.associated, self.pages, self.inputs, self.pictures = [], [], [], []
        for name in ("read_associated_image", "get_associated_image_dimensions"):
            monkeypatch.setattr(openslide.lowlevel, name, self._noting(getattr(openslide.lowlevel, name), self.associated, 1))
        for name in ("asarray", "decode", "segments"):
            self._watch_page(monkeypatch, name)
        for name in dir(imagecodecs):
            if name.endswith("_decode"):
                monkeypatch.setattr(imagecodecs, name, self._noting(getattr(imagecodecs, name), self.inputs, 0))
        monkeypatch.setattr(Image, "open", self._noting(Image.open, self.pictures, 0))

    @staticmethod
    def _noting(function, notes, position):
        def noting(*arguments, **options):
            notes.append(arguments[position])
            return function(*arguments, **options)

        return noting

    def _watch_page(self, monkeypatch, name):
        original = tifffile.TiffPage.__dict__[name]
        spy = self

        if isinstance(original, (property, type(None))) or hasattr(original, "func"):
            function = original.fget if isinstance(original, property) else original.func

            def get(page):
                spy.pages.append(page)
                return function(page)

            monkeypatch.setattr(tifffile.TiffPage, name, property(get))
        else:
            monkeypatch.setattr(tifffile.TiffPage, name, self._noting(original, self.pages, 0))

    def saw_label(self, path):
        """Return what of the label of the slide at `path` was decoded."""
        seen = [f"associated image {name!r}" for name in self.associated]
        shapes = [page.shape for page in self.pages]
        seen += [f"page of {shape}" for shape in shapes if shape == LABEL.shape]
        strips = _label_strips(path)
        seen += ["strips" for given in self.inputs if bytes(given) in strips]
        return seen


def _label_strips(path):
    if path.suffix == ".dcm":
        return set()
    with tifffile.TiffFile(path) as tiff:
        pages = [page for page in tiff.pages if page.shape == LABEL.shape]
        assert pages
        content = path.read_bytes()
        return {
            content[start : start + size]
            for page in pages
            for start, size in zip(page.dataoffsets, page.databytecounts, strict=True)
        }


@pytest.fixture
def spy(monkeypatch):
    return Spy(monkeypatch)


def use(path):
    """Return all pixels that a study would see of a slide."""
    with open_slide(path) as slide:
        plan = plan_tiles(slide, TileSpec(64, max_background=1, min_tissue=0))
        corners = plan.table[["x_px0", "y_px0"]].to_numpy()
        tiles = read_tiles(slide, corners, window_px0=64, size_px=64)
        levels = [slide.read_region(0, 0, level, *size) for level, size in enumerate(slide.level_dimensions)]
        return [slide.thumbnail(256), *tiles, *levels]


def shows_label(pixels):
    return any((np.abs(pixels.astype(int) - colour).max(axis=-1) < 30).any() for colour in COLOURS)


def test_no_label_is_decoded_while_a_slide_is_used(labelled, spy):
    seen = use(labelled)
    assert not spy.saw_label(labelled)
    assert not any(shows_label(pixels) for pixels in seen)


def test_the_spy_notices_openslide_reading_a_label(tmp_path, spy):
    path = MAKERS["svs"](tmp_path)
    with openslide.OpenSlide(str(path)) as slide:
        assert shows_label(np.asarray(slide.associated_images["label"].convert("RGB")))
    assert spy.saw_label(path)


@pytest.mark.parametrize("kind", ["svs", "ome"])
def test_the_spy_notices_tifffile_reading_a_label(kind, tmp_path, spy):
    path = MAKERS[kind](tmp_path)
    with tifffile.TiffFile(path) as tiff:
        page = next(page for page in tiff.pages if page.shape == LABEL.shape)
        assert shows_label(page.asarray())
    assert spy.saw_label(path)


def test_a_file_of_nothing_but_a_label_is_no_slide(tmp_path):
    path = dicom(tmp_path, label=LABEL)
    path.unlink()
    with pytest.raises(SlideError, match=r"label\.dcm"):
        open_slide(tmp_path / "label.dcm")


@pytest.fixture(scope="module")
def labelled_cohort(small_cohort, tmp_path_factory):
    """The tables of the small cohort with one labelled SVS per patient, which are large enough for tiles."""
    folder = tmp_path_factory.mktemp("labelled") / "slides"
    folder.mkdir()
    made = _svs(tmp_path_factory.mktemp("made"))
    table = pd.read_csv(small_cohort / "slides.csv")
    for slide_id in table["slide_id"]:
        shutil.copy(made, folder / f"{slide_id}.svs")
    table["path"] = [f"{slide_id}.svs" for slide_id in table["slide_id"]]
    table[["slide_id", "patient_id", "path"]].to_csv(folder.parent / "slides.csv", index=False)
    return folder


def test_nothing_of_a_label_is_in_what_a_check_and_a_run_write(labelled_cohort, write_study, run, tmp_path, spy):
    from typer.testing import CliRunner

    from cartopath.cli.main import app

    slides = {"dir": labelled_cohort.as_posix(), "table": (labelled_cohort.parent / "slides.csv").as_posix()}
    study = write_study(tmp_path / "study", slides=slides)
    checked = CliRunner().invoke(app, ["check", str(tmp_path / "study")])
    assert WORDS not in checked.output
    assert (tmp_path / "study" / "check.html").is_file()
    ran = run(study, until="cache")
    assert len(ran.done["tiles"]) == 24
    assert not sentinels_in(tmp_path / "study")
    assert not spy.saw_label(next(labelled_cohort.glob("*.svs")))


@pytest.mark.parametrize("kind", MAKERS)
def test_nothing_of_a_label_is_in_what_predict_writes(kind, finished_study, tmp_path, spy):
    from cartopath.methods.apply import apply_models
    from cartopath.study.config import ComputeConfig

    (tmp_path / "new").mkdir()
    path = MAKERS[kind](tmp_path / "new")
    model = finished_study / "models" / "tile_classifier"
    apply_models(model, [path], out=tmp_path / "out", compute=ComputeConfig(workers=0, accelerator="cpu"))
    assert list((tmp_path / "out").rglob("*.png"))
    assert not sentinels_in(tmp_path / "out")
    assert not spy.saw_label(path)


class TestTheSearch:
    def test_finds_nothing_in_slides_without_a_label(self, tmp_path):
        BASES["svs"](tmp_path)
        assert not sentinels_in(tmp_path)

    @pytest.mark.parametrize("suffix", ["png", "tif", "npy", "html", "parquet", "csv"])
    def test_finds_the_label_in(self, suffix, tmp_path):
        import base64
        import io

        path = tmp_path / f"out.{suffix}"
        picture = io.BytesIO()
        Image.fromarray(LABEL).resize((32, 24)).save(picture, "PNG")
        match suffix:
            case "png":
                path.write_bytes(picture.getvalue())
            case "tif":
                tifffile.imwrite(path, LABEL, photometric="rgb", compression="deflate")
            case "npy":
                np.save(path, LABEL)
            case "html":
                path.write_text(f'<img src="data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}">')
            case "parquet":
                pd.DataFrame({"description": [f"label {WORDS}"]}).to_parquet(path)
            case "csv":
                path.write_text(f"a,b\n1,{WORDS}\n")
        assert sentinels_in(tmp_path)
