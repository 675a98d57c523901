"""Tissue is found on simulated slides of every stain, against the simulator's own layout.

Tissue is what lies inside the outline and is not fat. Fat, vacuoles with thin walls between them, is left out of the count.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.simulate import render_region
from cartopath.simulate.specimen import plan_specimen
from cartopath.simulate.staining import site_stain, slide_stain
from cartopath.slides import tissue_mask

SIDE_PX, MPP = 1000, 1.0
PLAIN = site_stain(0, "plain", variation=0.0)


def stained(haematoxylin=1.0, eosin=1.0, white=PLAIN.white):
    amounts = {"haematoxylin": haematoxylin, "eosin": eosin}
    return replace(PLAIN, white=white, **{dye: tuple(v * factor for v in getattr(PLAIN, dye)) for dye, factor in amounts.items()})


STAINS = {
    **{f"site {i}": slide_stain(site_stain(i, f"S{i}"), i, "slide") for i in range(4)},
    "pale": stained(0.3, 0.3),
    "very pale": stained(0.15, 0.15),
    "strong": stained(1.8, 1.8),
    "eosin only": stained(0.0, 1.0),
    "pale eosin only": stained(0.0, 0.3),
    "haematoxylin only": stained(1.0, 0.0),
    "dim glass": stained(white=(175.0, 172.0, 170.0)),
    "pale on dim glass": stained(0.3, 0.3, (200.0, 200.0, 200.0)),
    "yellow glass": stained(white=(240.0, 232.0, 205.0)),
    "pale on yellow glass": stained(0.3, 0.3, (240.0, 232.0, 205.0)),
    "pale on white": stained(0.3, 0.3, (255.0, 255.0, 255.0)),
}


def simulated(stain, *, um_per_px, seed=0):
    """A thumbnail, where its tissue is, and where its fat is."""
    size = SizePx0(SIDE_PX, SIDE_PX)
    specimen = plan_specimen(seed, "stained", size_px0=size, mpp=MPP, fractions=(0.4, 0.4), stain=stain)
    picture = render_region(specimen, RegionPx0(0, 0, SIDE_PX, SIDE_PX))
    thumbnail = np.asarray(Image.fromarray(picture).reduce(um_per_px))
    at = (np.arange(len(thumbnail)) + 0.5) * um_per_px
    return thumbnail, specimen.tissue.solid(at, at), specimen.tissue.fatty(at, at)


def iou(found, truth):
    return (found & truth).sum() / (found | truth).sum()


@pytest.mark.parametrize("um_per_px", [2, 8])
@pytest.mark.parametrize("name", STAINS)
def test_tissue_of_every_stain_is_found(name, um_per_px):
    thumbnail, tissue, fat = simulated(STAINS[name], um_per_px=um_per_px)
    assert iou(tissue_mask(thumbnail)[~fat], tissue[~fat]) >= 0.95


@pytest.mark.parametrize("ink", [(20, 130, 120), (40, 70, 190)], ids=["green", "blue"])
@pytest.mark.parametrize("stain", ["site 0", "pale"])
def test_ink_on_glass_is_no_tissue_and_changes_nothing_else(stain, ink):
    thumbnail, _, _ = simulated(STAINS[stain], um_per_px=4)
    slide = np.pad(thumbnail, ((40, 40), (40, 40), (0, 0)), mode="edge")
    clean = tissue_mask(slide)
    slide[8:24, 20:300] = ink
    marked = tissue_mask(slide)
    assert not marked[:30, 10:310].any()
    assert iou(marked[34:], clean[34:]) >= 0.99


def test_dark_tissue_does_not_grow_over_its_outline():
    thumbnail = np.full((64, 64, 3), 243, np.uint8)
    thumbnail[20:40, 20:40] = (60, 20, 80)
    assert tissue_mask(thumbnail).sum() == 20 * 20


@pytest.mark.realdata
def test_the_tumour_of_a_real_slide_is_tissue_and_the_pen_around_it_is_not(real_data):
    folder = real_data / "slides"
    with (
        Image.open(folder / "TCGA-A1-A0SB-01Z-00-DX1_level2.jpg") as picture,
        Image.open(folder / "TCGA-A1-A0SB-01Z-00-DX1_level2_tumour_mask.tiff") as mask,
    ):
        size = (picture.width // 2, picture.height // 2)
        thumbnail, tumour = np.asarray(picture.resize(size, Image.Resampling.BOX)), np.asarray(mask.resize(size)) > 0
    found = tissue_mask(thumbnail)
    is_empty = thumbnail.min(axis=-1) > 225  # holes that the tumour's outline includes
    assert found[tumour & ~is_empty].mean() >= 0.97
    ink = thumbnail[..., 0].astype(int) < thumbnail[..., 1].astype(int) - 40
    assert ink.mean() > 0.005
    assert found[ink].mean() < 0.05
