"""What lies beside slides and is none, told by its name: masks, labels, thumbnails."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

_ASIDE = {
    "annotation": "annotation",
    "annotations": "annotation",
    "heatmap": "heatmap",
    "label": "label",
    "labelmap": "label",
    "labels": "label",
    "macro": "macro picture",
    "mask": "mask",
    "masks": "mask",
    "overview": "overview",
    "segmentation": "mask",
    "thumb": "thumbnail",
    "thumbnail": "thumbnail",
    "thumbnails": "thumbnail",
    "thumbs": "thumbnail",
}
"""Words of a name that say what a file is instead of a slide."""


def named_beside(stem: str, stems: Set[str], pattern: str = "") -> str:
    """Return why a file's name is not that of a slide, or "".

    Its name begins with another file's name and goes on with such a word, or such a word is its last.

    Args:
        stem: The file's name without suffix.
        stems: Those of all files.
        pattern: The words in here are asked for, and say nothing.

    >>> named_beside("A1_tumour_mask_div8", {"A1", "A1_tumour_mask_div8"})
    'looks like a mask by its name (of A1)'
    >>> named_beside("slide-thumb-rgb", {"slide-thumb-rgb"})
    ''
    """
    words = _words(stem)
    telling = [word for word in words if word in _ASIDE and word not in _words(pattern)]
    if not telling:
        return ""
    owner = next((stem[:length] for length in range(len(stem) - 1, 0, -1) if stem[:length] in stems), "")
    if owner:
        return f"looks like a {_ASIDE[telling[0]]} by its name (of {owner})"
    return f"looks like a {_ASIDE[telling[0]]} by its name" if words[-1] in telling else ""


def kind_of_folder(parts: Iterable[str]) -> str:
    """Return what the names of folders say that they hold instead of slides, or "".

    >>> kind_of_folder(("annotations", "tumour-masks")), kind_of_folder(("images",))
    ('annotation', '')
    """
    return next((_ASIDE[word] for part in parts for word in _words(part) if word in _ASIDE), "")


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())
