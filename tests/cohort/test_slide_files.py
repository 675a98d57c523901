"""Which files of a folder are slides."""

import os
from pathlib import Path

import pytest

from cartopath.cohort import read_slides
from cartopath.cohort.slide_lists.slide_files import walk_files
from cartopath.core.errors import TableError


@pytest.fixture
def folder(tmp_path):
    """Make files of these names and return their folder."""

    def folder_(*names):
        for name in names:
            path = tmp_path / "slides" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.fsencode(name))
        return tmp_path / "slides"

    return folder_


def taken(folder, **options):
    slides = read_slides(folder, **options)
    return slides["slide_id"][slides["exclude"] == ""].tolist()


def set_aside(folder):
    slides = read_slides(folder)
    out = slides[slides["exclude"] != ""]
    return dict(zip(out["slide_id"], out["exclude"], strict=True))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("S1_mask.tif", "mask"),
        ("S1_tumour_mask_div8.tif", "mask"),
        ("S1-labels.tif", "label"),
        ("S1_label.svs", "label"),
        ("S1_thumb_1024.tiff", "thumbnail"),
        ("S1.thumbnail.tif", "thumbnail"),
        ("S1_macro.tif", "macro picture"),
        ("S1_overview.tif", "overview"),
    ],
)
def test_what_lies_beside_a_slide_is_listed_and_set_aside_with_the_reason(folder, name, what):
    here = folder("S1.svs", name)
    assert taken(here) == ["S1"]
    assert list(set_aside(here).values()) == [f"looks like a {what} by its name (of S1)"]


def test_the_longest_name_is_the_slide_that_a_mask_belongs_to(folder):
    assert set_aside(folder("S1.svs", "S1_2.svs", "S1_2_mask.tif")) == {"S1_2_mask": "looks like a mask by its name (of S1_2)"}


def test_a_folder_of_masks_named_like_their_slides_is_set_aside(folder):
    here = folder("images/S1.tif", "masks/S1.tif", "images/S2.tif", "masks/S2.tif")
    slides = read_slides(here)
    assert [Path(path).parent.name for path in slides["path"][slides["exclude"] == ""]] == ["images", "images"]
    assert set(slides["exclude"]) == {"", "looks like a mask by its folder (of S1)", "looks like a mask by its folder (of S2)"}


def test_folders_named_for_classes_hold_slides(folder):
    assert taken(folder("label_0/S1.svs", "label_1/S2.svs")) == ["S1", "S2"]


def test_words_within_other_words_mean_nothing(folder):
    assert taken(folder("unmasked.svs", "labelled_S1.svs", "thumbnailed.svs")) == ["labelled_S1", "thumbnailed", "unmasked"]


def test_a_word_before_the_end_means_nothing_without_a_slide_that_it_belongs_to(folder):
    assert taken(folder("slide-thumb-rgb.tif", "S1.svs")) == ["S1", "slide-thumb-rgb"]


def test_pictures_are_slides_only_where_there_is_nothing_else(folder):
    here = folder("C2.jpg", "core.png", "notes.txt")
    assert taken(here) == ["C2", "core"]
    folder("S1.svs")
    assert taken(here) == ["S1"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.svs", ["S1", "S3"]),
        ("*.SVS", ["S1", "S3"]),
        ("images/*", ["C2", "S1"]),
        ("*.jpg", ["C2"]),
        ("S?.*", ["S1", "S2", "S3"]),
        ("*_mask.tif", ["S1_mask"]),
        ("*.vsi", ["odd"]),
    ],
)
def test_a_pattern_says_which_files_are_slides(folder, pattern, names):
    here = folder("images/S1.svs", "images/C2.jpg", "images/S1.xml", "S2.tif", "S3.SVS", "S1_mask.tif", "odd.vsi")
    assert sorted(taken(here, pattern=pattern)) == names


def test_a_pattern_that_matches_nothing_is_refused_with_what_there_is(folder):
    with pytest.raises(TableError, match=r"no file matches the pattern '\*.svf' \(.svs: 2, .txt: 1\)"):
        read_slides(folder("a.svs", "b.svs", "c.txt"), pattern="*.svf")


@pytest.mark.parametrize("pattern", ["", "/data/*.svs"])
def test_what_is_no_pattern_is_refused(folder, pattern):
    with pytest.raises(TableError, match="is no pattern of files"):
        read_slides(folder("a.svs"), pattern=pattern)


