"""What the XML of an OME-TIFF says about its main image: where it is, how large, how fine.

Only a handful of attributes are looked for, as text: nothing in the XML is expanded or followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_UM_PER_UNIT = {"nm": 1e-3, "µm": 1.0, "μm": 1.0, "um": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}
_NOT_A_SLIDE = re.compile(r"\b(label|macro|overview|thumbnail|barcode)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One image of an OME-TIFF.

    Attributes:
        name: What the file calls it.
        ifd: Its first TIFF directory in the file's main chain.
        width: In pixels; 0 where it is not said.
        height: In pixels.
        n_channels: Channels, 3 for RGB.
        mpp_x: Micrometres per pixel along x, if it is said in a unit of length.
        mpp_y: Along y.
    """

    name: str
    ifd: int
    width: int
    height: int
    n_channels: int
    mpp_x: float | None
    mpp_y: float | None


def is_ome(description: str) -> bool:
    """Whether the first description of a TIFF is that of an OME-TIFF."""
    return re.search(r"<(\w+:)?OME\b", description[:4096]) is not None


def main_image(description: str) -> OmeImage | None:
    """Return the largest image whose name is not that of a label, macro or thumbnail; None if this is no OME-TIFF or all are.

    Args:
        description: Description of the file's first TIFF directory.
    """
    if not is_ome(description):
        return None
    blocks = re.split(r"<(?:\w+:)?Image(?=[\s>])", description)
    images = [_image(block) for block in blocks[1:] or blocks]
    slides = [image for image in images if not _NOT_A_SLIDE.search(image.name)]
    return max(slides, key=lambda image: image.width * image.height, default=None)


def _image(block: str) -> OmeImage:
    head = block.split(">", 1)[0]
    pixels = re.search(r"<(?:\w+:)?Pixels\b[^>]*", block)
    about = pixels.group() if pixels else block
    ifds = [int(number) for number in re.findall(r'<(?:\w+:)?TiffData\b[^>]*?\bIFD="(\d{1,9})"', block)]
    return OmeImage(
        name=_attribute(head, "Name") or "",
        ifd=min(ifds, default=0),
        width=_whole(about, "SizeX"),
        height=_whole(about, "SizeY"),
        n_channels=_whole(about, "SizeC") or 1,
        mpp_x=_length_um(about, "X"),
        mpp_y=_length_um(about, "Y"),
    )


def _attribute(text: str, name: str) -> str | None:
    found = re.search(rf"""\b{name}=(?:"([^"]*)"|'([^']*)')""", text)
    return None if found is None else found.group(1) or found.group(2) or ""


def _whole(text: str, name: str) -> int:
    value = _attribute(text, name) or ""
    return int(value) if re.fullmatch(r"[0-9]{1,9}", value) else 0


def _length_um(text: str, axis: str) -> float | None:
    um_per_unit = _UM_PER_UNIT.get(_attribute(text, f"PhysicalSize{axis}Unit") or "um")
    try:
        return None if um_per_unit is None else float(_attribute(text, f"PhysicalSize{axis}") or "") * um_per_unit
    except ValueError:
        return None
