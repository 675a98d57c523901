"""The recipes: each binds shared stages and its own into a study."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cartopath.cohort import Finding
    from cartopath.study.config import StudyConfig
    from cartopath.study.run import Stage

__all__ = ["method_findings", "recipe_stages"]


def recipe_stages(config: StudyConfig) -> tuple[Stage, ...]:
    """Return the stages of the recipe that a study asks for, in order.

    Raises:
        ConfigError: The study names no trait.
    """
    from cartopath.core.errors import ConfigError

    if not config.traits:
        raise ConfigError("traits: name at least one gene, miRNA or clinical column in the study file")
    recipe = importlib.import_module(f"cartopath.methods.{config.method.name}.recipe")
    stages: tuple[Stage, ...] = recipe.STAGES
    return stages


def method_findings(config: StudyConfig, root: Path) -> Iterator[Finding]:
    """Return what keeps the method of a study from running, as far as its study file says.

    Args:
        config: The study file.
        root: Its folder.
    """
    from cartopath.methods.encoding.check import encoder_findings
    from cartopath.methods.fingerprints.check import fingerprint_findings
    from cartopath.methods.tile_classifier.check import network_findings

    if config.method.name == "attention":
        return encoder_findings(config, root)
    return fingerprint_findings(config, root) if config.method.name == "fingerprints" else network_findings(config)
