"""Hide reading behind computing: a thread that works ahead of its consumer by a bounded number of items."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _End:
    error: BaseException | None


def prefetched(items: Iterable[T], *, depth: int = 2) -> Generator[T, None, None]:
    """Yield `items` in order while a thread prepares up to `depth` of those to come.

    Nothing is read before the first item is asked for. An exception of `items` is raised here, after the items before it. Closing
    or dropping the generator ends the thread.

    >>> list(prefetched(iter([3, 1, 2])))
    [3, 1, 2]
    """
    ahead: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: T | _End) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                return ahead.put(item, timeout=0.05)

    def work() -> None:
        error = None
        try:
            for item in items:
                put(item)
                if stopped.is_set():
                    break
        except BaseException as raised:  # noqa: BLE001 - handed to the consumer, whatever it is
            error = raised
        put(_End(error))

    thread = threading.Thread(target=work, name="cartopath-prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ahead.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        thread.join()
