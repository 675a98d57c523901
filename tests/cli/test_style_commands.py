"""`cartopath style` as a user runs it: planted stains fitted, applied, judged, and learned by a tiny CycleGAN."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

import cartopath.cli.style.train as train_module
from cartopath.cli.main import app
from cartopath.methods.restyling import sources
from cartopath.style import colour_distance, gradient_correlation, vector_angle_degrees

PINK = ((0.60, 0.70, 0.39), (0.15, 0.85, 0.50))
BLUE = ((0.70, 0.62, 0.35), (0.25, 0.90, 0.36))
TINY = ["--tile-px", 32, "--crop-px", 32, "--channels", 4, "--blocks", 1, "--halvings", 1, "--epochs", 1, "--decay-epochs", 1]
TINY += ["--tiles", 1, "--threads", 1, "--accelerator", "cpu"]


def cartopath(*words):
    result = CliRunner().invoke(app, ["style", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def planted(seed, stains, strength, size=96):
    """A picture that is a mixture of two known stains, with edges."""
    rng = np.random.default_rng(seed)
    share = np.kron(rng.choice([0.0, 0.3, 0.7, 1.0], (size // 8, size // 8)), np.ones((8, 8)))
    amount = 0.35 + 0.65 * np.kron(rng.random((size // 4, size // 4)), np.ones((4, 4)))
    unit = [np.array(stain) / np.linalg.norm(stain) for stain in stains]
    density = (share * amount * strength[0])[..., None] * unit[0] + ((1 - share) * amount * strength[1])[..., None] * unit[1]
    return np.clip(np.rint(241 * np.exp(-density) - 1), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folders(made_once):
    """Two folders of pictures in two stains; the tissue differs."""

    def fill(folder):
        for name, stains, strength, seed in (("pink", PINK, (1.6, 1.1), 0), ("blue", BLUE, (2.2, 0.8), 10)):
            (folder / name).mkdir(parents=True)
            for number in range(2):
                Image.fromarray(planted(seed + number, stains, strength)).save(folder / name / f"{name}{number}.png")

    return made_once("style_command_folders", fill)


@pytest.fixture(scope="module")
def style(folders, tmp_path_factory):
    path = tmp_path_factory.mktemp("style") / "blue.json"
    return *cartopath("fit", folders / "blue", "-o", path), path


class TestFit:
    def test_finds_the_planted_stains_of_a_folder(self, style):
        code, printed, path = style
        assert code == 0 and "macenko style of 2 files" in printed and "haematoxylin:" in printed
        found = json.loads(path.read_text())["style"]
        for name, stain in zip(("haematoxylin", "eosin"), BLUE, strict=True):
            assert vector_angle_degrees(found[name], stain) < 4

    def test_fits_a_single_picture_by_another_method(self, folders, tmp_path):
        code, printed = cartopath("fit", folders / "pink" / "pink0.png", "--method", "reinhard", "-o", tmp_path / "s.json")
        assert code == 0 and "reinhard style of 1 file" in printed and "space: cielab" in printed

    def test_an_unknown_method_is_one_message(self, folders, tmp_path):
        code, printed = cartopath("fit", folders / "pink", "--method", "makenko", "-o", tmp_path / "s.json")
        assert code == 1 and "closest: macenko" in printed

    def test_a_picture_without_tissue_is_one_message(self, tmp_path):
        Image.fromarray(np.full((64, 64, 3), 245, np.uint8)).save(tmp_path / "glass.png")
        code, printed = cartopath("fit", tmp_path / "glass.png", "-o", tmp_path / "s.json")
        assert code == 1 and "no style can be fitted" in printed and not (tmp_path / "s.json").exists()


class TestApply:
    def test_restyles_pictures_whole_and_keeps_their_structure(self, folders, style, tmp_path):
        code, printed = cartopath("apply", style[2], folders / "pink", "-o", tmp_path / "out")
        assert code == 0 and "2 pictures and 0 tiles of slides" in printed
        before, after = (read(path) for path in (folders / "pink" / "pink0.png", tmp_path / "out" / "pink0.png"))
        target = [read(path) for path in sorted((folders / "blue").glob("*.png"))]
        assert after.shape == before.shape
        assert gradient_correlation(before, after) > 0.85
        assert colour_distance([after], target).mean < 0.4 * colour_distance([before], target).mean

    def test_goes_on_where_it_was_killed(self, folders, style, tmp_path):
        words = ["apply", style[2], folders / "pink", "-o", tmp_path / "out"]
        assert cartopath(*words)[0] == 0
        kept, made = (tmp_path / "out" / name for name in ("pink0.png", "pink1.png"))
        stamp, content = kept.stat().st_mtime_ns, made.read_bytes()
        made.unlink()
        assert cartopath(*words)[0] == 0
        assert kept.stat().st_mtime_ns == stamp and made.read_bytes() == content

    def test_writes_into_no_folder_that_holds_something_else(self, folders, style, tmp_path):
        (tmp_path / "mine.png").write_bytes(b"mine")
        code, printed = cartopath("apply", style[2], folders / "pink", "-o", tmp_path)
        assert code == 1 and "is not empty" in printed
        assert (tmp_path / "mine.png").read_bytes() == b"mine"

    def test_restyles_the_tissue_tiles_of_a_slide(self, style, tmp_path, monkeypatch):
        monkeypatch.setattr(sources, "LARGEST_PICTURE_PX", 100)
        pixels = np.full((128, 192, 3), 244, np.uint8)
        pixels[32:, :96] = planted(5, PINK, (1.6, 1.1))
        options = {"photometric": "rgb", "resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
        tifffile.imwrite(tmp_path / "slide.tif", pixels, tile=(32, 32), **options)
        words = ["apply", style[2], tmp_path / "slide.tif", "--tile-px", 32, "--mpp", 0.5, "--threads", 1]
        code, printed = cartopath(*words, "-o", tmp_path / "out")
        assert code == 0 and "0 pictures and 9 tiles of slides" in printed
        table = pd.read_csv(tmp_path / "out" / "slide" / "tiles.csv")
        assert len(table) == 9 and table["x_px0"].max() == 64 and table["y_px0"].min() == 32
        assert all((tmp_path / "out" / "slide" / name).is_file() for name in table["file"])

    def test_one_picture_that_cannot_be_restyled_is_code_3(self, folders, style, tmp_path):
        (tmp_path / "in").mkdir()
        shutil.copy(folders / "pink" / "pink0.png", tmp_path / "in" / "good.png")
        Image.fromarray(np.full((64, 64, 3), 245, np.uint8)).save(tmp_path / "in" / "glass.png")
        code, printed = cartopath("apply", style[2], tmp_path / "in", "-o", tmp_path / "out")
        assert code == 3 and "glass: no style can be fitted" in printed and "1 pictures" in printed

    def test_styles_of_two_methods_are_one_message(self, folders, style, tmp_path):
        cartopath("fit", folders / "pink", "--method", "hed", "-o", tmp_path / "own.json")
        words = ["apply", style[2], folders / "pink", "--source", tmp_path / "own.json", "-o", tmp_path / "out"]
        code, printed = cartopath(*words)
        assert code == 1 and "fit both by one method" in printed and not (tmp_path / "out").exists()

    def test_a_style_that_is_not_there_is_one_message(self, folders, tmp_path):
        code, printed = cartopath("apply", tmp_path / "none.json", folders / "pink", "-o", tmp_path / "out")
        assert code == 1 and "no such style" in printed


class TestSheet:
    def test_draws_examples_and_measures_both_ways(self, folders, tmp_path):
        words = ["sheet", "hed", folders / "pink", folders / "blue", "--tile-px", 48, "-o", tmp_path / "sheet.png"]
        code, printed = cartopath(*words)
        assert code == 0
        assert "pink as blue: edges kept 0.9" in printed and "blue as pink: edges kept 0.9" in printed
        assert "colour distance to blue" in printed and "warning" not in printed
        assert read(tmp_path / "sheet.png").shape[1] > 500

    def test_says_plainly_when_structure_is_not_kept(self, folders, tmp_path, monkeypatch):
        import cartopath.cli.style.sheet as module

        def scrambled(tile):
            return np.random.default_rng(0).permutation(tile.reshape(-1, 3)).reshape(tile.shape)

        monkeypatch.setattr(module, "both_ways", lambda *words, **options: (scrambled, scrambled))
        words = ["sheet", "hed", folders / "pink", folders / "blue", "--tile-px", 48, "-o", tmp_path / "sheet.png"]
        code, printed = cartopath(*words)
        assert code == 0 and "the structure of the tissue is not kept: " in printed and "0.9 is needed" in printed
        assert "the colours of blue are not reached" in printed

    def test_a_method_that_is_none_is_one_message(self, folders, tmp_path):
        code, printed = cartopath("sheet", "nothing", folders / "pink", folders / "blue", "-o", tmp_path / "s.png")
        assert code == 1 and "neither macenko, reinhard, hed nor the folder of a trained CycleGAN" in printed


@pytest.fixture(scope="module")
def trained(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("cyclegan") / "model"
    return *cartopath("train", folders / "pink", folders / "blue", *TINY, "-o", out), out


class TestTrain:
    def test_prints_losses_and_quality(self, trained):
        code, printed, _ = trained
        assert code == 0
        assert "2 tiles of pink, 2 of blue" in printed and "epoch 2/2: adversarial" in printed
        assert "pink as blue: edges kept" in printed and "blue as pink: edges kept" in printed

    def test_says_that_two_epochs_are_not_enough(self, trained):
        assert "the structure of the tissue is not kept" in trained[1]

    def test_leaves_curve_quality_and_sheet_beside_the_generators(self, trained):
        out = trained[2]
        assert list(pd.read_csv(out / "curve.csv")["epoch"]) == [0, 1]
        assert pd.read_csv(out / "quality.csv")["from"].tolist() == ["pink", "blue"]
        assert (out / "sheet.png").is_file() and not (out / "work").exists()

    def test_is_not_done_twice_nor_replaced_unasked(self, trained, folders):
        words = ["train", folders / "pink", folders / "blue", *TINY, "-o", trained[2]]
        before = (trained[2] / "cyclegan.json").stat().st_mtime_ns
        code, printed = cartopath(*words)
        assert code == 0 and "trained before; nothing to do" in printed and "edges kept" in printed
        code, printed = cartopath(*words, "--lr", 1e-3)
        assert code == 1 and "replace it with --anew" in printed
        assert (trained[2] / "cyclegan.json").stat().st_mtime_ns == before

    def test_goes_on_after_a_kill_to_the_same_bytes(self, trained, folders, tmp_path, monkeypatch):
        def killed(self, epoch, row):
            raise KeyboardInterrupt

        words = ["train", folders / "pink", folders / "blue", *TINY, "-o", tmp_path / "model"]
        with monkeypatch.context() as patch:
            patch.setattr(train_module._Progress, "__call__", killed)
            assert cartopath(*words)[0] == 130
        assert not (tmp_path / "model" / "cyclegan.json").exists()
        code, printed = cartopath(*words)
        assert code == 0 and "epoch 2/2" in printed and "epoch 1/2" not in printed
        same = [(folder / "a_to_b.safetensors").read_bytes() for folder in (tmp_path / "model", trained[2])]
        assert same[0] == same[1]

    def test_crops_larger_than_tiles_are_one_message(self, folders, tmp_path):
        words = ["train", folders / "pink", folders / "blue", "--tile-px", 32, "-o", tmp_path / "model"]
        code, printed = cartopath(*words)
        assert code == 1 and "--tile-px 32 must be at least --crop-px 256" in printed

    def test_the_network_restyles_files(self, trained, folders, tmp_path):
        words = ["apply", trained[2], folders / "blue", "--direction", "b_to_a", "--device", "cpu", "-o", tmp_path / "out"]
        assert cartopath(*words)[0] == 0
        assert read(tmp_path / "out" / "blue0.png").shape == (96, 96, 3)

    def test_the_network_makes_pairs_for_fingerprints(self, trained, folders, tmp_path):
        from cartopath.training.fingerprint import read_fingerprint_card

        words = ["fingerprint", "train", folders / "pink", "--slide-mpp", 4, "--pairing", trained[2], "--backbone", "test_resnet"]
        words += ["--size-px", 16, "--mpp", 4, "--rotation", "right_angles", "--tiles", 2, "--chunks", 1, "--batch-size", 4]
        words += ["--accelerator", "cpu", "--threads", 1, "-q", "-o", tmp_path]
        assert CliRunner().invoke(app, list(map(str, words))).exit_code == 0
        assert read_fingerprint_card(tmp_path).card["recipe"]["style_name"].startswith("cyclegan ")
        assert pd.read_csv(tmp_path / "curve.csv")["style_distance"].iloc[0] > 0
