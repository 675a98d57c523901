"""How the cores of an array were stained and scanned, all in one go."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cartopath.core.errors import ConfigError
from cartopath.simulate.staining import Stain, slide_stain


@dataclass(frozen=True, slots=True)
class ArrayStyle:
    """Stain and scanner of one array slide.

    Attributes:
        name: Names the slide; unique within an array.
        stain: Of all its cores.
        mpp: Micrometres per pixel of the scanner.
        blur_um: Standard deviation of the scanner's blur.
        brightness: Factor on the light, 1 for what the stain says.
    """

    name: str
    stain: Stain
    mpp: float = 0.5
    blur_um: float = 0.0
    brightness: float = 1.0

    def __post_init__(self) -> None:
        if not self.name or set(self.name) & set("/\\ \t\n"):
            raise ConfigError(f"the name of an array style becomes part of a file name. Got {self.name!r} instead.")
        for what, value, holds in (
            ("mpp", self.mpp, 0.1 <= self.mpp <= 4.0),
            ("blur_um", self.blur_um, self.blur_um >= 0),
            ("brightness", self.brightness, 0.5 <= self.brightness <= 1.05),
        ):
            if not holds:
                raise ConfigError(f"the {what!r} of array style {self.name!r} is impossible: {value}")

    def with_mpp(self, mpp: float) -> ArrayStyle:
        """Return the same style from a scanner of another resolution."""
        return replace(self, mpp=mpp)

    def of_core(self, seed: int, core_id: str, *, variation: float) -> Stain:
        """Return the stain of one core: sections are not equally thick everywhere."""
        stain = slide_stain(self.stain, seed, f"{self.name}/{core_id}", variation=variation)
        red, green, blue = (min(255.0, value * self.brightness) for value in stain.white)
        return Stain(stain.haematoxylin, stain.eosin, (red, green, blue), stain.gamma)


FIRST_STYLE = ArrayStyle(
    "first",
    Stain(haematoxylin=(1.05, 1.37, 0.67), eosin=(0.19, 0.97, 0.51), white=(243.0, 243.0, 243.0), gamma=1.0),
    mpp=0.5,
)
SECOND_STYLE = ArrayStyle(
    "second",
    Stain(haematoxylin=(0.95, 0.84, 0.30), eosin=(0.07, 0.88, 0.95), white=(240.0, 236.0, 226.0), gamma=1.15),
    mpp=0.4,
    blur_um=0.6,
    brightness=0.95,
)
"""Bluer nuclei in orange tissue, on a finer, softer, dimmer scanner than that of `FIRST_STYLE`."""
