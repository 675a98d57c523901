"""Tables and JSON files of a study, each with a header that says what it is and where it came from.

The header travels inside the file (Parquet key-value metadata, a `header` object in JSON). CSV tables are for people and other
programs, carry no header and are byte-identical for equal content.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cartopath.core.errors import ArtifactError
from cartopath.store.atomic import atomic_path, write_text

_METADATA_KEY = b"cartopath"


class Header(BaseModel):
    """What an artifact is.

    Attributes:
        kind: Name of its schema, such as `tiles` or `splits`.
        version: Version of that schema. Readers refuse a newer one.
        key: Key of the task that wrote it: covers every input, parameter and code version that can change it.
        meta: What else a reader must know, as JSON values (for tiles: mpp and its source, tile size, ...).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    version: int = 1
    key: str = ""
    meta: dict[str, Any] = Field(default_factory=dict)


def write_table(table: pd.DataFrame, path: Path | str, header: Header) -> None:
    """Write a table as Parquet with its header. The index is not kept: put what matters into columns."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), _METADATA_KEY: header.model_dump_json().encode()})
    with atomic_path(path) as temporary:
        pq.write_table(arrow, temporary, compression="zstd")


def read_table(path: Path | str, kind: str, *, version: int = 1, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a table written by `write_table`.

    Args:
        path: The Parquet file.
        kind: The schema it must have.
        version: The newest version of that schema that the caller understands.
        columns: Read only these.

    Raises:
        ArtifactError: It is missing, damaged, of another kind or of a newer version.
    """
    read_header(path, kind, version=version)
    return pq.read_table(path, columns=columns).to_pandas()


def read_header(path: Path | str, kind: str, *, version: int = 1) -> Header:
    """Read only the header of a table; see `read_table`."""
    path = Path(path)
    if not path.is_file():
        raise ArtifactError(f"{path}: no such {kind} table; run the stage that writes it")
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtifactError(f"{path}: not a readable Parquet file ({error}); delete it and run again") from error
    return _checked(metadata.get(_METADATA_KEY), path, kind, version)


def write_json(value: dict[str, Any], path: Path | str, header: Header) -> None:
    """Write a dictionary as indented JSON with its header under the key `header`."""
    content = {"header": header.model_dump(), **value}
    write_text(path, json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path | str, kind: str, *, version: int = 1) -> dict[str, Any]:
    """Read a dictionary written by `write_json`, without its header.

    Raises:
        ArtifactError: It is missing, damaged, of another kind or of a newer version.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: no such {kind} file; run the stage that writes it") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: not readable JSON ({error}); delete it and run again") from error
    if not isinstance(content, dict):
        raise ArtifactError(f"{path}: expected a JSON object of kind {kind!r}")
    _checked(json.dumps(content.pop("header", None)).encode(), path, kind, version)
    return content


def _checked(raw: bytes | None, path: Path, kind: str, version: int) -> Header:
    if raw is None:
        raise ArtifactError(f"{path}: written by another program: no cartopath header")
    try:
        header = Header.model_validate_json(raw)
    except ValidationError as error:
        raise ArtifactError(f"{path}: its header is damaged ({error.error_count()} errors)") from error
    if header.kind != kind:
        raise ArtifactError(f"{path}: expected kind {kind!r}, found {header.kind!r}")
    if header.version > version:
        raise ArtifactError(f"{path}: {kind} version {header.version} is newer than {version}; update cartopath")
    return header


def write_csv(table: pd.DataFrame, path: Path | str) -> None:
    """Write a result table as CSV: ten significant digits, Unix line ends, empty for missing, no index."""
    write_text(path, table.to_csv(index=False, float_format="%.10g", lineterminator="\n"))
