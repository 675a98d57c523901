"""The recipes: each binds shared stages and its own into a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cartopath.study.config import StudyConfig
    from cartopath.study.run import Stage

__all__ = ["recipe_stages"]


def recipe_stages(config: StudyConfig) -> tuple[Stage, ...]:
    """Return the stages of the recipe that a study asks for, in order."""
    from cartopath.methods.tile_classifier.recipe import STAGES

    return {"tile_classifier": STAGES}[config.method.name]
