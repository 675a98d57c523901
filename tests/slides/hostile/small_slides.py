"""Small slides of every kind that cartopath opens: 256 x 256 px of tissue at 0.5 um/px, in tiles of 64 px.

`BASES` names a function for each kind. It writes the slide into an empty folder and returns its path.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

SIDE, TILE, MPP = 256, 64, 0.5
PER_CM = 1e4 / MPP
APERIO = "Aperio Image Library v11.0.37\r\n256x256 [0,0 256x256] (64x64) JPEG/RGB Q=70|AppMag = 20|MPP = 0.5|User = nobody"

Pixels = NDArray[np.uint8]


def tissue(side: int = SIDE) -> Pixels:
    """An ellipse of pink and violet on glass: uint8 (side, side, 3)."""
    y, x = np.mgrid[0:side, 0:side] / side
    inside = (((x - 0.5) / 0.4) ** 2 + ((y - 0.5) / 0.45) ** 2) < 1
    nuclei = np.sin(x * 90) * np.sin(y * 80) > 0.4
    picture = np.where(inside[..., None], np.where(nuclei[..., None], (110, 70, 150), (220, 150, 190)), (244, 243, 245))
    return picture.astype(np.uint8)


def halved(image: Pixels) -> Pixels:
    rows, columns = image.shape[:2]
    return image.reshape(rows // 2, 2, columns // 2, 2, 3).mean(axis=(1, 3)).astype(np.uint8)


def pyramid(folder: Path, *, name: str = "slide.tif", levels: int = 3, mpp: float | None = MPP, **options: Any) -> Path:
    """A tiled TIFF that OpenSlide calls generic-tiled-tiff."""
    image, path = tissue(), folder / name
    file_options = {key: options.pop(key) for key in ("bigtiff", "byteorder") if key in options}
    options = {"compression": "deflate", **options}
    with tifffile.TiffWriter(path, **file_options) as writer:
        for level in range(levels):
            per_cm = None if mpp is None else (1e4 / mpp / 2**level,) * 2
            writer.write(
                image,
                tile=(TILE, TILE),
                photometric="rgb",
                subfiletype=1 if level else 0,
                resolution=per_cm,
                resolutionunit=None if mpp is None else "CENTIMETER",
                metadata=None,
                **options,
            )
            image = halved(image)
    return path


def unmatched_levels(folder: Path, sides: tuple[tuple[int, int], ...]) -> Path:
    """A pyramid whose levels have these columns and rows."""
    path = folder / "slide.tif"
    with tifffile.TiffWriter(path) as writer:
        for level, size in enumerate(sides):
            writer.write(
                np.asarray(Image.fromarray(tissue()).resize(size)),
                tile=(TILE, TILE),
                photometric="rgb",
                compression="deflate",
                subfiletype=1 if level else 0,
                resolution=(PER_CM,) * 2,
                resolutionunit="CENTIMETER",
                metadata=None,
            )
    return path


def jpeg(folder: Path) -> Path:
    return pyramid(folder, compression="jpeg")


def svs(folder: Path, *, label: Pixels | None = None, label_text: str = "Aperio Image Library v11.0.37\r\nlabel 64x48") -> Path:
    """An Aperio slide: level 0, a thumbnail, level 1, a label and a macro image."""
    image, path = tissue(), folder / "slide.svs"
    label = np.full((48, 64, 3), (200, 200, 90), np.uint8) if label is None else label
    with tifffile.TiffWriter(path) as writer:
        writer.write(image, tile=(TILE, TILE), photometric="rgb", compression="jpeg", description=APERIO, metadata=None)
        small = halved(halved(image))
        writer.write(small, rowsperstrip=16, photometric="rgb", compression="jpeg", description=APERIO, metadata=None)
        writer.write(halved(image), tile=(TILE, TILE), photometric="rgb", compression="jpeg", description=APERIO, metadata=None)
        for pixels, text, kind in ((label, label_text, 1), (label, label_text.replace("label", "macro"), 9)):
            writer.write(
                pixels, rowsperstrip=16, photometric="rgb", compression="lzw", description=text, subfiletype=kind, metadata=None
            )
    return path


def ome(folder: Path, *, label: Pixels | None = None) -> Path:
    """An OME-TIFF whose levels are SubIFDs; with a label, that is a second image, named as Bio-Formats names it."""
    image, path = tissue(), folder / "slide.ome.tif"
    size = {"PhysicalSizeX": MPP, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": MPP, "PhysicalSizeYUnit": "µm"}
    with tifffile.TiffWriter(path, ome=True) as writer:
        options: dict[str, Any] = {"photometric": "rgb", "tile": (TILE, TILE), "compression": "deflate"}
        writer.write(image, subifds=2, metadata={"axes": "YXS", "Name": "slide", "UUID": "urn:uuid:0", **size}, **options)
        writer.write(halved(image), subfiletype=1, **options)
        writer.write(halved(halved(image)), subfiletype=1, **options)
        if label is not None:
            writer.write(label, photometric="rgb", compression="deflate", metadata={"axes": "YXS", "Name": "label image"})
    return path


def untiled(folder: Path) -> Path:
    path = folder / "photograph.tif"
    tifffile.imwrite(
        path, tissue(), photometric="rgb", rowsperstrip=32, resolution=(PER_CM,) * 2, resolutionunit="CENTIMETER", metadata=None
    )
    return path


def _photograph(folder: Path, name: str, **options: Any) -> Path:
    Image.fromarray(tissue()).save(folder / name, **options)
    return folder / name


def dicom(
    folder: Path, *, label: Pixels | None = None, label_text: str = "nothing", has_table: bool = True, is_bare: bool = False
) -> Path:
    """A DICOM slide of one level with 16 JPEG frames; with a label, that is another instance of the series in the same folder."""
    if label is not None:
        _dicom_instance(folder / "label.dcm", [label], label.shape[1::-1], flavour="LABEL", number=2, text=label_text)
    size, frames = (SIDE, SIDE), _tiles(tissue())
    return _dicom_instance(folder / "slide.dcm", frames, size, flavour="VOLUME", number=1, has_table=has_table, is_bare=is_bare)


def dicom_levels(folder: Path) -> Path:
    """A DICOM slide of two levels, each in a file of its own."""
    half = halved(tissue())
    _dicom_instance(folder / "level.dcm", _tiles(half), (SIDE // 2,) * 2, flavour="VOLUME", number=2, mpp=2 * MPP)
    return dicom(folder)


def _tiles(image: Pixels) -> list[Pixels]:
    rows, cols = (range(0, side, TILE) for side in image.shape[:2])
    return [image[top : top + TILE, left : left + TILE] for top in rows for left in cols]


def _dicom_instance(
    path: Path,
    frames: list[Pixels],
    size: tuple[int, int],
    *,
    flavour: str,
    number: int,
    text: str = "nobody",
    mpp: float = MPP,
    has_table: bool = True,
    is_bare: bool = False,
) -> Path:
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.sequence import Sequence
    from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage

    root = "1.2.826.0.1.3680043.8.498.1"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = VLWholeSlideMicroscopyImageStorage
    meta.MediaStorageSOPInstanceUID = f"{root}.{number}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if is_bare else JPEGBaseline8Bit
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PatientName, data.PatientID = "SM", text, "1"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = f"{root}.7", f"{root}.8", f"{root}.9"
    data.SeriesNumber, data.InstanceNumber = 1, number
    data.ImageType = ["ORIGINAL", "PRIMARY", flavour, "NONE"]
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB" if is_bare else "YBR_FULL_422", 0
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.NumberOfFrames = len(frames)
    data.Rows, data.Columns = frames[0].shape[:2]
    data.TotalPixelMatrixColumns, data.TotalPixelMatrixRows = size
    data.TotalPixelMatrixFocalPlanes = 1
    data.DimensionOrganizationType = "TILED_FULL"
    data.NumberOfOpticalPaths = 1
    data.ImagedVolumeWidth, data.ImagedVolumeHeight = size[0] * mpp / 1000, size[1] * mpp / 1000
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing = [mpp / 1000, mpp / 1000]
    measures.SliceThickness = 0.001
    shared.PixelMeasuresSequence = Sequence([measures])
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    optics = Dataset()
    optics.OpticalPathIdentifier = "1"
    data.OpticalPathSequence = Sequence([optics])
    if is_bare:
        data.PixelData = b"".join(frame.tobytes() for frame in frames)
        data["PixelData"].VR = "OB"
    else:
        data.PixelData = encapsulate([_encoded(frame) for frame in frames], has_bot=has_table)
        data["PixelData"].is_undefined_length = True
    data.save_as(path, enforce_file_format=True)
    return path


def _encoded(frame: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=85, subsampling="4:2:2")
    return buffer.getvalue()


_SLIDE_ID = b"0123456789ABCDEF"
_SLIDEDAT = f"""[GENERAL]
SLIDE_VERSION = 01.02
SLIDE_ID = {_SLIDE_ID.decode()}
SLIDE_TYPE = SLIDE_TYPE_BRIGHTFIELD
OBJECTIVE_MAGNIFICATION = 20
IMAGENUMBER_X = 4
IMAGENUMBER_Y = 4
CameraImageDivisionsPerSide = 1
[HIERARCHICAL]
HIER_COUNT = 1
NONHIER_COUNT = 0
INDEXFILE = Index.dat
HIER_0_NAME = Slide zoom level
HIER_0_COUNT = 1
HIER_0_VAL_0_SECTION = LEVEL_0
[DATAFILE]
FILE_COUNT = 1
FILE_0 = Data0000.dat
[LEVEL_0]
OVERLAP_X = 0
OVERLAP_Y = 0
MICROMETER_PER_PIXEL_X = {MPP}
MICROMETER_PER_PIXEL_Y = {MPP}
IMAGE_FORMAT = JPEG
IMAGE_FILL_COLOR_BGR = 16777215
DIGITIZER_WIDTH = {TILE}
DIGITIZER_HEIGHT = {TILE}
IMAGE_CONCAT_FACTOR = 0
"""


def mirax(folder: Path) -> Path:
    """A MIRAX slide of one level: a file of two bytes that matter, and a folder with a text, an index and the frames."""
    image, data, records = tissue(), b"01.02" + _SLIDE_ID, b""
    corners = [(top, left) for top in range(0, SIDE, TILE) for left in range(0, SIDE, TILE)]
    for number, (top, left) in enumerate(corners):
        frame = _encoded(image[top : top + TILE, left : left + TILE])
        records += struct.pack("<iiii", number, len(data), len(frame), 0)
        data += frame
    head = b"01.02" + _SLIDE_ID
    root = len(head) + 8
    index = head + struct.pack("<iiiiii", root, root, root + 4, 0, root + 12, len(corners)) + struct.pack("<i", 0) + records
    inside = folder / "slide"
    inside.mkdir()
    (folder / "slide.mrxs").write_bytes(b"\xff\xd8 and no more")
    (inside / "Slidedat.ini").write_bytes(b"\xef\xbb\xbf" + _SLIDEDAT.replace("\n", "\r\n").encode())
    (inside / "Index.dat").write_bytes(index)
    (inside / "Data0000.dat").write_bytes(data)
    return folder / "slide.mrxs"


def noise(folder: Path) -> Path:
    """Noise in tiles of 192 px, 9 x 64 x 64 px each, so hard to pack that their sizes need four bytes."""
    image = np.random.default_rng(0).integers(0, 255, (3 * TILE * 3,) * 2 + (3,), np.uint8)
    options: dict[str, Any] = {"photometric": "rgb", "compression": "deflate", "metadata": None}
    path = folder / "slide.tif"
    tifffile.imwrite(path, image, tile=(3 * TILE,) * 2, resolution=(PER_CM,) * 2, resolutionunit="CENTIMETER", **options)
    return path


def vmu(folder: Path) -> Path:
    """Hamamatsu's raw pixels, 64 x 64 of them, twelve bits each."""
    (folder / "slide.vmu").write_text(
        "[Uncompressed Virtual Microscope Specimen]\nNoLayers=1\nImageFile=pixels.ngr\nMapFile=pixels.ngr\nMacroImage=macro.jpg\n"
        f"PixelOrder=RGB\nBitsPerPixel=36\nPhysicalWidth={int(TILE * MPP * 1000)}\nPhysicalHeight={int(TILE * MPP * 1000)}\n"
    )
    pixels = (tissue(TILE).astype("<u2") << 4).tobytes()
    (folder / "pixels.ngr").write_bytes(
        b"GN\0\0" + struct.pack("<iii", TILE, TILE, TILE) + bytes(8) + struct.pack("<i", 28) + pixels
    )
    Image.fromarray(tissue(TILE)).save(folder / "macro.jpg")
    return folder / "slide.vmu"


