"""A made cohort: feature files in which some genes are planted in the tiles, and the table of what was measured."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cartopath.store.embeddings import Embeddings, write_embeddings

N_FEATURES, N_TILES = 8, 40


@dataclass(frozen=True)
class Cohort:
    """Where a made cohort lies, and what is planted in it.

    Attributes:
        features: Folder of feature files.
        table: Counts per million of genes.
        slides: Table of slides with their patients.
        planted: Genes that the tiles tell.
        hot: Which tiles of a slide carry the gene G0, by slide.
    """

    features: Path
    table: Path
    slides: Path
    planted: tuple[str, ...]
    hot: dict[str, np.ndarray]


def make_cohort(folder, *, n_patients=40, n_planted=2, n_noise=4, seed=0):
    """Write a cohort in which the gene Gi is high where many tiles are high in feature i; every fourth patient has two slides."""
    rng = np.random.default_rng(seed)
    levels = rng.random((n_patients, n_planted))
    slides, hot = [], {}
    for patient in range(n_patients):
        for number in range(2 if patient % 4 == 0 else 1):
            slide = f"slide_{patient:02d}_{number}"
            features = rng.normal(size=(N_TILES, N_FEATURES))
            for gene in range(n_planted):
                is_hot = rng.random(N_TILES) < levels[patient, gene]
                features[:, gene] += 3.0 * is_hot
                if gene == 0:
                    hot[slide] = is_hot
            write_slide(folder / "features" / f"{slide}.h5", slide, features)
            slides.append((slide, f"P{patient:02d}"))
    noise = rng.random((n_patients, n_noise))
    counts = np.expm1(5 * np.column_stack([levels, noise]) + 0.3 * rng.normal(size=(n_patients, n_planted + n_noise))).clip(0)
    genes = [f"G{gene}" for gene in range(n_planted + n_noise)]
    frame = pd.DataFrame(
        counts.T, index=pd.Index(genes, name="gene"), columns=[f"P{patient:02d}" for patient in range(n_patients)]
    )
    frame.round(3).to_csv(folder / "expression.csv")
    pd.DataFrame(slides, columns=["slide_id", "patient_id"]).to_csv(folder / "slides.csv", index=False)
    return Cohort(folder / "features", folder / "expression.csv", folder / "slides.csv", tuple(genes[:n_planted]), hot)


def write_slide(path, slide, features, *, encoder="made"):
    path.parent.mkdir(parents=True, exist_ok=True)
    places = np.arange(len(features))
    xy = np.column_stack([places % 8, places // 8]) * 256
    written = Embeddings(
        slide_id=slide, features=features, xy_px0=xy, window_px0=256, size_px=256, mpp=0.5, tile_mpp=0.5, encoder=encoder
    )
    write_embeddings(written, path, key="k")


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    return make_cohort(tmp_path_factory.mktemp("cohort"))
