"""What `cartopath fingerprint` says when it cannot do what is asked: one message, no traceback; and how places are named."""

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cartopath.cli.fingerprint.train import parse_devices
from cartopath.cli.main import app
from cartopath.core.errors import SlideError, TableError
from cartopath.methods.fingerprints_without_study.core_map import parse_place, place_name, read_core_map
from cartopath.methods.fingerprints_without_study.listing import list_readable


def cartopath(*words):
    result = CliRunner().invoke(app, ["fingerprint", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def cores(tmp_path):
    """Four core files that say no resolution."""
    folder = tmp_path / "cores"
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(90, 200, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"core{number}.png")
    return folder


class TestInputs:
    def test_files_without_a_resolution_say_how_to_state_it(self, cores, tmp_path):
        code, printed = cartopath("train", cores, "-o", tmp_path / "m")
        assert code == 1 and "core0.png" in printed and "--assume-mpp" in printed

    def test_a_file_that_cannot_be_used_costs_a_search_no_other(self, cores):
        (cores / "broken.png").write_bytes(b"no slide")
        listed, failed = list_readable([cores], mpp=1.0)
        assert [one.slide_id for one in listed] == [f"core{number}" for number in range(4)]
        (reason,) = failed
        assert "broken.png" in reason

    def test_a_search_in_nothing_that_can_be_used(self, cores):
        with pytest.raises(SlideError, match=r"none of 4 files can be used; the first: .*core0\.png"):
            list_readable([cores])

    def test_nothing_there(self, tmp_path):
        code, printed = cartopath("train", tmp_path / "none.svs", "-o", tmp_path / "m")
        assert code == 1 and "none.svs" in printed

    def test_an_empty_folder(self, tmp_path):
        (tmp_path / "in").mkdir()
        code, printed = cartopath("train", tmp_path / "in", "-o", tmp_path / "m")
        assert code == 1 and "no slide or picture in" in printed

    def test_a_table_of_other_files(self, cores, tmp_path):
        (tmp_path / "other.csv").write_text("slide_id,patient_id\nsomething,p1\n")
        code, printed = cartopath("train", cores, "--table", tmp_path / "other.csv", "-o", tmp_path / "m")
        assert code == 1 and "none of its 1 files is in" in printed

    def test_files_of_very_different_sizes(self, cores, tmp_path):
        Image.fromarray(np.full((64, 1000, 3), 200, np.uint8)).save(cores / "wide.png")
        code, printed = cartopath("train", cores, "--slide-mpp", 4, "-o", tmp_path / "m")
        assert code == 1 and "say what they are: --as cores or --as slides" in printed

    def test_pieces_smaller_than_tiles(self, cores, tmp_path):
        code, printed = cartopath("train", cores, "--slide-mpp", 0.5, "-o", tmp_path / "m")
        assert code == 1 and "0 of 4 pieces can be trained on" in printed and "smaller tiles" in printed

    def test_two_folders_with_the_same_names(self, cores, tmp_path):
        code, printed = cartopath("train", cores, cores, "--slide-mpp", 0.5, "-o", tmp_path / "m")
        assert code == 1 and "if they are sections of the same tissue, say --sections" in printed

    def test_an_array_without_a_diameter(self, cores, tmp_path):
        code, printed = cartopath("train", cores / "core0.png", "--as", "array", "--slide-mpp", 1, "-o", tmp_path / "m")
        assert code == 1 and "--core-um" in printed

    def test_sections_of_whole_slides(self, cores, tmp_path):
        code, printed = cartopath("train", cores, "--as", "slides", "--sections", "--slide-mpp", 1, "-o", tmp_path / "m")
        assert code == 1 and "--sections is for arrays and core files" in printed

    def test_a_word_for_the_inputs_that_means_nothing(self, cores, tmp_path):
        code, printed = cartopath("train", cores, "--as", "slide", "-o", tmp_path / "m")
        assert code == 1 and "--as must be one of auto, array, cores, slides" in printed


INSTEAD = {
    "nowhere": "there is no such file or folder",
    "mode": "there is no such file or folder; beside it lies model",
    "model/weights.safetensors": "a file of a network; give the folder",
    "model.pth": "a .pth file of weights of another program",
    "slide.h5": "compared by `cartopath fingerprint match features",
    "notes.txt": "a file (.txt) of 5 bytes, and a network is a folder",
    "study": "a study, whose networks lie in models/fingerprints/encoder_0",
    "classifier": "a tile classifier, which makes no fingerprints",
    "models": "a folder of networks; give one of them: encoder_0, encoder_1",
    "empty": "an empty folder",
    "other": "a folder without fingerprint.json, with a.txt",
}


class TestOptions:
    FITTING = ("--slide-mpp", 1, "--size-px", 16, "--mpp", 1, "--rotation", "right_angles")

    def test_a_pairing_that_is_none(self, cores, tmp_path):
        code, printed = cartopath("train", cores, *self.FITTING, "--pairing", "jiter", "-o", tmp_path / "m")
        assert code == 1 and "--pairing must be none, sections, jitter" in printed and "'jiter'" in printed
        assert not (tmp_path / "m").exists()

    def test_a_target_style_without_a_method(self, cores, tmp_path):
        words = ["train", cores, *self.FITTING, "--pairing", "jitter", "--to", tmp_path / "s.json", "-o", tmp_path / "m"]
        code, printed = cartopath(*words)
        assert code == 1 and "--to goes with --pairing macenko" in printed

    def test_a_backbone_that_timm_has_not(self, cores, tmp_path):
        code, printed = cartopath("train", cores, *self.FITTING, "--backbone", "resnet43", "-o", tmp_path / "m")
        assert code == 1 and "timm" in printed and "resnet34" in printed

    def test_devices_that_are_none(self, cores, tmp_path):
        code, printed = cartopath("train", cores, *self.FITTING, "--devices", "first", "-o", tmp_path / "m")
        assert code == 1 and "--devices must be a number" in printed

    def test_devices_by_number_or_index(self):
        assert (parse_devices("2"), parse_devices("0,1"), parse_devices("auto")) == (2, (0, 1), "auto")

    @pytest.fixture
    def shelf(self, tmp_path):
        """Files and folders that somebody may take for a model."""
        files = ["model/weights.safetensors", "model.pth", "slide.h5", "notes.txt", "study/study.yaml", "classifier/model.json"]
        files += ["models/encoder_0/fingerprint.json", "models/encoder_1/fingerprint.json", "other/a.txt"]
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("hello")
        (tmp_path / "empty").mkdir()
        return tmp_path

    @pytest.mark.parametrize(("model", "found"), INSTEAD.items())
    def test_a_model_that_is_none_is_said_to_be_what_it_is(self, cores, shelf, model, found):
        code, printed = cartopath("match", shelf / model, cores)
        assert code == 1 and "no fingerprint network: " in printed and found in printed
        assert "give the folder that `cartopath fingerprint train` wrote" in printed

    @pytest.mark.parametrize(
        "words", [["train"], ["match", "m"], ["similar", "m", "s", "x", "1"], ["train", "a", "--chunks", "0"]]
    )
    def test_wrong_usage_is_code_2(self, words):
        assert cartopath(*words)[0] == 2

    @pytest.mark.parametrize("command", ["train", "match", "similar"])
    def test_exit_codes_are_listed(self, command):
        assert "Exit codes: 0 done" in cartopath(command, "--help")[1]


class TestCoreMap:
    def write(self, folder, text):
        (folder / "map.csv").write_text(text)
        return folder / "map.csv"

    @pytest.mark.parametrize("place", [(0, 0), (25, 3), (26, 11), (702, 0)])
    def test_names_of_places_lead_back(self, place):
        assert parse_place(place_name(place)) == place

    @pytest.mark.parametrize("first", [0, 1])
    def test_rows_and_columns_count_from_0_or_1(self, tmp_path, first):
        rows = [f"{first + row},{first + col},p{row}" for row in range(2) for col in range(2)]
        layout = read_core_map(self.write(tmp_path, "\n".join(["Row,Col,Patient ID", *rows]))).of("any")
        assert layout == {(row, col): (place_name((row, col)), f"p{row}") for row in range(2) for col in range(2)}

    def test_names_with_dashes_and_controls_without_a_patient(self, tmp_path):
        layout = read_core_map(self.write(tmp_path, "core;case_id;core_id\nA-1;p1;x\nB-12;;liver\n")).of("any")
        assert layout == {(0, 0): ("x", "p1"), (1, 11): ("liver", "")}

    def test_several_arrays_in_one_table(self, tmp_path):
        found = read_core_map(self.write(tmp_path, "slide_id,core,patient\none,A1,p1\ntwo,A1,p2\n"))
        assert (found.of("one")[0, 0], found.of("two")[0, 0]) == (("A1", "p1"), ("A1", "p2"))
        with pytest.raises(TableError, match="no row for the array 'three'"):
            found.of("three")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("patient_id\np1\n", "does not say where cores lie"),
            ("core\nA1\n", "does not say whose cores"),
            ("core,patient_id\n17,p1\n", "'17' is no place such as A1"),
            ("core,patient_id\nA1,p1\nA1,p2\n", "two cores at A1"),
            ("row,col,patient_id\n1,x,p1\n", "row and col must be whole numbers"),
        ],
    )
    def test_a_map_that_cannot_be_read_says_why(self, tmp_path, text, message):
        with pytest.raises(TableError, match=message):
            read_core_map(self.write(tmp_path, text))


def test_the_schedule_asked_for_is_the_schedule_of_the_training(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        "cartopath.cli.fingerprint.train.train_command", lambda inputs, out, how, gathering: asked.append(how) or 0
    )
    for words in (["--schedule", "one_cycle", "--lr", "0.003"], []):
        CliRunner().invoke(app, ["fingerprint", "train", str(tmp_path), "-o", str(tmp_path / "model"), *words])
    assert [(how.recipe().schedule, how.recipe().lr) for how in asked] == [("one_cycle", 0.003), ("plateau", 5e-4)]
