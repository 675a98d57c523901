"""`cartopath fingerprint` as a user runs it: trained on a simulated array, matched, searched."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import cartopath.cli.fingerprint.train as train_module
from cartopath.cli.main import app
from cartopath.simulate.tissue_array import FIRST_STYLE, SECOND_STYLE, ArraySpec, simulate_arrays
from cartopath.training.fingerprint import read_fingerprint, read_fingerprint_card

TINY = ["--backbone", "test_resnet", "--size-px", 16, "--mpp", 4, "--rotation", "right_angles", "--tiles", 4, "--chunks", 2]
TINY += ["--batch-size", 12, "--accelerator", "cpu", "--threads", 1]
ENCODER = ["--size-px", 16, "--mpp", 4, "--device", "cpu", "--threads", 1]


def cartopath(*words):
    result = CliRunner().invoke(app, ["fingerprint", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.fixture(scope="module")
def array(made_once):
    """An array block of six patients with two cores each, in two sections; one core is lost in each."""

    def fill(folder):
        styles = (FIRST_STYLE.with_mpp(4.0), SECOND_STYLE.with_mpp(3.2))
        simulate_arrays(ArraySpec(name="block", n_patients=6, core_um=240.0, styles=styles, missing=0.09, seed=3), folder)

    return made_once("fingerprint_command_array", fill)


@pytest.fixture(scope="module")
def sections(array):
    return [array / "block_first.tif", array / "block_second.tif", "--core-um", 240, "--core-map", array / "block_cores.csv"]


@pytest.fixture(scope="module")
def trained(sections, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "model"
    return *cartopath("train", *sections, "--pairing", "sections", *TINY, "-o", out), out


class TestTrain:
    def test_prints_what_it_trains_on_and_the_accuracy_on_right_halves_beside_chance(self, trained):
        code, printed, _ = trained
        assert code == 0
        assert "10 pieces (cores of arrays) of 6 patients in 20 pictures; pairing: sections" in printed
        assert "block_first.tif: 11 cores, 1 place without one" in printed
        assert "2 pieces left out" in printed
        assert "chunk 2/2: loss" in printed and "style distance" in printed
        assert "right-half accuracy" in printed and "(chance 0.1)" in printed

    def test_says_once_how_long_it_took(self, trained):
        after = trained[1].partition("chunk 2/2")[2].partition("right-half accuracy")[2].partition("right-half accuracy")[2]
        assert "ended: the last chunk allowed" in after and not re.search(r"\d s\b", after)

    def test_leaves_a_bundle_that_can_be_used(self, trained):
        bundle = read_fingerprint(trained[2])
        assert len(bundle.card.pieces) == 10 and bundle.network.n_features == 512
        assert bundle.card.card["recipe"]["pairing"] == "sections"
        assert not (trained[2] / "work").exists()

    def test_lists_every_picture_of_every_piece_with_its_place(self, trained):
        table = pd.read_csv(trained[2] / "pieces.csv")
        assert len(table) == 22 and table["is_used"].sum() == 20
        first = table[table["style"] == "block_first"].set_index("piece_id")
        assert first.loc["block-P001-C1", "place"] == "A1" and first.loc["block-P001-C2", "place"] == "A2"

    def test_draws_the_cores_that_were_found(self, trained):
        picture = read(trained[2] / "cores_block_first.png")
        assert max(picture.shape) < 1200
        frame = (np.abs(picture.astype(int) - [0x00, 0x57, 0xB8]).max(axis=2) < 40).sum()
        assert frame > 11 * 4 * 20  # the squares around eleven cores

    def test_writes_the_curve(self, trained):
        assert list(pd.read_csv(trained[2] / "curve.csv")["chunk"]) == [0, 1]

    def test_does_nothing_twice(self, trained, sections):
        before = (trained[2] / "fingerprint.json").stat().st_mtime_ns
        code, printed = cartopath("train", *sections, "--pairing", "sections", *TINY, "-o", trained[2])
        assert code == 0 and re.search(r"trained before, in \d+ s; nothing to do", printed)
        assert (trained[2] / "fingerprint.json").stat().st_mtime_ns == before

    def test_replaces_another_training_only_when_told_to(self, trained, sections, tmp_path):
        model = shutil.copytree(trained[2], tmp_path / "model")
        words = ["train", *sections, "--pairing", "sections", *TINY, "--chunks", 1, "-o", model]
        code, printed = cartopath(*words)
        assert code == 1 and "holds a training of other inputs or settings" in printed and "--anew" in printed
        assert cartopath(*words, "--anew", "-q")[0] == 0
        assert read_fingerprint_card(model).card["n_chunks"] == 1

    def test_goes_on_after_a_kill_to_the_same_bytes(self, trained, sections, tmp_path, monkeypatch):
        def killed(self, chunk, row):
            raise KeyboardInterrupt

        words = ["train", *sections, "--pairing", "sections", *TINY, "-o", tmp_path / "model"]
        with monkeypatch.context() as patch:
            patch.setattr(train_module._Progress, "__call__", killed)
            code, printed = cartopath(*words)
        assert code == 130 and "the same command goes on" in printed
        assert not (tmp_path / "model" / "fingerprint.json").exists()
        code, printed = cartopath(*words)
        assert code == 0 and "chunk 2/2" in printed and "chunk 1/2" not in printed
        same = [(folder / "weights.safetensors").read_bytes() for folder in (tmp_path / "model", trained[2])]
        assert same[0] == same[1]

    def test_makes_the_second_image_by_restyling(self, array, tmp_path):
        words = ["train", array / "block_first.tif", "--core-um", 240, *TINY, "--chunks", 1, "--pairing", "macenko"]
        code, printed = cartopath(*words, "-o", tmp_path)
        assert code == 0 and "pairing: macenko" in printed
        assert pd.read_csv(tmp_path / "curve.csv")["style_distance"].iloc[0] > 0
        card = read_fingerprint_card(tmp_path)
        assert card.card["recipe"]["style_name"].startswith("macenko ")
        assert "every core counts as a patient of its own" in printed and "A1" in card.pieces  # without a map

    def test_changes_stains_at_random_for_the_second_image(self, cores, tmp_path):
        code, printed = cartopath("train", cores, *TINY, "--chunks", 1, "--pairing", "jitter", "-q", "-o", tmp_path)
        assert code == 0 and "a core without one counts as a patient" in printed
        assert pd.read_csv(tmp_path / "curve.csv")["style_distance"].iloc[0] > 0

    def test_takes_a_folder_of_core_files_with_patients_from_a_table(self, cores, tmp_path):
        code, printed = cartopath("train", cores, "--table", cores / "cores.csv", *TINY, "--chunks", 1, "-q", "-o", tmp_path)
        assert code == 0 and "6 pieces (core files) of 3 patients" in printed
        card = read_fingerprint_card(tmp_path)
        assert dict(zip(card.pieces, card.patients, strict=True))["core3"] == "pat1"

    def test_takes_regions_of_slides_by_patient(self, cores, tmp_path):
        words = ["train", cores, "--as", "slides", "--region-um", 160, "--regions", 1, *TINY, "--chunks", 1, "-q", "-o", tmp_path]
        code, printed = cartopath(*words)
        assert code == 0 and "6 pieces (regions of slides) of 6 patients" in printed
        assert all("@" in piece for piece in read_fingerprint_card(tmp_path).pieces)


@pytest.fixture(scope="module")
def cores(made_once):
    """Six cores of three patients as PNG files without a resolution, and a table that says it."""

    def fill(folder):
        folder.mkdir()
        rng = np.random.default_rng(0)
        for number in range(6):
            wave = np.sin(np.arange(96)[:, None] * (0.3 + 0.12 * number)) * np.ones((1, 96))
            pixels = np.array([170, 90, 150]) + 35 * wave[..., None] + rng.normal(0, 8, (96, 96, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"core{number}.png", dpi=(25400 / 4, 25400 / 4))
        rows = [f"core{number}.png,pat{number // 2}" for number in range(6)]
        (folder / "cores.csv").write_text("\n".join(["path,patient_id", *rows]))

    return made_once("fingerprint_command_cores", fill)


class TestMatch:
    def test_any_encoder_matches_a_section_to_itself(self, sections, tmp_path):
        first, _, *options = sections
        words = ["match", "random/test_resnet", first, first, "--whole", *options, *ENCODER, "--overlap", 0, "-o", tmp_path]
        code, printed = cartopath(*words)
        assert code == 0
        assert "cores: 11 of 11 matched: accuracy 1.00 (95% CI 1.00-1.00, n=11)" in printed and "chance 0.0909" in printed
        assert "patients: 6 of 6 matched" in printed and "chance 0.1667" in printed
        assert "this is no test of it" not in printed
        table = pd.read_csv(tmp_path / "matches.csv")
        assert (table["query"] == table["matched_to"]).all() and table["is_right"].all()
        assert (pd.read_csv(tmp_path / "patients.csv")["rank_of_right"] == 1).all()

    def test_matches_two_sections_by_a_trained_network(self, trained, sections, tmp_path):
        code, printed = cartopath(
            "match", trained[2], *sections, "--overlap", 0, "--device", "cpu", "--threads", 1, "-o", tmp_path
        )
        assert code == 0
        assert "left halves of the first set to right halves of the second" in printed
        assert "of 10 matched" in printed and "1 without a counterpart left out" in printed
        assert "the network was trained on 6 of these 6 patients: this is no test of it" in printed
        table = pd.read_csv(tmp_path / "matches.csv")
        assert len(table) == 10 and (table["is_right"] == (table["rank_of_right"] == 1)).all()
        wrong = table[~table["is_right"]]
        assert (wrong["distance"] <= wrong["distance_to_right"]).all()

    def test_matches_halves_of_one_set(self, trained, cores):
        code, printed = cartopath("match", trained[2], cores, "--overlap", 0, "--device", "cpu", "--threads", 1)
        assert code == 0 and "left halves to right halves" in printed and "cores: " in printed
        assert "a core without one counts as a patient" in printed

    def test_whole_pieces_of_one_set_are_refused(self, trained, cores):
        code, printed = cartopath("match", trained[2], cores, "--whole")
        assert code == 1 and "--whole matches the pieces of two sets" in printed


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Features of 16 patients with two slides each; two slides are swapped, one is a copy of another patient's."""
    import h5py

    folder, rng = tmp_path_factory.mktemp("features"), np.random.default_rng(0)
    rows = ["slide_id,patient_id"]
    middle = rng.normal(size=(16, 32))
    slides = {f"p{patient:02d}_s{slide}": (patient, slide) for patient in range(16) for slide in range(2)}
    middles = {name: middle[patient] + 0.15 * rng.normal(size=32) for name, (patient, _) in slides.items()}
    middles["p05_s1"], middles["p09_s1"] = middles["p09_s1"], middles["p05_s1"]  # swapped
    middles["p12_s0"] = middles["p03_s0"] + 0.005 * rng.normal(size=32)  # a duplicate under another patient
    for name, (patient, _) in slides.items():
        coords = np.stack(np.meshgrid(np.arange(6) * 256, np.arange(5) * 256), axis=-1).reshape(-1, 2)
        with h5py.File(folder / f"{name}.h5", "w") as file:
            noise = 0.3 * rng.normal(size=(30, 32))
            file["features"] = (middles[name] + noise - noise.mean(axis=0)).astype(np.float32)[None]
            file["coords"] = coords
            file["coords"].attrs["patch_size_level0"] = 256
        rows.append(f"{name},P{patient:02d}")
    (folder / "slides.csv").write_text("\n".join(rows))
    return folder


