"""Everything that imports Lightning, and only that; entered through `cartopath.training.train_classifier`.

Importing this package makes torchvision importable and sets Lightning's loggers to warnings, here and in every process that
Lightning spawns: its hints and notes are not part of cartopath's output.
"""

import importlib
import logging

from cartopath.models.torchvision_ops import timm_ready

timm_ready()
importlib.import_module("lightning.pytorch")  # Sets the level of its loggers when it is imported.
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)
