"""A study: its configuration, the graph of stages, what is missing, provenance, and the engine that runs it."""

from __future__ import annotations

from cartopath.study.config import StudyConfig
from cartopath.study.layout import Layout
from cartopath.study.run import Stage, Study, run_study
from cartopath.study.study_file import read_config
from cartopath.study.tasks import Outcome, Task

__all__ = ["Layout", "Outcome", "Stage", "Study", "StudyConfig", "Task", "read_config", "run_study"]
