"""What lies where a fingerprint network was looked for, in words that say what to do."""

from __future__ import annotations

from pathlib import Path

from cartopath.core.errors import closest
from cartopath.training.fingerprint.bundle import CARD_NAME, WEIGHTS_NAME

_FOREIGN_WEIGHTS = (".pt", ".pth", ".ckpt", ".bin", ".onnx", ".safetensors")
_SIGNS = {
    "study.yaml": "a study, whose networks lie in models/fingerprints/encoder_0 and the like once it has run",
    "head.json": "a head of a study; its encoder lies in the folders encoder_0 and the like of the study's models/fingerprints",
    "model.json": "a tile classifier, which makes no fingerprints",
}
_MOST_NAMED = 4


def found_instead(path: Path) -> str:
    """Return what lies at a path that is no fingerprint network.

    >>> found_instead(Path("/nowhere/model"))
    'there is no such file or folder'
    """
    if path.is_file():
        return _file(path)
    if path.is_dir():
        return _folder(path)
    siblings = [other.name for other in path.parent.iterdir() if other.is_dir()] if path.parent.is_dir() else []
    near = closest(path.name, siblings, n=1)
    return f"there is no such file or folder{f'; beside it lies {near[0]}' if near else ''}"


def _file(path: Path) -> str:
    suffix = path.suffix.lower()
    if path.name in (CARD_NAME, WEIGHTS_NAME):
        return f"it is a file of a network; give the folder {path.parent}"
    if suffix in (".h5", ".hdf5"):
        return f"it is an HDF5 file; features of another program are compared by `cartopath fingerprint match features {path}`"
    if suffix in _FOREIGN_WEIGHTS:
        return f"it is a {suffix} file of weights of another program, which are not read"
    return f"it is a file{f' ({suffix})' if suffix else ''} of {path.stat().st_size:,} bytes, and a network is a folder"


def _folder(path: Path) -> str:
    for name, sign in _SIGNS.items():
        if (path / name).is_file():
            return f"it is {sign}"
    within = sorted(card.parent.name for card in path.glob(f"*/{CARD_NAME}"))
    if within:
        return f"it is a folder of networks; give one of them: {', '.join(within[:_MOST_NAMED])}"
    names = sorted(other.name for other in path.iterdir())
    if not names:
        return "it is an empty folder"
    return (
        f"it is a folder without {CARD_NAME}, with {', '.join(names[:_MOST_NAMED])}{', ...' if len(names) > _MOST_NAMED else ''}"
    )
