"""How large an image, a tile and a grid of tiles a slide file may declare."""

from __future__ import annotations

from collections.abc import Mapping

from cartopath.core.errors import SlideError
from cartopath.slides.backends.protocol import Backend

MAX_SIDE_PX = 2_000_000
"""More than any scanner writes: at 0.1 um/px this is 20 cm."""
MAX_TILE_PX = 1 << 26
"""8192 x 8192 pixels in one compressed tile: 256 MiB when decoded. Scanners write 240 to 4096 pixels."""
MAX_TILE_BYTES = 4 * MAX_TILE_PX
MAX_AREA_PX = 1 << 40
"""Of a level: a million pixels square."""


def check_sides(sides: Mapping[str, int | None], where: str) -> None:
    """Refuse sides, in pixels, that are absent, zero or longer than any slide.

    Args:
        sides: Pixels by what they measure, such as `image width`.
        where: File and place, to begin the message with.

    Raises:
        SlideError: One of them is impossible.
    """
    for name, side in sides.items():
        if side is None or not 1 <= side <= MAX_SIDE_PX:
            found = "none" if side is None else f"{side:,}"
            raise SlideError(f"{where} declares {name} {found}; expected 1 to {MAX_SIDE_PX:,}")


def check_tile(width: int, height: int, bytes_per_px: int, where: str) -> None:
    """Refuse tiles that a decoder cannot allocate.

    Args:
        width: Columns of a tile.
        height: Rows of a tile.
        bytes_per_px: Bytes that one decoded pixel takes.
        where: File and place, to begin the message with.

    Raises:
        SlideError: They are too large.
    """
    if width * height > MAX_TILE_PX or width * height * bytes_per_px > MAX_TILE_BYTES:
        raise SlideError(
            f"{where} declares tiles of {width:,} x {height:,} px with {bytes_per_px:,} bytes each; more than {MAX_TILE_PX:,} px "
            f"or {MAX_TILE_BYTES >> 20} MiB in one tile is refused; the file is damaged or not a slide"
        )


def tiles_needed(image: tuple[int, int], tile: tuple[int, int]) -> int:
    """Return how many tiles it takes to cover an image.

    >>> tiles_needed((1000, 513), (256, 256))
    12
    """
    return -(-image[0] // tile[0]) * -(-image[1] // tile[1])


def check_levels(backend: Backend) -> None:
    """Refuse levels that no slide has, whatever the format of the file: the last look before the first pixel is read.

    Args:
        backend: An open file.

    Raises:
        SlideError: A level, its scale or its tiles are impossible.
    """
    for number, ((width, height), downsample) in enumerate(zip(backend.level_dimensions, backend.level_downsamples, strict=True)):
        where = f"{backend.path}: level {number}"
        check_sides({"width": width, "height": height}, where)
        if width * height > MAX_AREA_PX:
            raise SlideError(
                f"{where} declares {width:,} x {height:,} px; up to {MAX_AREA_PX:,} px are read; the file is damaged"
            )
        if not 0.9 <= downsample <= MAX_SIDE_PX:
            raise SlideError(f"{where} is {downsample:g} times as coarse as the finest; the file is damaged")
        sides = [backend.properties.get(f"openslide.level[{number}].tile-{side}", "1") for side in ("width", "height")]
        if all(side.isascii() and side.isdigit() for side in sides):
            check_tile(int(sides[0][:18]), int(sides[1][:18]), 4, where)
