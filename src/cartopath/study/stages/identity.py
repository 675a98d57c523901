"""Before anything is learned: do the tables speak of the same patients, and is what `check` found still about this study?"""

from __future__ import annotations

import json
from pathlib import Path

from cartopath.cohort import findings_table
from cartopath.core.errors import TableError
from cartopath.store.artifacts import write_csv
from cartopath.store.atomic import write_text
from cartopath.store.hashing import value_key
from cartopath.study.identity import identity_findings
from cartopath.study.inputs import ClinicalInput, MolecularInput
from cartopath.study.run import Study
from cartopath.study.tasks import Result, Task, task_key

VERSION = 2


def plan_identity(study: Study) -> list[Task]:
    """Return the task that holds the molecular tables against the clinical one and against each other."""
    molecular, clinical = MolecularInput.of(study), ClinicalInput.of(study)
    if not molecular.sources or not (clinical or len(molecular.sources) > 1):
        return []
    trust = study.config.molecular.trust_join
    key = task_key("identity", VERSION, molecular=molecular.key, clinical=clinical.key, trust=trust)
    out = study.layout.table("identity")
    arguments = {"molecular": molecular, "clinical": clinical, "trust": trust, "out": out}
    return [Task.essential("cohort", "identity", key, check_identity, arguments, (out,))]


def check_identity(*, molecular: MolecularInput, clinical: ClinicalInput, trust: bool, out: Path) -> Result:
    """Write how well genes follow the receptor or sex that they should, table by table.

    Raises:
        TableError: They do not, which means that barcodes are shuffled or tables joined wrongly, and nobody said to trust them.
    """
    tables = [molecular.open(source) for source in molecular.sources]
    findings = list(identity_findings(tables, clinical.read() if clinical else None))
    contradictions = [found for found in findings if found.severity == "error"]
    if contradictions and not trust:
        raise TableError(
            f"{contradictions[0].subject}: {contradictions[0].message}; nothing learned from it would mean anything. If you know "
            "that the join is right, set molecular.trust_join: true"
        )
    write_csv(findings_table(findings), out)
    return {"pairs": len(findings), "contradicted": len(contradictions)}


def check_key(study: Study) -> str:
    """Return a key of what a check looks at: the study file but for `compute`, and the content of its tables."""
    tables = [MolecularInput.of(study).key, ClinicalInput.of(study).key]
    return value_key([study.config.model_dump(mode="json", exclude={"compute"}), tables])


def remember_check(study: Study) -> None:
    """Note what the findings that were just written are about."""
    write_text(study.layout.receipt("check", "findings"), json.dumps({"key": check_key(study)}) + "\n")


def forget_stale_check(study: Study) -> None:
    """Remove findings of a check of another study file or of other tables, so that the report does not show them."""
    receipt = study.layout.receipt("check", "findings")
    try:
        is_current = json.loads(receipt.read_text(encoding="utf-8"))["key"] == check_key(study)
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        is_current = False
    if not is_current:
        study.layout.table("findings").unlink(missing_ok=True)
