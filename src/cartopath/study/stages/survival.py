"""Survival by heterogeneity, and by bulk expression on exactly the same patients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cartopath.stats import bulk_baselines, censor_at, cox, kaplan_meier, logrank, survival_groups, survival_set
from cartopath.stats.follow_up import DAYS_PER_YEAR
from cartopath.store.artifacts import read_header, write_csv
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import read_clinical_table
from cartopath.study.stages.divide import evaluation_labels, master_sets, read_labels, read_splits, taught_by
from cartopath.study.stages.heterogeneity import hti_table, patient_hti
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
TABLES = ("survival_patients", "survival_tests", "survival_curves", "cox")


def plan_survival(study: Study) -> list[Task]:
    """Return the task that writes the survival tables."""
    key = task_key(
        "survival",
        VERSION,
        heterogeneity=completed_key(study.layout, "heterogeneity", "all"),
        clinical=completed_key(study.layout, "cohort", "clinical"),
        survival=study.config.survival.model_dump(mode="json"),
        traits=study.config.survival_traits,
    )
    outputs = tuple(study.layout.table(name) for name in TABLES)
    return [Task.essential("survival", "all", key, analyse_survival, {"study": study}, outputs)]


@dataclass(frozen=True)
class Analysis:
    """One way to divide the same patients.

    Attributes:
        name: `hti`, `bulk:<trait>`, ...
        groups: `low`, `middle` or `high` by patient.
        cut: What divided them.
        strata: Stratum by patient, or None.
    """

    name: str
    groups: pd.Series
    cut: str
    strata: pd.Series | None = None


def analyse_survival(*, study: Study) -> Result:
    """Write who was analysed, the tests, the curves and the Cox models."""
    patients = survival_patients(study)
    write_csv(patients.reset_index(), study.layout.table("survival_patients"))
    analyses = list(_analyses(study, patients)) if len(patients) else []
    horizon = study.config.survival.horizon_years
    reason = _why_empty(study) if patients.empty else ""
    tests = [_tested(analysis, patients, horizon) for analysis in analyses] or [_untested(reason)]
    write_csv(pd.DataFrame(tests, columns=_TEST_COLUMNS), study.layout.table("survival_tests"))
    curves = [_curves(analysis, patients) for analysis in analyses if analysis.strata is None]
    write_csv(pd.concat(curves) if curves else pd.DataFrame(columns=_CURVE_COLUMNS), study.layout.table("survival_curves"))
    models = list(_cox_rows(study, patients)) if len(patients) else []
    write_csv(pd.DataFrame(models, columns=_COX_COLUMNS), study.layout.table("cox"))
    return {"patients": len(patients), "events": int(patients["event"].sum()) if len(patients) else 0, "reason": reason}


def survival_patients(study: Study) -> pd.DataFrame:
    """Return the patients of the analysis, by patient: slide_id, set, hti, group, time_days, event.

    Test patients and patients without a class in all traits, with a known value of every trait (decision A12) and follow-up,
    censored at the horizon.
    """
    config = study.config.survival
    traits = study.config.survival_traits
    columns = ["slide_id", "set", "hti", "n_positive", "group", "time_days", "event"]
    clinical = read_clinical_table(study)
    slides = hti_table(study, traits)
    if slides.empty or clinical.empty:
        return pd.DataFrame(columns=columns, index=pd.Index([], name="patient_id"))
    splits = read_splits(study)
    sets = master_sets(splits)
    labels = {trait: _who_trained(study, trait, evaluation_labels(read_labels(study, trait), splits)) for trait in traits}
    chosen = survival_set(set(sets.index[sets == "test"]), labels)
    patients = patient_hti(slides)
    patients = patients[patients.index.isin(chosen.patients)]
    if not config.keep_no_positive:
        patients = patients[patients["n_positive"] > 0]
    followed = patients.join(clinical[["time_days", "event"]], how="inner").dropna(subset=["time_days", "event"])
    times, events = followed["time_days"].to_numpy(dtype=float), followed["event"].to_numpy(dtype=bool)
    observed = censor_at(times, events, horizon=config.horizon_years * DAYS_PER_YEAR)
    followed = followed.assign(time_days=observed.times, event=observed.events.astype(int))
    followed["group"] = survival_groups(followed["hti"].to_numpy(dtype=float), cuts=config.cut)
    return followed[columns].sort_index()


def _who_trained(study: Study, trait: str, labels: pd.DataFrame) -> pd.DataFrame:
    """Return a trait's labels in which whoever can have trained a network counts as labelled."""
    is_taught = taught_by(study, trait, labels) & (labels["label"] == "")
    return labels.assign(label=labels["label"].mask(is_taught, "trained")).reset_index()


