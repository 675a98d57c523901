"""Maps judged on tissue whose truth was measured: sections of spatial transcriptomics, learned by region and judged by spot."""

from cartopath.methods.spatial.reading import read_sections
from cartopath.methods.spatial.section import Section
from cartopath.methods.spatial.validation import Validation, ValidationSpec, validate

__all__ = ["Section", "Validation", "ValidationSpec", "read_sections", "validate"]
