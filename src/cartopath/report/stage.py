"""The report as the last stage of a study."""

from __future__ import annotations

from pathlib import Path

from cartopath.report import write_report
from cartopath.store.atomic import TEMP_PREFIX
from cartopath.store.hashing import file_sha256
from cartopath.study.run import Stage, Study
from cartopath.study.tasks import Result, Task, task_key

VERSION = 3
_FOLDERS = (("tables", "*.csv"), ("maps", "*"), ("maps", "*/*.png"), ("quality", "*.jpg"))


def plan_report(study: Study) -> list[Task]:
    """Return the task that writes the report from all tables and maps of the study."""
    files = [path for folder, names in _FOLDERS for path in sorted((study.root / folder).glob(names))]
    # A kill can leave temporary files for a while.
    sources = [path for path in files if path.is_file() and not path.name.startswith(TEMP_PREFIX)]
    config = study.config.model_dump(mode="json", exclude={"compute"})
    key = task_key(
        "report",
        VERSION,
        sources=[[path.relative_to(study.root).as_posix(), file_sha256(path)] for path in sources],
        config=config,
    )
    arguments = {"root": study.root, "title": study.config.name, "key": key}
    return [Task.essential("report", "all", key, make_report, arguments, (study.layout.report,))]


def make_report(*, root: Path, title: str, key: str) -> Result:
    """Write the report."""
    write_report(root, title=title, key=key)
    return {}


REPORT_STAGE = Stage("report", plan_report, "write the report")
