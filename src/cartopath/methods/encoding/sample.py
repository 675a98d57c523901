"""Which tiles of a patient train: the same for every encoder, trait and round, so that arms can be compared (F53)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from cartopath.core.rng import stream
from cartopath.methods.encoding.settings import encoded, is_direct
from cartopath.study.run import Study, completed_figures, completed_key
from cartopath.study.stages.cohort import SlideRecord, tiled_records
from cartopath.study.stages.tiling import cache_tiles, slide_arguments
from cartopath.study.tasks import Task, task_key

VERSION = 1

Sample = dict[str, list[int]]
"""Rows of each slide's tile table, ascending, by slide; slides of which no tile was drawn are not in it."""


def sampled_rows(study: Study) -> Sample:
    """Draw for every patient `tiles_per_patient` tiles of all the patient's slides together."""
    at_most = encoded(study.config).tiles_per_patient
    by_patient: dict[str, list[SlideRecord]] = defaultdict(list)
    for record in tiled_records(study):
        by_patient[record.patient_id].append(record)
    rows: Sample = {}
    for patient_id, records in by_patient.items():
        counts = [int(completed_figures(study.layout, "tiles", record.slide_id)["kept"]) for record in records]
        drawn = np.sort(stream(study.config.seed, "tiles of a patient", patient_id).permutation(sum(counts))[:at_most])
        ends = np.cumsum(counts)
        parts = np.split(drawn, np.searchsorted(drawn, ends[:-1]))
        for record, part, start in zip(records, parts, ends - counts, strict=True):
            if len(part):
                rows[record.slide_id] = (part - start).tolist()
    return rows


def plan_sample_cache(study: Study) -> list[Task]:
    """Return tasks that decode the tiles that train, for as many slides as the space allows.

    Only a network that learns from the tiles themselves reads them again and again; encoders read every tile once.
    """
    if not is_direct(study.config):
        return []
    budget = study.config.compute.cache_gb * 1e9
    tile_bytes = study.config.tiles.size_px**2 * 3
    tasks: list[Task] = []
    records = {record.slide_id: record for record in tiled_records(study)}
    for slide_id, rows in sorted(sampled_rows(study).items()):
        out = study.layout.cache(slide_id)
        budget -= len(rows) * tile_bytes
        if budget < 0:
            out.unlink(missing_ok=True)
            continue
        arguments = {"tiles": {**slide_arguments(study, records[slide_id]), "rows": rows}, "out": out}
        tasks.append(Task("cache", slide_id, _cache_key(study, slide_id, rows), cache_tiles, arguments, (out,)))
    return tasks


def _cache_key(study: Study, slide_id: str, rows: list[int]) -> str:
    return task_key("sample cache", VERSION, tiles=completed_key(study.layout, "tiles", slide_id), rows=rows)


def sample_arguments(study: Study, record: SlideRecord, rows: list[int]) -> dict[str, Any]:
    """Return what a worker needs to read the tiles of a slide that train: `load_tiles(**these)`."""
    cache = study.layout.cache(record.slide_id)
    is_cached = cache.is_file() and completed_key(study.layout, "cache", record.slide_id) == _cache_key(
        study, record.slide_id, rows
    )
    return {**slide_arguments(study, record), "rows": rows, "cache": cache if is_cached else None}
