"""DICOM slides: a file or the folder of its series, with labels and thumbnails left alone."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest

from cartopath.core.errors import SlideError
from cartopath.slides import open_slide

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
MPP = 0.5


def write_dicom(path, image, *, kind="VOLUME", series="1.2.3", mpp=MPP):
    """Write one level of a slide as a single uncompressed frame per 64 x 64 px, by the standard's letter."""
    import pydicom
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.sequence import Sequence

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = WHOLE_SLIDE, f"{series}.{zlib.crc32(path.name.encode())}"
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = "1.2", series, "1.9"
    data.Modality, data.ImageType = "SM", ["DERIVED", "PRIMARY", kind, "RESAMPLED" if kind != "VOLUME" else "NONE"]
    height, width = image.shape[:2]
    data.Rows, data.Columns, data.NumberOfFrames = 64, 64, (height // 64) * (width // 64)
    data.TotalPixelMatrixRows, data.TotalPixelMatrixColumns = height, width
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.DimensionOrganizationType, data.TotalPixelMatrixFocalPlanes, data.NumberOfOpticalPaths = "TILED_FULL", 1, 1
    measures, shared, optical = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [mpp / 1000, mpp / 1000], 0.001
    shared.PixelMeasuresSequence, optical.OpticalPathIdentifier = Sequence([measures]), "0"
    data.SharedFunctionalGroupsSequence, data.OpticalPathSequence = Sequence([shared]), Sequence([optical])
    frames = image.reshape(height // 64, 64, width // 64, 64, 3).swapaxes(1, 2)
    data.PixelData = frames.tobytes()
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (256, 384, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, picture):
    """A series of two levels and a label, in an order of names that helps nobody."""
    path = tmp_path / "series"
    path.mkdir()
    write_dicom(path / "2.dcm", picture)
    write_dicom(path / "1.dcm", picture[:128, :192], mpp=2 * MPP)
    write_dicom(path / "0.dcm", np.full((64, 128, 3), 7, np.uint8), kind="LABEL")
    return path


def test_a_file_of_a_series_opens_it(folder, picture):
    with open_slide(folder / "2.dcm") as slide:
        assert slide.level_dimensions == ((384, 256), (192, 128))
        assert slide.mpp == pytest.approx(MPP)
        assert np.array_equal(slide.read_region(0, 0, 0, 384, 256), picture)


def test_a_folder_opens_the_series_in_it(folder, picture):
    with open_slide(folder) as slide:
        assert slide.path == folder / "2.dcm"
        assert slide.level_dimensions == ((384, 256), (192, 128))
        assert np.array_equal(slide.read_region(30, 40, 0, 100, 90), picture[40:130, 30:130])


def test_a_folder_of_two_slides_is_refused_and_names_them(folder, picture):
    write_dicom(folder / "other.dcm", picture, series="4.5.6")
    with pytest.raises(SlideError, match=r"series: 2 DICOM slides are in this folder \(2\.dcm, other\.dcm\); name one"):
        open_slide(folder)


def test_a_folder_of_labels_only_is_no_slide(tmp_path):
    write_dicom(tmp_path / "label.dcm", np.zeros((64, 64, 3), np.uint8), kind="LABEL")
    with pytest.raises(SlideError, match="no DICOM slide is in it"):
        open_slide(tmp_path)


def test_a_folder_of_anything_else_is_no_slide(tmp_path):
    (tmp_path / "note.dcm").write_text("no DICOM")
    (tmp_path / "cut.dcm").write_bytes(bytes(128) + b"DICM\x02\x00")
    (tmp_path / "inner.dcm").mkdir()
    with pytest.raises(SlideError, match="a folder, not a slide file, and no DICOM slide is in it"):
        open_slide(tmp_path)


@pytest.mark.realdata
def test_the_real_fixtures_open_as_files_and_as_a_folder(real_data, tmp_path):
    fixtures = real_data / "slides" / "fixtures"
    for path in sorted(fixtures.glob("boxes_*.dcm")):
        with open_slide(path) as slide:
            assert (slide.backend, slide.mpp) == ("openslide", 0.499)
        shutil.copyfile(path, tmp_path / Path(path).name)
    with open_slide(tmp_path) as slide:
        assert slide.path.name == "boxes_0.dcm"
        assert slide.level_dimensions == ((16, 16),)


@pytest.mark.realdata
def test_a_dicom_file_that_does_not_say_what_it_shows_is_refused_with_openslides_reason(real_data):
    with pytest.raises(SlideError, match=r"small_dicom\.dcm: .*Couldn't get image flavor"):
        open_slide(real_data / "slides" / "small_dicom.dcm")
