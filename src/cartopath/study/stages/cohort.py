"""Reading a cohort: its slides, the measured value of every trait, the clinical columns that the study uses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cartopath.cohort import find_column, slide_rules, survival_times
from cartopath.core.errors import CartopathError, ConfigError
from cartopath.core.locations import as_path, is_remote
from cartopath.store.artifacts import Header, read_table, write_table
from cartopath.store.hashing import value_key
from cartopath.study.inputs import ClinicalInput, listed_slides, slide_identities, unknown_exclusions
from cartopath.study.run import Study, completed_figures
from cartopath.study.stages.identity import forget_stale_check, plan_identity
from cartopath.study.stages.values import plan_values
from cartopath.study.tasks import Result, Task, task_key

VERSION = 2


@dataclass(frozen=True)
class SlideRecord:
    """One slide of the cohort.

    Attributes:
        slide_id: Its name everywhere.
        patient_id: Whose it is.
        path: The file.
        stated_mpp: Micrometres per pixel that the slide table states, or None.
        site: Where it was made; empty if unknown.
        exclude: Why it is left out; empty if it is not.
        identity: Key of its content.
    """

    slide_id: str
    patient_id: str
    path: Path
    stated_mpp: float | None
    site: str
    exclude: str
    identity: str


def plan_cohort(study: Study) -> list[Task]:
    """Return the tasks that read the slides, the traits and the clinical table."""
    forget_stale_check(study)
    return [_plan_slides(study), plan_values(study), *plan_identity(study), *_plan_clinical(study)]


def _plan_slides(study: Study) -> Task:
    config = study.config.slides
    folder = study.path(config.dir)
    table = listed_slides(study)
    unknown = unknown_exclusions(study, table)
    if unknown:
        raise ConfigError(f"slides.exclude: no slide {unknown[0]!r} among {len(table):,}; check its name, or remove the line")
    if table.empty:
        raise ConfigError(f"slides.dir: no slide in {folder}; put slides there, or name the folder that has them")
    table["exclude"] = exclusions(table, config.kind)
    paths = [as_path(path) for path in table["path"]]
    is_used = table["exclude"] == ""
    table["identity"] = ""
    table.loc[is_used, "identity"] = slide_identities([path for path, used in zip(paths, is_used, strict=True) if used])
    table["path"] = [_stored(path, study.root) for path in paths]
    key = task_key("cohort", VERSION, slides=table.astype(str).to_dict("records"))
    out = study.layout.slides
    return Task.essential("cohort", "slides", key, _write, {"table": table, "out": out, "kind": "slides", "key": key}, (out,))


def exclusions(table: pd.DataFrame, kind: str) -> list[str]:
    """Return why each slide is left out, "" where it is not.

    As the slide table says; otherwise for want of a patient or a file, because it is not of a primary tumour or of another
    kind, or because another slide has its name.

    Args:
        table: From `read_slides`.
        kind: The kind of slide that counts: DX, TS, BS.
    """
    reasons: list[str] = []
    seen: set[str] = set()
    for row in slide_rules(table, kind=kind).to_dict("records"):
        if row["exclude"]:
            reason = str(row["exclude"])
        elif not row["path"]:
            reason = "no such file"
        else:
            reason = "another slide of the same name comes first" if row["slide_id"] in seen else ""
        seen |= set() if reason else {row["slide_id"]}
        reasons.append(reason)
    return reasons


def _stored(path: Path, root: Path) -> str:
    """Return a path relative to the study where it lies inside, so that a study can be moved; a URL as it is."""
    if path == Path():
        return ""
    if is_remote(path):
        return str(path)
    path = path.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _plan_clinical(study: Study) -> list[Task]:
    clinical = ClinicalInput.of(study)
    if not clinical:
        return []
    survival = study.config.survival
    follow_up = {"time_column": survival.time_column, "status_column": survival.status_column, "time_unit": survival.time_unit}
    columns = list(dict.fromkeys([*survival.covariates, *survival.strata, *survival.groups]))
    key = task_key("clinical", VERSION, tables=clinical.key, columns=columns, endpoint=survival.endpoint, **follow_up)
    arguments = {
        "tables": clinical,
        "columns": columns,
        "endpoint": survival.endpoint,
        "follow_up": follow_up,
        "out": study.layout.clinical,
        "key": key,
    }
    return [Task.essential("cohort", "clinical", key, read_clinical_columns, arguments, (study.layout.clinical,))]


def read_clinical_columns(
    *, tables: ClinicalInput, columns: list[str], endpoint: str, follow_up: dict[str, str | None], out: Path, key: str
) -> Result:
    """Write follow-up and the asked-for columns of the clinical table, one row per patient."""
    clinical = tables.read()
    table = clinical.table[[]].copy()
    for column in columns:
        table[column] = clinical.table[find_column(clinical, column)].astype("string")
    note = ""
    try:
        times = survival_times(clinical, endpoint, **follow_up).set_index("patient_id")
        table = table.join(times[["time_days", "event"]])
    except CartopathError as error:
        # A study of maps alone needs no follow-up: survival says later why it is empty.
        note = str(error)
        table["time_days"], table["event"] = math.nan, pd.NA
    table["event"] = table["event"].astype("Int64")
    table = table.reset_index(names="patient_id").sort_values("patient_id", ignore_index=True)
    write_table(table, out, Header(kind="clinical", key=key, meta={"endpoint": endpoint, "no_follow_up": note}))
    return {"patients": len(table), "no_follow_up": note}


def _write(*, table: pd.DataFrame, out: Path, kind: str, key: str) -> Result:
    write_table(table, out, Header(kind=kind, key=key))
    return {"rows": len(table)}


def read_records(study: Study) -> list[SlideRecord]:
    """Return all slides of the cohort, excluded ones too, in order of their names."""
    table = read_table(study.layout.slides, "slides").sort_values("slide_id")
    return [
        SlideRecord(
            slide_id=str(row["slide_id"]),
            patient_id=str(row["patient_id"]),
            path=study.path(as_path(row["path"])),
            stated_mpp=None if row["mpp"] is None or math.isnan(row["mpp"]) else float(row["mpp"]),
            site=str(row["site"] or ""),
            exclude=str(row["exclude"] or ""),
            identity=str(row["identity"]),
        )
        for row in table.to_dict("records")
    ]


def included_records(study: Study) -> list[SlideRecord]:
    """Return the slides that are not excluded."""
    return [record for record in read_records(study) if not record.exclude]


def tiled_records(study: Study) -> list[SlideRecord]:
    """Return the slides that were tiled and have at least one tile."""
    return [r for r in included_records(study) if completed_figures(study.layout, "tiles", r.slide_id).get("kept", 0) > 0]


def read_clinical_table(study: Study) -> pd.DataFrame:
    """Return the clinical columns by patient; empty, with the right columns, where the study has no clinical table."""
    if not study.config.clinical.table:
        return pd.DataFrame({"time_days": [], "event": []}, index=pd.Index([], name="patient_id"))
    return read_table(study.layout.clinical, "clinical").set_index("patient_id")


def content_key(table: pd.DataFrame) -> str:
    """Return a key of a small table's content."""
    return value_key(table.astype(str).to_dict("list"))
