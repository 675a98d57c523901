"""The classes of the external cohort, drawn from itself alone and used for nothing but the evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from cartopath.cohort import binary_labels, trait_labels
from cartopath.core.errors import ConfigError, LabelError, TableError
from cartopath.methods.external.frozen import FrozenModels
from cartopath.study.config import TraitConfig
from cartopath.study.inputs import ClinicalInput, MolecularInput, require_tables
from cartopath.study.run import Study
from cartopath.study.stages.values import measured_values

_NOBODY = pd.DataFrame({"label": pd.Series(dtype=str), "median_label": pd.Series(dtype=str), "value": pd.Series(dtype=float)})


@dataclass(frozen=True, eq=False)
class TraitClasses:
    """The classes of one trait in the external cohort.

    Attributes:
        table: patient_id as index; label (hi, lo or ""), median_label, value. Empty where there are none.
        rule: Where they come from, as a sentence.
        reason: Why there are none, "" where there are.
        kind: `measured` or `binary`.
    """

    table: pd.DataFrame = field(default_factory=lambda: _NOBODY)
    rule: str = ""
    reason: str = ""
    kind: str = "measured"


def external_classes(cohort: Study, models: FrozenModels, patients: set[str]) -> dict[str, TraitClasses]:
    """Return the classes of each trait, drawn from the external cohort alone; a trait that cannot be had says why.

    Percentiles are those of `labels` in the cohort's own study file, over the patients who are judged; clinical columns are taken
    as they are. A trait is looked up as the cohort's study file says where it names it, otherwise as the models' study does.

    Raises:
        ConfigError: A table that the cohort's study file names is missing.
        TableError: One cannot be read.
    """
    require_tables(cohort)
    molecular, clinical = MolecularInput.of(cohort), ClinicalInput.of(cohort)
    opened = [molecular.open(source) for source in molecular.sources]
    read = clinical.read() if clinical else None
    theirs = {trait.name: trait for trait in cohort.config.traits}
    ours = {trait.name: trait for trait in models.study.config.traits}
    found = {}
    for name in models.trait_names:
        try:
            values, source = measured_values([theirs.get(name, ours[name])], opened, read)[name]
            found[name] = _classes(name, values, source["kind"], cohort, patients, theirs.get(name, ours[name]))
        except (TableError, ConfigError, LabelError) as error:
            found[name] = TraitClasses(reason=str(error))
    return found


def _classes(name: str, values: pd.Series, kind: str, cohort: Study, patients: set[str], trait: TraitConfig) -> TraitClasses:
    own = values[values.index.isin(patients)].dropna().rename(name)
    if own.empty:
        raise LabelError(f"{name}: none of the {len(patients)} patients with a slide has a value; do the barcodes agree?")
    if kind == "binary":
        table = binary_labels(own.map({1.0: "positive", 0.0: "negative"})).table.set_index("patient_id")
        return TraitClasses(
            table[["label"]].assign(median_label="", value=own), f"states of the column {trait.column}", kind=kind
        )
    limits = cohort.config.labels
    labels = trait_labels(own, low=limits.low, high=limits.high)
    low, high = labels.thresholds["lo"], labels.thresholds["hi"]
    of_whom = f"percentiles {limits.low:g} and {limits.high:g} of {len(own)} external patients"
    rule = f"{of_whom}: low at most {low:.4g}, high from {high:.4g}"
    return TraitClasses(labels.table.set_index("patient_id")[["label", "median_label", "value"]], rule, kind=kind)
