"""Attention regression without a study: from anybody's features and a molecular table to genes (Graziani et al. 2022)."""

from cartopath.methods.regression.result import Regression
from cartopath.methods.regression.running import regress
from cartopath.methods.regression.settings import Inputs, Machine, Settings

__all__ = ["Inputs", "Machine", "Regression", "Settings", "regress"]
