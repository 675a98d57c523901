"""How the study's own encoders learned to tell regions apart, as a table."""

from __future__ import annotations

import pandas as pd

from cartopath.methods.encoding.places import task_name
from cartopath.methods.encoding.settings import encoded, encoder_indices
from cartopath.store.artifacts import read_header, read_table, write_csv
from cartopath.study.run import Study, completed_key
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
TABLE = "pretraining"
COLUMNS = [
    *("encoder", "n_regions", "n_patients", "chance", "chunk", "learning_rate", "train_loss", "style_distance"),
    *("val_loss", "val_accuracy", "is_best"),
]


def plan_learning(study: Study) -> list[Task]:
    """Return the task that writes the table; none where the encoder did not learn here."""
    out = study.layout.table(TABLE)
    if encoded(study.config).encoder != "own":
        out.unlink(missing_ok=True)
        return []
    encoders = [completed_key(study.layout, "pretrain", task_name(index)) for index in encoder_indices(study.config)]
    key = task_key("learning", VERSION, encoders=encoders)
    return [Task.essential("learning", "all", key, write_learning, {"study": study}, (out,))]


def write_learning(*, study: Study) -> Result:
    """Write one row per encoder and chunk: losses, and the accuracy on right halves beside that of guessing."""
    curves = []
    for index in encoder_indices(study.config):
        if completed_key(study.layout, "pretrain", task_name(index)) is None:
            continue
        path = study.layout.encoder(study.config.method.name, index) / "curve.parquet"
        meta = read_header(path, "encoder_curve").meta
        curve = read_table(path, "encoder_curve").rename(
            columns={"lr": "learning_rate", "validation_loss": "val_loss", "validation_accuracy": "val_accuracy"}
        )
        counts = {"n_regions": meta["pieces"], "n_patients": meta["patients"], "chance": 1 / meta["pieces"]}
        curves.append(curve.assign(encoder=index, is_best=curve["chunk"] == meta["best"]["chunk"], **counts))
    table = pd.concat(curves, ignore_index=True)[COLUMNS] if curves else pd.DataFrame(columns=COLUMNS)
    write_csv(table, study.layout.table(TABLE))
    return {"encoders": len(curves)}
