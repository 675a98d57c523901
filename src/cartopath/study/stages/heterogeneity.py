"""The heterogeneity (HTI) of every slide, and whether it differs between groups of patients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cartopath.cohort import slide_choices
from cartopath.core.rng import stream
from cartopath.maps import cartography
from cartopath.stats import heterogeneity, kruskal_wallis, regional_hti
from cartopath.store.artifacts import read_table, write_csv
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import read_clinical_table
from cartopath.study.stages.divide import evaluation_labels, master_sets, read_labels, read_splits
from cartopath.study.stages.mapping import held_out_patients
from cartopath.study.stages.scores import as_votes, joined_scores, read_geometry, read_scores, scored_records, scores_key
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1


def plan_heterogeneity(study: Study) -> list[Task]:
    """Return the task that writes hti, hti_groups and hti_group_patients."""
    config = study.config
    traits = sorted({*config.heterogeneity_traits, *config.survival_traits})
    key = task_key(
        "heterogeneity",
        VERSION,
        slides=completed_key(study.layout, "cohort", "slides"),
        splits=completed_key(study.layout, "splits", "all"),
        scores=[[scores_key(study, trait, r.slide_id) for r in scored_records(study, traits)] for trait in traits],
        traits=[config.heterogeneity_traits, config.survival_traits],
        base=config.maps.base,
        region_tiles=config.maps.region_tiles,
        seed=config.seed,
        strict_dx1=config.survival.strict_dx1,
        groups=config.survival.groups,
        labels=[completed_key(study.layout, "labels", trait) for trait in config.trait_names],
        clinical=completed_key(study.layout, "cohort", "clinical"),
    )
    outputs = tuple(study.layout.table(name) for name in ("hti", "hti_groups", "hti_group_patients"))
    return [Task.essential("heterogeneity", "all", key, measure_heterogeneity, {"study": study}, outputs)]


def measure_heterogeneity(*, study: Study) -> Result:
    """Write the HTI of every slide, and how it differs between groups."""
    slides = hti_table(study, study.config.heterogeneity_traits)
    write_csv(slides, study.layout.table("hti"))
    grouped = grouped_patients(study, slides)
    write_csv(grouped, study.layout.table("hti_group_patients"))
    write_csv(pd.DataFrame(list(_group_rows(grouped)), columns=_GROUP_COLUMNS), study.layout.table("hti_groups"))
    return {"slides": len(slides)}


_HTI_COLUMNS = ["slide_id", "patient_id", "is_patient_slide", "set", "n_tiles", "n_positive", "hti", "hti_observed"]


def hti_table(study: Study, traits: list[str]) -> pd.DataFrame:
    """Return one row per slide: HTI of `traits`, tiles, and the share of each combination among tiles positive for any.

    With `maps.region_tiles` also the regional index (`hta`) and its permutation p-value (Levy-Jurgenson et al. 2021).
    Empty for a single trait, which has no combinations. `is_patient_slide` marks the slide that stands for its patient: DX1 of
    the primary tumour, or the lowest DX (decision A10).
    """
    records = scored_records(study, traits) if len(traits) > 1 else []
    if not records:
        return pd.DataFrame(columns=_HTI_COLUMNS)
    table = read_table(study.layout.slides, "slides")
    used = table[table["slide_id"].isin([record.slide_id for record in records])]
    of_patient = set(slide_choices(used, strict=study.config.survival.strict_dx1, kind=study.config.slides.kind)["slide_id"])
    held_out = held_out_patients(study, traits)
    sets = master_sets(read_splits(study))
    rows = []
    for record in records:
        joined = joined_scores({trait: read_scores(study, trait, record.slide_id) for trait in traits}, "vote")
        votes = as_votes(joined, traits)
        found = heterogeneity(votes, base=study.config.maps.base, names=traits)
        observed = heterogeneity(votes, base="observed")
        outside = "ood" if record.patient_id in held_out else "trained"
        set_ = "test" if sets.get(record.patient_id) == "test" else outside
        row = {"slide_id": record.slide_id, "patient_id": record.patient_id, "is_patient_slide": record.slide_id in of_patient}
        row |= {
            "set": set_,
            "n_tiles": found.n_tiles,
            "n_positive": found.n_positive,
            "hti": found.hti,
            "hti_observed": observed.hti,
        }
        row |= _regional(study, record.slide_id, joined, traits)
        rows.append(row | {f"share_{name}": share for name, share in found.shares.items()})
    return pd.DataFrame(rows)


def _regional(study: Study, slide_id: str, joined: pd.DataFrame, traits: list[str]) -> dict[str, float | None]:
    """Return the regional index of a slide and its p-value, where the study asks for them."""
    size = study.config.maps.region_tiles
    if size is None:
        return {}
    grid = read_geometry(study, traits[0], slide_id)
    tensor = cartography(joined, joined[traits].to_numpy(dtype=np.float32), n_rows=grid.n_rows, n_cols=grid.n_cols)
    rng = stream(study.config.seed, "regional", slide_id)
    found = regional_hti(tensor, None, size, base=study.config.maps.base, rng=rng)
    return {"hta": found.hta, "hta_p_value": found.p_value}


def patient_hti(slides: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of slides that stand for their patient and trained nothing, by patient."""
    if slides.empty:
        return slides
    return slides[slides["is_patient_slide"] & (slides["set"] != "trained")].set_index("patient_id")


_GROUP_COLUMNS = ["grouping", "group", "n", "median", "q1", "q3", "statistic", "p_value", "reason"]


def grouped_patients(study: Study, slides: pd.DataFrame) -> pd.DataFrame:
    """Return one row per held-out patient and grouping: grouping, group, patient_id, hti.

    Groups are the states of the clinical columns of `survival.groups`, and the sides of each trait's median.
    """
    patients = patient_hti(slides)
    groupings: dict[str, pd.Series] = {}
    if len(patients):
        clinical = read_clinical_table(study).reindex(patients.index)
        groupings = {column: clinical[column] for column in study.config.survival.groups}
        splits = read_splits(study)
        for trait in study.config.heterogeneity_traits:
            sides = evaluation_labels(read_labels(study, trait), splits)["median_label"].reindex(patients.index)
            groupings[f"{trait}: median expression"] = sides.map({"hi": "above", "lo": "at or below"})
    parts = []
    for name, group in groupings.items():
        words = group.astype("string").str.strip().replace("", pd.NA).dropna()
        hti = patients.loc[words.index, "hti"].to_numpy()
        parts.append(pd.DataFrame({"grouping": name, "group": words.to_numpy(), "patient_id": words.index, "hti": hti}))
    columns = ["grouping", "group", "patient_id", "hti"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _group_rows(grouped: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for grouping, rows in grouped.groupby("grouping", sort=False):
        values = {str(name): group["hti"].to_numpy(dtype=float) for name, group in rows.groupby("group")}
        test = kruskal_wallis(values)
        for name, group in values.items():
            q1, median, q3 = np.percentile(group, [25, 50, 75])
            row = {"grouping": grouping, "group": name, "n": len(group), "median": median, "q1": q1, "q3": q3}
            yield row | {"statistic": test.statistic, "p_value": test.p_value, "reason": test.reason}
