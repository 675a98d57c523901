"""The measured value of every trait, from whichever table holds it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.cohort import Clinical, MolecularTable, TraitRequest, binary_labels, read_trait
from cartopath.cohort.features import is_mature_arm
from cartopath.core.errors import ConfigError, TraitError
from cartopath.store.artifacts import Header, write_table
from cartopath.study.config import TraitConfig
from cartopath.study.inputs import ClinicalInput, MolecularInput, require_tables
from cartopath.study.run import Study
from cartopath.study.tasks import Result, Task, task_key

VERSION = 2

Measured = dict[str, tuple[pd.Series, dict[str, Any]]]
"""By trait: values by patient (float64), and where they come from: source, format, unit, transform, kind (measured or binary)."""


def plan_values(study: Study) -> Task:
    """Return the task that reads all traits."""
    require_tables(study)
    molecular, clinical = MolecularInput.of(study), ClinicalInput.of(study)
    needs_clinical = bool(clinical) and any(trait.column is not None for trait in study.config.traits)
    traits = [trait.model_dump(mode="json") for trait in study.config.traits]
    key = task_key("values", VERSION, traits=traits, molecular=molecular.key, clinical=clinical.key if needs_clinical else None)
    arguments = {
        "traits": list(study.config.traits),
        "molecular": molecular,
        "clinical": clinical if needs_clinical else None,
        "out": study.layout.values,
        "key": key,
    }
    return Task.essential("cohort", "values", key, read_values, arguments, (study.layout.values,))


def read_values(
    *, traits: list[TraitConfig], molecular: MolecularInput, clinical: ClinicalInput | None, out: Path, key: str
) -> Result:
    """Write one row per patient and trait: trait, patient_id, value.

    Raises:
        TraitError: No table has a trait; the message names the closest features of all tables.
    """
    opened = [molecular.open(source) for source in molecular.sources]
    measured = measured_values(traits, opened, None if clinical is None else clinical.read())
    parts = [
        pd.DataFrame({"trait": name, "patient_id": values.index, "value": values.to_numpy()})
        for name, (values, _) in measured.items()
    ]
    table = pd.concat(parts).dropna(subset=["value"]).sort_values(["trait", "patient_id"], ignore_index=True)
    meta = {name: source for name, (_, source) in measured.items()}
    write_table(table, out, Header(kind="values", key=key, meta={"traits": meta}))
    return {"traits": meta, "patients": int(table["patient_id"].nunique())}


def measured_values(traits: Sequence[TraitConfig], tables: Sequence[MolecularTable], clinical: Clinical | None) -> Measured:
    """Return the values of traits: molecular ones from the first table that has them, in one pass over each table.

    Raises:
        TraitError: Nothing holds a trait.
    """
    found: Measured = {}
    for table in tables:
        here = {trait.name: feature for trait in traits if trait.name not in found and (feature := _feature(trait, table))}
        if here:
            values = table.read(list(dict.fromkeys(here.values())))
            source = {"source": table.path.name, "format": table.format, "unit": table.unit, "transform": table.transform}
            source["kind"] = "measured"
            found |= {name: (values[feature].astype(float), source) for name, feature in here.items()}
    found |= {trait.name: _clinical_values(trait, clinical) for trait in traits if trait.column is not None}
    missing = [trait for trait in traits if trait.name not in found]
    if missing:
        raise TraitError("; ".join(_not_found(trait, tables) for trait in missing))
    return found


def _feature(trait: TraitConfig, table: MolecularTable) -> str | None:
    if trait.column is not None:
        return None
    try:
        return table.find(trait.feature or trait.name)
    except TraitError:
        return None


def _clinical_values(trait: TraitConfig, clinical: Clinical | None) -> tuple[pd.Series, dict[str, Any]]:
    if clinical is None:
        raise ConfigError(f"trait {trait.name!r} is a clinical column, but clinical.table is not set")
    found = read_trait(TraitRequest(trait.name, trait.column, trait.positive), None, clinical)
    source = {"source": clinical.path.name, "format": clinical.format, "unit": found.unit}
    if found.kind == "continuous":
        return found.values.astype(float), source | {"kind": "measured"}
    states = binary_labels(found.values, positive=trait.positive or None).table.set_index("patient_id")["value"]
    return states, source | {"unit": "state", "kind": "binary"}


def _not_found(trait: TraitConfig, tables: Sequence[MolecularTable]) -> str:
    wanted = trait.feature or trait.name
    if not tables:
        return f"no trait {wanted!r}: no molecular table is there to look in (molecular.table)"
    where = ", ".join(f"{table.path.name} ({len(table.features):,} features)" for table in tables)
    near = list(dict.fromkeys(name for table in tables for name in table.closest(wanted)))
    hint = f"; closest: {', '.join(near[:5])}" if near else ""
    if is_mature_arm(wanted) and near and not any(is_mature_arm(name) for name in near):
        hint += "; these are precursors, not mature arms (-5p, -3p)"
    if not near and any(table.features and table.features[0].startswith("ENSG") for table in tables):
        hint = "; genes are Ensembl ids there: name it as ENSG..., or state molecular.genes (such as HGNC's complete set)"
    return f"no trait {wanted!r} in {where}{hint}"
