"""Lists of genes that belong together: those of the papers that come with cartopath, and those of a user."""

from cartopath.cohort.panels.finding import FoundPanel, find_panel
from cartopath.cohort.panels.panel import Panel, PanelGene
from cartopath.cohort.panels.reading import PANELS, panel_of, read_panel

__all__ = ["PANELS", "FoundPanel", "Panel", "PanelGene", "find_panel", "panel_of", "read_panel"]
