"""Slide quality: what is wrong with a slide, where, and whether it is unusual in its cohort. Nothing is left out because of it.

`slide_quality` judges a slide, `tile_flags` and `quality_flags` say what is flawed, `quality_picture` shows it.

From the bottom: `classes`, `limits`, `densities` (a thumbnail against its glass), `shapes`; `pen`, `fold`, `dark`, `coverslip`,
`padding` (seen on the thumbnail), `classify`; `focus`, `tile_pixels` (seen on tiles); `covered` (tissue under pen), `summary`,
`assess`, `flags`, `picture`.
"""

from cartopath.slides.quality.assess import SlideQuality, slide_quality
from cartopath.slides.quality.classes import QUALITY_CLASSES, TILE_FLAGS, QualityClass
from cartopath.slides.quality.classify import classify_thumbnail
from cartopath.slides.quality.flags import quality_flags, tile_flags
from cartopath.slides.quality.limits import QualityLimits
from cartopath.slides.quality.picture import quality_picture
from cartopath.slides.quality.summary import MEASURES
from cartopath.slides.quality.tile_pixels import TileMeasures, tile_measures

__all__ = [
    "MEASURES",
    "QUALITY_CLASSES",
    "TILE_FLAGS",
    "QualityClass",
    "QualityLimits",
    "SlideQuality",
    "TileMeasures",
    "classify_thumbnail",
    "quality_flags",
    "quality_picture",
    "slide_quality",
    "tile_flags",
    "tile_measures",
]
