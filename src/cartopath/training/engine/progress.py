"""News of a training to whoever watches, across processes too."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import torch.multiprocessing

from cartopath.training.engine.devices import Hardware

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Progress = Callable[[int, dict[str, float]], None]

_POLL_SECONDS = 0.1


@contextlib.contextmanager
def progress_line(hardware: Hardware, progress: Progress | None) -> Generator[Progress | None, None, None]:
    """Yield what the first device calls: `progress` itself, or, from a spawned process, a line to it.

    What `progress` raises is raised in the end; a process that ends in the middle of a word does no harm.
    """
    if progress is None or not hardware.spawns:
        yield progress
        return
    # A pipe with one writer needs no lock, which a process that is killed could take with it.
    reader, writer = torch.multiprocessing.get_context("spawn").Pipe(duplex=False)
    ended = threading.Event()
    errors: list[Exception] = []

    def listen() -> None:
        with contextlib.suppress(OSError, EOFError):
            while reader.poll(_POLL_SECONDS) or not ended.is_set():
                if reader.poll():
                    tell(*reader.recv())

    def tell(chunk: int, metrics: dict[str, float]) -> None:
        try:
            if not errors:
                progress(chunk, metrics)
        except Exception as error:  # noqa: BLE001 - raised below; until then the pipe must not fill up
            errors.append(error)

    listener = threading.Thread(target=listen, name="cartopath-progress", daemon=True)
    listener.start()
    try:
        yield _Line(writer)
    finally:
        writer.close()
        ended.set()
        listener.join()
        reader.close()
    if errors:
        raise errors[0]


class _Line:
    def __init__(self, writer: Connection[Any, Any]) -> None:
        self._writer = writer

    def __call__(self, chunk: int, metrics: dict[str, float]) -> None:
        self._writer.send((chunk, metrics))
