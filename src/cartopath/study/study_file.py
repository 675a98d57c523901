"""Reading a study file: YAML to configuration, and a message for everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from cartopath.core.errors import ConfigError, closest
from cartopath.study.config import METHODS, StudyConfig, TraitConfig

STUDY_FILE = "study.yaml"


class _UniqueKeysLoader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error: the second one would silently replace the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        repeated = [str(key) for key in keys if keys.count(key) > 1]
        if repeated:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {repeated[0]!r} stands twice; put both under one {repeated[0]}:", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


def parse_config(content: object, *, where: str = STUDY_FILE) -> StudyConfig:
    """Return the configuration that a parsed YAML document describes.

    Args:
        content: What `yaml.safe_load` returned.
        where: Name of the file, for messages.

    Raises:
        ConfigError: One line per problem: an unknown key with the closest known one, a value out of range, a missing key.
    """
    if not isinstance(content, dict):
        raise ConfigError(f"{where}: expected keys and values at the top level, found {type(content).__name__}")
    given = {key: value for key, value in content.items() if value is not None}  # a section with every line commented out is none
    try:
        return StudyConfig.model_validate(given)
    except ValidationError as error:
        problems = [_explained(dict(problem)) for problem in error.errors()]
        raise ConfigError(f"{where}: " + "; ".join(problems)) from error


def read_config(path: Path | str) -> StudyConfig:
    """Read a study file, or the `study.yaml` of a folder.

    Raises:
        ConfigError: The file is missing, is not YAML, or does not describe a study.
    """
    path = study_file(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeysLoader)  # noqa: TID251 - a SafeLoader
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such study file; make one with `cartopath init`") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    return parse_config(content, where=str(path))


def study_file(path: Path | str) -> Path:
    """Return the study file that a path given by a user means."""
    path = Path(path)
    return path / STUDY_FILE if path.is_dir() or path.suffix not in (".yaml", ".yml") else path


def _explained(problem: dict[str, Any]) -> str:
    location = [str(part) for part in problem["loc"]]
    recipe = location.pop(1) if location[:1] == ["method"] and len(location) > 1 else ""  # pydantic's word for the choice
    name = ".".join(location)
    if problem["type"] == "union_tag_invalid":
        recipes = " or ".join(map(repr, sorted(METHODS)))
        return f"{name}.name: expected one of {recipes}, found {problem['ctx']['tag']!r}"
    if problem["type"] == "extra_forbidden":
        known = _keys_at(location[:-1], recipe)
        near = closest(location[-1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key {name!r}: {hint}"
    if problem["type"] == "missing":
        return f"missing key {name!r}"
    message = _expected(problem) or str(problem["msg"]).removeprefix("Value error, ")
    found = "" if isinstance(problem.get("input"), dict | BaseModel) else f", found {problem.get('input')!r}"
    return f"{name}: {message}{found}" if name else message


_EXPECTED = {
    "int": "expected a whole number",
    "float": "expected a number",
    "finite_number": "expected a number",
    "bool": "expected true or false",
    "string": "expected text",
    "path": "expected a path",
    "tuple": "expected a list, such as [a, b]",
    "dict": "expected names with a value each, such as {a: b}",
    "model": "expected keys and values below it",
}
_LIMITS = {"greater_than": "above {gt}", "greater_than_equal": "at least {ge}", "less_than": "below {lt}"}
_LIMITS |= {"less_than_equal": "at most {le}"}


def _expected(problem: dict[str, Any]) -> str:
    """Return what a value should be, in plain words; empty where pydantic says it as plainly."""
    kind, limits = str(problem["type"]), problem.get("ctx", {})
    if kind in _LIMITS:
        return f"must be {_LIMITS[kind].format(**limits)}"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "literal_error":
        return f"expected one of {limits['expected']}"
    return next((words for start, words in _EXPECTED.items() if kind.startswith(start)), "")


def _keys_at(location: list[str], recipe: str) -> list[str]:
    model: type[BaseModel] = StudyConfig
    for part in location:
        if part == "traits":
            return list(TraitConfig.model_fields)
        if part == "method":
            model = METHODS[recipe]
            continue
        field = model.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            break
        model = field.annotation
    return list(model.model_fields)
