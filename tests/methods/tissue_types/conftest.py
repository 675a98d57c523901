"""Simulated slides with masks of their planted kinds of tissue, an encoder that learned nothing, and a model on top of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cartopath.simulate.tissue_kinds import TISSUE_KINDS

LEGEND = {number + 1: name for number, name in enumerate(TISSUE_KINDS)}


@pytest.fixture(scope="session")
def annotated(made_once: Callable[..., Path]) -> Path:
    """A folder with `slides` and `masks`: six patients, a slide of some 150 tiles each."""

    def fill(folder: Path) -> None:
        from PIL import Image

        from cartopath.simulate import CohortSpec, plan_slides, simulate_slide
        from cartopath.simulate.patients import plan_slide_specimen
        from cartopath.simulate.tissue_kinds import tissue_kinds

        spec = CohortSpec(n_patients=6, slide_um=(450.0, 450.0), irregular=False, site_mpp=(1.0,), seed=6)
        for name in ("slides", "masks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for plan in plan_slides(spec):
            specimen = plan_slide_specimen(spec, plan)
            simulate_slide(specimen, folder / "slides" / plan.file_name)
            Image.fromarray(tissue_kinds(specimen)).save(folder / "masks" / f"{plan.slide_id}.png")

    return made_once("annotated_tissue", fill)


@pytest.fixture(scope="session")
def encoder(made_once: Callable[..., Path]) -> Path:
    """A fingerprint bundle with random weights, for tiles of 32 um."""

    def fill(folder: Path) -> None:
        from cartopath.models import weights_of
        from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network
        from cartopath.training.fingerprint.bundle import write_fingerprint

        spec = FingerprintSpec(backbone="test_resnet", n_features=64, size_px=16, mpp=2.0)
        weights = weights_of(build_fingerprint_network(spec, n_pieces=2))
        write_fingerprint(folder, spec=spec, weights=weights, pieces=["a", "b"], patients=["a", "b"], card={})

    return made_once("tissue_encoder", fill)


@pytest.fixture(scope="session")
def tissue_model(made_once: Callable[..., Path], annotated: Path, encoder: Path) -> Path:
    """A model of tissue types: a linear layer on the encoder, two patients held out."""

    def fill(folder: Path) -> None:
        from cartopath.methods.tissue_types.annotated import Vocabulary, find_annotated
        from cartopath.methods.tissue_types.train import train_tissue_model

        slides, _ = find_annotated(annotated / "slides", annotated / "masks")
        train_tissue_model(slides, folder, encoder=encoder, vocabulary=Vocabulary(legend=LEGEND))

    return made_once("tissue_model", fill)
