"""Networks that translate between two styles without paired pictures: CycleGAN (Zhu et al. 2017, ICCV).

Importing this package imports no torch; asking it for a function that needs torch does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cartopath.models.cyclegan.spec import DiscriminatorSpec, GeneratorSpec

if TYPE_CHECKING:
    from cartopath.models.cyclegan.networks import PatchDiscriminator, ResnetGenerator, build_discriminator, build_generator

__all__ = [
    "DiscriminatorSpec",
    "GeneratorSpec",
    "PatchDiscriminator",
    "ResnetGenerator",
    "build_discriminator",
    "build_generator",
]

_FROM_NETWORKS = ("PatchDiscriminator", "ResnetGenerator", "build_discriminator", "build_generator")


def __getattr__(name: str) -> Any:
    if name not in _FROM_NETWORKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.networks"), name)