def test_a_mirax_slide_and_its_folder_are_one_slide(folder):
    here = folder("M1.mrxs", "M1/Slidedat.ini", "M1/Data0000.dat", "M1/preview.tif")
    assert taken(here) == ["M1"]


@pytest.mark.parametrize("suffix", [".ome.tif", ".ome.tiff", ".btf", ".qptiff", ".czi", ".NDPI"])
def test_suffixes_are_taken_off_the_name(folder, suffix):
    assert taken(folder(f"case.7{suffix}")) == ["case.7"]


@pytest.mark.parametrize("name", ["mit leer zeichen", "Müller-ß", "切片", "🔬", "two\nlines", "tab\there", 'quo"te', "per%cent"])
def test_any_name_is_a_name(folder, name):
    here = folder(f"{name}.svs")
    slides = read_slides(here)
    assert slides[["slide_id", "path"]].values.tolist() == [[name, str(here / f"{name}.svs")]]


def test_a_name_that_is_not_utf8_is_set_aside(folder):
    here = folder("S1.svs", os.fsdecode(b"caf\xe9.svs"))
    assert set_aside(here) == {"caf?": "its name is not UTF-8 text; rename it"}


def test_links_are_followed(folder, tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "S2.svs").write_bytes(b"x")
    here = folder("S1.svs")
    (here / "linked").symlink_to(tmp_path / "archive")
    assert taken(here) == ["S1", "S2"]


def test_a_folder_linked_twice_is_listed_once_by_its_own_path(folder):
    here = folder("z/S1.svs")
    (here / "a").symlink_to(here / "z")
    assert walk_files(here) == [here / "z" / "S1.svs"]


def test_loops_of_links_end(folder):
    here = folder("deep/S1.svs")
    (here / "deep" / "up").symlink_to(here)
    (here / "self").symlink_to(here / "self")
    (here / "again.svs").symlink_to(here / "again.svs")
    assert taken(here) == ["S1"]
    assert set_aside(here) == {"again": "a link that leads in a circle"}


def test_a_link_that_leads_nowhere_is_listed_as_missing(folder, tmp_path):
    here = folder("S1.svs")
    (here / "S2.svs").symlink_to(tmp_path / "unmounted" / "S2.svs")
    assert read_slides(here)["on_disk"].tolist() == ["present", "missing"]


def test_hidden_files_and_the_bins_of_systems_are_passed_over(folder):
    assert taken(folder("S1.svs", "._S1.svs", ".cache/S2.svs", "@eaDir/S1.svs/S3.tif", "$RECYCLE.BIN/S4.svs")) == ["S1"]


def test_a_folder_that_cannot_be_listed_is_named(folder, monkeypatch):
    here = folder("closed/S1.svs")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("cartopath.cohort.slide_lists.slide_files.os.scandir", refuse)
    with pytest.raises(TableError, match=r"closed: cannot be listed \(Permission denied\)"):
        read_slides(here)


def test_a_pipe_is_no_slide(folder):
    here = folder("S1.svs")
    os.mkfifo(here / "pipe.svs")
    assert taken(here) == ["S1"]


@pytest.mark.realdata
class TestRealFolders:
    def test_masks_beside_real_slides_are_set_aside(self, real_data):
        masks = {"TCGA-A1-A0SB-01Z-00-DX1_level2_tumour_mask", "TCGA-C8-A1HN-01Z-00-DX1_tumour_mask_div8"}
        assert set(set_aside(real_data / "slides")) == masks

    def test_the_levels_of_a_real_dicom_slide_are_one_slide(self, real_data):
        assert taken(real_data / "slides" / "fixtures", pattern="*.dcm") == ["boxes_0"]

    def test_frozen_sections_are_told_from_diagnostic_slides(self, real_data):
        kinds = read_slides(real_data / "monuseg")["kind"].value_counts().to_dict()
        assert kinds == {"DX": 15, "TS": 5}

    @pytest.mark.parametrize(("name", "n", "n_patients"), [("brca", 761, 703), ("luad", 469, 410)])
    def test_the_slides_of_a_published_manifest_are_listed_as_missing(self, real_data, name, n, n_patients):
        slides = read_slides(real_data / "slides", real_data / "gdc" / f"pathomch_gdc_manifest_{name}.txt")
        assert (len(slides), slides["patient_id"].nunique(), slides["slide_id"].nunique()) == (n, n_patients, n)
        assert set(slides["on_disk"]) == {"missing"} and set(slides["kind"]) == {"DX"}

    def test_section_photographs_are_slides(self, real_data):
        assert taken(real_data / "her2st" / "images") == ["C2", "C3", "C4", "C5"]
