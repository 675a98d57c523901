"""Maps of a slide: the tensor cartography, the heterogeneity map, their files and their pictures.

Importing this package is light: matplotlib is imported by the functions that draw.
"""

from cartopath.maps.cartography import cartography
from cartopath.maps.heterogeneity_map import HeterogeneityMap, heterogeneity_map
from cartopath.maps.ome_tiff import CartographyFile, read_ome_tiff, write_ome_tiff
from cartopath.maps.palette import combination_colours, legend_names, trait_colours
from cartopath.maps.panel import PAPER_BANDS, PanelMap, PanelRow, panel_rows, render_heterogeneity_panel
from cartopath.maps.pictures import render_heterogeneity_map, render_trait_map
from cartopath.maps.thumbnail import Thumbnail

__all__ = [
    "PAPER_BANDS",
    "CartographyFile",
    "HeterogeneityMap",
    "PanelMap",
    "PanelRow",
    "Thumbnail",
    "cartography",
    "combination_colours",
    "heterogeneity_map",
    "legend_names",
    "panel_rows",
    "read_ome_tiff",
    "render_heterogeneity_map",
    "render_heterogeneity_panel",
    "render_trait_map",
    "trait_colours",
    "write_ome_tiff",
]