def write_bag(path, features, *, step=256):
    """A feature file in CLAM's layout, its tiles in one row."""
    import h5py

    with h5py.File(path, "w") as file:
        file["features"] = features
        file["coords"] = np.column_stack([np.arange(len(features)) * step, np.zeros(len(features), int)])


class TestFeatures:
    """Feature files as TRIDENT writes them: what is planted must be found."""

    def test_finds_a_planted_duplicate_and_a_planted_swap(self, planted, tmp_path):
        words = ["match", "features", planted, "--table", planted / "slides.csv", "--diagnose", "-o", tmp_path]
        code, printed = cartopath(*words)
        assert code == 0 and "diagnosis of 32 slides or cores" in printed
        table = pd.read_csv(tmp_path / "suspicious.csv")
        found = {kind: {frozenset(pair) for pair in rows[["first", "second"]].values} for kind, rows in table.groupby("kind")}
        assert found["duplicate"] == {frozenset(("p03_s0", "p12_s0"))}
        assert frozenset(("p05_s1", "p09_s0")) in found["one_patient"]
        assert found["two_patients"] == {frozenset((f"{p}_s0", f"{p}_s1")) for p in ("p05", "p09", "p12")}
        assert "p03_s0 and p12_s0 look like one slide" in printed
        assert "p05_s1 lies with another patient and far from all of its own" in printed
        assert len(table) <= 8

    def test_matches_halves_of_slides_by_where_their_tiles_lie(self, planted):
        code, printed = cartopath("match", "features", planted)
        assert code == 0 and "left halves of slides to right halves" in printed
        assert "of 32 matched" in printed

    def test_matches_patients_where_no_slide_is_in_both_sets(self, planted, tmp_path):
        for name in ("s0", "s1"):
            (tmp_path / name).mkdir()
            for path in planted.glob(f"*_{name}.h5"):
                shutil.copy(path, tmp_path / name)
        words = ["match", "features", tmp_path / "s0", tmp_path / "s1", "--table", planted / "slides.csv"]
        code, printed = cartopath(*words)
        assert code == 0 and "only patients are matched" in printed
        assert "patients: 13 of 16 matched" in printed  # all but the two swapped and the duplicate

    def test_sets_without_anything_in_common_are_one_message(self, planted, tmp_path):
        shutil.copy(planted / "p01_s0.h5", tmp_path / "other.h5")
        code, printed = cartopath("match", "features", planted, tmp_path)
        assert code == 1 and "neither a piece nor a patient is in both sets" in printed

    def test_a_file_of_another_kind_is_one_message(self, tmp_path):
        (tmp_path / "a.h5").write_bytes(b"no HDF5")
        code, printed = cartopath("match", "features", tmp_path)
        assert code == 1 and "a.h5: not readable features" in printed

    def test_a_damaged_file_costs_itself_and_is_named(self, planted, tmp_path):
        shutil.copytree(planted, tmp_path / "features")
        (tmp_path / "features" / "p05_s1.h5").write_bytes(b"no HDF5")
        code, printed = cartopath("match", "features", tmp_path / "features", "-o", tmp_path / "out")
        assert code == 3 and "of 31 matched" in printed
        assert "failed left out: " in printed and "p05_s1.h5: not readable features" in printed
        left_out = pd.read_csv(tmp_path / "out" / "left_out.csv").set_index("name")["reason"]
        assert "p05_s1.h5: not readable features" in left_out["p05_s1"]

    def test_a_damaged_file_of_the_second_set_costs_itself(self, planted, tmp_path):
        shutil.copytree(planted, tmp_path / "second")
        (tmp_path / "second" / "p03_s1.h5").write_bytes(b"no HDF5")
        code, printed = cartopath("match", "features", planted, tmp_path / "second")
        assert code == 3 and "1 without a counterpart left out" in printed
        assert "second/p03_s1.h5: not readable features" in printed

    def test_a_file_without_places_and_one_of_another_width_cost_themselves(self, planted, tmp_path):
        shutil.copytree(planted, tmp_path / "features")
        write_bag(tmp_path / "features" / "p00_s0.h5", np.zeros((30, 8), np.float32))
        torch = pytest.importorskip("torch")
        torch.save(torch.zeros(30, 32), tmp_path / "features" / "p99.pt")
        code, printed = cartopath("match", "features", tmp_path / "features")
        assert code == 3 and "of 31 matched" in printed
        assert "p00_s0.h5: 8 numbers per tile, where 31 of 32 files hold 32 numbers per tile" in printed
        assert "p99.pt: does not say where its tiles lie" in printed

    def test_sets_of_different_encoders_are_one_message(self, planted, tmp_path):
        for name in ("p00_s0", "p00_s1", "p01_s0", "p01_s1"):
            write_bag(tmp_path / f"{name}.h5", np.ones((30, 8), np.float32))
        code, printed = cartopath("match", "features", planted, tmp_path)
        assert code == 1 and "feature files are of different encoders (32 files hold 32 numbers per tile: all of " in printed
        assert "4 files hold 8 numbers per tile: all of " in printed

    def test_a_slide_without_two_halves_is_named(self, planted, tmp_path):
        shutil.copytree(planted, tmp_path / "features")
        write_bag(tmp_path / "features" / "thin.h5", np.ones((30, 32), np.float32), step=0)
        code, printed = cartopath("match", "features", tmp_path / "features", "-o", tmp_path / "out")
        assert code == 0 and "1 slide without tiles in both halves left out (thin)" in printed
        assert pd.read_csv(tmp_path / "out" / "left_out.csv").to_numpy().tolist() == [
            ["slide", "thin", "no tiles in both halves"]
        ]

    def test_encoders_under_different_names_are_a_note(self, planted, tmp_path):
        shutil.copytree(planted, tmp_path / "features_uni")
        shutil.copytree(planted, tmp_path / "features_uni_v1")
        code, printed = cartopath("match", "features", tmp_path / "features_uni", tmp_path / "features_uni_v1")
        assert code == 0 and "files name 2 encoders (uni, uni_v1)" in printed

    def test_a_file_that_points_elsewhere_is_refused(self, planted, tmp_path):
        import h5py

        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["features"] = h5py.ExternalLink(str(planted / "p01_s0.h5"), "features")
            file["coords"] = np.zeros((30, 2), int)
        code, printed = cartopath("match", "features", tmp_path)
        assert code == 1 and "features is missing, or lies in another file" in printed