BASES: dict[str, Callable[[Path], Path]] = {
    "pyramid": pyramid,
    "jpeg": jpeg,
    "big": lambda folder: pyramid(folder, bigtiff=True),
    "motorola": lambda folder: pyramid(folder, byteorder=">"),
    "one level": lambda folder: pyramid(folder, levels=1),
    "no mpp": lambda folder: pyramid(folder, mpp=None),
    "svs": svs,
    "ome": ome,
    "untiled": untiled,
    "png": lambda folder: _photograph(folder, "photograph.png"),
    "jpg": lambda folder: _photograph(folder, "photograph.jpg", quality=85),
    "dicom": dicom,
    "dicom without a table": lambda folder: dicom(folder, has_table=False),
    "dicom uncompressed": lambda folder: dicom(folder, is_bare=True),
    "dicom beside": dicom_levels,
    "mirax": mirax,
    "mirax index": mirax,
}
DAMAGED = {"dicom beside": "level.dcm", "mirax": "slide/Slidedat.ini", "mirax index": "slide/Index.dat"}
"""Which file of a slide of several files is damaged, if not the one that is opened."""
STATED = {"untiled": MPP, "png": MPP, "jpg": MPP}
"""Micrometres per pixel that a user must state for those kinds that cannot say it."""

CASE_BASES: dict[str, Callable[[Path], Path]] = {
    **BASES,
    "vmu": vmu,
    "noise": noise,
    "huge mpp": lambda folder: pyramid(folder, mpp=25.4),
    "fractional levels": lambda folder: unmatched_levels(folder, ((256, 256), (101, 101), (37, 37))),
    "squeezed level": lambda folder: unmatched_levels(folder, ((256, 256), (128, 64))),
    "upside down": lambda folder: unmatched_levels(folder, ((64, 64), (128, 128), (256, 256))),
    "twice the same level": lambda folder: unmatched_levels(folder, ((256, 256), (256, 256))),
    "smaller than a tile": lambda folder: unmatched_levels(folder, ((40, 30),)),
}
"""Kinds that cases start from; the second list is of no interest to mutations."""
