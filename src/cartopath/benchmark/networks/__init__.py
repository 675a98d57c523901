"""How well reading keeps up with networks. Imports torch and Lightning, the rest of `cartopath.benchmark` does not."""

import importlib

importlib.import_module("cartopath.training.engine")  # makes Lightning importable and quiet