class TestSimilar:
    @pytest.fixture
    def cohort(self, array, tmp_path):
        folder = tmp_path / "cohort"
        folder.mkdir()
        shutil.copy(array / "block_first.tif", folder / "copy.tif")
        shutil.copy(array / "block_second.tif", folder / "other.tif")
        return folder

    def test_the_same_place_of_a_copy_is_found_first(self, array, cohort, tmp_path):
        words = ["similar", "random/test_resnet", array / "block_first.tif", 72, 56, "--in", cohort, *ENCODER]
        words += ["-n", 4, "--per-slide", 2, "-o", tmp_path / "out"]
        code, printed = cartopath(*words)
        assert code == 0 and "4 tiles" in printed
        table = pd.read_csv(tmp_path / "out" / "similar.csv")
        assert table.loc[0, ["slide_id", "x_px0", "y_px0"]].tolist() == ["copy", 64, 48]
        assert table.loc[0, "similarity"] == pytest.approx(1, abs=2e-3)  # kept as 16-bit numbers
        assert table["similarity"].is_monotonic_decreasing and table["similarity"].iloc[1] < 0.9999
        assert table["slide_id"].value_counts().to_dict() == {"copy": 2, "other": 2}
        assert read(tmp_path / "out" / "similar.png").shape[1] > 400

    def test_the_region_itself_does_not_count(self, array, tmp_path):
        words = ["similar", "random/test_resnet", array / "block_first.tif", 72, 56, *ENCODER, "-n", 5, "--per-slide", 5]
        assert cartopath(*words, "-o", tmp_path)[0] == 0
        table = pd.read_csv(tmp_path / "similar.csv")
        assert len(table) == 5 and not ((table["x_px0"] == 64) & (table["y_px0"] == 48)).any()

    def test_features_are_kept_for_the_next_search(self, array, cohort, tmp_path, monkeypatch):
        import cartopath.methods.fingerprints_without_study.similar as module

        words = [
            "similar",
            "random/test_resnet",
            array / "block_first.tif",
            72,
            56,
            "--in",
            cohort,
            *ENCODER,
            "-o",
            tmp_path / "o",
        ]
        assert cartopath(*words)[0] == 0
        first = (tmp_path / "o" / "similar.csv").read_text()
        monkeypatch.setattr(module, "_computed", None)
        assert cartopath(*words)[0] == 0
        assert (tmp_path / "o" / "similar.csv").read_text() == first

    def test_a_point_off_the_slide_is_one_message(self, array, tmp_path):
        code, printed = cartopath("similar", "random/test_resnet", array / "block_first.tif", 1e6, 5, *ENCODER, "-o", tmp_path)
        assert code == 1 and "no tile of 16 px around (1e+06, 5)" in printed

    def test_a_point_on_glass_is_refused_with_the_nearest_tissue(self, array, tmp_path):
        words = ["similar", "random/test_resnet", array / "block_first.tif", *ENCODER, "-o", tmp_path]
        code, printed = cartopath(*words[:3], 5, 5, *words[3:])
        assert code == 1 and "shows glass (0% tissue)" in printed
        x, y = re.search(r"nearest tissue is around \((\d+), (\d+)\)", printed).groups()
        assert cartopath(*words[:3], x, y, *words[3:])[0] == 0

    def test_glass_is_searched_for_who_wants_it(self, array, tmp_path):
        words = ["similar", "random/test_resnet", array / "block_first.tif", 5, 5, *ENCODER, "-o", tmp_path, "--min-tissue", 0]
        assert cartopath(*words)[0] == 0

    def test_one_slide_alone_is_searched_without_a_limit(self, array, tmp_path):
        words = ["similar", "random/test_resnet", array / "block_first.tif", 72, 56, *ENCODER, "-n", 9, "-o", tmp_path]
        assert cartopath(*words)[0] == 0
        assert len(pd.read_csv(tmp_path / "similar.csv")) == 9

    def test_of_several_slides_three_tiles_each_are_found(self, array, cohort, tmp_path):
        words = ["similar", "random/test_resnet", array / "block_first.tif", 72, 56, "--in", cohort, *ENCODER, "-o", tmp_path]
        assert cartopath(*words)[0] == 0
        assert pd.read_csv(tmp_path / "similar.csv")["slide_id"].value_counts().to_dict() == {"copy": 3, "other": 3}


def test_a_damaged_slide_of_a_cohort_is_code_3(array, tmp_path, monkeypatch):
    import cartopath.methods.fingerprints_without_study.similar as module
    from cartopath.core.errors import SlideError

    real = module.tile_features

    def broken(encoder, slide, cohort):
        if slide.slide_id == "block_second":
            raise SlideError("block_second: broken")
        return real(encoder, slide, cohort)

    monkeypatch.setattr(module, "tile_features", broken)
    words = ["similar", "random/test_resnet", array / "block_first.tif", 72, 56, *ENCODER, "-o", tmp_path]
    code, printed = cartopath(*words, "--in", array / "block_first.tif", "--in", array / "block_second.tif")
    assert code == 3 and "block_second: broken" in printed
    assert pd.read_csv(tmp_path / "similar.csv")["slide_id"].unique().tolist() == ["block_first"]