def _why_empty(study: Study) -> str:
    if len(study.config.survival_traits) < 2:
        return "heterogeneity needs at least two traits"
    if not study.config.clinical.table:
        return "the study has no clinical table (clinical.table)"
    note = read_header(study.layout.clinical, "clinical").meta.get("no_follow_up")
    return str(note) if note else "no patient has a map that trained nothing, a value of every trait, and follow-up"


def _analyses(study: Study, patients: pd.DataFrame) -> Iterator[Analysis]:
    config = study.config.survival
    cut = "/".join(f"{value:g}" for value in config.cut)
    yield Analysis("hti", patients["group"], cut)
    clinical = read_clinical_table(study).reindex(patients.index)
    for column in config.strata:
        yield Analysis(f"hti|{column}", patients["group"], cut, clinical[column].astype("string").fillna("unknown"))
    splits = read_splits(study)
    traits = study.config.survival_traits
    above = pd.DataFrame(
        {trait: evaluation_labels(read_labels(study, trait), splits)["median_label"].reindex(patients.index) for trait in traits}
    )
    for trait in traits:
        yield Analysis(f"bulk:{trait}", above[trait].map({"hi": "high", "lo": "low"}), "median")
    if len(traits) == 2:
        baselines = bulk_baselines(above, list(patients.index))
        yield Analysis("bulk:both", baselines["both"].replace("", "middle"), "median")
        yield Analysis("bulk:opposite", baselines["opposite"].map({"opposite": "high", "same": "low"}), "median")


_TEST_COLUMNS = [
    "analysis",
    "cut",
    "n_low",
    "n_middle",
    "n_high",
    "events_low",
    "events_high",
    "statistic",
    "p_value",
    "horizon_years",
    "reason",
]


def _tested(analysis: Analysis, patients: pd.DataFrame, horizon: float) -> dict[str, Any]:
    test = logrank(
        patients["time_days"].to_numpy(dtype=float),
        patients["event"].to_numpy(dtype=bool),
        analysis.groups.to_numpy(),
        only=("low", "high"),
        strata=None if analysis.strata is None else analysis.strata.to_numpy(),
    )
    counts = analysis.groups.value_counts()
    events = patients["event"].groupby(analysis.groups).sum()
    row: dict[str, Any] = {"analysis": analysis.name, "cut": analysis.cut, "horizon_years": horizon}
    row |= {f"n_{name}": int(counts.get(name, 0)) for name in ("low", "middle", "high")}
    row |= {f"events_{name}": int(events.get(name, 0)) for name in ("low", "high")}
    return row | {"statistic": test.statistic, "p_value": test.p_value, "reason": test.reason}


def _untested(reason: str) -> dict[str, Any]:
    return {"analysis": "hti", "n_low": 0, "n_middle": 0, "n_high": 0, "reason": reason}


_CURVE_COLUMNS = ["analysis", "group", "time_days", "survival", "low", "high", "at_risk", "events"]


def _curves(analysis: Analysis, patients: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for group in ("low", "middle", "high"):
        own = patients[analysis.groups == group]
        if own.empty:
            continue
        curve = kaplan_meier(own["time_days"].to_numpy(dtype=float), own["event"].to_numpy(dtype=bool)).table
        parts.append(curve.rename(columns={"time": "time_days"}).assign(analysis=analysis.name, group=group))
    return pd.concat(parts)[_CURVE_COLUMNS] if parts else pd.DataFrame(columns=_CURVE_COLUMNS)


_COX_COLUMNS = ["model", "covariate", "n", "events", "hazard_ratio", "low", "high", "p_value", "c_index", "warning"]


def _cox_rows(study: Study, patients: pd.DataFrame) -> Iterator[dict[str, Any]]:
    covariates = list(study.config.survival.covariates)
    table = patients[["time_days", "event", "hti"]]
    models = {"hti": ["hti"]}
    if covariates:
        table = table.join(_as_numbers(read_clinical_table(study)[covariates].reindex(patients.index)))
        models["hti and covariates"] = ["hti", *covariates]
    for name, columns in models.items():
        fitted = cox(table, columns)
        common = {"model": name, "n": fitted.n, "events": fitted.events, "c_index": fitted.c_index}
        common["warning"] = "; ".join([*fitted.warnings, *([fitted.reason] if fitted.reason else [])])
        rows = fitted.table.to_dict("records")
        for row in rows or [{}]:
            yield {**common, **{column: row.get(column) for column in ("covariate", "hazard_ratio", "low", "high", "p_value")}}


def _as_numbers(covariates: pd.DataFrame) -> pd.DataFrame:
    """Return columns that are numbers written as text (ages, grades) as numbers, and the others as they are."""
    columns = {}
    for name in covariates:
        numbers = pd.to_numeric(covariates[name], errors="coerce")
        is_numeric = numbers.notna().sum() >= 0.9 * covariates[name].notna().sum()
        columns[name] = numbers if is_numeric else covariates[name].astype(object).where(covariates[name].notna(), None)
    return pd.DataFrame(columns, index=covariates.index)
