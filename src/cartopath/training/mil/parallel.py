"""Lots of jobs side by side, a thread each, handed out in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_threads(calls: Iterable[Callable[[], T]], n_threads: int) -> Generator[T]:
    """Yield what calls return, in order, while up to `n_threads` of them run.

    A call is taken from `calls` when it is about to run or next in line. An exception of a call is raised here.

    >>> list(in_threads([lambda: 3, lambda: 1, lambda: 2], 2))
    [3, 1, 2]
    """
    waiting: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="cartopath-heads")
    try:
        for call in calls:
            waiting.append(pool.submit(call))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class Telling:
    """Adds up how many jobs of all lots have ended and tells who wants to know; can ask lots to stop.

    Args:
        progress: Called with the number of jobs that have ended and the number of all; None: nobody wants to know.
        n_jobs: How many there are.
    """

    def __init__(self, progress: Callable[[int, int], None] | None, n_jobs: int) -> None:
        self._progress, self._n_jobs = progress, n_jobs
        self._n_ended = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Make the next word of every lot its last."""
        self._stopped.set()

    def of_lot(self) -> Callable[[int], None]:
        """Return what a lot calls after each epoch with the number of its jobs that have ended."""
        told = 0

        def tell(n_ended: int) -> None:
            nonlocal told
            if self._stopped.is_set():
                raise CancelledError
            with self._lock:
                self._n_ended += n_ended - told
                told = n_ended
                if self._progress is not None:
                    self._progress(self._n_ended, self._n_jobs)

        return tell
