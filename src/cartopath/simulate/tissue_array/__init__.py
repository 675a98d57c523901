"""Simulated tissue microarrays: many cores of many patients, in serial sections that differ in stain, scanner and place.

`simulate_arrays` writes one slide per style, or a file per core, and says where each core lies. From the bottom: `identity` (what
makes a core's tissue its own), `section` (one section of a core as a specimen), `style` (stain and scanner), `spec`, `layout`
(where cores lie), `writing`.
"""

from cartopath.simulate.tissue_array.identity import CoreIdentity, draw_identities
from cartopath.simulate.tissue_array.layout import PlacedCore, place_cores
from cartopath.simulate.tissue_array.section import core_section
from cartopath.simulate.tissue_array.spec import ArraySpec
from cartopath.simulate.tissue_array.style import FIRST_STYLE, SECOND_STYLE, ArrayStyle
from cartopath.simulate.tissue_array.writing import SimulatedArrays, simulate_arrays

__all__ = [
    "FIRST_STYLE",
    "SECOND_STYLE",
    "ArraySpec",
    "ArrayStyle",
    "CoreIdentity",
    "PlacedCore",
    "SimulatedArrays",
    "core_section",
    "draw_identities",
    "place_cores",
    "simulate_arrays",
]
