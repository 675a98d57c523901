"""DDP whose processes can import Lightning wherever this one can."""

from __future__ import annotations

from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher


class _Launcher(_MultiProcessingLauncher):  # type: ignore[misc]
    """Sent to each process first, by its class: that imports this package, which prepares torchvision before Lightning."""


class SpawnedDDP(DDPStrategy):  # type: ignore[misc]
    """Lightning's `ddp_spawn`, started through cartopath."""

    def __init__(self) -> None:
        super().__init__(start_method="spawn")

    def _configure_launcher(self) -> None:
        assert self.cluster_environment is not None
        self._launcher = _Launcher(self, start_method="spawn")
