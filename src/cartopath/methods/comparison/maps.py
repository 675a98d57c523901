"""Whether the maps of the arms agree, slide by slide, and where a cohort is simulated how well they show what was planted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cartopath.core.errors import ArtifactError
from cartopath.core.geometry import window_px0
from cartopath.core.rng import stream
from cartopath.methods.comparison.arm import Arm
from cartopath.methods.comparison.tiles import TileValues, values_on
from cartopath.stats import correlation
from cartopath.stats.paired import Compared, Judged, compare_aurocs
from cartopath.store.artifacts import read_header, read_table
from cartopath.study.run import Study
from cartopath.study.stages.mapping import held_out_patients
from cartopath.study.stages.scores import read_geometry, read_scores, scored_records

_RESAMPLES = 500
"""Of tiles of whole patients: there are thousands of tiles, and the interval is decided by the patients."""


def map_agreement(arms: Sequence[Arm], trait: str) -> Iterator[dict[str, Any]]:
    """Yield one row per held-out slide and arm after the first: Spearman's correlation of its tile scores with the first arm's.

    Where the arms cut slides into tiles of different size, smaller tiles are averaged over the larger ones.
    """
    first = arms[0]
    for slide_id, patient_id in held_out_slides(arms, trait).items():
        mine = tile_scores(first.study, trait, slide_id)
        for other in arms[1:]:
            theirs = tile_scores(other.study, trait, slide_id)
            coarse, fine = (mine, theirs) if mine.window_px0 >= theirs.window_px0 else (theirs, mine)
            found = correlation(coarse.values, values_on(fine, coarse))
            row = {"trait": trait, "study": other.name, "slide_id": slide_id, "patient_id": patient_id, "n_tiles": found.n}
            yield row | {"spearman": found.r, "reason": found.reason}


def held_out_slides(arms: Sequence[Arm], trait: str) -> dict[str, str]:
    """Return the patient of each slide that every arm has scored and that trained no network of the trait, by slide."""
    patients = set.intersection(*(held_out_patients(arm.study, [trait]) for arm in arms))
    records = [{r.slide_id: r.patient_id for r in scored_records(arm.study, [trait])} for arm in arms]
    return {
        slide: patient
        for slide, patient in records[0].items()
        if patient in patients and all(slide in other for other in records[1:])
    }


def tile_scores(study: Study, trait: str, slide_id: str) -> TileValues:
    """Return the mean score of the voting rounds on the tiles of a slide."""
    table = read_scores(study, trait, slide_id)
    window = read_geometry(study, trait, slide_id).window_px0
    return TileValues(table[["x_px0", "y_px0"]].to_numpy(dtype=np.int64), window, table["score"].to_numpy(dtype=float))


def truth_folder(study: Study) -> Path | None:
    """Return where the planted truth of a simulated cohort lies; None for any other."""
    slides = study.path(study.config.slides.dir)
    for folder in (study.root / "truth", slides.parent / "truth"):
        if (folder / "patients.parquet").is_file() and (folder / "tiles").is_dir():
            return folder
    return None


def planted_maps(arms: Sequence[Arm], trait: str) -> list[Compared]:
    """Return for each arm the AUROC of its map against the planted one, over the tiles of held-out slides that all arms have.

    A tile is positive where more than half of its tissue is. Empty where the cohort has no truth of this trait.
    """
    folder = truth_folder(arms[0].study)
    if folder is None:
        return []
    parts = [
        part for slide, patient in held_out_slides(arms, trait).items() for part in _on_truth(arms, trait, folder, slide, patient)
    ]
    if not parts:
        return []
    tiles = pd.concat(parts, ignore_index=True).dropna()
    judged = Judged(tiles["truth"] > 0.5, tiles[[str(i) for i in range(len(arms))]].to_numpy().T, tiles["patient_id"])
    return compare_aurocs([judged], n_resamples=_RESAMPLES, rng=stream(arms[0].study.config.seed, "compare", trait, "planted"))


def _on_truth(arms: Sequence[Arm], trait: str, folder: Path, slide_id: str, patient_id: str) -> Iterator[pd.DataFrame]:
    """Yield the planted share of each tile of a slide's truth and the score that each arm gives there."""
    path = folder / "tiles" / f"{slide_id}.parquet"
    try:
        meta = read_header(path, "simulated_tiles").meta
        truth = read_table(path, "simulated_tiles")
    except ArtifactError:
        return  # Not every slide of a simulated cohort is simulated.
    if trait not in truth.columns:
        return
    window = window_px0(int(meta["size_px"]), float(meta["mpp"]), float(meta["slide_mpp"]))
    planted = TileValues(truth[["col", "row"]].to_numpy(dtype=np.int64) * window, window, truth[trait].to_numpy(dtype=float))
    found = pd.DataFrame({"patient_id": patient_id, "truth": planted.values})
    for i, arm in enumerate(arms):
        found[str(i)] = values_on(tile_scores(arm.study, trait, slide_id), planted)
    yield found
