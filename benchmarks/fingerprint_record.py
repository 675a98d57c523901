"""Results of an experiment as JSON, written as they come: what is there already is not computed again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cartopath.stats.estimate import Estimate
from cartopath.stats.matching import Matching
from cartopath.store.atomic import write_text

Values = dict[str, Any]


class Record:
    """A JSON file of results by name.

    Args:
        path: The file, made with the first result.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.results: Values = json.loads(path.read_text()) if path.is_file() else {}

    def get(self, name: str, compute: Callable[[], Values]) -> Values:
        """Return a result, computed and written with its seconds of CPU if it is not there."""
        if name not in self.results:
            began = time.process_time()
            values = compute()
            self.results[name] = {**values, "cpu_seconds": round(time.process_time() - began, 1)}
            self._write()
            print(
                f"{name}: {json.dumps({k: v for k, v in self.results[name].items() if not isinstance(v, (list, dict))})}",
                flush=True,
            )
        found: Values = self.results[name]
        return found

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._path, json.dumps(self.results, indent=1) + "\n")


def matched(matching: Matching) -> Values:
    """Return what a game came to, with which patients and which hits, so that games can be compared later."""
    return {
        **as_values(matching.accuracy),
        "chance": round(matching.chance, 4),
        "top5": round(matching.top(5), 3),
        "names": matching.queries.tolist(),
        "hits": matching.is_right.astype(int).tolist(),
        "patients": matching.query_patients.tolist(),
    }


def as_values(estimate: Estimate) -> Values:
    """Return an estimate as JSON types."""
    low, high = (None if bound is None else round(bound, 4) for bound in (estimate.low, estimate.high))
    return {"value": round(estimate.value, 4), "low": low, "high": high, "n": estimate.n}
