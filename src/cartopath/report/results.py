"""What a study folder holds, read once: tables, configuration, ledger. Missing and damaged files are noted, not raised."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cartopath.core.errors import ArtifactError
from cartopath.report.attention_schemas import ATTENTION_SCHEMAS
from cartopath.report.fingerprint_schemas import FINGERPRINT_SCHEMAS
from cartopath.report.schemas import NUMBER_PREFIXES, SCHEMAS, Schema
from cartopath.study.layout import Layout

_FLAGS = {"true": True, "false": False, "1": True, "0": False, "": None}


@dataclass(frozen=True)
class ResultTable:
    """One table of the study.

    Attributes:
        name: File name without `.csv`.
        stage: The stage that writes it.
        rows: Its rows with every promised column; no rows when the table is missing or unreadable.
        problem: Why there are no rows, as the end of a sentence; empty when there are some.
    """

    name: str
    stage: str
    rows: pd.DataFrame
    problem: str = ""


@dataclass(frozen=True)
class StudyResults:
    """Everything that the report draws from.

    Attributes:
        root: The study folder.
        tables: All tables of `SCHEMAS`, `FINGERPRINT_SCHEMAS` and `ATTENTION_SCHEMAS`.
        config: The resolved configuration; empty when there is none.
        config_text: The same as it stands in the file.
        ledger: One dictionary per readable line.
        ledger_damaged: Lines that could not be read.
    """

    root: Path
    tables: dict[str, ResultTable]
    config: dict[str, Any]
    config_text: str
    ledger: tuple[dict[str, Any], ...]
    ledger_damaged: int

    def table(self, name: str) -> ResultTable:
        """Return a table by name."""
        return self.tables[name]

    def has(self, name: str) -> bool:
        """Return whether the study has a table of this name, readable or not."""
        return Layout(self.root).table(name).is_file()

    def rows(self, name: str, **equal: str) -> pd.DataFrame:
        """Return the rows of a table whose text columns have the given values."""
        rows = self.tables[name].rows
        for column, value in equal.items():
            rows = rows[rows[column] == value]
        return rows

    def setting(self, section: str, key: str) -> Any:
        """Return one value of the resolved configuration, None when it is not there."""
        content = self.config.get(section)
        return content.get(key) if isinstance(content, dict) else None

    @property
    def traits(self) -> list[str]:
        """Traits in the order of the configuration, then others that the tables name."""
        listed = self.config.get("traits") or []
        names = (
            [str(item.get("name", "")) if isinstance(item, dict) else str(item) for item in listed]
            if isinstance(listed, list)
            else []
        )
        for table in ("labels", "metrics", "slide_scores", "learning_curves", "rounds"):
            names += [str(name) for name in self.tables[table].rows["trait"]]
        return [name for name in dict.fromkeys(names) if name]


def read_results(study_dir: Path) -> StudyResults:
    """Read everything that a report needs from a study folder.

    Raises:
        ArtifactError: There is no such folder. Missing and damaged files inside it are recorded, not raised.
    """
    if not study_dir.is_dir():
        raise ArtifactError(f"{study_dir}: no such study folder; `cartopath run` makes one")
    layout = Layout(study_dir)
    config_text = _text_or_nothing(layout.lock)
    ledger, damaged = _read_ledger(layout.ledger)
    schemas = SCHEMAS | FINGERPRINT_SCHEMAS | ATTENTION_SCHEMAS
    tables = {name: _read_result(layout.table(name), name, schema) for name, schema in schemas.items()}
    return StudyResults(study_dir, tables, _parse_config(config_text), config_text, ledger, damaged)


def _read_result(path: Path, name: str, schema: Schema) -> ResultTable:
    nothing = pd.DataFrame({column: pd.Series(dtype=object) for column in schema.columns})
    if not path.is_file():
        return ResultTable(name, schema.stage, nothing, f"tables/{name}.csv is missing; the stage `{schema.stage}` writes it")
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        return ResultTable(name, schema.stage, nothing, f"tables/{name}.csv cannot be read ({' '.join(str(error).split())})")
    if raw.empty:
        return ResultTable(name, schema.stage, nothing, f"tables/{name}.csv has no rows (stage `{schema.stage}`)")
    rows = raw.reindex(columns=[*schema.columns, *(c for c in raw.columns if c not in schema.columns)], fill_value="")
    numbers = dict.fromkeys([*schema.numbers, *(c for c in raw.columns if c.startswith(NUMBER_PREFIXES))])
    for column in numbers:
        parsed = pd.to_numeric(rows[column].where(rows[column] != ""), errors="coerce")
        wrong = rows[column][parsed.isna() & ~rows[column].str.lower().isin(["", "nan"])]
        if len(wrong):
            found = f"line {wrong.index[0] + 2}, column {column}: {wrong.iloc[0]!r} is not a number"
            return ResultTable(name, schema.stage, nothing, f"tables/{name}.csv is damaged ({found}); run `{schema.stage}` again")
        rows[column] = parsed.astype(float)
    for column in schema.flags:
        rows[column] = [_FLAGS.get(value.strip().lower()) for value in rows[column]]
    return ResultTable(name, schema.stage, rows)


def _text_or_nothing(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _parse_config(text: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def _read_ledger(path: Path) -> tuple[tuple[dict[str, Any], ...], int]:
    entries: list[dict[str, Any]] = []
    damaged = 0
    for line in _text_or_nothing(path).splitlines():
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            entry = None
        if isinstance(entry, dict):
            entries.append(entry)
        else:
            damaged += 1
    return tuple(entries), damaged
