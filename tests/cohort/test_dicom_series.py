"""A DICOM series of many files is one slide."""

import pytest

from cartopath.cohort import read_slides
from cartopath.cohort.slide_lists.dicom_series import dicom_slides

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"


@pytest.fixture
def instance(tmp_path):
    """Write the header of a DICOM file."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    def instance_(name, *, series="1.2.3", kind="VOLUME", side=1024, container="", sop_class=WHOLE_SLIDE):
        path = tmp_path / "slides" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = sop_class
        meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        header.SOPClassUID = sop_class
        header.SeriesInstanceUID = series
        header.ImageType = ["ORIGINAL", "PRIMARY", kind, "NONE"]
        header.ContainerIdentifier = container
        header.PatientName = "Sentinel^Name"
        header.TotalPixelMatrixColumns = header.TotalPixelMatrixRows = side
        header.save_as(path)
        return path

    return instance_


def test_the_level_of_most_pixels_stands_for_the_series(instance):
    paths = [instance("a.dcm", side=256), instance("b.dcm", side=4096), instance("c.dcm", side=1024)]
    (slide,) = dicom_slides(paths)
    assert slide.path.name == "b.dcm"


def test_labels_overviews_and_thumbnails_are_never_the_slide(instance):
    kinds = ("LABEL", "OVERVIEW", "THUMBNAIL")
    paths = [instance(f"{kind}.dcm", kind=kind, side=9000) for kind in kinds] + [instance("z.dcm", side=16)]
    (slide,) = dicom_slides(paths)
    assert slide.path.name == "z.dcm" and slide.names == ("slides",)


def test_a_series_without_a_level_is_set_aside(instance, tmp_path):
    instance("a.dcm", kind="LABEL")
    slides = read_slides(tmp_path / "slides")
    assert slides["exclude"].tolist() == ["a DICOM series without a level: only label"]


def test_two_series_of_a_folder_are_two_slides(instance):
    paths = [instance(f"{name}{level}.dcm", series=f"1.{name}", side=100 * level) for name in (1, 2) for level in (1, 2)]
    assert [slide.path.name for slide in dicom_slides(paths)] == ["12.dcm", "22.dcm"]


def test_a_series_in_two_folders_is_two_slides(instance):
    assert len(dicom_slides([instance("x/a.dcm"), instance("y/a.dcm")])) == 2


def test_the_barcode_on_the_glass_names_the_slide(instance, tmp_path):
    for level in (1, 2):
        instance(f"{level}.dcm", side=100 * level, container="TCGA-A1-A0SB-01Z-00-DX1")
    slides = read_slides(tmp_path / "slides")
    assert slides[["slide_id", "patient_id"]].values.tolist() == [["TCGA-A1-A0SB-01Z-00-DX1", "TCGA-A1-A0SB"]]


def test_a_folder_of_levels_names_the_slide_and_is_found_by_its_name(instance, tmp_path):
    for level in (1, 2, 3):
        instance(f"case7/DCM_{level}.dcm", side=100 * level)
    folder = tmp_path / "slides"
    assert read_slides(folder)["slide_id"].tolist() == ["case7"]
    (tmp_path / "t.csv").write_text("slide_id,patient_id\ncase7,P1\n")
    assert read_slides(folder, tmp_path / "t.csv")["path"].tolist() == [str(folder / "case7" / "DCM_3.dcm")]


@pytest.mark.parametrize("n_bytes", [0, 100, 132, 140, 200, 300])
def test_a_damaged_file_stays_a_slide_of_its_own(instance, n_bytes):
    whole, cut = instance("a.dcm"), instance("b.dcm")
    cut.write_bytes(cut.read_bytes()[:n_bytes])
    assert [slide.path for slide in dicom_slides([whole, cut])] == [whole, cut]


def test_dicom_of_other_kinds_stays_single(instance):
    paths = [instance(f"{n}.dcm", sop_class="1.2.840.10008.5.1.4.1.1.2") for n in (1, 2)]
    assert [slide.path for slide in dicom_slides(paths)] == paths


def test_the_name_of_a_patient_is_not_kept(instance):
    assert "Sentinel" not in repr(dicom_slides([instance("a.dcm")]))
