"""News from a long task to whoever watches: from a worker process through Dask, in this process directly."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

TOPIC = "cartopath-progress"

_listener: ContextVar[Callable[[dict[str, Any]], None] | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def listening(listener: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Send the news of tasks that run in this process to `listener` while the block lasts."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def publish(**news: Any) -> None:
    """Tell whoever watches how far a task is. Does nothing when nobody does."""
    listener = _listener.get()
    if listener is not None:
        listener(news)
        return
    distributed = sys.modules.get("distributed")  # Imported already where this runs on a worker; not worth importing elsewhere.
    if distributed is None:
        return
    with contextlib.suppress(ValueError):  # Raised where no worker runs.
        distributed.get_worker().log_event(TOPIC, news)
