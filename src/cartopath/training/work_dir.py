"""What a training leaves in its folder, and in which order, so that a kill at any moment costs at most one chunk.

```
best-000007.safetensors     weights after the best chunk so far (written first)
resume.json                 state after the last chunk: counters, learning rate, record; names its arrays
resume-000012.safetensors   weights and optimizer after that chunk
finished.json               the record of a training that ended; then there is nothing to resume
```
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartopath.core.errors import ArtifactError
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.store.atomic import sweep_temporary
from cartopath.store.weights import read_arrays, write_arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

FINISHED_KIND = "finished_training"
RESUME_KIND = "training_state"


@dataclass(kw_only=True)
class TrainingRecord:
    """The chunks so far and the best of them.

    Attributes:
        rows: The curve: one dictionary per chunk; `chunk` and `validation_loss` are among its keys.
        best_chunk: Which weights are kept; -1 before the first chunk.
        best_score: Its metric, higher is better.
        best_loss: Its validation loss, which decides among equals.
        seconds: Spent in chunks, over all attempts.
        ending: Why training ended: `patience`, `max_chunks`, or empty.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    best_chunk: int = -1
    best_score: float = -math.inf
    best_loss: float = math.inf
    seconds: float = 0.0
    ending: str = ""

    def add(self, row: dict[str, Any], *, score: float, seconds: float, ending: str) -> bool:
        """Add a chunk and return whether it is the best so far: higher score, among equals lower loss, then earlier."""
        self.rows.append(row)
        self.seconds += seconds
        self.ending = ending
        is_best = (score, -row["validation_loss"]) > (self.best_score, -self.best_loss)
        if is_best:
            self.best_chunk, self.best_score, self.best_loss = row["chunk"], score, row["validation_loss"]
        return is_best

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best chunk."""
        return next(row for row in self.rows if row["chunk"] == self.best_chunk)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingRecord:
        """Return the record that `to_dict` described."""
        return cls(**values)


class WorkDir:
    """The folder of one training.

    Args:
        folder: Made if need be.
        key: Of the training: examples, network, recipe. What another training left here is cleared away.
        columns: Of the curve, in their order.
    """

    def __init__(self, folder: Path | str, key: str, columns: Sequence[str]) -> None:
        self.folder, self.key, self._columns = Path(folder), key, tuple(columns)

    @property
    def resume_path(self) -> Path:
        """The state after the last chunk."""
        return self.folder / "resume.json"

    @property
    def _finished_path(self) -> Path:
        return self.folder / "finished.json"

    def _best_path(self, chunk: int) -> Path:
        return self.folder / f"best-{chunk:06d}.safetensors"

    def prepare(self) -> None:
        """Make the folder; remove what a kill left half-written and what belongs to another training."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sweep_temporary(self.folder)
        if self.is_finished:
            self.resume_path.unlink(missing_ok=True)
            self.remove_old_weights(self._record().best_chunk)
        elif not self.is_resumable:
            self._finished_path.unlink(missing_ok=True)
            self.resume_path.unlink(missing_ok=True)
            self.remove_old_weights(-1)

    def _is_mine(self, path: Path) -> bool:
        if not path.is_file():
            return False
        kind = FINISHED_KIND if path == self._finished_path else RESUME_KIND
        return bool(read_json(path, kind).get("key") == self.key)

    @property
    def is_finished(self) -> bool:
        """Whether this training ended."""
        return self._is_mine(self._finished_path)

    @property
    def is_resumable(self) -> bool:
        """Whether there is a state of this training to go on from."""
        return self._is_mine(self.resume_path)

    def write_best(self, chunk: int, network: nn.Module) -> None:
        """Keep the weights of a chunk, beside those of the best before it, which the state on disk still names."""
        from cartopath.models import weights_of

        write_arrays(weights_of(network), self._best_path(chunk))

    def remove_old_weights(self, best_chunk: int) -> None:
        """Delete the weights of chunks that are no longer the best, and of states that nothing names any more."""
        for path in self.folder.glob("best-*.safetensors"):
            if path != self._best_path(best_chunk):
                path.unlink(missing_ok=True)
        if not self.resume_path.is_file():
            for path in self.folder.glob("resume-*.safetensors"):
                path.unlink(missing_ok=True)

    def finish(self, record: TrainingRecord) -> None:
        """Write the record of a training that ended, then delete the state."""
        rows = [{name: _json_number(value) for name, value in row.items()} for row in record.rows]
        content = {"key": self.key, "record": {**record.to_dict(), "rows": rows}}
        write_json(content, self._finished_path, Header(kind=FINISHED_KIND, key=self.key))
        self.resume_path.unlink(missing_ok=True)

    def read(self) -> tuple[TrainingRecord, dict[str, NDArray[np.generic]]]:
        """Return the record and the best weights of a training that ended.

        Raises:
            ArtifactError: It did not end, or a file is damaged.
        """
        record = self._record()
        return record, read_arrays(self._best_path(record.best_chunk))

    def _record(self) -> TrainingRecord:
        try:
            record = TrainingRecord.from_dict(read_json(self._finished_path, FINISHED_KIND)["record"])
            rows = [{name: math.nan if row[name] is None else row[name] for name in self._columns} for row in record.rows]
        except (KeyError, TypeError) as error:
            raise ArtifactError(f"{self._finished_path}: damaged ({error}); delete it and train again") from error
        return dataclasses.replace(record, rows=rows)


def _json_number(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
