"""What a process that is started is to work on, handed over in shared memory instead of through the pipe that starts it.

Python writes the arguments of a spawned process into a pipe of 64 KiB of which it holds both ends: a process that ends before it
has read them all, because the user's program cannot be imported or a function of it is not found, leaves its parent waiting for
ever. A parcel fits the pipe whatever it holds, and is opened where an error is reported.
"""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler
from pickle import PicklingError  # noqa: TID251 - what is sent to a process is no artifact
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cartopath.core.errors import TrainingError


class Parcel:
    """A value on its way to processes that this one starts. It must be kept until they have started.

    Args:
        value: Anything that can be sent to a process; what cannot is a TrainingError when the process is started.
    """

    def __init__(self, value: object) -> None:
        self._value = value
        self._sent: list[Tensor] = []  # Without this their memory would be gone before the other side maps it.

    def __reduce__(self) -> tuple[type[SealedParcel], tuple[Tensor]]:
        try:
            content = ForkingPickler.dumps(self._value)
        except (PicklingError, AttributeError, TypeError) as error:
            raise TrainingError(
                f"a training on several devices cannot be sent to its processes ({error}); functions that belong to it, such "
                f"as a style, must be found by name in a module; or use one device"
            ) from error
        self._sent.append(torch.from_numpy(np.frombuffer(content, np.uint8).copy()))
        return SealedParcel, (self._sent[-1],)


class SealedParcel:
    """A parcel that has arrived.

    Args:
        content: (n,) uint8 in memory that both processes share.
    """

    def __init__(self, content: Tensor) -> None:
        self._content = content

    def opened(self) -> Any:
        """Return the value."""
        return ForkingPickler.loads(self._content.numpy().data)
