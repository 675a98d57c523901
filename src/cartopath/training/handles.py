"""Open slides, shared by several reading threads; those that were not needed for longest are closed when there are too many."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cartopath.training.tiles import SlideTiles

if TYPE_CHECKING:
    from cartopath.slides import Slide


@dataclass
class _Handle:
    opening: threading.Lock = field(default_factory=threading.Lock)
    slide: Slide | None = None
    users: int = 0


class OpenSlides:
    """Slides that are opened when first needed.

    Args:
        limit: How many may be open that nobody is reading; those that are being read stay open whatever their number.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._handles: OrderedDict[str, _Handle] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many are open or being opened."""
        return len(self._handles)

    @contextlib.contextmanager
    def reading(self, wanted: SlideTiles) -> Generator[Slide, None, None]:
        """Yield the open slide; it is not closed before the block ends. Others can be read and opened meanwhile.

        Raises:
            SlideError: It cannot be opened.
        """
        from cartopath.slides import open_slide

        with self._lock:
            handle = self._handles.setdefault(wanted.slide_id, _Handle())
            self._handles.move_to_end(wanted.slide_id)
            handle.users += 1
            superfluous = self._pop_unused(self._limit)
        _close(superfluous)
        try:
            with handle.opening:
                if handle.slide is None:
                    handle.slide = open_slide(
                        wanted.path, mpp=wanted.stated_mpp, assume_mpp=wanted.assume_mpp, scaling=wanted.scaling
                    )
            yield handle.slide
        finally:
            with self._lock:
                handle.users -= 1

    def close(self) -> None:
        """Close all that nobody is reading; they open again when needed."""
        with self._lock:
            unused = self._pop_unused(0)
        _close(unused)

    def _pop_unused(self, limit: int) -> list[_Handle]:
        excess = len(self._handles) - limit
        unused = [name for name, handle in self._handles.items() if handle.users == 0]
        return [self._handles.pop(name) for name in unused[: max(0, excess)]]


def _close(handles: list[_Handle]) -> None:
    for handle in handles:
        if handle.slide is not None:
            handle.slide.close()
